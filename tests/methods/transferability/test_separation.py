"""H-score against discriminant analysis, and its shrinkage against scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from raytd.errors import InputError
from raytd.methods.transferability.matrices import shrinkage
from raytd.methods.transferability.separation import h_score
from tests.cases import for_each


def drawn(seed: int, n: int, d: int, n_classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % n_classes
    centres = torch.randn((n_classes, d), dtype=torch.float64, generator=stream)
    return centres[labels] + torch.randn((n, d), dtype=torch.float64, generator=stream), labels


def class_means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.stack([features[labels == y].mean(axis=0) for y in labels])


def test_the_score_is_the_trace_of_the_explicit_covariances() -> None:
    features, labels = (v.numpy() for v in drawn(0, 60, 5, 4))
    between = np.cov(class_means(features, labels).T, bias=True)
    expected = np.trace(np.linalg.inv(np.cov(features.T, bias=True)) @ between)
    value = h_score(features=torch.tensor(features), target_labels=torch.tensor(labels))
    assert value == pytest.approx(expected, rel=1e-10)


def test_the_score_is_the_explained_variance_of_labels_by_linear_regression() -> None:
    # tr(S⁺ B) = Σ_y R² of the whitened indicators, the squared canonical correlations.
    features, labels = (v.numpy() for v in drawn(1, 50, 6, 3))
    whole = np.c_[np.ones(50), features]
    indicators = np.eye(3)[labels] / np.sqrt(np.bincount(labels))
    fitted = whole @ np.linalg.lstsq(whole, indicators, rcond=None)[0]
    expected = (fitted**2).sum() - 1  # the constant explains one dimension
    value = h_score(features=torch.tensor(features), target_labels=torch.tensor(labels))
    assert value == pytest.approx(expected, rel=1e-10)


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 12), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_the_score_lies_between_zero_and_the_classes_less_one(
    seed: int, n: int, d: int, n_classes: int
) -> None:
    features, labels = drawn(seed, n, d, n_classes)
    for shrink in ("none", "ledoit-wolf"):
        value = h_score(features=features, target_labels=labels, shrink=shrink)
        assert 0 <= value <= min(n_classes, n) - 1 + 1e-6


@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_the_shrinkage_is_scikit_learns(seed: int, n: int, d: int) -> None:
    features, _ = drawn(seed, n, d, 2)
    expected = LedoitWolf().fit(features.numpy()).shrinkage_
    found = shrinkage(features - features.mean(dim=0))
    assert found == pytest.approx(expected if d > 1 else 0.0, abs=1e-9)


def test_the_regularised_score_is_that_of_scikit_learns_covariance() -> None:
    features, labels = drawn(2, 20, 30, 3)
    fitted = LedoitWolf().fit(features.numpy())
    between = np.cov(class_means(features.numpy(), labels.numpy()).T, bias=True)
    expected = np.trace(np.linalg.inv(fitted.covariance_) @ between) * (1 - fitted.shrinkage_)
    value = h_score(features=features, target_labels=labels, shrink="ledoit-wolf")
    assert value == pytest.approx(expected, rel=1e-9)


def test_more_dimensions_than_images_reach_the_ceiling_and_shrinkage_does_not() -> None:
    features, labels = drawn(3, 20, 40, 4)
    noise = features[torch.randperm(20, generator=torch.Generator().manual_seed(1))]
    plain, shrunk = (
        h_score(features=noise, target_labels=labels, shrink=s) for s in ("none", "ledoit-wolf")
    )
    assert plain == pytest.approx(3, abs=1e-8)
    assert shrunk < 2


@for_each("shrink", ["none", "ledoit-wolf"])
def test_constant_features_score_zero(shrink) -> None:
    # 0.1 is no binary fraction: its mean differs from it by rounding, which is no variance.
    features = torch.full((30, 4), 0.1, dtype=torch.float64)
    assert h_score(features=features, target_labels=torch.arange(30) % 3, shrink=shrink) == 0


def test_one_class_scores_zero() -> None:
    features, _ = drawn(4, 30, 3, 2)
    value = h_score(features=features, target_labels=torch.zeros(30, dtype=torch.int64))
    assert value == pytest.approx(0, abs=1e-12)


def test_a_feature_that_is_a_sum_of_others_in_float32_changes_nothing() -> None:
    features, labels = drawn(5, 60, 4, 3)
    single = features.float()
    doubled = torch.cat([single, (single[:, :1] + single[:, 1:2]) / 3], dim=1)
    value = h_score(features=doubled, target_labels=labels)
    assert value == pytest.approx(h_score(features=single, target_labels=labels), rel=1e-4)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match=r"features\[0, 0\] is nan"):
        h_score(features=torch.full((2, 2), torch.nan), target_labels=torch.tensor([0, 1]))
