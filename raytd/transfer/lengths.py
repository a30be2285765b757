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
        noise_free_error: standard error of it that the noise of SGD leaves.
        noise_free_three_scale: the same from 1/20, 1/10 and 1/5, without noise that diffuses
            either; None where there are only 10 segments.
        pooled_length: the two-scale estimate with S2 − S1 pooled over the path before the root;
            noise alone, whose differences have both signs, cancels in it.
        noise_share: 1 − noise_free_length / fisher_rao_length.
        distance_half: `distance` measured at every second knot.
        distance_quarter: at every fourth; None where the number of segments does not allow it.
    """

    distance: float
    fisher_rao_length: float
    noise_free_length: float
    noise_free_error: float
    noise_free_three_scale: float | None
    pooled_length: float
    noise_share: float
    distance_half: float
    distance_quarter: float | None


def strides(segments: int) -> tuple[int, ...]:
    """Strides at which a path of that many segments is measured, in rising order."""
    fine = _fine(segments)
    wanted = {1, 2, 4, fine, 2 * fine, 4 * fine}
    return tuple(sorted(s for s in wanted if segments % s == 0))


def open_knots(knot: int, segments: int) -> set[int]:
    """Knots before `knot` from which a segment of some stride still has to end there or later."""
    found = strides(segments)
    return {
        start
        for start in range(max(0, knot - found[-1]), knot)
        if any(start % s == 0 and start + s >= knot for s in found)
    }


def path_lengths(moments: Mapping[int, Sequence[Moments]], segments: int) -> Lengths:
    """All lengths of a path.

    Args:
        moments: for each stride s of `strides(segments)`, the moments of the segments from knot
            n s to knot (n + 1) s, in order.
        segments: M.
    """
    scales = [_squares(moments.get(_fine(segments) * n)) for n in (1, 2, 4)]
    pieces = two_scale_pieces(scales[0], scales[1])
    fisher_rao = sum(math.sqrt(m.second) for m in moments[1])
    noise_free = sum(pieces)
    return Lengths(
        distance=_distance(moments[1]),
        fisher_rao_length=fisher_rao,
        noise_free_length=noise_free,
        noise_free_error=roughness_error(pieces),
        noise_free_three_scale=three_scale_length(*scales) if scales[2] else None,
        pooled_length=pooled_two_scale_length(scales[0], scales[1]),
        noise_share=1 - noise_free / fisher_rao if fisher_rao > 0 else 0.0,
        distance_half=_distance(moments[2]),
        distance_quarter=_distance(moments[4]) if 4 in moments else None,
    )


def two_scale_pieces(fine: Sequence[float], coarse: Sequence[float]) -> list[float]:
    """Lengths of the coarse segments without additive noise, from mean squares at two scales.

    A speed v over a step h with noise variance s gives S1 = v² h² + s, and over two steps
    S2 = 4 v² h² + s, so that one coarse segment is 2 v h = 2 sqrt((S2 − S1) / 3) long; where noise
    leaves S2 < S1 it counts as 0.

    Args:
        fine: squared lengths in order, two for each coarse one.
        coarse: squared lengths of twice the stride.
    """
    return [2 * math.sqrt(max(0.0, d / 3)) for d in _differences(fine, coarse)]


def pooled_two_scale_length(fine: Sequence[float], coarse: Sequence[float]) -> float:
    """The two-scale length of a path whose coarse segments are all alike: one root for all.

    Noise alone has S2 − S1 of both signs, and only their sum says whether anything moved.
    """
    mean = sum(_differences(fine, coarse)) / len(coarse)
    return len(coarse) * 2 * math.sqrt(max(0.0, mean / 3))


def three_scale_length(
    fine: Sequence[float], coarse: Sequence[float], coarser: Sequence[float]
) -> float:
    """Length without additive and without diffusing noise, from mean squares at three scales.

    With noise variance s + d n over n steps, S4 − 3 S2 + 2 S1 = 6 v² h²; one segment of four steps
    is 4 v h long.

    Args:
        fine: squared lengths in order, four for each of the coarsest.
        coarse: two for each.
        coarser: squared lengths of four times the stride.
    """
    total = 0.0
    for index, s4 in enumerate(coarser):
        s1 = sum(fine[4 * index : 4 * index + 4]) / 4
        s2 = sum(coarse[2 * index : 2 * index + 2]) / 2
        total += 4 * math.sqrt(max(0.0, (s4 - 3 * s2 + 2 * s1) / 6))
    return total


def roughness_error(pieces: Sequence[float]) -> float:
    """Standard error of a sum of pieces, from how much each departs from its two neighbours.

    For pieces that vary smoothly along the path but for independent noise of variance s,
    the second differences have mean square 6 s, and the sum has variance n s. Curvature of the
    path's own speed adds to it, so the figure is rather too large than too small.
    """
    n = len(pieces)
    if n < 3:
        return math.nan
    bends = [pieces[i - 1] - 2 * pieces[i] + pieces[i + 1] for i in range(1, n - 1)]
    return math.sqrt(n * sum(b * b for b in bends) / (6 * (n - 2)))


def _fine(segments: int) -> int:
    """Stride of the finest scale of the noise-free length: 1/20 of the path, or 1/10."""
    return max(1, segments // 20)


def _differences(fine: Sequence[float], coarse: Sequence[float]) -> list[float]:
    """S2 − S1 of every coarse segment, S1 being the mean of its two fine ones."""
    return [s2 - (fine[2 * i] + fine[2 * i + 1]) / 2 for i, s2 in enumerate(coarse)]


def _squares(moments: Sequence[Moments] | None) -> list[float]:
    return [m.second for m in moments or ()]


def _distance(moments: Sequence[Moments]) -> float:
    return sum(m.first for m in moments)
