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

    Where knots are averaged, see `raytd.transfer.averaging`, what noise is left is correlated over
    knots that share a window and does not add alike to both scales: of white noise under the
    default window, the two-scale length keeps .745. So `noise_share` is then the part of the rest.

    Attributes:
        distance: ⟨Γ, C⟩, eq. (1).
        fisher_rao_length: Σ_m sqrt(Σ Γ ds²), eq. (8); never below `distance`.
        noise_free_length: two-scale estimate at 1/20 and 1/10 of the path (1/10 and 1/5 where
            there are only 10 segments).
        noise_free_error: standard error of it that the noise of SGD leaves.
        pooled_length: the two-scale estimate with S2 − S1 pooled over the path before the root;
            noise alone, whose differences have both signs, cancels in it.
        noise_share: 1 − noise_free_length / fisher_rao_length.
        distance_20: `distance` measured at 20 knots, whatever M is; None where there are only 10.
        distance_10: at 10 knots.
    """

    distance: float
    fisher_rao_length: float
    noise_free_length: float
    noise_free_error: float
    pooled_length: float
    noise_share: float
    distance_20: float | None
    distance_10: float


def strides(segments: int) -> tuple[int, ...]:
    """Strides at which a path of that many segments is measured, in rising order.

    From each knot, and the two scales of the noise-free length. A third scale, 1/5 of the path,
    would remove noise that diffuses as well, but where knots are averaged what is left of the
    noise does not: it gave a quarter of the length of the two.
    """
    fine = _fine(segments)
    return tuple(sorted({1, fine, 2 * fine}))


def starts(stride: int, segments: int) -> range:
    """Knots from which a segment of that stride is measured: end to end over the path.

    Those of 1/10 of the path overlap by half, which lets the noise-free length use each of them
    twice.
    """
    step = _fine(segments) if stride == 2 * _fine(segments) else stride
    return range(0, segments - stride + 1, step)


def open_knots(knot: int, segments: int) -> set[int]:
    """Knots before `knot` from which a segment of some stride still has to end there or later."""
    return {
        start
        for stride in strides(segments)
        for start in range(max(0, knot - stride), knot)
        if start in starts(stride, segments)
    }


def path_lengths(moments: Mapping[int, Sequence[Moments]], segments: int) -> Lengths:
    """All lengths of a path.

    Args:
        moments: for each stride of `strides(segments)`, the moments of the segments from each
            knot of `starts(stride, segments)`, in order.
        segments: M.
    """
    fine = _fine(segments)
    joined = {s: m[::2] if s == 2 * fine else m for s, m in moments.items()}
    scales = [_squares(joined[fine * n]) for n in (1, 2)]
    pieces = noise_free_pieces(moments, segments)
    fisher_rao = sum(math.sqrt(m.second) for m in moments[1])
    noise_free = length_of_overlapping(pieces)
    return Lengths(
        distance=_distance(moments[1]),
        fisher_rao_length=fisher_rao,
        noise_free_length=noise_free,
        noise_free_error=roughness_error(pieces[::2]),
        pooled_length=pooled_two_scale_length(*scales),
        noise_share=1 - noise_free / fisher_rao if fisher_rao > 0 else 0.0,
        distance_20=None if segments < 20 else _distance(moments[fine]),
        distance_10=_distance(moments[1] if segments < 20 else joined[2 * fine]),
    )


def noise_free_pieces(moments: Mapping[int, Sequence[Moments]], segments: int) -> list[float]:
    """Lengths without noise of the tenths of a path (fifths of ten segments), each from two scales.

    They overlap by half; arguments as of `path_lengths`.
    """
    fine = _fine(segments)
    return two_scale_pieces(_squares(moments[fine]), _squares(moments[2 * fine]))


def two_scale_pieces(fine: Sequence[float], coarse: Sequence[float]) -> list[float]:
    """Lengths of overlapping coarse segments without additive noise, from two scales.

    A speed v over a step h with noise variance s gives S1 = v² h² + s, and over two steps
    S2 = 4 v² h² + s, so that one coarse segment is 2 v h = 2 sqrt((S2 − S1) / 3) long; where noise
    leaves S2 < S1 it counts as 0.

    Args:
        fine: mean squared lengths in order.
        coarse: mean squared lengths of twice the stride, one from the start of each fine segment
            but the last.
    """
    both = zip(coarse, fine, fine[1:], strict=False)
    return [2 * math.sqrt(max(0.0, (s2 - (s + t) / 2) / 3)) for s2, s, t in both]


def length_of_overlapping(pieces: Sequence[float]) -> float:
    """Length of a path from pieces of two steps each, one from every step but the last.

    The mean of the two ways to cover the path end to end; the way that begins at the second step
    takes half of the outer pieces for the steps that it misses.
    """
    return sum(pieces) / 2 + (pieces[0] + pieces[-1]) / 4


def length_up_to(pieces: Sequence[float], share: float) -> float:
    """The part of `length_of_overlapping` that belongs to the first `share` of the path.

    Each of the single steps gets the mean of the halves of the pieces that cover it; where the
    path is cut within a step, it is cut in proportion.

    Args:
        pieces: as there.
        share: from 0 to 1.
    """
    before, after = [pieces[0], *pieces], [*pieces, pieces[-1]]
    steps = [(b + a) / 4 for b, a in zip(before, after, strict=True)]
    return sum(min(1.0, max(0.0, share * len(steps) - n)) * each for n, each in enumerate(steps))


def pooled_two_scale_length(fine: Sequence[float], coarse: Sequence[float]) -> float:
    """The two-scale length of a path whose coarse segments are all alike: one root for all.

    Noise alone has S2 − S1 of both signs, and only their sum says whether anything moved.

    Args:
        fine: mean squared lengths in order, two for each coarse one.
        coarse: mean squared lengths of twice the stride, end to end.
    """
    mean = sum(coarse) / len(coarse) - sum(fine) / len(fine)
    return len(coarse) * 2 * math.sqrt(max(0.0, mean / 3))


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


def _squares(moments: Sequence[Moments]) -> list[float]:
    return [m.second for m in moments]


def _distance(moments: Sequence[Moments]) -> float:
    return sum(m.first for m in moments)
