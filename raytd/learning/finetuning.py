"""SGD on the target alone, and what is measured at the knots of its path.

The lengths of predictions, the losses and the accuracy at a knot are of the weights that are
measured there, averaged as along the trajectory of a transfer; see `raytd.transfer.averaging`. What
says how SGD goes is of the weights that move: ∫ |dw|, and the accuracy that tells when the target
has been learnt.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor, nn

from raytd.learning.batches import Counter, training_batches
from raytd.learning.images import Images, ImageSlice
from raytd.learning.pretrain import logits
from raytd.simplex import log_probs
from raytd.tasks.task import Task
from raytd.transfer.averaging import AveragedPath, RunningMeans
from raytd.transfer.descent import check_finite, descend
from raytd.transfer.prediction_path import PredictionPath
from raytd.transfer.randomness import derive_seed, layers_seeded
from raytd.transfer.settings import MeasuredDescent
from raytd.transfer.state import Weights
from raytd.transfer.trajectory import rate_factor, segment_steps
from raytd.transfer.weight_path import WeightPath

NAME = "finetune"
"""Of the random streams, and of the section that an error points to."""


@dataclass(frozen=True)
class KnotReading:
    """The network at a knot, in evaluation mode.

    Attributes:
        knot: m, from 0 to M.
        step: SGD steps done.
        train_loss: cross-entropy on the target's training images, in nats.
        val_loss: on its validation images.
        val_accuracy: share of those that are classified right.
        moving_accuracy: the same of the weights that SGD stands at.
        weight_length: ∫ |dw| so far.
    """

    knot: int
    step: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    moving_accuracy: float
    weight_length: float


@dataclass(frozen=True)
class FineTuned:
    """A path of fine-tuning.

    Attributes:
        knots: from the start to the end.
        predictions: on the training images of the target along the path.
        displacement: ‖w − w^s‖ at the end, of the parameters whose steps count.
        forward_images: images that went forward, in training and in measuring.
    """

    knots: tuple[KnotReading, ...]
    predictions: PredictionPath
    displacement: float
    forward_images: int


def images_of(
    task: Task, outputs: Int64[np.ndarray, " classes"], device: torch.device
) -> tuple[Images, Images]:
    """Training and validation images of a task, labelled by the outputs of a network.

    Args:
        task: the task.
        outputs: of each of its labels.
        device: where the images go.
    """
    train, val = (
        Images(ImageSlice(part.images, outputs[part.labels], task.mean, task.std), device)
        for part in (task.train, task.val)
    )
    return train, val


def fine_tune(
    model: nn.Module,
    target: tuple[Images, Images],
    how: MeasuredDescent,
    *,
    steps: int,
    seed: int,
    counted: Sequence[Tensor],
) -> FineTuned:
    """Fine-tunes a network in place.

    Predictions are measured with the running statistics of batch norm, which move along the path
    although they are no parameters.

    Args:
        model: at the start of the path.
        target: its training and its validation images, see `images_of`.
        how: it is trained, from rest.
        steps: SGD steps.
        seed: of the order of images, shifts and dropout.
        counted: the parameters whose steps ∫ |dw| adds up.

    Raises:
        NotFiniteError: if a weight became NaN or infinite.
    """
    train, val = target
    gauge = _Gauge(model, train, val, WeightPath(counted), PredictionPath(how.segments))
    path = _Averages(model, how, steps)
    ends = [segment_steps(m, steps=steps, segments=how.segments).stop for m in range(how.segments)]
    knots = {end: m + 1 for m, end in enumerate(ends)}
    batches = training_batches(train, how.batch_size, augment=how.augment, seed=seed, name=NAME)
    readings = [gauge.read(0, 0)]
    with layers_seeded(derive_seed(seed, f"{NAME} layers"), train.pixels.device):
        for done in descend(
            model,
            gauge.counter.counting(batches),
            how,
            steps=steps,
            rate=lambda step: rate_factor(how.schedule, step, steps),
        ):
            gauge.weights.add_step()
            path.add_step()
            if done in knots:
                check_finite(model, done, doing="fine-tuning", section=NAME, lr=how.lr)
                readings.append(gauge.read(knots[done], done, path.measured(knots[done])))
    return FineTuned(
        knots=tuple(readings),
        predictions=gauge.predictions,
        displacement=gauge.weights.displacement(),
        forward_images=gauge.counter.images,
    )


def first_reach(values: Sequence[float], share: float) -> int:
    """Index of the first value that is at least `share` of the last one.

    Rounding does not count: 0.95 × 0.6 is reached by 57 of 100.
    """
    wanted = share * values[-1] - 1e-12
    return next(index for index, value in enumerate(values) if value >= wanted)


@dataclass
class _Gauge:
    """Measures a network at the knots, and counts the images that go forward."""

    model: nn.Module
    train: Images
    val: Images
    weights: WeightPath
    predictions: PredictionPath
    counter: Counter = field(default_factory=Counter)

    def read(self, knot: int, step: int, measured: Weights | None = None) -> KnotReading:
        """What the network says of both parts of the target, in evaluation mode.

        Args:
            knot: m.
            step: steps done.
            measured: what is measured; None measures the weights that the network has, which it
                keeps anyhow.
        """
        self.model.eval()
        moving = None if measured is None else self._accuracy(self._of(self.val))
        with _standing_at(self.model, measured):
            seen, unseen = self._of(self.train), self._of(self.val)
        accuracy = self._accuracy(unseen)
        self.predictions.add(seen)
        return KnotReading(
            knot=knot,
            step=step,
            train_loss=_cross_entropy(seen, self.train.labels),
            val_loss=_cross_entropy(unseen, self.val.labels),
            val_accuracy=accuracy,
            moving_accuracy=accuracy if moving is None else moving,
            weight_length=self.weights.length,
        )

    def _of(self, part: Images) -> Tensor:
        """Log probabilities of images."""
        self.counter.images += len(part.labels)
        return log_probs(logits(self.model, part))

    def _accuracy(self, unseen: Tensor) -> float:
        return float((unseen.argmax(dim=1) == self.val.labels).double().mean())


class _Averages:
    """Averages the iterates of a network in training."""

    def __init__(self, model: nn.Module, how: MeasuredDescent, steps: int) -> None:
        self._steps, self._segments = steps, how.segments
        self._averaged = how.averaging != "none"
        if self._averaged:
            self._path = AveragedPath(Weights.of(model), how.averaging, how.segments)
            self._means = RunningMeans(model)
            self._begin(0)

    def add_step(self) -> None:
        """Takes the next iterate."""
        if self._averaged:
            self._means.add()

    def measured(self, knot: int) -> Weights | None:
        """What is measured at a knot that has been reached; None where nothing is averaged."""
        if not self._averaged:
            return None
        self._path.add(knot - 1, self._means.value())
        if knot < self._segments:
            self._begin(knot)
        return self._path.weights(knot)

    def _begin(self, segment: int) -> None:
        steps = segment_steps(segment, steps=self._steps, segments=self._segments)
        self._means.begin(len(steps))


@contextmanager
def _standing_at(model: nn.Module, weights: Weights | None) -> Iterator[None]:
    """Gives a network other weights for a while; None leaves it as it is."""
    if weights is None:
        yield
        return
    own = Weights.of(model)
    weights.load_into(model)
    try:
        yield
    finally:
        own.load_into(model)


def _cross_entropy(log_p: Tensor, labels: Tensor) -> float:
    return -float(log_p.gather(1, labels[:, None]).mean())
