"""When a sweep will end, by a clock that the test turns."""

import pytest

from raytd.sweep.cost.forecast import Forecast, Stage


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def forecast(clock: Clock, *, at_once: int = 1, measured: bool = True) -> Forecast:
    expected = {"a": 10.0, "b": 10.0, "c": 40.0}
    kinds = {"a": "small", "b": "small", "c": "large"}
    return Forecast(expected, kinds, at_once=at_once, measured=measured, clock=clock)


def test_what_was_measured_before_is_the_first_guess() -> None:
    assert forecast(Clock()).left_s() == 60
    assert forecast(Clock(), at_once=2).left_s() == 40  # never less than the longest trial


def test_counts_alone_say_nothing_until_something_was_seen() -> None:
    clock = Clock()
    ours = forecast(clock, measured=False)
    assert ours.left_s() is None
    ours.begin("a")
    ours.reach("a", 0.1)
    clock.now = 4
    ours.reach("a", 0.5)
    # 4 units of 4 seconds: one second a unit, for the large network as well.
    assert ours.left_s() == pytest.approx(5 + 10 + 40)


def test_a_kind_that_was_seen_has_a_scale_of_its_own() -> None:
    clock = Clock()
    ours = forecast(clock)
    ours.begin("a")
    ours.reach("a", 0.0)
    clock.now = 20
    ours.reach("a", 1.0)
    ours.end("a", done=True)
    assert ours.left_s() == pytest.approx(2 * 10 + 2 * 40)
    ours.begin("c")
    ours.reach("c", 0.0)
    clock.now = 30
    ours.reach("c", 0.5)
    assert ours.left_s() == pytest.approx(2 * 10 + 0.5 * 20)


def test_the_time_until_a_trial_has_its_processes_is_not_its_speed() -> None:
    clock = Clock()
    ours = forecast(clock)
    ours.begin("a")
    clock.now = 1000
    ours.reach("a", 0.05)
    clock.now = 1005
    ours.reach("a", 0.55)
    assert ours.left_s() == pytest.approx(4.5 + 10 + 40)


def test_a_trial_that_failed_is_not_waited_for_and_says_nothing_of_the_others() -> None:
    clock = Clock()
    ours = forecast(clock)
    ours.begin("c")
    clock.now = 1
    ours.end("c", done=False)
    assert ours.left_s() == 20


def test_trainings_come_before_the_trials() -> None:
    clock = Clock()
    expected = {"n1": 6.0, "n2": 6.0, "n3": 6.0, "a": 10.0, "b": 10.0}
    kinds = dict.fromkeys(expected, "small")
    before = Stage(["n1", "n2", "n3"], at_once=2)
    ours = Forecast(expected, kinds, at_once=1, measured=True, before=before, clock=clock)
    assert ours.left_s() == 18 / 2 + 20
    ours.reach("another", 0.5)  # such as a source that was removed a moment ago
    ours.end("another", done=True)
    assert ours.left_s() == 18 / 2 + 20
    assert ours.trainings_left_s() == 9
    ours.reach("n1", 0.0)
    clock.now = 6
    ours.reach("n1", 0.5)  # twice as slow as expected, which says nothing of the trials
    assert ours.trainings_left_s() == pytest.approx(15)
    assert ours.left_s() == pytest.approx(15 + 20)
    for name in ("n1", "n2", "n3"):
        ours.end(name, done=True)
    clock.now = 9
    ours.begin("a")
    ours.reach("a", 0.0)
    clock.now = 19
    ours.reach("a", 1.0)
    assert ours.left_s() is not None


def test_counts_alone_say_when_trainings_end_and_nothing_of_the_trials() -> None:
    clock = Clock()
    expected = {"n": 6.0, "a": 10.0}
    before = Stage(["n"], at_once=1)
    ours = Forecast(expected, expected, at_once=1, measured=False, before=before, clock=clock)
    assert ours.trainings_left_s() is None
    ours.reach("n", 0.0)
    clock.now = 3
    ours.reach("n", 0.25)
    assert ours.trainings_left_s() == pytest.approx(9)
    assert ours.left_s() is None
    ours.end("n", done=True)
    assert ours.trainings_left_s() == 0
    ours.reach("a", 0.0)
    clock.now = 8
    ours.reach("a", 0.5)
    assert ours.left_s() == pytest.approx(5)
