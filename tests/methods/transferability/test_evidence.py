"""LogME against the evidence of scipy's multivariate normal, maximised numerically."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from raytd.errors import InputError
from raytd.methods.transferability.evidence import logme
from tests.cases import for_each


def drawn(seed: int, n: int, d: int, n_classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features in which classes have different means."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % n_classes
    centres = 1.5 * torch.randn((n_classes, d), dtype=torch.float64, generator=stream)
    noise = torch.randn((n, d), dtype=torch.float64, generator=stream)
    return centres[labels] + noise, labels


def greatest_evidence(features: np.ndarray, y: np.ndarray) -> float:
    """Log N(y; 0, I/β + F Fᵀ/α) per image, greatest over α and β by a search without gradients."""

    def loss(logs: np.ndarray) -> float:
        alpha, beta = np.exp(logs)
        covariance = np.eye(len(y)) / beta + features @ features.T / alpha
        return -float(multivariate_normal.logpdf(y, cov=covariance)) / len(y)

    starts = ([0.0, 0.0], [3.0, 3.0], [6.0, 2.0])
    options = {"xatol": 1e-7, "fatol": 1e-13, "maxiter": 4000}
    found = [minimize(loss, s, method="Nelder-Mead", options=options).fun for s in starts]
    return -min(found)


@for_each(("n", "d", "n_classes"), [(30, 4, 2), (40, 12, 3), (20, 20, 2)])
def test_the_fixed_point_is_the_numerical_maximum_of_the_evidence(
    n: int, d: int, n_classes: int
) -> None:
    features, labels = drawn(n, n, d, n_classes)
    each = [greatest_evidence(features.numpy(), (labels == c).numpy()) for c in range(n_classes)]
    found = logme(features=features, target_labels=labels)
    assert found.converged
    assert not found.noiseless
    # A maximum is flat: a search to 1e-7 in the logarithms has it to 1e-12.
    assert found.value == pytest.approx(np.mean(each), abs=1e-8)


def test_the_evidence_does_not_see_the_scale_or_the_rotation_of_features() -> None:
    features, labels = drawn(0, 50, 6, 3)
    rotation = torch.linalg.qr(drawn(1, 6, 6, 1)[0]).Q
    values = [
        logme(features=f, target_labels=labels).value
        for f in (features, 1e4 * features, 1e-4 * features @ rotation)
    ]
    assert values[1:] == pytest.approx(2 * values[:1], rel=1e-9)


def test_features_that_separate_classes_have_more_evidence_than_noise() -> None:
    features, labels = drawn(0, 60, 5, 3)
    shuffled = features[torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    told = logme(features=features, target_labels=labels).value
    assert told > logme(features=shuffled, target_labels=labels).value + 0.1


def test_features_of_zeros_leave_white_noise() -> None:
    labels = torch.arange(40) % 4
    found = logme(features=torch.zeros(40, 3), target_labels=labels)
    # Each class is a quarter of the images: the mean square of its labels is 1/4.
    expected = -0.5 * (np.log(2 * np.pi / 4) + 1)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.converged


def test_features_at_right_angles_to_all_labels_leave_white_noise() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    features = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    found = logme(features=features, target_labels=labels)
    assert found.value == pytest.approx(-0.5 * (np.log(2 * np.pi / 2) + 1), abs=1e-12)


def test_constant_features_explain_the_mean_alone() -> None:
    labels = torch.arange(30) % 3
    features = torch.full((30, 2), 0.7, dtype=torch.float64)
    y = (labels == 0).numpy()
    expected = greatest_evidence(features.numpy(), y)
    assert logme(features=features, target_labels=labels).value == pytest.approx(expected, abs=1e-8)


def test_one_class_that_features_reproduce_is_said_to_be_noiseless_and_stays_finite() -> None:
    labels = torch.zeros(30, dtype=torch.int64)
    found = logme(features=torch.ones(30, 2), target_labels=labels)
    assert found.noiseless
    assert np.isfinite(found.value)


def test_classes_without_images_are_left_out() -> None:
    features, labels = drawn(0, 30, 4, 3)
    gap = logme(features=features, target_labels=labels * 2).value
    assert gap == logme(features=features, target_labels=labels).value


@for_each(
    ("features", "message"),
    [
        (torch.tensor([[1.0], [torch.nan]]), r"features\[1, 0\] is nan; features must be finite"),
        (torch.tensor([[1.0], [torch.inf]]), r"features\[1, 0\] is inf"),
        (torch.ones(2), r"features is torch.float32 of shape \(2,\)"),
        (torch.ones(2, 0), "not empty"),
        (torch.ones(3, 2), "target_labels has 2 labels for 3 images"),
    ],
)
def test_what_are_no_features_of_the_images_is_refused(features, message) -> None:
    with pytest.raises(InputError, match=message):
        logme(features=features, target_labels=torch.tensor([0, 1]))
