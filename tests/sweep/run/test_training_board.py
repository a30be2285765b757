"""Trainings in other processes tell how far they are, and the driver waits for none of them."""

from pathlib import Path
from typing import Any

import pytest

from raytd.learning.places import TrainingPlace
from raytd.learning.sources import SourceCache
from raytd.sweep.run import training_board
from raytd.sweep.run.runner import train_sources
from raytd.sweep.run.training_board import Board, Reporter
from raytd.sweep.trials.networks import missing_networks
from tests.sweep.test_methods import SWEEP, planned


class Told:
    """Keeps what it is told, as an actor's handle would."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.tell = self

    def remote(self, _: str, place: TrainingPlace) -> None:
        self.steps.append(place.step)


def test_a_place_counts_epochs_from_one_and_its_share_from_nothing() -> None:
    places = [TrainingPlace(step, 25, per_epoch=10) for step in (0, 9, 10, 24, 25)]
    assert [p.epoch for p in places] == [1, 1, 2, 3, 3]
    assert {p.epochs for p in places} == {3}
    assert [p.share for p in places] == [0, 0.36, 0.4, 0.96, 1]


def test_the_first_and_the_last_step_are_told_and_others_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(training_board.time, "monotonic", lambda: now[0])
    board = Told()
    report = Reporter(board, "key")
    for step in range(31):
        report(TrainingPlace(step, 30, per_epoch=10))
        now[0] += 0.125
    assert board.steps == [0, 8, 16, 24, 30]


def test_the_board_knows_how_old_its_news_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]
    monkeypatch.setattr(training_board.time, "monotonic", lambda: now[0])
    board, place = Board(), TrainingPlace(1, 2, per_epoch=1)
    board.tell("key", place)
    now[0] = 8.0
    assert board.read() == {"key": (place, 3.0)}


def test_a_training_that_is_watched_has_the_bits_of_one_that_is_not(tmp_path: Path) -> None:

    plan = planned(tmp_path)
    task, origin = plan.trials[0].networks()[0]
    heard: list[TrainingPlace] = []
    watched = SourceCache(None, on_training=lambda _task, _origin, place: heard.append(place))
    source, other = watched.get(task, origin), SourceCache(None).get(task, origin)
    for name, tensor in source.weights.parameters.items():
        assert tensor.equal(other.weights.parameters[name])
    assert [p.step for p in heard] == list(range(origin.steps + 1))
    assert heard[-1].epoch == heard[-1].epochs == 2


class Places:
    """Keeps where trainings were."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, TrainingPlace]] = []
        self.outcomes: dict[str, str] = {}

    def on_training(self, network: Any, place: TrainingPlace) -> None:
        self.heard.append((network.name, place))

    def on_trained(self, network: Any, outcome: str) -> None:
        self.outcomes[network.name] = outcome

    def on_wait(self, line: str) -> None:
        pytest.fail(line)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_the_driver_hears_of_trainings_on_the_cluster(tmp_path: Path) -> None:
    # Long enough for the board to be read between the first step and the last.
    text = SWEEP.replace("epochs: 2,", "epochs: 300,").replace("seed: [0, 1]", "seed: [0]")
    plan = planned(tmp_path, text)
    networks = missing_networks(plan.missing, plan.sources)
    assert [n.number for n in networks] == [1, 2]
    assert {n.of for n in networks} == {2}
    listener = Places()
    train_sources(plan, listener)
    assert set(listener.outcomes) == {n.name for n in networks}
    assert {name for name, _ in listener.heard} <= set(listener.outcomes)
    assert listener.heard
    assert missing_networks(plan.missing, plan.sources) == []
