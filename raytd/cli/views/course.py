"""What trainings and trials have reached, told to a view with the time that is left."""

from typing import Any

from raytd.cli.views.events import View
from raytd.learning.places import TrainingPlace
from raytd.sweep.cost.forecast import Forecast
from raytd.sweep.trials.networks import Network
from raytd.sweep.trials.trial import Trial


class Course:
    """Hears of trainings, segments and iterations as they come.

    Args:
        view: is told.
        forecast: of the end.
    """

    def __init__(self, view: View, forecast: Forecast) -> None:
        self.view, self.forecast = view, forecast
        self._n_trained = 0
        self._epochs: dict[str, tuple[int, int]] = {}
        self._places: dict[str, tuple[int, int]] = {}

    def on_training(self, network: Network, place: TrainingPlace) -> None:
        """Where the training of a network is: it begins, or has come further."""
        if place.step > 0:  # the first step takes longer than any other
            self.forecast.reach(network.key, place.share)
        reached = (place.epoch, place.epochs)
        if self._epochs.get(network.key) != reached:
            self._epochs[network.key] = reached
            where = {"number": network.number, "networks": network.of}
            where |= {"epoch": place.epoch, "epochs": place.epochs}
            self._tell_training("training", {"network": network.name, **where})

    def on_trained(self, network: Network, outcome: str) -> None:
        """A network that trials need has been trained, or not."""
        self._n_trained += 1
        self.forecast.end(network.key, done=not outcome.startswith("failed"))
        ended = {"n_ended": self._n_trained, "networks": network.of}
        ended["supplied"] = network.is_supplied
        self._tell_training("trained", {"network": network.name, "message": outcome, **ended})

    def on_place(self, trial: Trial, iteration: int, segment: int) -> None:
        """Where a running trial is."""
        segments = trial.config.trajectory.segments
        if self._places.get(trial.key) == (iteration, segment):
            return
        self._places[trial.key] = (iteration, segment)
        self.forecast.reach(trial.key, (iteration + segment / segments) / trial.config.iterations)
        fields = {"iteration": iteration, "segment": segment, "segments": segments}
        self.show("segment", trial, fields)

    def show_iteration(self, trial: Trial, figures: dict[str, Any]) -> None:
        """An iteration of a trial has ended."""
        names = ("iteration", "distance", "distance_error", "target_accuracy")
        self.forecast.reach(trial.key, (figures["iteration"] + 1) / trial.config.iterations)
        self.show("iteration", trial, {name: figures.get(name) for name in names})

    def show(self, event: str, trial: Trial, fields: dict[str, Any]) -> None:
        """Tells the view of an event of a trial."""
        self._tell(event, {"trial_key": trial.key, "trial": trial.config.name, **fields})

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        self.view.show(event, {**fields, "left_s": _tenths(self.forecast.left_s())})

    def _tell_training(self, event: str, fields: dict[str, Any]) -> None:
        left_s = _tenths(self.forecast.trainings_left_s())
        self._tell(event, {**fields, "training_left_s": left_s})


def _tenths(seconds: float | None) -> float | None:
    """Seconds as an event has them."""
    return None if seconds is None else round(seconds, 1)
