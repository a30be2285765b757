"""The worker of one coupling block: advances, measures and evaluates on its own pairs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from raytd.engine.block import BlockSetup, Evaluation, Measurement, ProbeReading
from raytd.engine.pair_images import PairImages
from raytd.errors import NotFiniteError
from raytd.learning.devices import device_name, pick_device, place, torch_threads
from raytd.learning.images import Images
from raytd.models import zoo
from raytd.models.heads import penultimate
from raytd.simplex import kl_divergence, log_probs
from raytd.transfer.averaging import Moved, RunningMeans
from raytd.transfer.diagnostics import fisher_rao_forms
from raytd.transfer.interpolation import draw_pairs, mix, mixing_coefficients
from raytd.transfer.lengths import open_knots
from raytd.transfer.randomness import derive_seed, generator, layers_seeded
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import (
    Sgd,
    mixed_cross_entropy,
    rate_factor,
    segment_steps,
    standing_steps,
    step_times,
)

Coupling = Float64[np.ndarray, "tiles n m"]


@dataclass(frozen=True)
class _Draws:
    """What is drawn for some steps; shifts only where images are moved."""

    pairs: Int64[Tensor, "steps batch"]
    t: Float64[Tensor, "steps batch"]
    shifts: Float64[Tensor, "steps 3 batch"] | None


@dataclass(frozen=True)
class _Steps:
    """Steps of SGD that belong together: their random streams, their times, their rates.

    Attributes:
        stream: names the random streams, with the block.
        tau: of each step.
        rates: share of the learning rate of each step.
        where: what an error calls it.
    """

    stream: tuple[str | int, ...]
    tau: Float64[Tensor, " steps"]
    rates: tuple[float, ...]
    where: str


class BlockWorker:
    """Runs one block's share of every segment.

    `advance`, `measure` and the rest are functions of their arguments and of (run seed, block,
    segment). What is kept between calls only saves time: log probabilities at the knots where a
    longer segment still has to start, of at most one knot more than the three strides. So in
    measuring a worker holds its images, one forward pass of `chunk` tiles, and
    8 bytes × (strides + 4) × pairs × classes.

    Args:
        setup: the block; its images are moved to the device once.
    """

    def __init__(self, setup: BlockSetup) -> None:
        self.setup = setup
        self.device = pick_device(
            setup.resources.use_gpu, deterministic=setup.resources.deterministic
        )
        self.pairs = PairImages(setup, self.device)
        self.validation = Images(setup.validation, self.device)
        self.probes = tuple(Images(side, self.device) for side in setup.probes)
        self.model = self._build()
        self.sgd = Sgd(self.model, setup.trajectory, precision=setup.trajectory.precision)
        self.means = None if setup.trajectory.averaging == "none" else RunningMeans(self.model)
        self.forward_images = 0
        self._known: dict[tuple[int, int], Float64[Tensor, "tiles n m classes"]] = {}

    def advance(self, segment: int, state: TrainState, coupling: Coupling) -> Moved:
        """SGD through one segment on pairs drawn from the block's coupling.

        Brings the means of its iterates along where knots are averaged.

        Raises:
            NotFiniteError: if a weight became NaN or infinite.
        """
        setup = self.setup
        steps = segment_steps(segment, steps=setup.steps, segments=setup.trajectory.segments)
        chosen = _Steps(
            stream=(segment,),
            tau=step_times(steps, total=setup.steps),
            rates=tuple(rate_factor(setup.trajectory.schedule, n, setup.steps) for n in steps),
            where=f"segment {segment}",
        )
        if self.means is not None:
            self.means.begin(len(steps))
        moved = self._run(chosen, state, coupling, self.means)
        return Moved(moved, None if self.means is None else self.means.value())

    def stay(self, knot: int, state: TrainState, coupling: Coupling) -> Moved:
        """A few further steps on p_τ of one knot, τ standing still; no means.

        Raises:
            NotFiniteError: if a weight became NaN or infinite.
        """
        setup = self.setup
        n = standing_steps(setup.steps)
        at = min(knot * setup.steps // setup.trajectory.segments, setup.steps - 1)
        chosen = _Steps(
            stream=("stay", knot),
            tau=torch.full((n,), knot / setup.trajectory.segments, dtype=torch.float64),
            rates=(rate_factor(setup.trajectory.schedule, at, setup.steps),) * n,
            where=f"standing at knot {knot}",
        )
        return Moved(self._run(chosen, state, coupling))

    def measure(
        self,
        iteration: int,
        knots: tuple[int, int],
        start: Weights,
        end: Weights,
        coupling: Coupling,
    ) -> Measurement:
        """Lengths of the block's pairs between two knots, at the inputs of the first one.

        Args:
            iteration: names the trajectory that the weights belong to.
            knots: (m, m + stride).
            start: what is measured at the first knot.
            end: what is measured at the second.
            coupling: masses of the block's pairs.
        """
        first, second = knots
        stride, tau = second - first, first / self.setup.trajectory.segments
        with torch_threads(self.setup.resources.threads), torch.inference_mode():
            mass = torch.tensor(coupling, device=self.device)
            log_p = self._log_probs_at_start(iteration, knots, start)
            log_q = self._pair_log_probs(end, tau)
            squared = 2 * kl_divergence(log_p, log_q)
            lengths = squared.sqrt()
            return Measurement(
                lengths=lengths.cpu().numpy() if stride == 1 else None,
                first=_tile_sums(mass * lengths),
                second=_tile_sums(mass * squared),
                train_loss=self._loss_sums(log_p, tau, mass) if stride == 1 else None,
                forward_images=self.pairs.n_images(tau) * (2 if stride == 1 else 1),
            )

    def train_loss(
        self, knot: int, weights: Weights, coupling: Coupling
    ) -> tuple[Float64[np.ndarray, " tiles"], int]:
        """Σ Γ × cross-entropy on p_τ of each tile in nats, and the images that went forward."""
        tau = knot / self.setup.trajectory.segments
        with torch_threads(self.setup.resources.threads), torch.inference_mode():
            log_p = self._pair_log_probs(weights, tau)
            mass = torch.tensor(coupling, device=self.device)
            return self._loss_sums(log_p, tau, mass), self.pairs.n_images(tau)

    def probe(self, knot: int, weights: Weights) -> ProbeReading:
        """Loss and Fisher-Rao form of the block's validation pairs at a knot."""
        source, target = self.probes
        if len(source.labels) == 0:
            return ProbeReading(np.zeros(0), np.zeros(0))
        tau = knot / self.setup.trajectory.segments
        self.forward_images += len(source.labels)
        with torch_threads(self.setup.resources.threads):
            inputs = mix(source.pixels, target.pixels, tau)
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            log_p, forms = self._forms(self._load(weights), inputs)
            loss = mixed_cross_entropy(log_p, source.labels, target.labels, tau)
            return ProbeReading(loss.cpu().numpy(), forms.cpu().numpy())

    def features(
        self, weights: Weights
    ) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]]:
        """What the head sees of the block's images, sources and targets, φ in eq. (14)."""
        with torch_threads(self.setup.resources.threads), torch.inference_mode():
            phi = penultimate(self._load(weights))
            source, target = (
                self._in_batches(phi, images).double().cpu().numpy()
                for images in (self.pairs.source, self.pairs.target)
            )
            return source, target

    def predict(self, weights: Weights) -> Float64[Tensor, "images classes"]:
        """Log probabilities of the block's images, sources first."""
        with torch_threads(self.setup.resources.threads), torch.inference_mode():
            model = self._load(weights)
            both = (self.pairs.source, self.pairs.target)
            return log_probs(torch.cat([self._in_batches(model, images) for images in both]))

    def evaluate(self, weights: Weights) -> Evaluation:
        """Accuracy and loss on the block's share of the target's validation images."""
        labels, device = self.validation.labels, device_name(self.device)
        if len(labels) == 0:
            return Evaluation(0, 0, 0.0, device)
        with torch_threads(self.setup.resources.threads), torch.inference_mode():
            log_p = log_probs(self._in_batches(self._load(weights), self.validation))
            right = log_p.argmax(dim=1) == labels
            loss = -log_p.gather(1, labels[:, None]).sum()
            return Evaluation(len(labels), int(right.sum()), float(loss), device)

    def _forms(self, model: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities and Fisher-Rao forms; NaN where an operation has no such derivative."""
        try:
            return fisher_rao_forms(model, inputs)
        except NotImplementedError:
            with torch.inference_mode():
                log_p = log_probs(model(inputs))
            return log_p, torch.full_like(log_p[:, 0], torch.nan)

    def _run(
        self,
        steps: _Steps,
        state: TrainState,
        coupling: Coupling,
        means: RunningMeans | None = None,
    ) -> TrainState:
        setup = self.setup
        seed = derive_seed(setup.run_seed, "layers", setup.block, *steps.stream)
        with torch_threads(setup.resources.threads), layers_seeded(seed, self.device):
            draws = self._draws(steps, coupling)
            moved = self.sgd.run(
                state,
                len(steps.rates),
                lambda n: self.pairs.batch(
                    draws.pairs[n], draws.t[n], None if draws.shifts is None else draws.shifts[n]
                ),
                lambda n: steps.rates[n],
                means=means,
            )
            self._check_finite(steps.where, moved.weights)
        return moved

    def _check_finite(self, where: str, weights: Weights) -> None:
        if not all(torch.isfinite(p).all() for p in weights.parameters.values()):
            raise NotFiniteError(
                f"block {self.setup.block}, {where}: the weights became NaN or infinite; "
                f"lower trajectory.lr (it is {self.setup.trajectory.lr:g})"
            )

    def _build(self) -> nn.Module:
        model = zoo.build(
            self.setup.model,
            in_channels=self.pairs.source.pixels.shape[1],
            n_classes=self.setup.n_classes,
            seed=0,
        )
        return place(model, self.device)

    def _load(self, weights: Weights) -> nn.Module:
        weights.load_into(self.model)
        return self.model.eval()

    def _draws(self, steps: _Steps, coupling: Coupling) -> _Draws:
        """Pairs, coefficients and shifts of some steps; their uniforms do not depend on Γ."""
        setup, n_steps = self.setup, len(steps.rates)
        stream = generator(setup.run_seed, "draws", setup.block, *steps.stream)
        shape = (2, n_steps, setup.trajectory.batch_size)
        uniforms = torch.rand(shape, dtype=torch.float64, generator=stream)
        pairs = draw_pairs(torch.tensor(coupling).flatten(), uniforms[0])
        tau = steps.tau[:, None].expand_as(uniforms[1])
        shifts = None
        if setup.trajectory.augment == "crop-flip":
            stream = generator(setup.run_seed, "augment", setup.block, *steps.stream)
            shape = (n_steps, 3, setup.trajectory.batch_size)
            shifts = torch.rand(shape, dtype=torch.float64, generator=stream)
        return _Draws(pairs, mixing_coefficients(setup.trajectory.mixing, tau, uniforms[1]), shifts)

    def _log_probs_at_start(
        self, iteration: int, knots: tuple[int, int], weights: Weights
    ) -> Float64[Tensor, "tiles n m classes"]:
        """Log p at (w_m, x_m), kept as long as a segment can still start there."""
        knot, end = knots
        kept = open_knots(end, self.setup.trajectory.segments)
        self._known = {k: v for k, v in self._known.items() if k[0] == iteration and k[1] in kept}
        if (iteration, knot) not in self._known:
            tau = knot / self.setup.trajectory.segments
            self._known[iteration, knot] = self._pair_log_probs(weights, tau)
        return self._known[iteration, knot]

    def _pair_log_probs(self, weights: Weights, tau: float) -> Float64[Tensor, "tiles n m classes"]:
        self.forward_images += self.pairs.n_images(tau)
        return self.pairs.log_probs(self._load(weights), tau)

    def _loss_sums(
        self,
        log_p: Float64[Tensor, "tiles n m classes"],
        tau: float,
        mass: Float64[Tensor, "tiles n m"],
    ) -> Float64[np.ndarray, " tiles"]:
        """Σ Γ × cross-entropy of each tile at x = (1 − τ) x_i + τ x'_j."""
        return _tile_sums(mass * mixed_cross_entropy(log_p, *self.pairs.labels, tau))

    def _in_batches(self, function: Callable[[Tensor], Tensor], images: Images) -> Tensor:
        self.forward_images += len(images.pixels)
        return self.pairs.in_batches(function, images)


def _tile_sums(values: Float64[Tensor, "tiles n m"]) -> Float64[np.ndarray, " tiles"]:
    """One sum a tile: the coordinator adds them up in an order that blocks do not change."""
    sums: Float64[np.ndarray, " tiles"] = values.sum(dim=(1, 2)).cpu().numpy()
    return sums
