"""What is to be transported, where to, and at which cost."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from raytd.errors import InputError


@dataclass(frozen=True, eq=False)
class LinearProblem:
    """A transport problem on a dense matrix, or on a batch of equally shaped tiles.

    The problem is linear in the coupling: its value is the sum of cost times coupling over all
    couplings with row sums `a` and column sums `b`. Rows and columns of mass 0 are padding: their
    costs are never read and may hold anything.

    Attributes:
        cost: price of moving one unit of mass, finite wherever row and column both have mass.
        a: mass of the rows, non-negative.
        b: mass of the columns, non-negative, in each tile as much as the rows have.

    Raises:
        InputError: if a value is outside its domain; the message names the first one.
    """

    cost: Float[Tensor, "*tiles n m"]
    a: Float[Tensor, "*tiles n"]
    b: Float[Tensor, "*tiles m"]

    def __post_init__(self) -> None:
        _check_shapes(self.cost, self.a, self.b)
        for name, marginal in (("a", self.a), ("b", self.b)):
            refuse(name, marginal, ~torch.isfinite(marginal), "masses must be finite")
            refuse(name, marginal, marginal < 0, "masses must not be negative")
        _check_masses(self.a, self.b)
        bad = ~torch.isfinite(self.cost) & self.allowed
        refuse("cost", self.cost, bad, "costs must be finite where there is mass")

    @property
    def mass(self) -> Float[Tensor, "*tiles"]:
        """Mass of each tile."""
        return self.a.sum(-1)

    @property
    def allowed(self) -> Bool[Tensor, "*tiles n m"]:
        """Whether a pair may have mass: its row and its column have some."""
        return (self.a > 0).unsqueeze(-1) & (self.b > 0).unsqueeze(-2)

    @property
    def independent(self) -> Float[Tensor, "*tiles n m"]:
        """The coupling that ignores the cost, a bᵀ over the mass of each tile."""
        return independent_coupling(self.a, self.b)

    def with_cost(self, cost: Float[Tensor, "*tiles n m"]) -> "LinearProblem":
        """The same marginals at another cost."""
        return replace(self, cost=cost)


def independent_coupling(
    a: Float[Tensor, "*tiles n"], b: Float[Tensor, "*tiles m"]
) -> Float[Tensor, "*tiles n m"]:
    """The coupling of two marginals that know nothing of each other, a bᵀ / mass per tile.

    Raises:
        InputError: if a tile has no mass, or `a` and `b` differ in it.
    """
    _check_masses(a, b)
    return (a / a.sum(-1, keepdim=True)).unsqueeze(-1) * b.unsqueeze(-2)


def _check_shapes(cost: Tensor, a: Tensor, b: Tensor) -> None:
    if cost.ndim not in (2, 3):
        raise InputError(f"cost has shape {tuple(cost.shape)}; it must be (n, m) or (tiles, n, m)")
    if 0 in cost.shape:
        raise InputError(f"cost has shape {tuple(cost.shape)}; it must not be empty")
    for name, marginal, expected in (("a", a, cost.shape[:-1]), ("b", b, cost[..., 0, :].shape)):
        if marginal.shape != expected:
            raise InputError(
                f"{name} has shape {tuple(marginal.shape)}; a cost of shape {tuple(cost.shape)} "
                f"needs {tuple(expected)}"
            )
        check_same_kind(name, marginal, cost)
    if not cost.is_floating_point():
        raise InputError(f"cost is {cost.dtype}; it must be a floating-point tensor")


def check_same_kind(name: str, values: Tensor, cost: Tensor) -> None:
    """Refuse values that are not of the cost's type, or not where it is."""
    if values.dtype != cost.dtype or values.device != cost.device:
        raise InputError(
            f"{name} is {values.dtype} on {values.device} and cost is {cost.dtype} on "
            f"{cost.device}; convert one of them"
        )


def _check_masses(a: Tensor, b: Tensor) -> None:
    """The rows' mass is the columns', up to the rounding of their sums."""
    mass_a, mass_b = a.sum(-1), b.sum(-1)
    refuse("mass", mass_a, ~(mass_a > 0), "each problem needs mass")
    rounding = 4 * max(a.shape[-1], b.shape[-1]) ** 0.5 * torch.finfo(a.dtype).eps
    off = ~((mass_a - mass_b).abs() <= rounding * mass_a)
    if off.any():
        where = tuple(off.nonzero()[0].tolist())
        raise InputError(
            f"a{_place(where)} sums to {mass_a[where].item():.9g} and b{_place(where)} to "
            f"{mass_b[where].item():.9g}; both must have the same mass"
        )


def refuse(name: str, values: Tensor, bad: Tensor, rule: str) -> None:
    """Raise with the first offending index and value if there is one."""
    if bad.any():
        where = tuple(bad.nonzero()[0].tolist())
        raise InputError(f"{name}{_place(where)} is {values[where].item():.9g}; {rule}")


def _place(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""
