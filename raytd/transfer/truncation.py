"""Where a path counts as arrived."""

from collections.abc import Sequence


def first_reach(values: Sequence[float], share: float) -> int:
    """Index of the first value that is at least `share` of the last one.

    Rounding does not count: 0.95 × 0.6 is reached by 57 of 100.
    """
    wanted = share * values[-1] - 1e-12
    return next(index for index, value in enumerate(values) if value >= wanted)
