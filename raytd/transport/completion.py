"""The costs of pairs that nobody measured, guessed from those that somebody did.

The guess is a mean per pair of classes plus a linear term in the squared distance of the features,
beside a level for each source and each target. A coupling does not see the levels, but it sees
measured and guessed costs side by side: without the levels, whatever a hard source has measured
would look worse than everything that it has not.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.measured import MeasuredCosts
from raytd.transport.pairs import PairFunction, PairSpace, check_index

SWEEPS = 20  # of backfitting levels and class means
SHRINKAGE = 1.0  # measurements of 0 that every level and class mean is averaged with
HELD_OUT = 5  # one measured pair in so many is held out to judge the guess


@dataclass(frozen=True, eq=False)
class Completion:
    """Costs of all pairs, and how good the guessed ones are.

    Attributes:
        cost: measured costs where there are some, guesses elsewhere, in radians.
        r_squared: share of the variance of held-out measured costs that the guess explains.
    """

    cost: PairFunction
    r_squared: float


def complete(measured: MeasuredCosts, space: PairSpace) -> Completion:
    """The costs of all pairs, from measured ones.

    Raises:
        InputError: if fewer than two pairs were measured, or pairs that are not in the space.
    """
    n, m = space.shape
    if measured.n_target != m:
        raise InputError(f"measured costs are of {measured.n_target} targets and the space of {m}")
    check_index("measured pairs", measured.index, n * m)
    if len(measured.index) < 2:
        raise InputError(f"{len(measured.index)} measured pairs; completion needs at least 2")
    held_out = _scattered(measured.index) % HELD_OUT == 0
    held_out[0], held_out[1] = True, False
    guess = _fit(measured, space, ~held_out)
    index, truth = measured.index[held_out], measured.cost[held_out]
    error = truth - guess.smooth_at(index)
    smooth = _fit(measured, space, torch.ones_like(held_out))
    exceptions = measured.cost - smooth.smooth_at(measured.index)
    return Completion(
        cost=replace(smooth, index=measured.index, exceptions=exceptions),
        r_squared=_r_squared(error, truth - truth.mean()),
    )


def _scattered(index: Int64[Tensor, " p"]) -> Int64[Tensor, " p"]:
    """Numbers that look random beside the pairs' rows and columns, always the same ones."""
    mixed = (index + 1) * 2654435761 % 2**32
    mixed = (mixed ^ (mixed >> 15)) * 1274126177 % 2**32
    return mixed ^ (mixed >> 16)


def _fit(measured: MeasuredCosts, space: PairSpace, kept: Bool[Tensor, " p"]) -> PairFunction:
    """Least squares on the kept measurements, with shrunken levels and class means.

    The slope is that of the cost on the distance once both are rid of levels and class means. It
    is never negative, or a chance correlation would send mass to the pairs farthest away.
    """
    (n, m), (k, l) = space.shape, space.n_classes  # noqa: E741
    index, cost = measured.index[kept], measured.cost[kept]
    i, j = index // m, index % m
    groups = [(i, n), (j, m), (space.source_classes[i] * l + space.target_classes[j], k * l)]
    distance = space.squared_distances_at(index)
    costs, cost_effects = _backfit(cost - cost.mean(), groups)
    distances, distance_effects = _backfit(distance - distance.mean(), groups)
    slope = 0.0
    if float(distances @ distances) > 0:
        slope = max(0.0, float(costs @ distances) / float(distances @ distances))
    f, g, cells = (c - slope * d for c, d in zip(cost_effects, distance_effects, strict=True))
    table = torch.full((k, l), float(cost.mean() - slope * distance.mean()), dtype=torch.float64)
    table += cells.view(k, l)
    return replace(PairFunction.distances(space, slope), f=f, g=g, table=table)


def _backfit(
    values: Float[Tensor, " p"], groups: list[tuple[Tensor, int]]
) -> tuple[Float[Tensor, " p"], list[Tensor]]:
    """Residuals and effects of an additive model, each effect a shrunken mean per group member."""
    effects = [values.new_zeros(size) for _, size in groups]
    residuals = values
    for _ in range(SWEEPS):
        for k, (member, size) in enumerate(groups):
            residuals = residuals + effects[k][member]
            counts = torch.bincount(member, minlength=size) + SHRINKAGE
            effects[k] = torch.bincount(member, residuals, minlength=size) / counts
            residuals = residuals - effects[k][member]
    return residuals, effects


def _r_squared(error: Tensor, baseline: Tensor) -> float:
    """1 − mean square of the error over that of the baseline; 0 where nothing varies."""
    variance = float(baseline @ baseline)
    return 1 - float(error @ error) / variance if variance > 0 else 0.0
