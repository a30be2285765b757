"""What every tracker promises."""

import math
from collections.abc import Iterator

import pytest

from raytd.tracking import Closing, Tracker, open_tracker


@pytest.fixture(params=["null", "mlflow"])
def tracker(request, sweep, tmp_path, monkeypatch, capfd, caplog) -> Iterator[Tracker]:
    """A tracker that has to be silent and to leave the working directory as it is."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    uri = None if request.param == "null" else request.getfixturevalue("uri")
    yield open_tracker(uri, sweep)
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
    assert list(here.iterdir()) == []


class TestTracker:
    def test_takes_a_whole_sweep(self, tracker, trial, tmp_path):
        picture = tmp_path / "distances.png"
        picture.write_bytes(b"png")
        knots = [{"knot": m, "tau": m / 4, "segment_length": 0.1} for m in range(5)]
        for iteration in range(3):
            tracker.log_iteration(trial, iteration, {"distance": 1.0}, knots)
        tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[picture])
        tracker.close(Closing("done", {"trials_done": 1.0}, [picture]))

    def test_takes_what_is_missing_or_no_number(self, tracker, trial):
        tracker.log_iteration(trial, 0, {"distance": math.nan, "gap": math.inf}, [])
        tracker.finish_trial(
            trial, {"distance": None, "gap": math.nan}, status="done", artifacts=[]
        )

    def test_takes_a_result_without_iterations(self, tracker, trial):
        tracker.finish_trial(trial, {"distance": 1.0}, status="failed", artifacts=[])

    def test_takes_a_result_twice(self, tracker, trial):
        for _ in range(2):
            tracker.finish_trial(trial, {"distance": 1.0}, status="done", artifacts=[])

    @pytest.mark.parametrize("status", ["done", "failed", "interrupted"])
    def test_ends_without_a_trial(self, tracker, status):
        tracker.close(Closing(status, {}, []))
