"""What every tracker promises: it takes what it is told, says nothing, and leaves no file here."""

import math
from collections.abc import Callable

import pytest

from raytd.tracking.base import Closing, Tracker, TrialInfo
from raytd.tracking.open import open_tracker


@pytest.fixture
def unheard(tmp_path, monkeypatch, capfd, caplog) -> Callable[[], bool]:
    """Asks whether nothing was said since the last time, nor left in the working directory."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def ask() -> bool:
        said = (*capfd.readouterr(), *caplog.messages)
        return not any(said) and not any(here.iterdir())

    return ask


@pytest.fixture(params=["null", "mlflow"])
def tracker(request, sweep, unheard) -> Tracker:
    return open_tracker(None if request.param == "null" else request.getfixturevalue("uri"), sweep)


def run_of(tracker: Tracker, trial: TrialInfo) -> str | None:
    """The run of a trial; "none kept" of a tracker that keeps none of anything."""
    return "none kept" if type(tracker) is Tracker else tracker.run_id(trial.key)


class TestTracker:
    def test_takes_a_whole_sweep(self, tracker, trial, tmp_path, unheard):
        picture = tmp_path / "distances.png"
        picture.write_bytes(b"png")
        knots = [{"knot": m, "tau": m / 4, "segment_length": 0.1} for m in range(5)]
        for iteration in range(3):
            tracker.log_iteration(trial, iteration, {"distance": 1.0}, knots)
        tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[picture])
        assert run_of(tracker, trial)
        tracker.close(Closing("done", {"trials_done": 1.0}, [picture]))
        assert unheard()

    def test_takes_what_is_missing_or_no_number(self, tracker, trial, unheard):
        tracker.log_iteration(trial, 0, {"distance": math.nan, "gap": math.inf}, [])
        tracker.finish_trial(
            trial, {"distance": None, "gap": math.nan}, status="done", artifacts=[]
        )
        assert run_of(tracker, trial)
        assert unheard()

    def test_takes_a_result_without_iterations_and_takes_it_twice(self, tracker, trial, unheard):
        for status in ("failed", "done", "done"):
            tracker.finish_trial(trial, {"distance": 1.0}, status=status, artifacts=[])
        assert run_of(tracker, trial)
        assert unheard()

    @pytest.mark.parametrize("status", ["done", "failed", "interrupted"])
    def test_ends_without_a_trial(self, status, tracker, trial, unheard):
        tracker.close(Closing(status, {}, []))
        assert run_of(tracker, trial) in (None, "none kept")
        assert unheard()
