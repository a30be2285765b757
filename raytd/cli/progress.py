"""Listens to a running sweep: tells the view, the forecast and the tracker."""

from collections.abc import Sequence
from typing import Any

from raytd.cli.interruption import Interruption
from raytd.cli.output import write_report
from raytd.cli.views.course import Course
from raytd.cli.views.events import View
from raytd.report.naming import value_error
from raytd.rows.row import Figures, Row
from raytd.storage.path import StoragePath
from raytd.sweep.cost.forecast import Forecast
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.presence import require_folder
from raytd.sweep.run.tracking import (
    curve_figures,
    ending,
    finals,
    sweep_info,
    trial_artifacts,
    trial_info,
)
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial
from raytd.tracking.base import Closing, SweepStatus, TrialInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.points import numbers


class Progress(Course):
    """Listens to the trials of a sweep.

    Args:
        plan: the sweep.
        tracking_uri: of MLflow, or None.
        view: is told what happens.
        forecast: of the end.
        interruption: stops the sweep before the next thing that is told, and never within a call
            of the tracker, which would leave its store locked.
    """

    def __init__(
        self,
        plan: SweepPlan,
        tracking_uri: str | None,
        view: View,
        forecast: Forecast,
        interruption: Interruption,
    ) -> None:
        super().__init__(view, forecast)
        self.plan, self._interruption = plan, interruption
        self.n_done = self.n_failed = 0
        self._settled = plan.done.keys() | {t.key for t in plan.left}
        self._ended: set[str] = set()
        self._began: dict[str, float] = {}
        self._asked = plan.spec.model_dump(mode="json")
        self.tracker = open_tracker(tracking_uri, sweep_info(self._asked, plan.folder))

    @property
    def n_to_run(self) -> int:
        """Trials of this run, ended or not: fewer when a search repeats itself."""
        known = {t.key for t in self.plan.suggested()} - self._settled
        return len(known | self._ended) + self.plan.n_ahead

    @property
    def n_left(self) -> int:
        """Trials that have not ended."""
        return self.n_to_run - self.n_done - self.n_failed

    def on_wait(self, line: str) -> None:
        """The cluster has no place yet for what comes next, or something was lost."""
        self.view.show("wait", {"message": line})

    def on_begin(self, trial: Trial) -> None:
        """A trial has a place; its process starts, perhaps not for the first time."""
        self.forecast.begin(trial.key)
        self.show("begin", trial, {})

    def on_start(self, trial: Trial, began: float) -> None:
        """The process of a trial has begun to work, so many seconds after 1970."""
        with self._interruption.held():
            self.tracker.begin_trial(self._info(trial, self._began.setdefault(trial.key, began)))

    def on_iteration(self, trial: Trial, figures: Figures, knots: Sequence[Figures]) -> None:
        """An iteration of a trial has ended."""
        self.show_iteration(trial, figures)
        with self._interruption.held():
            self.tracker.log_iteration(
                self._info(trial, self._began.get(trial.key)),
                figures["iteration"],
                curve_figures(figures),
                [numbers(k, without={"iteration"}) for k in knots],
            )

    def on_end(self, trial: Trial, row: Row) -> None:
        """A trial has ended, done or failed."""
        done = row["status"] == "done"
        self.n_done += done
        self.n_failed += not done
        self._ended.add(trial.key)
        self.forecast.end(trial.key, done=done)
        ledger = Ledger(self.plan.folder)
        folder = ledger.trial_folder(trial.key)
        log = folder / "log.txt"
        self.show(
            "end",
            trial,
            {name: row.get(name) for name in ("status", "value", "unit", "wall_s", "error")}
            | {
                "value_error": value_error(row),
                "log": str(log) if log.exists() else None,
                "n_ended": self.n_done + self.n_failed,
                "n_to_run": self.n_to_run,
            },
        )
        started, ended = ending(ledger, row)
        began = self._began.get(trial.key, started)
        if began is not None and ended is not None and ended < began:
            ended = None  # the file is that of an earlier attempt: this row could not be written
        with self._interruption.held():
            self.tracker.finish_trial(
                self._info(trial, began),
                finals(row),
                status="done" if done else "failed",
                artifacts=trial_artifacts(folder),
                ended=ended,
            )

    def close(self, status: SweepStatus) -> None:
        """Writes the table and the figures of what there is, and ends the tracker's run.

        After an interruption the run is ended first: whoever sent the signal may not wait for the
        figures, and a second one leaves them out.

        Raises:
            StorageError: in one line, if they cannot be written, or the sweep's folder is gone.
        """
        interrupted, ledger = status == "interrupted", Ledger(self.plan.folder)
        counts = {
            "trials": float(len(self.plan.suggested()) + self.plan.n_ahead),
            "trials_done": float(len(self.plan.done) + self.n_done),
            "trials_failed": float(len(self.plan.left) + self.n_failed),
        }
        artifacts, rows = list[StoragePath](), list[Row]()
        try:
            require_folder(self.plan.folder)
            artifacts = [ledger.write_results()] if interrupted else write_report(self.plan)
            rows = ledger.rows()
        finally:  # the run in the tracker ends also where nothing can be written any more
            self.tracker.close(Closing(status, counts, artifacts, rows))
        if interrupted:
            write_report(self.plan)

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        self._interruption.check()
        super()._tell(event, fields)

    def _info(self, trial: Trial, began: float | None) -> TrialInfo:
        digests = (trial.source.digest, trial.target.digest)
        return trial_info(
            trial.key, trial.config, asked=self._asked, digests=digests, started=began
        )
