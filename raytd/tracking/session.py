"""A sweep's runs in an MLflow store: found where they exist, made where they do not."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from raytd.tracking.base import Closing, SweepInfo, TrialInfo
from raytd.tracking.guard import require_active
from raytd.tracking.page import runs_page, view_tag
from raytd.tracking.runs import Run, milliseconds, table_text
from raytd.tracking.sqlite_file import require_file, store_file

SWEEP_TAG = "raytd.sweep"
TRIAL_TAG = "raytd.trial_key"
STATUS = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
"""What MLflow calls the end of a sweep or a trial."""

_PARENT_TAG = "mlflow.parentRunId"
_NOTE_TAG = "mlflow.note.content"
_ASKED_TAG = "raytd.asked"
"""Digest of the files that a sweep begins with; those that it ends with have a digest of theirs."""
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""What the experiment is for; `raytd.tracking.page` says what MLflow 3.17 goes by instead."""


class Session:
    """The run of a sweep, and those of its trials.

    Args:
        uri: any MLflow tracking URI.
        sweep: what is going to run, or has run.
        running: whether it is running from now on.

    Attributes:
        sweep: the run of the sweep.
        runs_page: the page of its trials; None for a store of which it is not known.

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
        self.runs_page = runs_page(uri, self._experiment, sweep.name)
        self._trials: dict[str, Run] = {}
        own = {SWEEP_TAG: sweep.name, _NOTE_TAG: sweep.description}
        tags = {name: text for name, text in {**sweep.tags, **own}.items() if text}
        found = self._find({SWEEP_TAG: sweep.name})
        self.sweep = found or self._create(sweep.name, tags, sweep.started)
        self.sweep.describe({}, tags)
        if running:
            self.sweep.start()
        resolved = {"sweep-resolved.yaml": _yaml(sweep.resolved)} if sweep.resolved else {}
        self.sweep.keep(sweep.artifacts, resolved, tag=_ASKED_TAG)
        self._keep_view(sweep)

    def trial(self, trial: TrialInfo) -> Run:
        """The run of a trial, made if there is none, with its name and params."""
        run = self.find_trial(trial.key)
        if run is None:
            own = {TRIAL_TAG: trial.key, _PARENT_TAG: self.sweep.id}
            run = self._create(trial.name, {**trial.tags, **own}, trial.started)
            self._trials[trial.key] = run
        run.rename(trial.name)
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
        tables = {"results.json": table_text(closing.table)} if closing.table else {}
        for name in tables:
            self.sweep.mark_table(name)
        self.sweep.keep(closing.artifacts, tables)

    @property
    def runs(self) -> list[Run]:
        """Every run that was used: that of the sweep, and those of trials."""
        return [self.sweep, *self._trials.values()]

    def close(self, status: str, ended: float | None = None) -> None:
        """Ends the sweep's run; trials that nobody finished end as `KILLED`."""
        for run in self._trials.values():
            if run.status == "RUNNING":
                run.end("KILLED")
        self.sweep.end(status, ended)

    def _keep_view(self, sweep: SweepInfo) -> None:
        """Has the experiment list the sweep among its views."""
        name, text = view_tag(sweep.name, self.sweep.id, sweep.param_columns, sweep.metric_columns)
        if self._client.get_experiment(self._experiment).tags.get(name) != text:
            self._client.set_experiment_tag(self._experiment, name, text)

    def _create(self, name: str, tags: Mapping[str, str], started: float | None) -> Run:
        began = milliseconds(started)
        made = self._client.create_run(self._experiment, began, dict(tags), name)
        return Run(self._client, made)

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
