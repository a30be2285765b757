"""What a coordinator is asked to do, and what it reports of every iteration."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from raytd.engine.config import Sync, Watched
from raytd.models.features import FeatureCost
from raytd.transfer.distance_error import distance_error, image_error, noise_error
from raytd.transfer.lengths import Lengths, Moments
from raytd.transfer.settings import Averaging
from raytd.transfer.state import Weights
from raytd.transfer.validation import ValidationPairs
from raytd.transport.settings import Dealing, EpsilonUnit, Proximal, Support
from raytd.transport.tiles import Tiles

Pairs = Float64[np.ndarray, "tiles n m"]


@dataclass(frozen=True)
class CouplingSettings:
    """What of the settings of `coupled` says how the coupling is chosen and updated.

    A part of the plan, by which a checkpoint is known.
    """

    epsilon: float
    lam: float
    proximal: Proximal
    epsilon_unit: EpsilonUnit
    tolerance: float
    max_iterations: int
    support: Support
    tile_size: int
    features: str
    feature_cost: FeatureCost


@dataclass(frozen=True)
class Plan:
    """Everything the coordinator needs to run a trial.

    Attributes:
        tiles: the support of the coupling, as long as no others are dealt.
        tile_size: side of a tile.
        dealing: how the images are dealt into tiles.
        labels: output of each training image of source and target in the joint label space.
        n_blocks: blocks that the tiles are dealt into.
        validation: pairs of validation images on which p_τ is watched.
        n_classes: outputs of the joint label space.
        start: w^s with its head extended, where every trajectory starts.
        steps: SGD steps of one trajectory.
        segments: M.
        iterations: K, the greatest number of trajectories.
        sync: what the blocks do at a knot.
        averaging: what is measured at a knot.
        coupling: how Γ is updated; None keeps the independent coupling.
        tolerance: relative change of the watched length below which an iteration is the last.
        threads: torch threads of the coupling step.
        features: of the training images of source and target by an external φ; None asks the
            workers for those of the source model.
        watched: the length whose change from one iteration to the next is compared with it.
    """

    tiles: Tiles
    tile_size: int
    dealing: Dealing
    labels: tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " m"]]
    n_blocks: int
    validation: ValidationPairs
    n_classes: int
    start: Weights
    steps: int
    segments: int
    iterations: int
    sync: Sync
    averaging: Averaging
    coupling: CouplingSettings | None
    tolerance: float
    threads: int
    features: tuple[Float32[np.ndarray, "n d"], Float32[np.ndarray, "m d"]] | None = None
    watched: Watched = "distance"

    @property
    def needs_features(self) -> bool:
        """Whether the images go through the source model before anything is transported."""
        wanted = self.coupling is not None or self.dealing == "matched"
        return wanted and self.features is None


@dataclass(frozen=True)
class Knot:
    """What is known at one knot of a trajectory; None where it is not defined.

    All of it is of the weights that are measured there, see `raytd.transfer.averaging`, but for the
    tracking gap, which says how far the weights that move lag behind p_τ.

    Attributes:
        knot: m, from 0 to M.
        tau: m / M.
        segment_length: Fisher-Rao length in radians of the segment that ends here.
        segment_distance: Σ Γ ds of the same segment.
        train_loss: cross-entropy in nats on p_τ built from the training images, at the knot.
        val_loss: the same on p_τ built from the validation images; see `ValidationPairs`.
        generalisation_gap: val_loss − train_loss.
        tracking_gap: loss on p_τ of the weights that move, less what it is after a fiftieth of
            the path's steps more, τ standing still; the same whatever is averaged; at every fifth
            of the path of the last iteration.
        fisher_rao_norm: ‖w‖ of eq. (7), at the validation images of p_τ; None where the network has
            an operation without forward-mode derivative.
    """

    knot: int
    tau: float
    segment_length: float | None
    segment_distance: float | None
    train_loss: float
    val_loss: float
    generalisation_gap: float
    tracking_gap: float | None
    fisher_rao_norm: float | None


@dataclass(frozen=True)
class Solve:
    """How the coupling of an iteration came about.

    Attributes:
        converged: the Sinkhorn solve reached its tolerance; true for a given coupling.
        marginal_error: total variation between wanted and reached marginals.
        sinkhorn_iterations: iterations of the solve.
        effective_partners: exp of the row entropy, mean by mass.
        spread: of the costs that it was solved for: those of features, in their own unit, at k = 0,
            then radians; None for a given coupling.
        warning: what the user should know, or None.
        captured_mass: of a global coupling, what the tiles captured of it before projection.
        completion_r_squared: how well held-out measured costs are guessed.
    """

    converged: bool
    marginal_error: float
    sinkhorn_iterations: int
    effective_partners: float
    spread: float | None
    warning: str | None
    captured_mass: float | None = None
    completion_r_squared: float | None = None


@dataclass(frozen=True)
class Dealt:
    """A coupling with the tiles that carry it."""

    tiles: Tiles
    coupling: Pairs
    solve: Solve


@dataclass(frozen=True)
class Iteration:
    """One trajectory under Γ^k and what was measured along it.

    Attributes:
        iteration: k.
        last: whether no further one follows.
        averaging: of what was measured at its knots.
        tiles: that carried the coupling.
        lengths: of the path.
        moments: at each stride, those of its segments, see `raytd.transfer.lengths.starts`; all
            lengths follow from them.
        fisher_rao_norm_integral: ∫ ‖w‖ dτ, eq. (21).
        change: |length − the last one| / length, of the watched length; None at k = 0.
        solve: how Γ^k came about.
        target_accuracy: on the target's validation images, of the weights measured at τ = 1.
        target_loss: mean cross-entropy there, in nats.
        moving_accuracy: as target_accuracy, of the weights that SGD stands at.
        forward_images: images that went forward in measuring and evaluating.
        device: where the first block computed.
        knots: M + 1 of them.
        coupling: Γ^k on the tiles.
        cost: C^k on the tiles, in radians.
    """

    iteration: int
    last: bool
    averaging: Averaging
    tiles: Tiles
    lengths: Lengths
    moments: Mapping[int, tuple[Moments, ...]]
    fisher_rao_norm_integral: float | None
    change: float | None
    solve: Solve
    target_accuracy: float
    target_loss: float
    moving_accuracy: float
    forward_images: int
    device: str
    knots: tuple[Knot, ...]
    coupling: Pairs
    cost: Pairs

    def row(self) -> dict[str, Any]:
        """Its scalar figures by name."""
        solve = asdict(self.solve)
        return {
            "iteration": self.iteration,
            **asdict(self.lengths),
            "distance_error": self.distance_error,
            "fisher_rao_norm_integral": self.fisher_rao_norm_integral,
            "change": self.change,
            "target_accuracy": self.target_accuracy,
            "moving_accuracy": self.moving_accuracy,
            "target_loss": self.target_loss,
            "forward_images": self.forward_images,
            **{("coupling_converged" if n == "converged" else n): v for n, v in solve.items()},
        }

    def knot_rows(self) -> list[dict[str, Any]]:
        """The figures of each of its knots."""
        return [{"iteration": self.iteration, **asdict(knot)} for knot in self.knots]

    @property
    def distance_error(self) -> float | None:
        """Standard error of the distance from within this run, in radians; None of one image."""
        rows, cols = self.tiles.rows.numpy(), self.tiles.cols.numpy()
        shape = self.coupling.shape
        images = image_error(
            mass=self.coupling.ravel(),
            cost=self.cost.ravel(),
            source_index=np.broadcast_to(rows[:, :, None], shape).ravel(),
            target_index=np.broadcast_to(cols[:, None, :], shape).ravel(),
        )
        noise = noise_error(
            distance=self.lengths.distance,
            noise_share=self.lengths.noise_share,
            segments=len(self.knots) - 1,
            averaging=self.averaging,
        )
        return distance_error(images=images, noise=noise)
