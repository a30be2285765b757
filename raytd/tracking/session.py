"""A sweep's runs in an MLflow store: found where they exist, made where they do not."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from raytd.tracking.base import Closing, SweepInfo, TrialInfo
from raytd.tracking.guard import require_active
from raytd.tracking.runs import Run
from raytd.tracking.sqlite_file import require_file, store_file

SWEEP_TAG = "raytd.sweep"
TRIAL_TAG = "raytd.trial_key"
STATUS = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
"""What MLflow calls the end of a sweep or a trial."""

_PARENT_TAG = "mlflow.parentRunId"
_NOTE_TAG = "mlflow.note.content"
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""Opens the experiment on its runs and charts rather than on traces of language models."""


class Session:
    """The run of a sweep, and those of its trials.

    Args:
        uri: any MLflow tracking URI.
        sweep: what is going to run, or has run.
        running: whether it is running from now on.

    Raises:
        MlflowException: for this and every method, when the store cannot be used.
        DeletedError: if the experiment was deleted.
    """

    def __init__(self, uri: str, sweep: SweepInfo, *, running: bool = True) -> None:
        from mlflow.tracking import MlflowClient

        file = store_file(uri)
        if file is not None:
            require_file(file)
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._experiment = _experiment_id(self._client, sweep.experiment, file)
        self._trials: dict[str, Run] = {}
        own = {SWEEP_TAG: sweep.name, _NOTE_TAG: sweep.description}
        tags = {name: text for name, text in {**sweep.tags, **own}.items() if text}
        self.sweep = self._find({SWEEP_TAG: sweep.name}) or self._create(sweep.name, tags)
        self.sweep.describe({}, tags)
        if running:
            self.sweep.start()
        if sweep.resolved:
            self.sweep.keep_text("sweep-resolved.yaml", _yaml(sweep.resolved))
        self.sweep.keep(sweep.artifacts)

    def trial(self, trial: TrialInfo) -> Run:
        """The run of a trial, made if there is none, with its params."""
        run = self.find_trial(trial.key)
        if run is None:
            own = {TRIAL_TAG: trial.key, _PARENT_TAG: self.sweep.id}
            run = self._create(trial.name, {**trial.tags, **own})
            self._trials[trial.key] = run
        run.describe(trial.params, {})
        run.work_on(trial.datasets)
        return run

    def find_trial(self, key: str) -> Run | None:
        """The run of a trial, if there is one."""
        if key not in self._trials:
            found = self._find({TRIAL_TAG: key, _PARENT_TAG: self.sweep.id})
            if found is None:
                return None
            self._trials[key] = found
        return self._trials[key]

    def summarise(self, closing: Closing) -> None:
        """Keeps the summary, the table and the files of the sweep with its run."""
        self.sweep.summarise(closing.metrics)
        self.sweep.keep_table("results.json", closing.table)
        self.sweep.keep(closing.artifacts)

    @property
    def runs(self) -> list[Run]:
        """Every run that was used: that of the sweep, and those of trials."""
        return [self.sweep, *self._trials.values()]

    def close(self, status: str) -> None:
        """Ends the sweep's run; trials that nobody finished end as `KILLED`."""
        for run in self._trials.values():
            if run.status == "RUNNING":
                run.end("KILLED")
        self.sweep.end(status)

    def _create(self, name: str, tags: Mapping[str, str]) -> Run:
        return Run(
            self._client,
            self._client.create_run(self._experiment, run_name=name, tags=dict(tags)),
        )

    def _find(self, tags: Mapping[str, str]) -> Run | None:
        """The oldest run with these tags, and without a parent unless the tags name one."""
        found = self._client.search_runs(
            [self._experiment],
            " and ".join(f"tags.`{name}` = {_quoted(text)}" for name, text in tags.items()),
            order_by=["attributes.start_time ASC"],
        )
        nested = _PARENT_TAG in tags
        fitting = (run for run in found if (_PARENT_TAG in run.data.tags) == nested)
        return next((Run(self._client, run) for run in fitting), None)


def _experiment_id(client: Any, name: str, file: Path | None) -> str:
    """Finds or makes an experiment; an SQLite store has its artifacts beside it."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        artifacts = (file.parent / "mlartifacts").as_uri() if file else None
        try:
            return str(
                client.create_experiment(name, artifact_location=artifacts, tags=_MODEL_TRAINING)
            )
        except MlflowException:  # another sweep may have made it just now
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    require_active(experiment)
    return str(experiment.experiment_id)


def _yaml(content: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    text = StringIO()
    YAML(typ="safe", pure=True).dump(dict(content), text)
    return text.getvalue()


def _quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"
