"""What Ray Tune tells of its trials, passed on to a listener; losses are bounded and filed."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytd.errors import WaitTimeoutError
from raytd.methods.registry import METHODS
from raytd.rows.row import Row
from raytd.storage.files import remove_folder
from raytd.sweep.cluster.waiting import AGAIN, Silence, Waiting
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.presence import Lookout
from raytd.sweep.run.in_driver import stays_in_driver
from raytd.sweep.run.tally import Tally, Waited
from raytd.sweep.run.trial_function import PROCESS_LOSSES
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial, failed_row

if TYPE_CHECKING:
    from raytd.sweep.run.runner import Listener

SILENT_S = 300.0
"""Without news of a running trial for so long, the user is told so; a segment may take longer."""


def forward(
    trials: dict[str, Trial], listener: "Listener", plan: SweepPlan, longest_wait_s: float
) -> Any:
    """A callback that hands on what Tune reports.

    Args:
        trials: by key.
        listener: is told.
        plan: of the sweep, for the row of a trial whose process cannot write its own.
        longest_wait_s: without anything running, before the sweep is given up.
    """
    from ray.tune import Callback

    ended: set[str] = set()
    waits, lookout = _Waits(listener, longest_wait_s), Lookout(plan.folder)
    tally, waited = Tally(plan, trials), Waited(plan.folder.name)

    @stays_in_driver
    class Forward(Callback):  # type: ignore[misc]
        def on_step_begin(self, **about: Any) -> None:
            lookout.look()
            running = [t for t in about["trials"] if t.status == "RUNNING"]
            waited.look(waits.look([trials[t.config["trial_key"]].config.name for t in running]))

        def on_trial_result(self, *, trial: Any, result: dict[str, Any], **_: Any) -> None:
            ours = trials[trial.config["trial_key"]]
            if ours.key in ended:
                return  # its process was lost before Tune knew of the end, and told its row again
            waits.hear(ours.config.name, result)
            if "row" in result:
                ended.add(ours.key)
                tally.end(ours.key, result["row"]["status"])
            _pass_on(listener, ours, result)

        def on_trial_start(self, *, trial: Any, **_: Any) -> None:
            ours = trials[trial.config["trial_key"]]
            waits.hear(ours.config.name, {})
            tally.begin(ours.key)
            listener.on_begin(ours)

        def on_trial_recover(self, *, trial: Any, **_: Any) -> None:
            ours = trials[trial.config["trial_key"]]
            if ours.key not in ended:
                tally.lose(ours.key)
                goes_on = METHODS[ours.config.method].after_loss
                listener.on_wait(f"{ours.config.name}: its process was lost; {goes_on}")

        def on_trial_error(self, *, trial: Any, **_: Any) -> None:
            ours = trials[trial.config["trial_key"]]
            if ours.key not in ended:
                row = _row_after_losses(ours, plan, trial)
                tally.end(ours.key, row["status"])
                listener.on_end(ours, row)

    return Forward()


class _Waits:
    """What is waited for: a place for the trials, and news of those that run."""

    def __init__(
        self,
        listener: "Listener",
        longest_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._longest_s = longest_s
        self._waiting = Waiting(listener.on_wait, clock)
        self._silence = Silence(listener.on_wait, "news of", SILENT_S, clock)
        self._places: dict[str, Any] = {}

    def look(self, running: Sequence[str]) -> float:
        """Says what there is to say; seconds since when nothing runs for want of a place.

        Raises:
            WaitTimeoutError: if nothing runs, and nothing could be placed for too long.
        """
        waited_s = self._waiting.look_at_groups(idle=not running)
        if waited_s > self._longest_s and not running:
            raise WaitTimeoutError(f"no trial could be placed for {self._longest_s:g} s; {AGAIN}")
        self._silence.look(running)
        return 0.0 if running else waited_s

    def hear(self, name: str, result: dict[str, Any]) -> None:
        """Takes what a trial tells for news, unless it is where it was."""
        place = result.get("place")
        if place is None or place != self._places.get(name):
            self._silence.heard(name)
        self._places[name] = place


def _pass_on(listener: "Listener", trial: Trial, result: dict[str, Any]) -> None:
    """Tells what a trial has reported: its row, an iteration, where it is, or that it began."""
    if "row" in result:
        listener.on_end(trial, result["row"])
    elif "figures" in result:
        listener.on_iteration(trial, result["figures"], result["knots"])
    elif "place" in result:
        listener.on_place(trial, *result["place"])
    elif "began" in result:
        listener.on_start(trial, result["began"])


def _row_after_losses(ours: Trial, plan: SweepPlan, trial: Any) -> Row:
    """The row of a trial whose process was lost for the last time, perhaps after it wrote one."""
    ledger = Ledger(plan.folder)
    if (there := ledger.done_since(ours.key, plan.stale.get(ours.key))) is not None:
        remove_folder(ledger.trial_folder(ours.key) / "checkpoint")
        return there
    row = failed_row(ours, f"its process was lost {PROCESS_LOSSES + 1} times", transient=True)
    ledger.log(ours.key).fail(_last_words(trial))
    ledger.write_failure(row, ours.config.model_dump(mode="json"))
    return row


def _last_words(trial: Any) -> str:
    """What Tune kept of the last error."""
    path = getattr(trial, "error_file", None)
    return Path(path).read_text() if path and Path(path).exists() else "its process was lost\n"
