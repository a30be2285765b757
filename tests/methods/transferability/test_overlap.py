"""GBC against integrals of densities, loops over multivariate normals, and known distances."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from raytd.errors import InputError
from raytd.methods.transferability.separation import gbc
from tests.cases import for_each

each_law = for_each("variances", ["spherical", "diagonal"])


def drawn(seed: int, n: int, d: int, n_classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % n_classes
    centres = torch.randn((n_classes, d), dtype=torch.float64, generator=stream)
    scales = 0.5 + torch.rand((n_classes, d), dtype=torch.float64, generator=stream)
    noise = torch.randn((n, d), dtype=torch.float64, generator=stream)
    return centres[labels] + scales[labels] * noise, labels


def two_classes(first: list[float], second: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    features = torch.tensor([*first, *second], dtype=torch.float64)[:, None]
    return features, torch.tensor([0] * len(first) + [1] * len(second))


def looped(features: np.ndarray, labels: np.ndarray, *, spherical: bool) -> float:
    """The sum over ordered pairs, with matrices, determinants and inverses."""
    total = 0.0
    moments = []
    for c in np.unique(labels):
        own = features[labels == c]
        variances = own.var(axis=0)
        if spherical:
            variances = np.full_like(variances, variances.mean())
        moments.append((own.mean(axis=0), np.diag(variances)))
    for i, (m, s) in enumerate(moments):
        for j, (k, t) in enumerate(moments):
            if i != j:
                both = (s + t) / 2
                distance = (m - k) @ np.linalg.inv(both) @ (m - k) / 8
                dets = [np.linalg.det(v) for v in (both, s, t)]
                distance += math.log(dets[0] / math.sqrt(dets[1] * dets[2])) / 2
                total -= math.exp(-distance)
    return total


@given(
    st.integers(0, 10_000), st.integers(12, 40), st.integers(1, 6), st.integers(2, 4), st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_the_value_is_that_of_explicit_loops(
    seed: int, n: int, d: int, n_classes: int, spherical: bool
) -> None:
    features, labels = drawn(seed, n, d, n_classes)
    variances = "spherical" if spherical else "diagonal"
    found = gbc(features=features, target_labels=labels, variances=variances)
    expected = looped(features.numpy(), labels.numpy(), spherical=spherical)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert (found.n_compared, found.n_single) == (n_classes, 0)
    assert -n_classes * (n_classes - 1) <= found.value <= 0


@each_law
def test_two_gaussians_on_a_line_overlap_as_the_integral_of_their_densities(variances) -> None:
    # Means 0 and 3, deviations 1 and 2.
    features, labels = two_classes([-1.0, 1.0], [1.0, 5.0])
    found = gbc(features=features, target_labels=labels, variances=variances)
    overlap, _ = quad(lambda x: math.sqrt(norm.pdf(x, 0, 1) * norm.pdf(x, 3, 2)), -40, 40)
    assert found.value == pytest.approx(-2 * overlap, rel=1e-8)
    # The same in closed form: 9/8 / 2.5 + log(2.5/2)/2.
    assert found.value == pytest.approx(-2 * math.exp(-0.45 - math.log(1.25) / 2), rel=1e-12)


@each_law
def test_neither_the_scale_nor_the_place_of_the_features_matters(variances) -> None:
    features, labels = drawn(0, 40, 5, 3)
    values = [
        gbc(features=f, target_labels=labels, variances=variances).value
        for f in (features, 1e6 * features, 1e-6 * features, features + 100)
    ]
    assert values[1:] == pytest.approx(3 * values[:1], rel=1e-7)


def test_spherical_gaussians_do_not_see_a_rotation_and_diagonal_ones_do() -> None:
    features, labels = drawn(1, 40, 4, 3)
    rotated = features @ torch.linalg.qr(drawn(2, 4, 4, 1)[0]).Q
    for variances, same in (("spherical", True), ("diagonal", False)):
        first, second = (
            gbc(features=f, target_labels=labels, variances=variances).value
            for f in (features, rotated)
        )
        assert (first == pytest.approx(second, rel=1e-9)) == same


@each_law
def test_classes_far_apart_score_zero_and_equal_ones_the_least(variances) -> None:
    near, _ = drawn(3, 10, 4, 1)
    labels = torch.arange(3).repeat_interleave(10)
    apart = torch.cat([near, near + 1e4, near - 1e4])
    equal = torch.cat([near, near, near])
    told = gbc(features=apart, target_labels=labels, variances=variances).value
    assert (told, math.copysign(1, told)) == (0, 1)
    blurred = gbc(features=equal, target_labels=labels, variances=variances).value
    assert blurred == pytest.approx(-6, rel=1e-12)


@each_law
def test_constant_features_make_all_classes_equal(variances) -> None:
    # 0.1 is no binary fraction: the means of its copies differ by rounding.
    for value in (0.0, 0.1, 1e5):
        features = torch.full((12, 3), value, dtype=torch.float64)
        found = gbc(features=features, target_labels=torch.arange(12) % 3, variances=variances)
        assert found.value == pytest.approx(-6, rel=1e-6)


@each_law
def test_a_class_of_equal_images_is_apart_from_others_and_not_from_its_own_copy(variances) -> None:
    features, labels = two_classes([1.0, 1.0], [0.0, 2.0])
    assert gbc(features=features, target_labels=labels, variances=variances).value > -0.02
    same, labels = two_classes([1.0, 1.0, 0.0], [1.0, 1.0, 0.0])
    assert gbc(features=same, target_labels=labels).value == pytest.approx(-2, rel=1e-12)


@each_law
def test_a_class_with_one_image_is_left_out_and_counted(variances) -> None:
    features, labels = drawn(4, 20, 3, 2)
    more = torch.cat([features, torch.zeros(1, 3).double()])
    found = gbc(
        features=more, target_labels=torch.cat([labels, torch.tensor([4])]), variances=variances
    )
    assert (found.n_compared, found.n_single) == (2, 1)
    without = gbc(features=features, target_labels=labels, variances=variances)
    assert found.value == pytest.approx(without.value, rel=1e-9)


def test_one_class_has_nothing_to_overlap_with() -> None:
    found = gbc(features=torch.eye(3), target_labels=torch.zeros(3, dtype=torch.int64))
    assert (found.value, found.n_compared) == (0, 1)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match=r"features\[0, 0\] is nan"):
        gbc(features=torch.full((2, 2), torch.nan), target_labels=torch.tensor([0, 1]))
