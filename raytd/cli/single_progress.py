"""Tells a view where one trial in this process is."""

from typing import Any

from raytd.cli.events import View
from raytd.engine.places import TrainingPlace
from raytd.engine.records import Iteration
from raytd.engine.sources import Origin, source_key
from raytd.engine.storage import StoragePath
from raytd.sweep.forecast import forecast_of
from raytd.sweep.networks import missing_networks
from raytd.sweep.timing import kept_speeds
from raytd.sweep.trial import Trial
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
        self._training: tuple[str, int] | None = None
        self._n_trained = 0

    def on_training(self, task: Task, origin: Origin, place: TrainingPlace) -> None:
        """Where the training of a network is."""
        network = self._networks.get(source_key(task, origin))
        if network is None or self._training == (network.key, place.epoch):
            return
        self._end_training(unless=network.key)
        self._training = (network.key, place.epoch)
        self._forecast.reach(network.key, place.share)
        where = {"number": network.number, "networks": network.of}
        where |= {"epoch": place.epoch, "epochs": place.epochs}
        self._tell("training", {"network": network.name, **where})

    def on_place(self, place: tuple[int, int]) -> None:
        """Iteration and segment that are under way."""
        iteration, segment = place
        segments = self._trial.config.trajectory.segments
        self._end_training()
        self._forecast.reach(self._trial.key, (iteration + segment / segments) / self._iterations)
        fields = {"iteration": iteration, "segment": segment, "segments": segments}
        self._tell("segment", self._about_trial() | fields)

    def on_iteration(self, iteration: Iteration) -> None:
        """An iteration has ended."""
        fields = {
            "iteration": iteration.iteration,
            "distance": iteration.lengths.distance,
            "target_accuracy": iteration.target_accuracy,
        }
        self._forecast.reach(self._trial.key, (iteration.iteration + 1) / self._iterations)
        self._tell("iteration", self._about_trial() | fields)

    @property
    def _iterations(self) -> int:
        return int(getattr(self._trial.config.settings, "iterations", 1))

    def _about_trial(self) -> dict[str, Any]:
        return {"trial_key": self._trial.key, "trial": self._trial.config.name}

    def _end_training(self, unless: str | None = None) -> None:
        """The training that was under way has ended, unless it is still that one."""
        if self._training is None or self._training[0] == unless:
            return
        network = self._networks[self._training[0]]
        self._training = None
        self._n_trained += 1
        self._forecast.end(network.key, done=True)
        ended = {"n_ended": self._n_trained, "networks": network.of}
        self._tell("trained", {"network": network.name, "message": "done", **ended})

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        left_s = self._forecast.left_s()
        self._view.show(event, {**fields, "left_s": None if left_s is None else round(left_s, 1)})
