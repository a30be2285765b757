"""One run of an MLflow store: what it holds, and adding what it lacks."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from raytd.storage.path import StoragePath
from raytd.tracking.base import DatasetInfo
from raytd.tracking.points import Point, finite

_FILES_TAG = "raytd.files"
"""Digest of every file that the run has been given, so that none is sent twice."""
_TABLES_TAG = "mlflow.loggedArtifacts"


class Run:
    """A run that is never told the same thing twice, by this process or by an earlier one.

    Args:
        client: an `MlflowClient`.
        run: MLflow's entity, as created or as found; what it holds is read from it.

    Attributes:
        n_points: numbers that were sent from here.
        n_files: files that were sent from here.
    """

    def __init__(self, client: Any, run: Any) -> None:
        self.id: str = run.info.run_id
        self.status: str = run.info.status
        self._client = client
        self._params: set[str] = set(run.data.params)
        self._tags: dict[str, str] = dict(run.data.tags)
        self._latest: dict[str, float] = dict(run.data.metrics)
        self._steps: dict[str, set[int]] = {}
        self._files: dict[str, str] = json.loads(self._tags.get(_FILES_TAG, "{}"))
        self._inputs = (
            {i.dataset.digest for i in run.inputs.dataset_inputs} if run.inputs else set()
        )
        self.n_points = self.n_files = 0

    def tag(self, name: str) -> str | None:
        """The text of a tag, if there is one."""
        return self._tags.get(name)

    def describe(self, params: Mapping[str, object], tags: Mapping[str, str]) -> None:
        """Adds the params and tags that the run lacks; params never change, tags may."""
        from mlflow.entities import Param, RunTag

        new = {name: value for name, value in params.items() if name not in self._params}
        changed = {name: text for name, text in tags.items() if self._tags.get(name) != text}
        if not new and not changed:
            return
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

    def keep(self, artifacts: Sequence[StoragePath]) -> None:
        """Uploads files that the run lacks, over earlier ones of the same name.

        Raises:
            FileNotFoundError: for the first that is not there, after all others.
        """
        missing = None
        for path in artifacts:
            try:
                content = path.read_bytes()
            except FileNotFoundError as error:
                missing = missing or error
                continue
            digest = hashlib.sha256(content).hexdigest()[:12]
            if self._files.get(path.name) != digest:
                self._upload(path, content)
                self._note_file(path.name, digest)
        if missing is not None:
            raise missing

    def _upload(self, path: StoragePath, content: bytes) -> None:
        """Uploads a file; MLflow takes only those of this machine."""
        if isinstance(path, Path):
            self._client.log_artifact(self.id, str(path))
            return
        with TemporaryDirectory(prefix="raytd-") as folder:
            beside = Path(folder) / path.name
            beside.write_bytes(content)
            self._client.log_artifact(self.id, str(beside))

    def keep_text(self, name: str, text: str) -> None:
        """Keeps a text as a file, if the run lacks it."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        if self._files.get(name) != digest:
            self._client.log_text(self.id, text, name)
            self._note_file(name, digest)

    def keep_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keeps rows as one of MLflow's tables, in place of an earlier one.

        It is written here because `MlflowClient.log_table` would add the rows to those of an
        earlier call, and a sweep that goes on has most of them again.
        """
        if not rows:
            return
        columns = list(dict.fromkeys(column for row in rows for column in row))
        data = [[row.get(column) for column in columns] for row in rows]
        self.keep_text(name, json.dumps({"columns": columns, "data": data}))
        known = json.loads(self._tags.get(_TABLES_TAG, "[]"))
        if {"path": name, "type": "table"} not in known:
            tables = json.dumps([*known, {"path": name, "type": "table"}])
            self.describe({}, {_TABLES_TAG: tables})

    def start(self) -> None:
        """Shows the run as running, whatever became of it before."""
        self._client.update_run(self.id, status="RUNNING")
        self.status = "RUNNING"

    def end(self, status: str) -> None:
        """Ends the run now, as `FINISHED`, `FAILED` or `KILLED`."""
        self._client.set_terminated(self.id, status)
        self.status = status

    def _note_file(self, name: str, digest: str) -> None:
        self.n_files += 1
        self._files[name] = digest
        self.describe({}, {_FILES_TAG: json.dumps(self._files, sort_keys=True)})

    def _known(self, curve: str) -> set[int]:
        if curve not in self._steps:
            seen = self._client.get_metric_history(self.id, curve) if curve in self._latest else ()
            self._steps[curve] = {metric.step for metric in seen}
        return self._steps[curve]

    def _send(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        if not points:
            return
        now = int(time.time() * 1000)
        self._client.log_batch(
            self.id, metrics=[Metric(p.curve, p.value, now, p.step) for p in points]
        )
        self.n_points += len(points)
