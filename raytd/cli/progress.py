"""Listens to a running sweep: tells the view, the forecast and the tracker."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raytd.cli.events import View
from raytd.cli.output import write_report
from raytd.methods.registry import METHODS
from raytd.sweep.forecast import Forecast
from raytd.sweep.ledger import Ledger
from raytd.sweep.plan import SweepPlan
from raytd.sweep.trial import Trial
from raytd.tracking.base import SweepInfo, SweepStatus, TrialInfo
from raytd.tracking.open import open_tracker

_NOT_FINAL = {"threads", "chunk", "seed", "transient"}
_NO_ARTIFACT = "coupling.parquet"
"""Grows with the number of pairs; it stays in the folder of the trial."""


class Progress:
    """Listens to the trials of a sweep.

    Args:
        plan: the sweep.
        tracking_uri: of MLflow, or None.
        view: is told what happens.
        forecast: of the end.
    """

    def __init__(
        self, plan: SweepPlan, tracking_uri: str | None, view: View, forecast: Forecast
    ) -> None:
        self.plan, self.view, self.forecast = plan, view, forecast
        self.n_done = self.n_failed = 0
        self._places: dict[str, tuple[int, int]] = {}
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
        self.view.show("trained", {"network": name, "message": outcome})

    def on_wait(self, line: str) -> None:
        """The cluster has no place yet for what comes next, or something was lost."""
        self.view.show("wait", {"message": line})

    def on_begin(self, trial: Trial) -> None:
        """A trial begins, or goes on in a new process."""
        self.forecast.begin(trial.key)
        self._show("begin", trial, {})

    def on_place(self, trial: Trial, iteration: int, segment: int) -> None:
        """Where a running trial is."""
        segments = trial.config.trajectory.segments
        if self._places.get(trial.key) == (iteration, segment):
            return
        self._places[trial.key] = (iteration, segment)
        self.forecast.reach(trial.key, (iteration + segment / segments) / _iterations(trial))
        fields = {"iteration": iteration, "segment": segment, "segments": segments}
        self._show("segment", trial, fields)

    def on_iteration(
        self, trial: Trial, figures: dict[str, Any], knots: Sequence[dict[str, Any]]
    ) -> None:
        """An iteration of a trial has ended."""
        names = ("iteration", "distance", "target_accuracy")
        self.forecast.reach(trial.key, (figures["iteration"] + 1) / _iterations(trial))
        self._show("iteration", trial, {name: figures[name] for name in names})
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
        self.forecast.end(trial.key, done=done)
        folder = Ledger(self.plan.folder).trial_folder(trial.key)
        log = folder / "log.txt"
        self._show(
            "end",
            trial,
            {name: row.get(name) for name in ("status", "value", "unit", "wall_s", "error")}
            | {
                "log": str(log) if log.exists() else None,
                "n_ended": self.n_done + self.n_failed,
                "n_to_run": self.n_to_run,
            },
        )
        self.tracker.finish_trial(
            trial_info(trial),
            _numbers(row, _NOT_FINAL),
            status="done" if done else "failed",
            artifacts=sorted(p for p in folder.glob("*.*") if p.name != _NO_ARTIFACT),
        )

    def close(self, status: SweepStatus) -> None:
        """Writes the table and the figures of what there is, and ends the tracker's run."""
        artifacts: list[Path] = write_report(self.plan)
        counts = {
            "trials": float(len(self.plan.suggested()) + self.plan.n_ahead),
            "trials_done": float(len(self.plan.done) + self.n_done),
            "trials_failed": float(len(self.plan.left) + self.n_failed),
        }
        self.tracker.close(artifacts=artifacts, metrics=counts, status=status)

    def _show(self, event: str, trial: Trial, fields: dict[str, Any]) -> None:
        left_s = self.forecast.left_s()
        own = {"trial_key": trial.key, "trial": trial.config.name}
        left = None if left_s is None else round(left_s, 1)
        self.view.show(event, {**own, **fields, "left_s": left})


def _iterations(trial: Trial) -> int:
    """At most so many."""
    return int(getattr(trial.config.settings, "iterations", 1))


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
        **{axis: _shown(v) for axis, v in config.axes.items()},
    }
    method, own = METHODS[config.method], config.settings.model_dump(mode="json")
    if not method.on_blocks:
        idle = config.settings.idle()
        params |= {f"{method.section}.{n}": _shown(v) for n, v in own.items() if n not in idle}
    for name in ("epsilon", "lam") if method.on_blocks else ():
        if name in own:
            params[name] = own[name]
            params[f"log10_{name}"] = math.log10(own[name])
    pair = f"{config.source.name}->{config.target.name}"
    tags = {"method": config.method, "model": config.model, "pair": pair}
    tags |= {"source": config.source.name, "target": config.target.name}
    return TrialInfo(trial.key, config.name, params, tags)


def _shown(value: Any) -> Any:
    """A param, which cannot be nothing."""
    return "none" if value is None else value


def _numbers(row: dict[str, Any], left_out: set[str]) -> dict[str, float]:
    """The numeric figures of a row; a fact becomes 0 or 1."""
    return {
        name: float(value)
        for name, value in row.items()
        if name not in left_out and isinstance(value, int | float)
    }
