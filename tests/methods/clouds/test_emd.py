"""EMD of class means, from tasks to the number."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import torch

from raytd.engine.setup.context import Context, Pair
from raytd.errors import InputError
from raytd.methods.clouds.emd import EMDConfig, class_means, run
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task
from tests.cases import for_each


def only(task: Task, *classes: int) -> Task:
    """The training images of some classes, which keep their numbers' order."""
    chosen = np.isin(task.train.labels, classes)
    labels = np.searchsorted(classes, task.train.labels[chosen])
    names = tuple(task.classes[c] for c in classes)
    return replace(task, classes=names, train=Part(task.train.images[chosen], labels))


def test_the_value_is_pots_on_the_class_means_of_pixels(uneven: Pair, context: Context) -> None:
    means, shares = [], []
    for task in (uneven.source, uneven.target):
        pixels = task.train.images.reshape(len(task.train.labels), -1) / 255
        classes = sorted(set(task.train.labels.tolist()))
        means.append(np.stack([pixels[task.train.labels == c].mean(0) for c in classes]))
        shares.append(np.bincount(task.train.labels) / len(pixels))
    expected = ot.emd2(shares[0], shares[1], ot.dist(*means, metric="euclidean"))
    score = run(uneven, EMDConfig(features="pixels"), context)
    # Pixels are float32.
    assert score.value == pytest.approx(expected, rel=1e-6)
    assert score.figures["similarity"] == pytest.approx(np.exp(-0.01 * expected))
    assert (score.smaller_is_closer, score.forward_images, score.sgd_steps) == (True, 0, 0)


@for_each("features", ["source", "pixels"])
def test_a_task_is_at_zero_from_itself(features: str, itself: Pair, context: Context) -> None:
    assert run(itself, EMDConfig(features=features), context).value == 0


def test_features_of_the_source_model_count_their_images(pair: Pair, context: Context) -> None:
    score = run(pair, EMDConfig(), context)
    assert score.forward_images == len(pair.source.train.labels) + len(pair.target.train.labels)
    assert score.value > 0


def test_two_tasks_of_one_class_are_as_far_as_their_means(pair: Pair, context: Context) -> None:
    source, target = only(pair.source, 0), only(pair.target, 1)
    single = replace(pair, source=source, target=target)
    means = [t.train.images.reshape(len(t.train.labels), -1).mean(0) for t in (source, target)]
    score = run(single, EMDConfig(features="pixels"), context)
    assert score.value == pytest.approx(np.linalg.norm(means[0] - means[1]) / 255, rel=1e-6)


def test_images_of_other_sizes_have_no_pixels_in_common(pair: Pair, context: Context) -> None:
    small = replace(pair.target.train, images=pair.target.train.images[:, :, :6, :6])
    other = replace(pair, target=replace(pair.target, train=small))
    with pytest.raises(InputError, match="64 of an image of digits-low and 36 of digits-high"):
        run(other, EMDConfig(features="pixels"), context)
    with pytest.raises(InputError, match=r"'digits-high' has images of shape \(1, 6, 6\)"):
        run(other, EMDConfig(), context)


def test_features_that_cannot_be_had_are_refused_in_the_settings() -> None:
    with pytest.raises(ValueError, match="did you mean 'pixels'"):
        EMDConfig(features="pixel")


def test_classes_without_images_have_no_mean() -> None:
    shares, means = class_means(torch.eye(3).double(), torch.tensor([0, 2, 2]))
    torch.testing.assert_close(shares, torch.tensor([1 / 3, 2 / 3]).double())
    torch.testing.assert_close(means, torch.tensor([[1, 0, 0], [0, 0.5, 0.5]]).double())
