"""Principal components against scikit-learn, and N-LEEP's mixture where it is known."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from raytd.methods.transferability.matrices import principal_components, with_share
from raytd.methods.transferability.mixture import LEAST_VARIANCE, Mixture, fitted_mixture
from raytd.methods.transferability.predictions import leep
from tests.cases import for_each


def drawn(seed: int, n: int, d: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    scales = torch.rand(d, dtype=torch.float64, generator=stream) + 0.1
    return scales * torch.randn((n, d), dtype=torch.float64, generator=stream) + 3


def clusters(n_each: int, *, apart: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Three round clouds in two dimensions, and which image is of which."""
    labels = torch.arange(3).repeat_interleave(n_each)
    centres = apart * torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    return centres[labels] + drawn(5, 3 * n_each, 2) - 3, labels


def fitted(
    points: torch.Tensor, n_components: int, *, covariance: str = "full", seed: int = 0
) -> Mixture:
    return fitted_mixture(
        points, n_components=n_components, covariance=covariance, seed=seed, threads=1
    )


@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 12), st.floats(0.05, 0.99))
@settings(max_examples=30, deadline=None)
def test_principal_components_are_scikit_learns_up_to_their_signs(
    seed: int, n: int, d: int, share: float
) -> None:
    features = drawn(seed, n, d)
    found = with_share(principal_components(features), share)
    pca = PCA(svd_solver="full").fit(features.numpy())
    sums = pca.explained_variance_ratio_.cumsum()
    n_kept = int(np.argmax(sums >= share)) + 1
    assert found.shape[1] == n_kept
    expected = pca.transform(features.numpy())[:, :n_kept]
    np.testing.assert_allclose(np.abs(found.numpy()), np.abs(expected), rtol=1e-6, atol=1e-8)


def test_all_of_the_variance_keeps_as_many_components_as_features_have_ranks() -> None:
    features = drawn(1, 20, 4)
    doubled = torch.cat([features, features[:, :1] + features[:, 1:2]], dim=1)
    assert with_share(principal_components(doubled), 1.0).shape == (20, 4)
    # Seven images span six directions from their mean.
    assert with_share(principal_components(drawn(2, 7, 30)), 1.0).shape == (7, 6)


@for_each("value", [0.0, 0.1, 1e5])
def test_constant_features_have_one_component_of_zeros(value: float) -> None:
    components = principal_components(torch.full((9, 4), value, dtype=torch.float64))
    assert torch.equal(components, torch.zeros(9, 1).double())
    assert torch.equal(with_share(components, 0.8), components)


def test_far_clusters_that_are_the_classes_are_found_and_score_zero() -> None:
    points, labels = clusters(8, apart=200.0)
    found = fitted(points, 3)
    assert found.converged
    assert sorted(found.posteriors.argmax(dim=1).bincount().tolist()) == [8, 8, 8]
    assert leep(source_probs=found.posteriors, target_labels=labels) == pytest.approx(0, abs=1e-12)


def test_far_clusters_score_as_leep_does_of_whoever_knows_the_clusters() -> None:
    points, which = clusters(8, apart=200.0)
    labels = (torch.arange(24) % 5 == 0).long() + which // 2
    known = torch.nn.functional.one_hot(which).double()
    expected = leep(source_probs=known, target_labels=labels)
    assert expected < -0.3
    value = leep(source_probs=fitted(points, 3).posteriors, target_labels=labels)
    assert value == pytest.approx(expected, abs=1e-12)


def test_one_gaussian_for_all_images_leaves_the_entropy_of_the_labels() -> None:
    points, labels = clusters(6, apart=1.0)
    value = leep(source_probs=fitted(points, 1).posteriors, target_labels=labels)
    assert value == pytest.approx(-entropy(np.bincount(labels.numpy())), abs=1e-12)


def test_a_gaussian_for_each_image_reproduces_all_labels() -> None:
    points, labels = clusters(3, apart=1.0)
    value = leep(source_probs=fitted(points, 9).posteriors, target_labels=labels)
    assert value == pytest.approx(0, abs=1e-6)


@for_each("covariance", ["full", "diagonal"])
def test_posteriors_are_those_of_the_densities_of_the_moments_that_they_have(covariance) -> None:
    """A fixed point of expectation maximisation, written out."""
    points, _ = clusters(20, apart=6.0)
    found = fitted(points, 3, covariance=covariance).posteriors.numpy()
    scaled = points.numpy() / points.var(dim=0, correction=0).mean().sqrt().item()
    logs = np.empty_like(found)
    for z in range(3):
        weight = found[:, z] / found[:, z].sum()
        mean = weight @ scaled
        centred = scaled - mean
        second = (weight[:, None] * centred).T @ centred
        if covariance == "diagonal":
            second = np.diag(np.diag(second))
        second += LEAST_VARIANCE * np.eye(2)
        squares = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(second), centred)
        logs[:, z] = np.log(found[:, z].mean()) - squares / 2 - np.log(np.linalg.det(second)) / 2
    expected = np.exp(logs - logs.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    # Maximisation ends where a step raises the mean log likelihood by less than 1e-3.
    np.testing.assert_allclose(found, expected, atol=0.02)


@for_each("scale", [1e-6, 1e6])
def test_the_scale_of_the_points_does_not_matter(scale: float) -> None:
    points, _ = clusters(10, apart=3.0)
    expected = fitted(points, 4).posteriors
    torch.testing.assert_close(fitted(scale * points, 4).posteriors, expected, rtol=0, atol=1e-6)


def test_the_seed_alone_draws_the_beginning() -> None:
    points = drawn(3, 60, 4)
    first, again, other = (fitted(points, 12, seed=seed).posteriors for seed in (1, 1, 2**40 + 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_equal_images_are_one_component_and_warn_nobody() -> None:
    posteriors = fitted(torch.zeros(8, 1).double(), 4).posteriors
    assert torch.equal(posteriors, posteriors[:1].expand(8, 4))


def test_a_mixture_that_did_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = GaussianMixture.__init__

    def impatient(self, n_components, **settings):
        settled(self, n_components, **settings | {"max_iter": 1, "tol": 1e-12})

    monkeypatch.setattr(GaussianMixture, "__init__", impatient)
    assert not fitted(drawn(3, 60, 4), 5).converged
