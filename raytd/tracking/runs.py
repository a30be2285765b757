"""One run of an MLflow store: what it holds, and adding what it lacks."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from raytd.tracking.points import Point, finite


class Run:
    """A run that is never told the same thing twice, by this process or by an earlier one.

    Args:
        client: an `MlflowClient`.
        run: MLflow's entity, as created or as found; what it holds is read from it.
    """

    def __init__(self, client: Any, run: Any) -> None:
        self.id: str = run.info.run_id
        self.status: str = run.info.status
        self._client = client
        self._params: set[str] = set(run.data.params)
        self._tags: dict[str, str] = dict(run.data.tags)
        self._latest: dict[str, float] = dict(run.data.metrics)
        self._steps: dict[str, set[int]] = {}

    def describe(self, params: Mapping[str, object], tags: Mapping[str, str]) -> None:
        """Adds the params and tags that the run lacks; params never change, tags may."""
        from mlflow.entities import Param, RunTag

        new = {name: value for name, value in params.items() if name not in self._params}
        changed = {name: text for name, text in tags.items() if self._tags.get(name) != text}
        self._client.log_batch(
            self.id,
            params=[Param(name, str(value)) for name, value in new.items()],
            tags=[RunTag(name, text) for name, text in changed.items()],
        )
        self._params.update(new)
        self._tags.update(changed)

    def add(self, points: Iterable[Point]) -> None:
        """Adds the points whose steps the curves lack, in batches of the server's limit."""
        new = [point for point in points if point.step not in self._known(point.curve)]
        self._send(new)
        for point in new:
            self._known(point.curve).add(point.step)

    def summarise(self, metrics: Mapping[str, float | None]) -> None:
        """Sets metrics that have one value, where they have another or none."""
        new = {n: value for n, value in finite(metrics) if self._latest.get(n) != value}
        self._send([Point(name, 0, value) for name, value in new.items()])
        self._latest.update(new)

    def differs(self, metrics: Mapping[str, float | None]) -> bool:
        """Whether some of these metrics have another value here, or none."""
        return any(self._latest.get(name) != value for name, value in finite(metrics))

    def keep(self, artifacts: Sequence[Path]) -> None:
        """Uploads files and folders, over earlier ones of the same name."""
        for path in artifacts:
            self._client.log_artifact(self.id, str(path))

    def start(self) -> None:
        """Shows the run as running, whatever became of it before."""
        self._client.update_run(self.id, status="RUNNING")
        self.status = "RUNNING"

    def end(self, status: str) -> None:
        """Ends the run now, as `FINISHED`, `FAILED` or `KILLED`."""
        self._client.set_terminated(self.id, status)
        self.status = status

    def _known(self, curve: str) -> set[int]:
        if curve not in self._steps:
            seen = self._client.get_metric_history(self.id, curve) if curve in self._latest else ()
            self._steps[curve] = {metric.step for metric in seen}
        return self._steps[curve]

    def _send(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(
            self.id, metrics=[Metric(p.curve, p.value, now, p.step) for p in points]
        )
