"""Tells a view where one trial in this process is."""

from typing import Any

from raytd.cli.events import View, tenths
from raytd.engine.records import Iteration
from raytd.learning.places import TrainingPlace
from raytd.learning.sources import Origin, source_key
from raytd.storage.path import StoragePath
from raytd.sweep.cost.forecast import forecast_of
from raytd.sweep.cost.timing import kept_speeds
from raytd.sweep.trials.networks import Network, missing_networks
from raytd.sweep.trials.trial import Trial
from raytd.tasks.task import Task


class SingleProgress:
    """Hears of trainings, segments and iterations as they come.

    Args:
        trial: that runs.
        sources: folder of the source cache; None keeps nothing.
        view: is told.
    """

    def __init__(self, trial: Trial, sources: StoragePath | None, view: View) -> None:
        self._trial, self._view = trial, view
        networks = missing_networks([trial], sources)
        self._networks = {network.key: network for network in networks}
        self._forecast = forecast_of([trial], kept_speeds(), at_once=1, networks=networks)
        self._epoch: tuple[str, int] | None = None
        self._n_trained = 0

    def on_training(self, task: Task, origin: Origin, place: TrainingPlace) -> None:
        """Where the training of a network is."""
        network = self._networks.get(source_key(task, origin))
        if network is None:
            return
        if place.step == place.steps:
            self._end_training(network)
        elif self._epoch != (network.key, place.epoch):
            self._epoch = (network.key, place.epoch)
            self._reach(network, place)

    def _reach(self, network: Network, place: TrainingPlace) -> None:
        if place.step > 0:  # the first step takes longer than any other
            self._forecast.reach(network.key, place.share)
        where = {"number": network.number, "networks": network.of}
        where |= {"epoch": place.epoch, "epochs": place.epochs}
        self._tell_training("training", {"network": network.name, **where})

    def on_place(self, place: tuple[int, int]) -> None:
        """Iteration and segment that are under way."""
        iteration, segment = place
        segments = self._trial.config.trajectory.segments
        self._reach_trial(iteration + segment / segments)
        fields = {"iteration": iteration, "segment": segment, "segments": segments}
        self._tell("segment", self._about_trial() | fields)

    def on_iteration(self, iteration: Iteration) -> None:
        """An iteration has ended."""
        fields = {
            "iteration": iteration.iteration,
            "distance": iteration.lengths.distance,
            "target_accuracy": iteration.target_accuracy,
        }
        self._reach_trial(iteration.iteration + 1)
        self._tell("iteration", self._about_trial() | fields)

    def _reach_trial(self, iterations: float) -> None:
        self._forecast.reach(self._trial.key, iterations / self._trial.config.iterations)

    def _about_trial(self) -> dict[str, Any]:
        return {"trial_key": self._trial.key, "trial": self._trial.config.name}

    def _end_training(self, network: Network) -> None:
        self._n_trained += 1
        self._forecast.end(network.key, done=True)
        ended = {"n_ended": self._n_trained, "networks": network.of}
        self._tell_training("trained", {"network": network.name, "message": "done", **ended})

    def _tell_training(self, event: str, fields: dict[str, Any]) -> None:
        left_s = tenths(self._forecast.trainings_left_s())
        self._tell(event, {**fields, "training_left_s": left_s})

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        self._view.show(event, {**fields, "left_s": tenths(self._forecast.left_s())})
