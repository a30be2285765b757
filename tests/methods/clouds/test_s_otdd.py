"""s-OTDD from tasks to the number, against the expectation of two single points and POT."""

import math
from dataclasses import replace

import numpy as np
import ot
import pytest
import torch
from scipy.stats import poisson

from raytd.engine.setup.context import Context, Pair
from raytd.methods.clouds.projections import Projections
from raytd.methods.clouds.s_otdd import AT_ONCE, SOTDDConfig, run
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task
from raytd.transfer.randomness import generator
from tests.cases import for_each

FEW = SOTDDConfig(projections=300, moments=3)


def pixels(task: Task) -> torch.Tensor:
    return torch.tensor(task.train.images).flatten(1).float().div(255).double()


def of_one_image(task: Task, image: np.ndarray) -> Task:
    part = Part(image[None], np.zeros(1, dtype=np.int64))
    return replace(task, classes=task.classes[:1], train=part)


def expected_square(v: np.ndarray, moments: int) -> float:
    """E W² between the image 0 and the image v, by moments of spheres and of Poisson laws.

    E ψ_i ψ_j = [i = j]/(k + 1), and E (θᵀv)^2n = |v|^2n Γ(d/2) Γ(n + 1/2) / (√π Γ(d/2 + n)).
    """
    d, length = len(v), float(np.linalg.norm(v))

    def power(n: int) -> float:
        logs = math.lgamma(d / 2) + math.lgamma(n + 0.5) - math.lgamma(d / 2 + n)
        return length ** (2 * n) * math.exp(logs) / math.sqrt(math.pi)

    total = power(1)
    for rate in range(1, moments + 1):
        for order in range(1, 40):
            law = poisson.pmf(order, rate) / (1 - poisson.pmf(0, rate))
            total += law * power(order) / math.factorial(order) ** 2
    return total / (moments + 1)


@for_each(("moments", "seed"), [(1, 0), (1, 1), (3, 0), (5, 2)])
def test_two_single_images_are_as_far_as_the_expectation(
    moments: int, seed: int, pair: Pair, context: Context
) -> None:
    image = pair.target.train.images[0]
    source = of_one_image(pair.source, np.zeros_like(image))
    target = of_one_image(pair.target, image)
    config = SOTDDConfig(projections=4000, moments=moments)
    score = run(replace(pair, source=source, target=target, seed=seed), config, context)
    expected = expected_square(image.ravel() / 255, moments) ** 0.5
    error = score.figures["projections_error"]
    # A normal law leaves three standard errors once in 370 draws; these are four fixed ones.
    assert abs(score.value - expected) < 3 * error
    assert error < 0.03 * expected


def test_the_value_is_pots_on_the_projections_of_the_run(uneven: Pair, context: Context) -> None:
    stream = generator(uneven.seed, "s-otdd projections")
    squares = []
    for n in (AT_ONCE, 50):
        lines = Projections.drawn(n, dimensions=64, moments=3, generator=stream)
        x, y = (
            lines.of(pixels(task), torch.tensor(task.train.labels)).numpy()
            for task in (uneven.source, uneven.target)
        )
        squares += [ot.emd2_1d(a, b, metric="sqeuclidean") for a, b in zip(x, y, strict=True)]
    score = run(uneven, FEW, context)
    assert score.value == pytest.approx(np.mean(squares) ** 0.5, rel=1e-9)
    error = np.std(squares, ddof=1) / 300**0.5 / (2 * score.value)
    assert score.figures["projections_error"] == pytest.approx(error, rel=1e-9)


def test_the_stated_error_is_the_scatter_over_seeds(pair: Pair, context: Context) -> None:
    scores = [run(replace(pair, seed=seed), FEW, context) for seed in range(40)]
    scatter = np.std([s.value for s in scores], ddof=1)
    stated = np.mean([s.figures["projections_error"] ** 2 for s in scores]) ** 0.5
    # A standard deviation of 40 draws is known to 11 %.
    assert scatter == pytest.approx(stated, rel=0.35)


@for_each("features", ["pixels", "source"])
def test_a_task_is_at_zero_from_itself_to_the_bit(
    features: str, itself: Pair, context: Context
) -> None:
    score = run(itself, SOTDDConfig(features=features, projections=20), context)
    assert (score.value, score.figures["projections_error"]) == (0, 0)


def test_the_order_of_images_and_the_numbers_of_classes_change_nothing(
    pair: Pair, context: Context
) -> None:
    order = np.random.default_rng(0).permutation(len(pair.target.train.labels))
    labels = (pair.target.train.labels[order] + 2) % 5
    shuffled = replace(pair.target, train=Part(pair.target.train.images[order], labels))
    found = run(replace(pair, target=shuffled), FEW, context).value
    assert found == pytest.approx(run(pair, FEW, context).value, rel=1e-12)


def test_labels_matter(pair: Pair, context: Context) -> None:
    swapped = replace(pair.source.train, labels=np.roll(pair.source.train.labels, 1))
    other = replace(pair, target=replace(pair.source, train=swapped))
    assert run(other, FEW, context).value > 0


def test_the_distance_of_pixels_is_symmetric_to_the_bit(uneven: Pair, context: Context) -> None:
    back = replace(uneven, source=uneven.target, target=uneven.source)
    assert run(uneven, FEW, context).value == run(back, FEW, context).value


def test_features_of_the_source_model_count_their_images(pair: Pair, context: Context) -> None:
    scores = [run(pair, with_features(name), context) for name in ("pixels", "source")]
    assert [s.forward_images for s in scores] == [0, 60]


def with_features(name: str) -> SOTDDConfig:
    return SOTDDConfig(features=name, projections=10)
