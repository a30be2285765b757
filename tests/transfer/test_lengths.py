import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.transfer.lengths import (
    Moments,
    length_of_overlapping,
    length_up_to,
    open_knots,
    path_lengths,
    pooled_two_scale_length,
    roughness_error,
    starts,
    strides,
    two_scale_pieces,
)
from tests.cases import for_each

SEGMENTS = [10, 20, 40, 60, 80, 100, 200]


def fine_stride(segments: int) -> int:
    return max(1, segments // 20)


def two_scale_length(fine: list[float], coarse: list[float]) -> float:
    """The estimate on coarse segments that do not overlap."""
    firsts, seconds = fine[::2], fine[1::2]
    pairs = zip(coarse, firsts, seconds, strict=True)
    return sum(two_scale_pieces([s, t], [s2])[0] for s2, s, t in pairs)


def moments_at(segments: int, *, length: float, noise: float) -> dict[int, list[Moments]]:
    """A straight path at constant speed, with noise of that variance in every segment."""
    return {
        stride: [
            Moments(
                math.sqrt((length * stride / segments) ** 2 + noise),
                (length * stride / segments) ** 2 + noise,
            )
        ]
        * len(starts(stride, segments))
        for stride in strides(segments)
    }


@for_each(
    ("segments", "expected"),
    [
        (10, (1, 2)),
        (20, (1, 2)),
        (40, (1, 2, 4)),
        (60, (1, 3, 6)),
        (80, (1, 4, 8)),
        (100, (1, 5, 10)),
    ],
)
def test_strides_are_known(segments: int, expected: tuple[int, ...]) -> None:
    assert strides(segments) == expected


@settings(deadline=None)
@given(segments=st.one_of(st.just(10), st.integers(1, 200).map(lambda n: 20 * n)))
def test_strides_divide_the_path_and_hold_every_scale_that_lengths_need(segments: int) -> None:
    found = strides(segments)
    assert list(found) == sorted(set(found))
    assert all(segments % stride == 0 for stride in found)
    assert {1, fine_stride(segments), 2 * fine_stride(segments)} == set(found)


@settings(deadline=None)
@given(length=st.floats(0.1, 20), noise=st.floats(0, 1), n=st.integers(1, 20))
def test_two_scales_give_the_length_of_a_constant_speed_whatever_the_noise(
    length: float, noise: float, n: int
) -> None:
    fine = [(length / (2 * n)) ** 2 + noise] * (2 * n)
    coarse = [(length / n) ** 2 + noise] * n
    # S2 − S1 cancels the noise, which was rounded to 1e-16 of it.
    lost = 1e-15 * (1 + noise / (length / n) ** 2)
    assert two_scale_length(fine, coarse) == pytest.approx(length, rel=10 * lost)


@settings(deadline=None)
@given(
    noise=st.floats(0, 100),
    n=st.integers(1, 20),
)
def test_two_scales_give_nothing_for_noise_alone(noise: float, n: int) -> None:
    assert two_scale_length([noise] * (2 * n), [noise] * n) == 0


def test_a_coarse_segment_below_its_fine_ones_counts_as_nothing() -> None:
    assert two_scale_length([1.0, 1.0, 1.0, 1.0], [0.5, 4.0]) == pytest.approx(2.0, rel=1e-15)


def test_each_coarse_segment_is_compared_with_its_own_two_fine_ones() -> None:
    # S2 − S1 is 6 − (1 + 5) / 2 = 3, then 20 − (4 + 12) / 2 = 12.
    found = two_scale_length([1.0, 5.0, 4.0, 12.0], [6.0, 20.0])
    assert found == pytest.approx(2 * 1 + 2 * 2, rel=1e-15)


def test_a_diffusing_noise_leaves_its_known_share() -> None:
    """A random walk has squared lengths S2 = 2 S1 = 2 s, of which sqrt(1/3) survives at S2."""
    s = 0.04
    walk = math.sqrt(4 * s / 3) * 10
    assert two_scale_length([s] * 20, [2 * s] * 10) == pytest.approx(walk, rel=1e-14)


@for_each("segments", SEGMENTS)
@for_each("noise", [0.0, 0.01])
def test_a_straight_path_has_its_known_lengths(segments: int, noise: float) -> None:
    length = 3.0
    found = path_lengths(moments_at(segments, length=length, noise=noise), segments)

    def raw(stride: int) -> float:
        return (segments // stride) * math.sqrt((length * stride / segments) ** 2 + noise)

    # Sums of up to 200 numbers.
    assert found.distance == pytest.approx(raw(1), rel=1e-13)
    assert found.fisher_rao_length == pytest.approx(raw(1), rel=1e-13)
    assert found.noise_free_length == pytest.approx(length, rel=1e-12)
    assert found.noise_share == pytest.approx(1 - length / raw(1), abs=1e-12)
    assert found.distance_10 == pytest.approx(raw(segments // 10), rel=1e-13)
    if segments == 10:
        assert found.distance_20 is None
    else:
        assert found.distance_20 == pytest.approx(raw(segments // 20), rel=1e-13)


def test_the_distance_adds_means_and_the_fisher_rao_length_roots_of_mean_squares() -> None:
    moments = {stride: [Moments(1.0, 4.0)] * len(starts(stride, 20)) for stride in strides(20)}
    found = path_lengths(moments, 20)
    assert (found.distance, found.distance_20, found.distance_10) == (20, 20, 10)
    assert found.fisher_rao_length == 40


@for_each("segments", SEGMENTS)
def test_only_the_scales_of_one_twentieth_and_one_tenth_enter_the_noise_free_length(
    segments: int,
) -> None:
    fine = fine_stride(segments)
    moments = moments_at(segments, length=2.0, noise=0.0)
    for stride in set(moments) - {fine, 2 * fine}:
        moments[stride] = [Moments(9.0, 81.0)] * len(starts(stride, segments))
    assert path_lengths(moments, segments).noise_free_length == pytest.approx(2.0, rel=1e-13)


def test_a_path_that_does_not_move_has_no_length_and_no_noise() -> None:
    found = path_lengths(moments_at(20, length=0.0, noise=0.0), 20)
    assert found.distance == found.fisher_rao_length == found.noise_free_length == 0
    assert found.noise_share == 0


def test_pure_noise_is_all_noise() -> None:
    found = path_lengths(moments_at(20, length=0.0, noise=0.25), 20)
    assert found.distance == pytest.approx(10.0, rel=1e-14)
    assert found.noise_free_length == 0
    assert found.noise_share == 1


@settings(deadline=None)
@given(
    table=st.integers(1, 8).flatmap(
        lambda pairs: st.tuples(
            st.lists(st.integers(0, 9), min_size=pairs, max_size=pairs).filter(any),
            st.lists(
                st.lists(st.floats(0, 10), min_size=pairs, max_size=pairs),
                min_size=20,
                max_size=20,
            ),
        )
    )
)
def test_fisher_rao_length_is_never_below_the_distance(
    table: tuple[list[int], list[list[float]]],
) -> None:
    weights, rows = table
    mass, lengths = np.array(weights) / sum(weights), np.array(rows)
    fine = [Moments(float(mass @ row), float(mass @ row**2)) for row in lengths]
    moments = {stride: fine[: len(starts(stride, 20))] for stride in strides(20)}
    found = path_lengths(moments, 20)
    # Equal where all pairs are equally long, up to rounding; squares below 1e-300 are lost.
    assert found.fisher_rao_length >= found.distance * (1 - 1e-14) - 1e-150


@for_each("segments", SEGMENTS)
def test_open_knots_are_those_that_later_segments_start_from(segments: int) -> None:
    measured = {
        (start, start + stride)
        for stride in strides(segments)
        for start in starts(stride, segments)
    }
    for knot in range(1, segments + 1):
        assert open_knots(knot, segments) == {s for s, end in measured if s < knot <= end}
        assert len(open_knots(knot, segments)) <= len(strides(segments)) + 1


def test_pooling_removes_pure_noise_that_roots_of_pieces_keep() -> None:
    """Squared lengths of white noise in 400 dimensions, in a path that goes nowhere."""
    rng = np.random.default_rng(0)
    kept, pooled = [], []
    for _ in range(200):
        at = rng.normal(size=(21, 400))
        fine = [float(((at[i + 1] - at[i]) ** 2).sum()) for i in range(20)]
        coarse = [float(((at[i + 2] - at[i]) ** 2).sum()) for i in range(0, 20, 2)]
        raw = sum(math.sqrt(s) for s in coarse)
        kept.append(two_scale_length(fine, coarse) / raw)
        pooled.append(pooled_two_scale_length(fine, coarse) ** 2 / raw**2)
    # The design's range for what is left of white noise by max(0, ·) in each segment.
    assert 0.05 < np.mean(kept) < 0.23
    # S2 − S1 has mean zero: what is left is the positive half of its scatter over 10 segments.
    assert np.mean(pooled) < np.mean(kept) ** 2
    assert np.mean([p == 0 for p in pooled]) > 0.3


def test_the_error_of_the_noise_free_length_is_the_scatter_of_its_pieces() -> None:
    """Pieces on a straight line with independent noise: the sum scatters by σ √n."""
    rng = np.random.default_rng(1)
    pieces = np.linspace(0.2, 0.4, 10) + rng.normal(scale=0.03, size=(4000, 10))
    found = np.sqrt(np.mean([roughness_error(list(row)) ** 2 for row in pieces]))
    # 4,000 estimates with about 5 degrees of freedom each: 1 % of their root mean square.
    assert found == pytest.approx(0.03 * math.sqrt(10), rel=0.03)
    assert np.std(pieces.sum(axis=1)) == pytest.approx(found, rel=0.04)


def test_a_smooth_speed_has_no_error_and_two_pieces_have_none_that_is_known() -> None:
    assert roughness_error([1.0, 2.0, 3.0, 4.0]) == 0
    assert math.isnan(roughness_error([1.0, 2.0]))


@for_each("segments", SEGMENTS)
def test_segments_lie_end_to_end_and_those_of_a_tenth_overlap_by_half(segments: int) -> None:
    for stride in strides(segments):
        found = list(starts(stride, segments))
        step = fine_stride(segments) if stride == 2 * fine_stride(segments) else stride
        assert found == list(range(0, segments - stride + 1, step))
        assert found[-1] + stride == segments


@settings(deadline=None)
@given(steps=st.lists(st.floats(0.1, 9), min_size=2, max_size=20))
def test_overlapping_pieces_cover_the_path(steps: list[float]) -> None:
    """Steps of a path from 0: a piece is two steps long, an outer one counts for its own step."""
    pieces = [a + b for a, b in zip(steps, steps[1:], strict=False)]
    ends = (pieces[0] + pieces[-1]) / 2 - steps[0] - steps[-1]
    # The second way to cover the path guesses its two outer steps as half of the outer pieces.
    assert length_of_overlapping(pieces) == pytest.approx(sum(steps) + ends / 2, rel=1e-12)


def test_overlapping_pieces_scatter_less_than_those_that_do_not_overlap() -> None:
    """White noise at the knots of a straight path in 400 dimensions."""
    rng = np.random.default_rng(2)
    apart, overlapping = [], []
    for _ in range(300):
        at = rng.normal(size=(21, 400), scale=0.02) + np.linspace(0, 5, 21)[:, None] / 20
        fine = [float(((at[i + 1] - at[i]) ** 2).mean()) for i in range(20)]
        coarse = [float(((at[i + 2] - at[i]) ** 2).mean()) for i in range(19)]
        pieces = two_scale_pieces(fine, coarse)
        apart.append(sum(pieces[::2]))
        overlapping.append(length_of_overlapping(pieces))
    assert np.std(overlapping) < 0.9 * np.std(apart)
    assert np.mean(overlapping) == pytest.approx(np.mean(apart), rel=0.02)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_parts_of_a_path_of_overlapping_pieces_add_up(
    pieces: list[float], one: float, two: float
) -> None:
    whole = length_of_overlapping(pieces)
    # Sums in another order.
    assert length_up_to(pieces, 1.0) == pytest.approx(whole, rel=1e-9, abs=1e-12)
    assert length_up_to(pieces, 0.0) == 0
    first, last = min(one, two), max(one, two)
    assert length_up_to(pieces, first) <= length_up_to(pieces, last) + 1e-9


def test_a_path_of_even_speed_is_cut_in_proportion() -> None:
    for share in (0.1, 0.37, 0.5, 0.99):
        assert length_up_to([2.0] * 19, share) == pytest.approx(20 * share, rel=1e-12)
