"""What a site may scrape of a sweep, as far as its driver knows it."""

from collections.abc import Mapping

from raytd.engine.on_ray.metrics import count_loss, count_wait, show_trials
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial


class Tally:
    """Counts the trials of a sweep by their state, and the processes that they lose.

    Args:
        plan: of the sweep.
        trials: that run or will run, by key; searches add to them.
    """

    def __init__(self, plan: SweepPlan, trials: Mapping[str, Trial]) -> None:
        self._plan, self._trials, self._sweep = plan, trials, plan.folder.name
        self._running: set[str] = set()
        self._ended = {"done": set[str](), "failed": set[str]()}
        self._show()

    def begin(self, key: str) -> None:
        """A trial begins, or goes on in a new process."""
        self._running.add(key)
        self._show()

    def end(self, key: str, status: str) -> None:
        """A trial is done, or has failed."""
        self._running.discard(key)
        self._ended[status].add(key)
        self._show()

    def lose(self, key: str) -> None:
        """The process of a trial was lost; the trial waits for another one."""
        self._running.discard(key)
        count_loss(self._sweep, "trial process")
        self._show()

    def _show(self) -> None:
        done, failed = (len(keys) for keys in self._ended.values())
        waiting = len(self._trials) + self._plan.n_ahead - done - failed - len(self._running)
        show_trials(
            self._sweep,
            {
                "waiting": waiting,
                "running": len(self._running),
                "done": len(self._plan.done) + done,
                "failed": len(self._plan.left) + failed,
            },
        )


class Waited:
    """Counts the seconds in which nothing of a sweep could run.

    Args:
        sweep: its name.
    """

    def __init__(self, sweep: str) -> None:
        self._sweep, self._last_s = sweep, 0.0

    def look(self, since_s: float) -> None:
        """The sweep waits since so many seconds; 0 where it does not."""
        count_wait(self._sweep, since_s - self._last_s)
        self._last_s = since_s
