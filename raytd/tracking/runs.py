"""One run of an MLflow store: what it holds, and adding what it lacks."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from raytd.storage.path import StoragePath
from raytd.tracking.base import DatasetInfo
from raytd.tracking.points import Point, finite

_FILES_TAG = "raytd.files"
"""One digest of all files that a call has kept, so that none is sent twice."""
_TABLES_TAG = "mlflow.loggedArtifacts"


class Run:
    """A run that is never told the same thing twice, by this process or by an earlier one.

    Args:
        client: an `MlflowClient`.
        run: MLflow's entity, as created or as found; what it holds is read from it.

    Attributes:
        name: what people read.
        status: what MLflow calls it.
        told_at: the time of the numbers that are sent, in seconds since 1970; None is now.
        n_points: numbers that were sent from here.
        n_files: files that were sent from here.
    """

    def __init__(self, client: Any, run: Any) -> None:
        self.id: str = run.info.run_id
        self.name: str = run.info.run_name
        self.status: str = run.info.status
        self.told_at: float | None = None
        self._client = client
        self._params: set[str] = set(run.data.params)
        self._tags: dict[str, str] = dict(run.data.tags)
        self._latest: dict[str, float] = dict(run.data.metrics)
        self._steps: dict[str, set[int]] = {}
        self._ends: dict[str, int] = {}
        self._files: dict[str, str] = {}
        self._inputs = (
            {i.dataset.digest for i in run.inputs.dataset_inputs} if run.inputs else set()
        )
        self.n_points = self.n_files = 0

    def tag(self, name: str) -> str | None:
        """The text of a tag, if there is one."""
        return self._tags.get(name)

    def rename(self, name: str) -> None:
        """Gives the run a name, unless it has it."""
        if name != self.name:
            self._client.update_run(self.id, name=name)
            self.name = name

    def describe(self, params: Mapping[str, object], tags: Mapping[str, str]) -> None:
        """Adds the params and tags that the run lacks; params never change, tags may."""
        from mlflow.entities import Param, RunTag
        from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH, MAX_TAG_VAL_LENGTH

        new = {name: value for name, value in params.items() if name not in self._params}
        changed = {name: text for name, text in tags.items() if self._tags.get(name) != text}
        if not new and not changed:
            return
        self._client.log_batch(
            self.id,
            params=[Param(n, _cut(str(value), MAX_PARAM_VAL_LENGTH)) for n, value in new.items()],
            tags=[RunTag(n, _cut(text, MAX_TAG_VAL_LENGTH)) for n, text in changed.items()],
        )
        self._params.update(new)
        self._tags.update(changed)

    def add(self, points: Iterable[Point]) -> None:
        """Adds the points whose steps the curves lack, in batches of the server's limit."""
        self._send([point for point in points if point.step not in self._known(point.curve)])

    def summarise(self, metrics: Mapping[str, float | None]) -> None:
        """Sets metrics that have one value, where they have another or none.

        What is a curve already ends in its value.
        """
        new = {n: value for n, value in finite(metrics) if self._latest.get(n) != value}
        self._send([Point(name, self._last(name), value) for name, value in new.items()])

    def differs(self, metrics: Mapping[str, float | None]) -> bool:
        """Whether some of these metrics have another value here, or none."""
        return any(self._latest.get(name) != value for name, value in finite(metrics))

    def work_on(self, datasets: Sequence[DatasetInfo]) -> None:
        """Adds the data sets that the run's inputs lack."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        new = [d for d in datasets if d.digest not in self._inputs]
        if not new:
            return
        inputs = [
            DatasetInput(
                Dataset(d.name, d.digest, "raytd", json.dumps(dict(d.source), sort_keys=True)),
                [InputTag("mlflow.data.context", d.role)],
            )
            for d in new
        ]
        self._client.log_inputs(self.id, datasets=inputs)
        self._inputs.update(d.digest for d in new)

    def keep(
        self,
        artifacts: Sequence[StoragePath],
        texts: Mapping[str, str] = MappingProxyType({}),
        *,
        tag: str = _FILES_TAG,
    ) -> None:
        """Uploads files and texts over earlier ones of the same name, unless the run has them all.

        Args:
            artifacts: files.
            texts: contents by name.
            tag: holds the digest of what was kept.

        Raises:
            FileNotFoundError: for the first that is not there, after all others.
        """
        missing = None
        found: dict[str, tuple[StoragePath | None, bytes]] = {
            name: (None, text.encode()) for name, text in texts.items()
        }
        for path in artifacts:
            try:
                found[path.name] = (path, path.read_bytes())
            except FileNotFoundError as error:
                missing = missing or error
        digests = {name: _digest(content) for name, (_, content) in found.items()}
        together = _digest(json.dumps(digests, sort_keys=True).encode())
        if found and self.tag(tag) != together:
            for name, (origin, content) in found.items():
                if self._files.get(name) != digests[name]:
                    self._upload(name, content, origin)
                    self._files[name] = digests[name]
            self.describe({}, {tag: together})
        if missing is not None:
            raise missing

    def _upload(self, name: str, content: bytes, origin: StoragePath | None) -> None:
        """Uploads a file; MLflow takes only those of this machine."""
        if isinstance(origin, Path):
            self._client.log_artifact(self.id, str(origin))
        else:
            with TemporaryDirectory(prefix="raytd-") as folder:
                beside = Path(folder) / name
                beside.write_bytes(content)
                self._client.log_artifact(self.id, str(beside))
        self.n_files += 1

    def mark_table(self, name: str) -> None:
        """Has MLflow show a file as a table; see `table_text`."""
        known = json.loads(self._tags.get(_TABLES_TAG, "[]"))
        if {"path": name, "type": "table"} not in known:
            tables = json.dumps([*known, {"path": name, "type": "table"}])
            self.describe({}, {_TABLES_TAG: tables})

    def start(self) -> None:
        """Shows the run as running, whatever became of it before."""
        self._client.update_run(self.id, status="RUNNING")
        self.status = "RUNNING"

    def end(self, status: str, ended: float | None = None) -> None:
        """Ends the run as `FINISHED`, `FAILED` or `KILLED`, now or at a time since 1970."""
        self._client.set_terminated(self.id, status, milliseconds(ended))
        self.status = status

    def _known(self, curve: str) -> set[int]:
        if curve not in self._steps:
            seen = self._client.get_metric_history(self.id, curve) if curve in self._latest else ()
            self._steps[curve] = {metric.step for metric in seen}
            self._ends[curve] = max(self._steps[curve], default=0)
        return self._steps[curve]

    def _last(self, curve: str) -> int:
        """The step at which a curve ends; 0 for one that has not begun."""
        return self._ends[curve] if self._known(curve) else 0

    def _send(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        if not points:
            return
        then = milliseconds(self.told_at)
        self._client.log_batch(
            self.id, metrics=[Metric(p.curve, p.value, then, p.step) for p in points]
        )
        self.n_points += len(points)
        for point in points:
            self._known(point.curve).add(point.step)
            if point.step >= self._ends[point.curve]:
                self._ends[point.curve], self._latest[point.curve] = point.step, point.value


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as the content of one of MLflow's tables.

    It is written here because `MlflowClient.log_table` would add the rows to those of an earlier
    call, and a sweep that goes on has most of them again.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    data = [[row.get(column) for column in columns] for row in rows]
    return json.dumps({"columns": columns, "data": data})


def _cut(text: str, longest: int) -> str:
    """A text that MLflow takes; what is cut off stands in the run's files."""
    if len(text) <= longest:
        return text
    end = f"… ({len(text)} characters; the whole text is among the artifacts)"
    return text[: longest - len(end)] + end


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def milliseconds(then: float | None) -> int:
    """A time in seconds since 1970 as MLflow keeps it; None is now."""
    return int((time.time() if then is None else then) * 1000)
