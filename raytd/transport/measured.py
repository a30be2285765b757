"""The costs that were measured in any iteration of a trial, with their age."""

from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raytd.errors import InputError
from raytd.transport.solvers.problem import refuse
from raytd.transport.tiles import Tiles


@dataclass(frozen=True, eq=False)
class MeasuredCosts:
    """One cost for every pair that was ever measured, the newest.

    Memory grows with the pairs that were measured, 24 bytes each, and not with all pairs.

    Attributes:
        n_target: number of targets, m.
        index: the pairs, i · m + j, rising.
        cost: in radians.
        iteration: in which each was measured.
    """

    n_target: int
    index: Int64[Tensor, " p"]
    cost: Float[Tensor, " p"]
    iteration: Int64[Tensor, " p"]

    @classmethod
    def nothing(cls, n_target: int) -> Self:
        """No pair yet."""
        none = torch.zeros(0, dtype=torch.int64)
        return cls(n_target, none, none.double(), none)

    def remember(
        self, tiles: Tiles, cost: Float[Tensor, "tiles n m"], iteration: int
    ) -> "MeasuredCosts":
        """With the costs of the tiles, as measured in an iteration, in place of older ones.

        Raises:
            InputError: if the cost has another shape than the tiles or is not finite, or the tiles
                are of another number of targets.
        """
        if tiles.n_target != self.n_target:
            raise InputError(f"the tiles have {tiles.n_target} targets, not {self.n_target}")
        has_mass = tiles.has_mass
        if cost.shape != has_mass.shape:
            raise InputError(f"cost has shape {tuple(cost.shape)}, not {tuple(has_mass.shape)}")
        refuse("cost", cost, ~torch.isfinite(cost) & has_mass, "costs must be finite")
        new = tiles.pairs[has_mass]
        index = torch.cat([self.index, new])
        costs = torch.cat([self.cost, cost[has_mass].double()])
        iterations = torch.cat([self.iteration, torch.full_like(new, iteration)])
        index, order = index.sort(stable=True)  # the newest of equal ones comes last
        last = torch.ones(len(index), dtype=torch.bool)
        last[:-1] = index[1:] != index[:-1]
        order = order[last]
        return MeasuredCosts(self.n_target, index[last], costs[order], iterations[order])
