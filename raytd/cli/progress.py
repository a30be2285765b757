"""What happens while a sweep runs: one line per event, and everything to the tracker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raytd.cli.output import say, write_report
from raytd.sweep.ledger import Ledger
from raytd.sweep.plan import SweepPlan
from raytd.sweep.tracked import finals, sweep_info, trial_artifacts, trial_info
from raytd.sweep.trial import Trial
from raytd.tracking.base import Closing, SweepStatus, TrialInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.points import numbers


class Progress:
    """Listens to the trials of a sweep.

    Args:
        plan: the sweep.
        tracking_uri: of MLflow, or None.
    """

    def __init__(self, plan: SweepPlan, tracking_uri: str | None) -> None:
        self.plan = plan
        self.n_done = self.n_failed = 0
        resolved = plan.spec.model_dump(mode="json")
        self.tracker = open_tracker(tracking_uri, sweep_info(resolved, plan.folder))

    def on_trained(self, name: str, outcome: str) -> None:
        """A network that trials need has been trained, or not."""
        say(f"training {name}: {outcome}")

    def on_wait(self, line: str) -> None:
        """The cluster has no place yet for what comes next, or something was lost."""
        say(line)

    def on_iteration(
        self, trial: Trial, figures: dict[str, Any], knots: Sequence[dict[str, Any]]
    ) -> None:
        """An iteration of a trial has ended."""
        self.tracker.log_iteration(
            _info(trial),
            figures["iteration"],
            numbers(figures, without={"iteration"}),
            [numbers(k, without={"iteration"}) for k in knots],
        )

    def on_end(self, trial: Trial, row: dict[str, Any]) -> None:
        """A trial has ended, done or failed."""
        done = row["status"] == "done"
        self.n_done += done
        self.n_failed += not done
        folder = Ledger(self.plan.folder).trial_folder(trial.key)
        count = f"[{self.n_done + self.n_failed}/{len(self.plan.missing)}] {trial.config.name}"
        if done:
            say(f"{count}  {row['value']:.3f} {row['unit']}  {row['wall_s']:.1f} s")
        else:
            log = folder / "log.txt"
            say(f"{count}  failed: {row['error']}" + (f"  ({log})" if log.exists() else ""))
        self.tracker.finish_trial(
            _info(trial),
            finals(row),
            status="done" if done else "failed",
            artifacts=trial_artifacts(folder),
        )

    def close(self, status: SweepStatus) -> None:
        """Writes the table and the figures of what there is, and ends the tracker's run."""
        artifacts: list[Path] = write_report(self.plan)
        counts = {
            "trials": float(len(self.plan.trials)),
            "trials_done": float(len(self.plan.done) + self.n_done),
            "trials_failed": float(self.n_failed),
        }
        rows = Ledger(self.plan.folder).rows()
        self.tracker.close(Closing(status, counts, artifacts, rows))


def _info(trial: Trial) -> TrialInfo:
    digests = (trial.source.digest, trial.target.digest)
    return trial_info(trial.key, trial.config, digests=digests)
