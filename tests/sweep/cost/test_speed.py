"""What a call takes is the median of calls, and never the first one, which imports and warms up."""

from itertools import chain, repeat

import pytest

from raytd.sweep.cost import speed


@pytest.mark.parametrize(("first_s", "later_s"), [(60.0, 3.0), (2.5, 0.01), (0.01, 0.01)])
def test_a_first_call_that_takes_long_does_not_count(
    monkeypatch: pytest.MonkeyPatch, first_s: float, later_s: float
) -> None:
    now, durations = [0.0], chain([first_s], repeat(later_s))
    monkeypatch.setattr(speed.time, "perf_counter", lambda: now[0])

    def call() -> None:
        now[0] += next(durations)

    assert speed._seconds(call) == pytest.approx(later_s)
    assert next(durations) == later_s
