"""The worker of one coupling block: advances, measures and evaluates on its own pairs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from raytd.engine.block import BlockSetup, Evaluation, Measurement
from raytd.engine.devices import device_name, pick_device, torch_threads
from raytd.engine.images import Images
from raytd.errors import NotFiniteError
from raytd.models import zoo
from raytd.models.heads import penultimate
from raytd.simplex import kl_divergence, log_probs
from raytd.transfer.interpolation import crop_and_flip, draw_pairs, mix, mixing_coefficients
from raytd.transfer.randomness import derive_seed, generator, layers_seeded
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import (
    Batch,
    Sgd,
    mixed_cross_entropy,
    rate_factor,
    segment_steps,
    step_times,
)

Coupling = Float64[np.ndarray, "tiles n m"]


@dataclass(frozen=True)
class _Draws:
    """What is drawn for a segment; shifts only where images are moved."""

    pairs: Int64[Tensor, "steps batch"]
    t: Float64[Tensor, "steps batch"]
    shifts: Float64[Tensor, "steps 3 batch"] | None


class BlockWorker:
    """Runs one block's share of every segment.

    `advance`, `measure` and the rest are functions of their arguments and of (run seed, block,
    segment). What is kept between calls only saves time: log probabilities at the knots where a
    longer segment still has to start.

    Args:
        setup: the block; its images are moved to the device once.
    """

    def __init__(self, setup: BlockSetup) -> None:
        self.setup = setup
        self.device = pick_device(setup.use_gpu)
        self.source = Images(setup.source, self.device)
        self.target = Images(setup.target, self.device)
        self.validation = Images(setup.validation, self.device)
        self.rows = torch.tensor(setup.rows, device=self.device)
        self.cols = torch.tensor(setup.cols, device=self.device)
        self.model = self._build()
        self.sgd = Sgd(
            self.model, lr=setup.lr, momentum=setup.momentum, weight_decay=setup.weight_decay
        )
        self.forward_images = 0
        self._known: dict[tuple[int, int], Float64[Tensor, "tiles n m classes"]] = {}

    def advance(self, segment: int, state: TrainState, coupling: Coupling) -> TrainState:
        """The state after SGD through one segment on pairs drawn from the block's coupling.

        Raises:
            NotFiniteError: if a weight became NaN or infinite.
        """
        setup = self.setup
        steps = segment_steps(segment, steps=setup.steps, segments=setup.segments)
        seed = derive_seed(setup.run_seed, "layers", setup.block, segment)
        with torch_threads(setup.threads), layers_seeded(seed, self.device):
            draws = self._draws(segment, steps, coupling)
            moved = self.sgd.run(
                state,
                len(steps),
                lambda n: self._batch(draws, n),
                lambda n: rate_factor(setup.schedule, steps[n], setup.steps),
            )
            self._check_finite(segment, moved.weights)
        return moved

    def measure(
        self,
        iteration: int,
        knots: tuple[int, int],
        start: TrainState,
        end: TrainState,
        coupling: Coupling,
    ) -> Measurement:
        """Lengths of the block's pairs between two knots, at the inputs of the first one.

        Args:
            iteration: names the trajectory that the states belong to.
            knots: (m, m + stride).
            start: state at the first knot.
            end: state at the second.
            coupling: masses of the block's pairs.
        """
        first, second = knots
        stride, tau = second - first, first / self.setup.segments
        with torch_threads(self.setup.threads), torch.inference_mode():
            mass = torch.tensor(coupling, device=self.device)
            log_p = self._log_probs_at_start(iteration, first, start.weights)
            log_q = self._pair_log_probs(end.weights, tau)
            squared = 2 * kl_divergence(log_p, log_q)
            lengths = squared.sqrt()
            loss = mixed_cross_entropy(log_p, self._source_labels, self._target_labels, tau)
            return Measurement(
                lengths=lengths.cpu().numpy() if stride == 1 else None,
                first=_tile_sums(mass * lengths),
                second=_tile_sums(mass * squared),
                train_loss=_tile_sums(mass * loss),
                forward_images=mass.numel() * (2 if stride == 1 else 1),
            )

    def features(
        self, state: TrainState
    ) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]]:
        """What the head sees of the block's images, sources and targets, φ in eq. (14)."""
        with torch_threads(self.setup.threads), torch.inference_mode():
            phi = penultimate(self._load(state.weights))
            source, target = (
                self._in_batches(phi, images).double().cpu().numpy()
                for images in (self.source, self.target)
            )
            return source, target

    def evaluate(self, state: TrainState) -> Evaluation:
        """Accuracy and loss on the block's share of the target's validation images."""
        labels, device = self.validation.labels, device_name(self.device)
        if len(labels) == 0:
            return Evaluation(0, 0, 0.0, device)
        with torch_threads(self.setup.threads), torch.inference_mode():
            log_p = log_probs(self._in_batches(self._load(state.weights), self.validation))
            right = log_p.argmax(dim=1) == labels
            loss = -log_p.gather(1, labels[:, None]).sum()
            return Evaluation(len(labels), int(right.sum()), float(loss), device)

    def _check_finite(self, segment: int, weights: Weights) -> None:
        if not all(torch.isfinite(p).all() for p in weights.parameters.values()):
            raise NotFiniteError(
                f"block {self.setup.block}, segment {segment}: the weights became NaN or infinite; "
                f"lower trajectory.lr (it is {self.setup.lr:g})"
            )

    def _build(self) -> nn.Module:
        model = zoo.build(
            self.setup.model,
            in_channels=self.source.pixels.shape[1],
            n_classes=self.setup.n_classes,
            seed=0,
        )
        return model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _load(self, weights: Weights) -> nn.Module:
        weights.load_into(self.model)
        return self.model.eval()

    def _draws(self, segment: int, steps: range, coupling: Coupling) -> _Draws:
        """Pairs, coefficients and shifts of a segment; their uniforms do not depend on Γ."""
        setup = self.setup
        stream = generator(setup.run_seed, "draws", setup.block, segment)
        shape = (2, len(steps), setup.batch_size)
        uniforms = torch.rand(shape, dtype=torch.float64, generator=stream)
        pairs = draw_pairs(torch.tensor(coupling).flatten(), uniforms[0])
        tau = step_times(steps, total=setup.steps)[:, None].expand_as(uniforms[1])
        shifts = None
        if setup.augment == "crop-flip":
            stream = generator(setup.run_seed, "augment", setup.block, segment)
            shape = (len(steps), 3, setup.batch_size)
            shifts = torch.rand(shape, dtype=torch.float64, generator=stream)
        return _Draws(pairs, mixing_coefficients(setup.mixing, tau, uniforms[1]), shifts)

    def _batch(self, draws: _Draws, step: int) -> Batch:
        """The mixed images of one step."""
        n, m = self.rows.shape[1], self.cols.shape[1]
        pairs, t = draws.pairs[step].to(self.device), draws.t[step].float().to(self.device)
        tile, row, col = pairs // (n * m), pairs // m % n, pairs % m
        i, j = self.rows[tile, row], self.cols[tile, col]
        mixed = mix(self.source.pixels[i], self.target.pixels[j], t[:, None, None, None])
        if draws.shifts is not None:
            mixed = crop_and_flip(mixed, draws.shifts[step])
        return Batch(
            mixed.contiguous(memory_format=torch.channels_last),
            self.source.labels[i],
            self.target.labels[j],
            t,
        )

    @property
    def _source_labels(self) -> Int64[Tensor, "tiles n m"]:
        return self.source.labels[self.rows][:, :, None].expand(-1, -1, self.cols.shape[1])

    @property
    def _target_labels(self) -> Int64[Tensor, "tiles n m"]:
        return self.target.labels[self.cols][:, None, :].expand(-1, self.rows.shape[1], -1)

    def _log_probs_at_start(
        self, iteration: int, knot: int, weights: Weights
    ) -> Float64[Tensor, "tiles n m classes"]:
        """Log p at (w_m, x_m), kept until no segment can start there any more."""
        reach = max(4, self.setup.segments // 10)
        self._known = {
            k: v for k, v in self._known.items() if k[0] == iteration and k[1] >= knot - reach
        }
        if (iteration, knot) not in self._known:
            tau = knot / self.setup.segments
            self._known[iteration, knot] = self._pair_log_probs(weights, tau)
        return self._known[iteration, knot]

    def _pair_log_probs(self, weights: Weights, tau: float) -> Float64[Tensor, "tiles n m classes"]:
        """Log p of every pair at x = (1 − τ) x_i + τ x'_j, in chunks of whole tiles."""
        model = self._load(weights)
        tiles = range(0, len(self.rows), self.setup.chunk)
        return torch.cat([self._chunk_log_probs(model, first, tau) for first in tiles])

    def _chunk_log_probs(
        self, model: nn.Module, first: int, tau: float
    ) -> Float64[Tensor, "tiles n m classes"]:
        rows = self.rows[first : first + self.setup.chunk]
        cols = self.cols[first : first + self.setup.chunk]
        source, target = self.source.pixels[rows][:, :, None], self.target.pixels[cols][:, None]
        mixed = mix(source, target, tau)
        self.forward_images += mixed.shape[:3].numel()
        inputs = mixed.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        return log_probs(model(inputs)).reshape(*mixed.shape[:3], -1)

    def _in_batches(
        self, function: Callable[[Tensor], Tensor], images: Images
    ) -> Float[Tensor, "n outputs"]:
        """A function of single images, in batches of the size that a chunk has."""
        self.forward_images += len(images.pixels)
        size = self.setup.chunk * self.rows.shape[1] * self.cols.shape[1]
        return images.in_batches(function, size)


def _tile_sums(values: Float64[Tensor, "tiles n m"]) -> Float64[np.ndarray, " tiles"]:
    """One sum a tile: the coordinator adds them up in an order that blocks do not change."""
    sums: Float64[np.ndarray, " tiles"] = values.sum(dim=(1, 2)).cpu().numpy()
    return sums
