"""From the moments of measured segments to the lengths of the path."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Moments:
    """Moments of one segment's lengths over the pairs: Σ Γ ds (radians) and Σ Γ ds²."""

    first: float
    second: float


@dataclass(frozen=True)
class Lengths:
    """Lengths of one trajectory, in radians.

    Attributes:
        distance: ⟨Γ, C⟩, eq. (1).
        fisher_rao_length: Σ_m sqrt(Σ Γ ds²), eq. (8); never below `distance`.
        noise_free_length: two-scale estimate at 1/20 and 1/10 of the path (1/10 and 1/5 where
            there are only 10 segments).
        noise_share: 1 − noise_free_length / fisher_rao_length.
        distance_half: `distance` measured at every second knot.
        distance_quarter: at every fourth; None where the number of segments does not allow it.
    """

    distance: float
    fisher_rao_length: float
    noise_free_length: float
    noise_share: float
    distance_half: float
    distance_quarter: float | None


def strides(segments: int) -> tuple[int, ...]:
    """Strides at which a path of that many segments is measured, in rising order."""
    fine = max(1, segments // 20)
    wanted = {1, 2, 4, fine, 2 * fine}
    return tuple(sorted(s for s in wanted if segments % s == 0))


def path_lengths(moments: Mapping[int, Sequence[Moments]], segments: int) -> Lengths:
    """All lengths of a path.

    Args:
        moments: for each stride s of `strides(segments)`, the moments of the segments from knot
            n s to knot (n + 1) s, in order.
        segments: M.
    """
    fine = max(1, segments // 20)
    fisher_rao = sum(math.sqrt(m.second) for m in moments[1])
    noise_free = two_scale_length(
        [m.second for m in moments[fine]], [m.second for m in moments[2 * fine]]
    )
    return Lengths(
        distance=_distance(moments[1]),
        fisher_rao_length=fisher_rao,
        noise_free_length=noise_free,
        noise_share=1 - noise_free / fisher_rao if fisher_rao > 0 else 0.0,
        distance_half=_distance(moments[2]),
        distance_quarter=_distance(moments[4]) if 4 in moments else None,
    )


def two_scale_length(fine: Sequence[float], coarse: Sequence[float]) -> float:
    """Length without additive noise, from mean squared lengths at two scales.

    A speed v over a step h with noise variance s gives S1 = v² h² + s, and over two steps
    S2 = 4 v² h² + s, so that one coarse segment is 2 v h = 2 sqrt((S2 − S1) / 3) long; where noise
    leaves S2 < S1 it counts as 0.

    Args:
        fine: squared lengths in order, two for each coarse one.
        coarse: squared lengths of twice the stride.
    """
    total = 0.0
    for index, s2 in enumerate(coarse):
        s1 = (fine[2 * index] + fine[2 * index + 1]) / 2
        total += 2 * math.sqrt(max(0.0, (s2 - s1) / 3))
    return total


def _distance(moments: Sequence[Moments]) -> float:
    return sum(m.first for m in moments)
