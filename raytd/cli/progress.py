"""What happens while a sweep runs: one line per event, and everything to the tracker."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raytd.cli.output import say, write_report
from raytd.sweep.ledger import Ledger
from raytd.sweep.plan import SweepPlan
from raytd.sweep.trial import Trial
from raytd.tracking.base import SweepInfo, SweepStatus, TrialInfo
from raytd.tracking.open import open_tracker

_NOT_FINAL = {"threads", "chunk", "seed"}
_ARTIFACTS = ("config.json", "result.json", "iterations.parquet", "knots.parquet", "log.txt")


class Progress:
    """Listens to the trials of a sweep.

    Args:
        plan: the sweep.
        tracking_uri: of MLflow, or None.
    """

    def __init__(self, plan: SweepPlan, tracking_uri: str | None) -> None:
        self.plan = plan
        self.n_done = self.n_failed = 0
        self.n_to_run = len(plan.missing) + plan.n_ahead
        spec = plan.spec
        sweep = SweepInfo(
            name=spec.name,
            experiment=spec.tracking.experiment or spec.name,
            description=spec.description,
            tags={"raytd.folder": str(plan.folder)},
            artifacts=[plan.folder / "sweep.yaml", plan.folder / "plan.json"],
        )
        self.tracker = open_tracker(tracking_uri, sweep)

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
            trial_info(trial),
            figures["iteration"],
            _numbers(figures, {"iteration"}),
            [_numbers(k, {"iteration"}) for k in knots],
        )

    def on_end(self, trial: Trial, row: dict[str, Any]) -> None:
        """A trial has ended, done or failed."""
        done = row["status"] == "done"
        self.n_done += done
        self.n_failed += not done
        folder = Ledger(self.plan.folder).trial_folder(trial.key)
        count = f"[{self.n_done + self.n_failed}/{self.n_to_run}] {trial.config.name}"
        if done:
            say(f"{count}  {row['value']:.3f} {row['unit']}  {row['wall_s']:.1f} s")
        else:
            log = folder / "log.txt"
            say(f"{count}  failed: {row['error']}" + (f"  ({log})" if log.exists() else ""))
        self.tracker.finish_trial(
            trial_info(trial),
            _numbers(row, _NOT_FINAL),
            status="done" if done else "failed",
            artifacts=[p for name in _ARTIFACTS if (p := folder / name).exists()],
        )

    def close(self, status: SweepStatus) -> None:
        """Writes the table and the figures of what there is, and ends the tracker's run."""
        artifacts: list[Path] = write_report(self.plan)
        counts = {
            "trials": float(len(self.plan.suggested()) + self.plan.n_ahead),
            "trials_done": float(len(self.plan.done) + self.n_done),
            "trials_failed": float(self.n_failed),
        }
        self.tracker.close(artifacts=artifacts, metrics=counts, status=status)


def trial_info(trial: Trial) -> TrialInfo:
    """A trial as the tracker shows it: axes and few fixed settings as params."""
    config = trial.config
    params: dict[str, str | int | float | bool] = {
        "method": config.method,
        "model": config.model,
        "source": config.source.name,
        "target": config.target.name,
        "seed": config.seed,
        "protocol": config.protocol(),
        **{axis: "none" if v is None else v for axis, v in config.axes.items()},
    }
    for name in ("epsilon", "lam"):
        if hasattr(config.settings, name):
            params[name] = getattr(config.settings, name)
            params[f"log10_{name}"] = math.log10(getattr(config.settings, name))
    pair = f"{config.source.name}->{config.target.name}"
    tags = {"method": config.method, "model": config.model, "pair": pair}
    tags |= {"source": config.source.name, "target": config.target.name}
    return TrialInfo(trial.key, config.name, params, tags)


def _numbers(row: dict[str, Any], left_out: set[str]) -> dict[str, float]:
    """The numeric figures of a row; a fact becomes 0 or 1."""
    return {
        name: float(value)
        for name, value in row.items()
        if name not in left_out and isinstance(value, int | float)
    }
