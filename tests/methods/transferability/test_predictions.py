"""LEEP and NCE against loops and scikit-learn; nothing is swapped silently."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score
from torch import Tensor

from raytd.errors import InputError
from raytd.methods.transferability.predictions import leep, nce
from tests.cases import for_each


def drawn(seed: int, n: int, n_source: int, n_target: int) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn((n, n_source), dtype=torch.float64, generator=stream)
    return logits.softmax(dim=1), torch.randint(n_target, (n,), generator=stream)


CASES = given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6), st.integers(1, 6))


def looped_leep(theta: list[list[float]], labels: list[int]) -> float:
    n, n_source = len(theta), len(theta[0])
    total = 0.0
    for i in range(n):
        likelihood = 0.0
        for z in range(n_source):
            joint = sum(theta[k][z] for k in range(n) if labels[k] == labels[i])
            marginal = sum(theta[k][z] for k in range(n))
            likelihood += joint / marginal * theta[i][z]
        total += math.log(likelihood)
    return total / n


@CASES
@settings(max_examples=30, deadline=None)
def test_leep_is_that_of_explicit_loops(seed: int, n: int, n_source: int, n_target: int) -> None:
    probs, labels = drawn(seed, n, n_source, n_target)
    value = leep(source_probs=probs, target_labels=labels)
    expected = looped_leep(probs.tolist(), labels.tolist())
    # Sums of at most 40 numbers in float64.
    assert value == pytest.approx(expected, abs=1e-12)


@CASES
@settings(max_examples=30, deadline=None)
def test_nce_is_mutual_information_less_the_entropy_of_labels(
    seed: int, n: int, n_source: int, n_target: int
) -> None:
    probs, labels = drawn(seed, n, n_source, n_target)
    shared = mutual_info_score(probs.argmax(dim=1).numpy(), labels.numpy())
    expected = shared - entropy(np.bincount(labels.numpy()))
    assert nce(source_probs=probs, target_labels=labels) == pytest.approx(expected, abs=1e-12)


@CASES
@settings(max_examples=30, deadline=None)
def test_leep_is_at_most_zero_and_at_least_nce_less_the_doubt_of_the_predictions(
    seed: int, n: int, n_source: int, n_target: int
) -> None:
    probs, labels = drawn(seed, n, n_source, n_target)
    best = probs.argmax(dim=1)
    # Jensen, with P(y|z) of soft predictions in place of hard ones: Nguyen et al., section 4.
    soft = torch.stack([probs[labels == c].sum(dim=0) for c in range(n_target)]) / probs.sum(dim=0)
    bound = (soft[labels, best].log() + probs.amax(dim=1).log()).mean()
    value = leep(source_probs=probs, target_labels=labels)
    assert float(bound) - 1e-12 <= value <= 0


@for_each("score", [leep, nce])
def test_one_class_is_told_without_loss(score) -> None:
    probs, labels = drawn(0, 20, 4, 1)
    assert score(source_probs=probs, target_labels=labels) == pytest.approx(0, abs=1e-15)


@for_each("score", [leep, nce])
def test_predictions_that_are_all_alike_leave_the_entropy_of_the_labels(score) -> None:
    _, labels = drawn(1, 50, 4, 3)
    probs = torch.tensor([[0.1, 0.2, 0.7]]).repeat(50, 1)
    expected = -entropy(np.bincount(labels.numpy()))
    # Probabilities in float32 add up to 1 within 1e-7.
    value = score(source_probs=probs, target_labels=labels)
    assert value == pytest.approx(expected, abs=1e-6)


@for_each("score", [leep, nce])
def test_certain_and_right_predictions_score_zero(score) -> None:
    _, labels = drawn(2, 30, 3, 4)
    probs = torch.nn.functional.one_hot((labels + 1) % 4).double()
    assert score(source_probs=probs, target_labels=labels) == 0


@for_each("score", [leep, nce])
def test_source_classes_that_are_never_predicted_change_nothing(score) -> None:
    probs, labels = drawn(3, 30, 3, 4)
    padded = torch.cat([probs, torch.zeros(30, 2, dtype=torch.float64)], dim=1)
    value = score(source_probs=padded, target_labels=labels)
    assert value == pytest.approx(score(source_probs=probs, target_labels=labels), abs=1e-14)


def test_nce_of_labels_by_predictions_is_not_that_of_predictions_by_labels() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    predicted = torch.tensor([0, 0, 0, 0, 1, 1])
    scores = [
        nce(source_probs=torch.nn.functional.one_hot(z).double(), target_labels=y)
        for z, y in ((predicted, labels), (labels, predicted))
    ]
    assert scores == pytest.approx([-2 / 3 * math.log(2), 0.0], abs=1e-15)


PROBS, LABELS = drawn(4, 6, 3, 2)


@for_each("score", [leep, nce])
@for_each(
    ("probs", "labels", "message"),
    [
        (LABELS, PROBS, "source_probs is torch.int64 .*exchanged"),
        (LABELS[:, None].double(), LABELS, r"the sum of source_probs\[\d\] is 0"),
        (PROBS, PROBS, "target_labels is torch.float64 .*exchanged"),
        (PROBS.log(), LABELS, r"source_probs\[0, 0\] is -.* not negative"),
        (2 * PROBS, LABELS, r"the sum of source_probs\[0\] is 2; each image's"),
        (PROBS.T, LABELS, "target_labels has 6 labels for 3 images"),
        (PROBS * torch.nan, LABELS, r"source_probs\[0, 0\] is nan"),
        (PROBS, LABELS - 1, r"target_labels\[\d\] is -1; labels are indices"),
        (PROBS[:0], LABELS[:0], "one at least"),
    ],
)
def test_what_are_no_predictions_or_no_labels_is_refused(score, probs, labels, message) -> None:
    with pytest.raises(InputError, match=message):
        score(source_probs=probs, target_labels=labels)


@for_each("score", [leep, nce])
def test_predictions_and_labels_go_by_keyword_only(score) -> None:
    with pytest.raises(TypeError, match="positional"):
        score(PROBS, LABELS)
