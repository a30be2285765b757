"""Metrics count what happens to the trials of a sweep."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ray.util import metrics

from raytd.engine.on_ray import metrics as ours
from raytd.sweep.run.tally import Tally, Waited
from tests.sweep.losses import planned

Told = dict[tuple[str, ...], float]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What Ray is told, by name and labels in order."""
    told: Told = Counter()

    class Metric:
        def __init__(self, name: str, meaning: str, tags: tuple[str, ...]) -> None:
            self.name, self.tags = name, tags

        def _key(self, given: dict[str, str]) -> tuple[str, ...]:
            assert tuple(given) == self.tags  # Ray refuses others
            return (self.name, *given.values())

        def inc(self, number: float, given: dict[str, str]) -> None:
            assert number > 0  # Ray refuses 0
            told[self._key(given)] += number

        def set(self, number: float, given: dict[str, str]) -> None:
            told[self._key(given)] = number

    def make(kind: str, name: str) -> Any:
        assert hasattr(metrics, kind)
        return Metric(name, ours.MEANINGS[name], ours._TAGS.get(name, ("sweep",)))

    monkeypatch.setattr(ours, "_metric", make)
    return told


def states(told: Told) -> dict[str, float]:
    return {key[2]: n for key, n in told.items() if key[0] == "raytd_trials" and n}


def test_each_trial_is_in_one_state_and_a_lost_process_is_counted(
    told: Told, tmp_path: Path
) -> None:
    plan = planned(tmp_path)
    (trial,) = plan.trials
    tally = Tally(plan, {trial.key: trial})
    assert states(told) == {"waiting": 1}
    tally.begin(trial.key)
    assert states(told) == {"running": 1}
    tally.lose(trial.key)
    assert states(told) == {"waiting": 1}
    tally.begin(trial.key)
    tally.end(trial.key, "failed")
    assert states(told) == {"failed": 1}
    assert told["raytd_losses", "s", "trial process"] == 1


def test_seconds_without_a_place_are_counted_once_whenever_they_are_looked_at(told: Told) -> None:
    waited = Waited("s")
    for since_s in (0.0, 2.0, 5.0, 5.0, 0.0, 0.0, 3.0):
        waited.look(since_s)
    assert told == {("raytd_waited_seconds", "s"): 8.0}


def test_nothing_is_counted_without_the_name_of_a_sweep(told: Told) -> None:
    ours.count_segment("")
    ours.count_bytes("", "to", 5)
    ours.count_loss("", "coordinator")
    assert told == {}
