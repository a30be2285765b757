import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raytd.errors import InputError
from raytd.simplex import (
    fisher_rao_distance,
    kl_divergence,
    log_probs,
    segment_length,
    vertex_distance,
)
from tests.cases import for_each

START, MIRRORED, ASKEW = [0.9, 0.05, 0.05], [0.05, 0.05, 0.9], [0.2, 0.3, 0.5]


def tensor(values: object) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def line_in_p(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    return ((1 - t) * start + t * end).log()


def line_in_logits(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    return log_probs((1 - t) * start.log() + t * end.log())


def great_circle(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Square roots of the probabilities move along a circle at constant speed."""
    p, q = start.sqrt(), end.sqrt()
    angle = torch.acos((p * q).sum())
    root = (torch.sin((1 - t) * angle) * p + torch.sin(t * angle) * q) / torch.sin(angle)
    return 2 * root.log()


Curve = Callable[[Tensor, Tensor, Tensor], Tensor]


def measured(curve: Curve, start: list[float], end: list[float], segments: int) -> float:
    t = torch.linspace(0, 1, segments + 1, dtype=torch.float64)[:, None]
    path = curve(tensor(start), tensor(end), t)
    return segment_length(path[:-1], path[1:]).sum().item()


def length_of_line_in_p(start: list[float], end: list[float]) -> float:
    """∫ sqrt(Σ (dp/dt)² / p) dt by quadrature."""
    p, q = np.array(start), np.array(end)
    return scipy.integrate.quad(
        lambda t: np.sqrt(((q - p) ** 2 / ((1 - t) * p + t * q)).sum()), 0, 1, epsabs=1e-12
    )[0]


def length_of_line_in_logits(start: list[float], end: list[float]) -> float:
    """∫ sqrt(Var_p(dz/dt)) dt by quadrature."""
    z, w = np.log(start), np.log(end)

    def speed(t: float) -> float:
        p = np.exp((1 - t) * z + t * w)
        p /= p.sum()
        return np.sqrt(p @ (w - z) ** 2 - (p @ (w - z)) ** 2)

    return scipy.integrate.quad(speed, 0, 1, epsabs=1e-12)[0]


def exact_kl(logits_p: list[float], logits_q: list[float]) -> Decimal:
    """KL of two softmaxes in 80 decimal digits."""
    with localcontext() as context:
        context.prec = 80
        p, q = ([Decimal(z) for z in logits] for logits in (logits_p, logits_q))
        norm_p, norm_q = (sum(z.exp() for z in logits).ln() for logits in (p, q))
        terms = ((a - norm_p).exp() * (a - norm_p - b + norm_q) for a, b in zip(p, q, strict=True))
        return sum(terms, Decimal(0))


def log_of_counts(counts: list[int]) -> Tensor:
    return (tensor(counts) / sum(counts)).log()


def pairs_of_lists(element: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(2, 12).flatmap(
        lambda n: st.tuples(*[st.lists(element, min_size=n, max_size=n)] * 2)
    )


ANY_LOGITS = pairs_of_lists(st.floats(-1e4, 1e4))
LOGITS = pairs_of_lists(st.floats(-300, 300))
"""No two probabilities farther apart than the range of float64."""
COUNTS = pairs_of_lists(st.integers(0, 50)).filter(lambda pair: sum(pair[0]) and sum(pair[1]))
"""Distributions with zeros."""


def test_geodesic_of_the_mirrored_pair_is_known() -> None:
    p, q = tensor(START).log(), tensor(MIRRORED).log()
    by_hand = 2 * math.acos(2 * math.sqrt(0.9 * 0.05) + 0.05)
    assert fisher_rao_distance(p, q).item() == pytest.approx(by_hand, rel=1e-14)
    assert by_hand == pytest.approx(2.15334, abs=5e-6)


@for_each(
    ("curve", "length"),
    [(great_circle, 2.15334), (line_in_p, 2.15958), (line_in_logits, 2.17414)],
)
def test_sums_over_fine_knots_give_the_known_lengths(curve: Curve, length: float) -> None:
    # 5e-6 is the rounding of the five decimals; 4,000 segments leave less than 1e-6.
    assert measured(curve, START, MIRRORED, 4000) == pytest.approx(length, abs=6e-6)


@for_each("end", [MIRRORED, ASKEW])
@for_each(
    ("curve", "quadrature"),
    [(line_in_p, length_of_line_in_p), (line_in_logits, length_of_line_in_logits)],
)
def test_sums_agree_with_quadrature(
    curve: Curve, quadrature: Callable[[list[float], list[float]], float], end: list[float]
) -> None:
    # The error falls at least like 1/N with a factor below 1.
    assert measured(curve, START, end, 20_000) == pytest.approx(quadrature(START, end), abs=5e-5)


@for_each(
    ("curve", "quadrature"),
    [(line_in_p, length_of_line_in_p), (line_in_logits, length_of_line_in_logits)],
)
@for_each(("end", "order"), [(MIRRORED, 2), (ASKEW, 1)])
def test_sums_converge_with_order_two_on_mirrored_paths_and_one_on_askew_ones(
    curve: Curve,
    quadrature: Callable[[list[float], list[float]], float],
    end: list[float],
    order: int,
) -> None:
    segments = np.array([100, 200, 400, 800])
    errors = [abs(measured(curve, START, end, n) - quadrature(START, end)) for n in segments]
    slope = np.polyfit(np.log(segments), np.log(errors), 1)[0]
    # The next order adds about 1/N of the error itself.
    assert slope == pytest.approx(-order, abs=0.02)


def float32_logits_on_a_great_circle(length: float, segments: int) -> Tensor:
    theta = torch.linspace(0, length / 2, segments + 1, dtype=torch.float64)[:, None]
    start = tensor([0.5, 0.3, 0.2]).sqrt()
    normal = torch.linalg.cross(start, tensor([0.6, 0.0, 0.8]))
    tangent = normal / torch.linalg.vector_norm(normal)
    return (2 * (theta.cos() * start + theta.sin() * tangent).abs().log()).float()


def test_ten_thousand_segments_of_float32_logits_keep_the_length_of_the_path() -> None:
    logits = float32_logits_on_a_great_circle(0.764, 10_000)
    # Rounding of float32 logits, about 1e-7, adds its square to segments of 7.6e-5.
    log_p = log_probs(logits)
    assert segment_length(log_p[:-1], log_p[1:]).sum().item() == pytest.approx(0.764, abs=1e-4)
    distances = fisher_rao_distance(log_p[:-1], log_p[1:])
    assert distances.sum().item() == pytest.approx(0.764, abs=1e-4)

    naive_p = torch.log_softmax(logits, dim=-1)
    naive_kl = (naive_p[:-1].exp() * (naive_p[:-1] - naive_p[1:])).sum(-1)
    naive = (2 * naive_kl.clamp(min=0)).sqrt().sum().item()
    assert naive > 1.0
    assert (naive_kl <= 0).double().mean().item() > 0.3


def test_the_chord_keeps_in_float32_what_the_arc_cosine_loses() -> None:
    """1,000 segments of a path of 0.6484, from probabilities in float32 throughout."""
    log_p = torch.log_softmax(float32_logits_on_a_great_circle(0.6484, 1000), dim=-1)
    distances = fisher_rao_distance(log_p[:-1], log_p[1:])
    assert distances.dtype == torch.float32
    # Segments of 6.5e-4 of numbers that are rounded to 6e-8.
    assert distances.double().sum().item() == pytest.approx(0.6484, abs=1e-4)
    angles = torch.acos((log_p[:-1] / 2 + log_p[1:] / 2).exp().sum(-1).clamp(max=1))
    assert 2 * angles.double().sum().item() < 0.6


@for_each("gap", [1e-3, 1e-6, 1e-9, 1e-12])
def test_short_segments_keep_their_length(gap: float) -> None:
    logits = [1.0, -2.0, 0.5]
    moved = [1.0 + gap, -2.0, 0.5 - gap]
    length = segment_length(log_probs(tensor(logits)), log_probs(tensor(moved))).item()
    # Log probabilities of size 1 are rounded to 1e-16; a few roundings add up.
    assert length == pytest.approx(float((2 * exact_kl(logits, moved)).sqrt()), abs=2e-15)


@settings(deadline=None)
@given(LOGITS)
def test_divergence_agrees_with_many_digits(pair: tuple[list[float], list[float]]) -> None:
    divergence = kl_divergence(*(log_probs(tensor(z)) for z in pair)).item()
    scale = max(abs(z) for logits in pair for z in logits)
    # Each log probability carries a relative rounding of 1e-16, so KL one of 1e-16 of the scale.
    assert divergence == pytest.approx(float(exact_kl(*pair)), rel=1e-13, abs=1e-14 * (1 + scale))


@settings(deadline=None)
@given(LOGITS)
def test_divergence_agrees_with_torch(pair: tuple[list[float], list[float]]) -> None:
    p, q = (torch.distributions.Categorical(logits=tensor(z)) for z in pair)
    scale = max(abs(z) for logits in pair for z in logits)
    torch.testing.assert_close(
        kl_divergence(*(log_probs(tensor(z)) for z in pair)),
        torch.distributions.kl_divergence(p, q),
        rtol=1e-13,
        atol=1e-14 * (1 + scale),  # torch subtracts logarithms of that size
    )


@settings(deadline=None)
@given(COUNTS)
def test_divergence_agrees_with_scipy_where_there_are_zeros(
    pair: tuple[list[int], list[int]],
) -> None:
    divergence = kl_divergence(*(log_of_counts(c) for c in pair)).numpy()
    # Terms of size one cancel; infinite where q lacks a class of p.
    np.testing.assert_allclose(divergence, scipy.stats.entropy(*pair), rtol=1e-13, atol=1e-14)


@for_each("gap", [710.0, 720.0, 744.0])
def test_divergence_is_finite_where_a_probability_is_subnormal(gap: float) -> None:
    log_p, log_q = log_probs(tensor([0.0, -gap])), log_probs(tensor([-gap, 0.0]))
    assert kl_divergence(log_p, log_q).item() == pytest.approx(gap, rel=1e-14)


@settings(deadline=None)
@given(COUNTS)
def test_zeros_give_neither_nan_nor_negative_lengths(pair: tuple[list[int], list[int]]) -> None:
    p, q = (log_of_counts(c) for c in pair)
    lacking = any(a > 0 and b == 0 for a, b in zip(*pair, strict=True))
    for length in (segment_length(p, q), segment_length(p, p), fisher_rao_distance(p, q)):
        assert length.item() >= 0
    assert math.isinf(segment_length(p, q).item()) == lacking


@settings(deadline=None)
@given(ANY_LOGITS)
def test_extreme_logits_give_neither_nan_nor_negative_lengths(
    pair: tuple[list[float], list[float]],
) -> None:
    p, q = (log_probs(tensor(z)) for z in pair)
    for length in (segment_length(p, q), segment_length(p, p), fisher_rao_distance(p, q)):
        assert length.item() >= 0


@settings(deadline=None)
@given(pairs_of_lists(st.floats(-50, 50)), st.floats(-12, 0))
def test_neighbours_give_neither_nan_nor_negative_lengths(
    pair: tuple[list[float], list[float]], exponent: float
) -> None:
    p = log_probs(tensor(pair[0]))
    q = log_probs(tensor(pair[0]) + 10**exponent * tensor(pair[1]))
    assert kl_divergence(p, q).item() >= 0
    assert segment_length(p, q).item() >= 0


@settings(deadline=None)
@given(COUNTS)
def test_only_equal_distributions_are_at_no_distance(pair: tuple[list[int], list[int]]) -> None:
    p, q = (log_of_counts(c) for c in pair)
    equal = [a * sum(pair[1]) for a in pair[0]] == [b * sum(pair[0]) for b in pair[1]]
    for measure in (segment_length, fisher_rao_distance):
        assert measure(p, p).item() == 0
        # Different counts of at most 600 differ by more than 1e-6; equal ones by rounding.
        assert (measure(p, q).item() < 1e-6) == equal


@settings(deadline=None)
@given(COUNTS)
def test_geodesic_is_symmetric(pair: tuple[list[int], list[int]]) -> None:
    p, q = (log_of_counts(c) for c in pair)
    assert fisher_rao_distance(p, q).item() == fisher_rao_distance(q, p).item()


@settings(deadline=None)
@given(pairs_of_lists(st.floats(-20, 20)), st.data())
def test_geodesic_obeys_the_triangle_inequality(
    pair: tuple[list[float], list[float]], data: st.DataObject
) -> None:
    n = len(pair[0])
    third = data.draw(st.lists(st.floats(-20, 20), min_size=n, max_size=n))
    p, q, r = (log_probs(tensor(z)) for z in (*pair, third))
    detour = fisher_rao_distance(p, r) + fisher_rao_distance(r, q)
    assert fisher_rao_distance(p, q).item() <= detour.item() + 1e-13  # rounding of three lengths


@settings(deadline=None)
@given(COUNTS)
def test_geodesic_is_twice_the_angle_between_the_roots(pair: tuple[list[int], list[int]]) -> None:
    p, q = (np.array(c) / sum(c) for c in pair)
    angle = 2 * np.arccos(min(1.0, np.sqrt(p * q).sum()))
    distance = fisher_rao_distance(*(log_of_counts(c) for c in pair)).item()
    # The arc cosine loses half of the digits where its argument is near 1.
    assert distance == pytest.approx(angle, abs=1e-7)


@settings(deadline=None)
@given(ANY_LOGITS)
def test_geodesic_is_never_above_pi(pair: tuple[list[float], list[float]]) -> None:
    distance = fisher_rao_distance(*(log_probs(tensor(z)) for z in pair)).item()
    assert distance <= math.pi + 1e-14  # the chord is a rounded sum of rounded probabilities


@for_each("n", [2, 3, 10, 100])
def test_distributions_without_common_classes_are_pi_apart(n: int) -> None:
    left = torch.arange(n) < n // 2
    p, q = (torch.where(mask, 0.0, -torch.inf).double() for mask in (left, ~left))
    p, q = p - p.logsumexp(0), q - q.logsumexp(0)
    assert fisher_rao_distance(p, q).item() == pytest.approx(math.pi, rel=1e-14)
    assert math.isinf(kl_divergence(p, q).item())


@settings(deadline=None)
@given(pairs_of_lists(st.floats(-20, 20)))
def test_divergence_is_at_least_what_the_angle_between_the_roots_asks(
    pair: tuple[list[float], list[float]],
) -> None:
    """KL >= −2 log Σ sqrt(p q), by Jensen, and Σ sqrt(p q) is the cosine of half the distance."""
    p, q = (log_probs(tensor(z)) for z in pair)
    cosine = torch.cos(fisher_rao_distance(p, q) / 2).item()
    affinity = torch.logsumexp((p + q) / 2, dim=-1).exp().item()
    assert cosine == pytest.approx(affinity, abs=1e-14)  # rounding of numbers up to 1
    assert kl_divergence(p, q).item() >= -2 * math.log(affinity) - 1e-13


@settings(deadline=None)
@given(ANY_LOGITS, st.floats(-1e4, 1e4))
def test_a_constant_added_to_all_logits_changes_nothing(
    pair: tuple[list[float], list[float]], constant: float
) -> None:
    logits = tensor(pair[0])
    # Adding rounds logits of 2e4 to about 4e-12.
    torch.testing.assert_close(log_probs(logits), log_probs(logits + constant), rtol=0, atol=2e-11)


@settings(deadline=None)
@given(ANY_LOGITS)
def test_probabilities_sum_to_one_in_float64(pair: tuple[list[float], list[float]]) -> None:
    log_p = log_probs(torch.tensor(pair, dtype=torch.float32))
    assert log_p.dtype == torch.float64
    assert bool((log_p <= 0).all())
    total = log_p.exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-14)


def test_batches_are_measured_row_by_row() -> None:
    logits = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(0))
    log_p, log_q = log_probs(logits[0]), log_probs(logits[1])
    for measure in (kl_divergence, segment_length, fisher_rao_distance):
        batched = measure(log_p, log_q)
        assert batched.shape == (4, 5)
        single = measure(log_p[2, 3], log_q[2, 3])
        # Reductions may run in another order.
        torch.testing.assert_close(batched[2, 3], single, rtol=1e-13, atol=0)


@settings(deadline=None)
@given(logits=st.lists(st.floats(-40, 40), min_size=2, max_size=6))
def test_the_distance_to_a_corner_is_that_to_a_certain_class(logits: list[float]) -> None:
    log_p = log_probs(tensor(logits))
    for c in range(len(logits)):
        corner = torch.full_like(log_p, -math.inf)
        corner[c] = 0
        expected = fisher_rao_distance(log_p, corner)
        # 4 asin(chord / 2) and 2 atan2 in float64; asin has slope 1/sqrt(eps) at the far end.
        torch.testing.assert_close(vertex_distance(log_p)[c], expected, rtol=1e-6, atol=1e-7)


def test_distances_to_a_corner_keep_their_digits_close_to_it() -> None:
    log_p = torch.log1p(tensor([-1e-12]))
    torch.testing.assert_close(vertex_distance(log_p), tensor([2e-6]), rtol=1e-4, atol=0)


@for_each("measure", [kl_divergence, segment_length, fisher_rao_distance])
@for_each("shape", [(4, 1), (3,), (4, 2)])
def test_distributions_over_other_classes_are_refused(
    measure: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match=r"log_p has shape \(4, 3\) and log_q"):
        measure(log_probs(torch.zeros(4, 3)), log_probs(torch.zeros(shape)))
