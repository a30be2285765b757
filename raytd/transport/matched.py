"""Orders of two sets of examples in which close ones stand at the same place.

The two sets are halved together, again and again. Each time, the direction is sought in which the
two vary most alike, both sets are sorted along it, and both are cut at the same share of their
mass: the leading pair of singular vectors of x_i · y_j after centring, which is −½‖x_i − y_j‖² up
to terms of the row or the column alone. So the halves hold what is close under a squared Euclidean
cost, as eq. (14) has it, and every tile gets its exact share whatever the classes are.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

POWER_STEPS = 12  # of the block power method; only the order along the direction matters
POWER_WIDTH = 4  # vectors that it iterates together


def matched_orders(
    source: Float[Tensor, "n d"], target: Float[Tensor, "m d"], *, n_tiles: int
) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " m"]]:
    """Orders of sources and targets such that tiles cut from them hold what is close.

    Deterministic: the same features give the same orders. Memory is that of the features.

    Args:
        source: features of the sources.
        target: features of the targets, in the same space.
        n_tiles: tiles that the orders will be cut into.
    """
    everything = torch.arange(len(source)), torch.arange(len(target))
    return _halve(source, target, *everything, tiles=range(n_tiles), n_tiles=n_tiles)


def _halve(  # noqa: PLR0913
    source: Tensor, target: Tensor, rows: Tensor, cols: Tensor, *, tiles: range, n_tiles: int
) -> tuple[Tensor, Tensor]:
    """Orders of the examples that fall to some tiles: of the first half of them, then the rest."""
    if len(tiles) == 1 or min(len(rows), len(cols)) == 0:
        return rows, cols
    left, right = source[rows], target[cols]
    u, v = _leading_pair(left - left.mean(0), right - right.mean(0))
    rows, cols = rows[u.argsort(stable=True)], cols[v.argsort(stable=True)]
    half = len(tiles) // 2
    middle = tiles[half]
    i, j = (middle * len(x) // n_tiles - tiles[0] * len(x) // n_tiles for x in (source, target))
    halves = (
        _halve(source, target, rows[:i], cols[:j], tiles=tiles[:half], n_tiles=n_tiles),
        _halve(source, target, rows[i:], cols[j:], tiles=tiles[half:], n_tiles=n_tiles),
    )
    first, second = zip(*halves, strict=True)
    return torch.cat(first), torch.cat(second)


def _leading_pair(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Leading singular vectors of left @ right.T, roughly, by the block power method."""
    start = torch.arange(1, len(right) + 1).unsqueeze(-1) * torch.arange(1, POWER_WIDTH + 1)
    v = torch.cos(start.to(left))
    for _ in range(POWER_STEPS):
        u = torch.linalg.qr(left @ (right.mT @ v))[0]
        v = torch.linalg.qr(right @ (left.mT @ u))[0]
    small = (u.mT @ left) @ (right.mT @ v)
    a, _, b = torch.linalg.svd(small)
    return u @ a[:, 0], v @ b[0]
