"""The number that a method returns, with everything that judges it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raytd.engine.records import Iteration, Knot
from raytd.engine.setup.context import Context
from raytd.engine.setup.prepare import Prepared

if TYPE_CHECKING:
    import pyarrow as pa

ARRIVED = 0.9
"""Share of the reference accuracy at which a model counts as arrived."""


@dataclass(frozen=True)
class Coupling:
    """The coupling and the measured costs, a row for each pair of the support.

    Attributes:
        source_index: training image of the source.
        target_index: training image of the target.
        mass: Γ; sums to 1.
        cost: C in radians.
        measured: whether the cost was measured rather than completed.
    """

    source_index: np.ndarray
    target_index: np.ndarray
    mass: np.ndarray
    cost: np.ndarray
    measured: np.ndarray


@dataclass(frozen=True)
class DistanceResult:
    """A distance between two tasks for a network, with its error figures.

    Every attribute that is not below is the column of that name: `raytd columns` says what it is,
    and `raytd.rows.row.COMMON` the same to a program. Lengths are in radians.

    Attributes:
        label_matching: classes of the target that use an output of the source's, each with the
            class that it belongs to.
        iterations: every iteration, in order.
        coupling: Γ and C of the last one.
        warnings: what the user should know, in words.
    """

    distance: float
    distance_error: float | None
    fisher_rao_length: float
    noise_free_length: float
    noise_free_error: float
    noise_share: float
    self_distance: float | None
    distance_20: float | None
    distance_10: float
    label_part: float
    excess: float
    fisher_rao_norm_integral: float | None
    generalisation_gap: float
    tracking_gap: float
    lr: float
    coupling_converged: bool
    distance_converged: bool
    effective_partners: float
    source_accuracy: float
    target_accuracy: float
    moving_accuracy: float
    reference_accuracy: float
    arrived: bool
    sgd_steps: int
    forward_images: int
    parameters: int
    device: str
    label_matching: Mapping[str, str]
    iterations: tuple[Iteration, ...]
    coupling: Coupling
    warnings: tuple[str, ...]

    @property
    def value(self) -> float:
        """What the method returns: the distance, eq. (1)."""
        return self.distance

    @property
    def unit(self) -> str:
        """Of `value`."""
        return "rad"

    @property
    def smaller_is_closer(self) -> bool:
        """How to read it."""
        return True

    @property
    def knots(self) -> tuple[Knot, ...]:
        """The knots of the last iteration."""
        return self.iterations[-1].knots

    def tables(self) -> "dict[str, pa.Table]":
        """What stands beside its row, by the name of the file."""
        import pyarrow as pa

        knots = [row for iteration in self.iterations for row in iteration.knot_rows()]
        return {
            "iterations": pa.Table.from_pylist([i.row() for i in self.iterations]),
            "knots": pa.Table.from_pylist(knots),
            "coupling": pa.table({n: pa.array(v) for n, v in vars(self.coupling).items()}),
        }

    def columns(self) -> dict[str, Any]:
        """The scalar figures by name, as a row of a results table holds them."""
        left_out = {"iterations", "coupling", "warnings", "label_matching"}
        scalars = {n: v for n, v in vars(self).items() if n not in left_out}
        matching = ", ".join(f"{t} = {s}" for t, s in self.label_matching.items())
        return scalars | {
            "value": self.value,
            "iterations": len(self.iterations),
            "label_matching": matching or None,
            "warnings": "; ".join(self.warnings) or None,
        }


def run_prepared(prepared: Prepared, context: Context) -> DistanceResult:
    """Runs a prepared transfer and gathers its result."""
    iterations = []
    for iteration in context.launch(prepared.plan, prepared.cut):
        context.on_iteration(iteration)
        iterations.append(iteration)
    return _gather(prepared, tuple(iterations))


def _gather(prepared: Prepared, iterations: tuple[Iteration, ...]) -> DistanceResult:
    plan, last = prepared.plan, iterations[-1]
    lengths = asdict(last.lengths)
    pooled = lengths.pop("pooled_length")
    fixed = plan.coupling is None
    features = plan.tiles.n_source + plan.tiles.n_target if plan.needs_features else 0
    sources, targets = plan.labels
    coupling = _coupling(last)
    differ = sources[coupling.source_index] != targets[coupling.target_index]
    label_part = math.pi * float(coupling.mass[differ].sum())
    warnings = [*prepared.warnings, *(i.solve.warning for i in iterations if i.solve.warning)]
    return DistanceResult(
        **lengths,
        distance_error=last.distance_error,
        self_distance=pooled if prepared.pair.is_self else None,
        label_part=label_part,
        excess=last.lengths.distance - label_part,
        fisher_rao_norm_integral=last.fisher_rao_norm_integral,
        generalisation_gap=last.knots[-1].generalisation_gap,
        tracking_gap=_mean([k.tracking_gap for k in last.knots if k.tracking_gap is not None]),
        lr=prepared.lr,
        coupling_converged=all(i.solve.converged for i in iterations),
        distance_converged=fixed or (last.change is not None and last.change < plan.tolerance),
        effective_partners=last.solve.effective_partners,
        source_accuracy=prepared.source_accuracy,
        target_accuracy=last.target_accuracy,
        moving_accuracy=last.moving_accuracy,
        reference_accuracy=prepared.reference_accuracy,
        arrived=last.moving_accuracy >= ARRIVED * prepared.reference_accuracy,
        sgd_steps=plan.steps,
        forward_images=features + sum(i.forward_images for i in iterations),
        parameters=sum(p.numel() for p in plan.start.parameters.values()),
        device=last.device,
        label_matching=prepared.space.shared,
        iterations=iterations,
        coupling=coupling,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _coupling(last: Iteration) -> Coupling:
    """The pairs of the tiles without padding, tile by tile."""
    tiles = last.tiles
    real = tiles.has_mass.numpy()
    rows = np.broadcast_to(tiles.rows.numpy()[:, :, None], real.shape)
    cols = np.broadcast_to(tiles.cols.numpy()[:, None, :], real.shape)
    return Coupling(
        source_index=rows[real],
        target_index=cols[real],
        mass=last.coupling[real],
        cost=last.cost[real],
        measured=np.ones(int(real.sum()), dtype=bool),
    )
