"""LEEP, NCE, LogME and H-score from tasks to the number."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from raytd.engine.config import PretrainConfig, Settings
from raytd.engine.setup.context import Context, Pair
from raytd.errors import InputError
from raytd.methods.source_model import SourceModel
from raytd.methods.transferability import h_score, leep, logme, nce
from raytd.methods.transferability.h_score import HScoreConfig
from raytd.tasks.datasets import Part
from tests.cases import for_each

METHODS = [
    (leep, leep.LEEPConfig()),
    (nce, nce.NCEConfig()),
    (logme, logme.LogMEConfig()),
    (h_score, HScoreConfig(shrinkage="ledoit-wolf")),
]
each_method = for_each(("method", "config"), METHODS)


@each_method
def test_every_target_image_goes_forward_once_and_larger_is_closer(
    method: ModuleType, config: Settings, uneven: Pair, context: Context
) -> None:
    score = method.run(uneven, config, context)
    assert np.isfinite(score.value)
    assert not method.METHOD.smaller_is_closer
    assert (score.sgd_steps, score.forward_images) == (0, 50)
    assert score.figures["target_classes"] == 10
    assert 0 < score.figures["source_accuracy"] <= 1


@each_method
def test_the_source_s_own_task_is_the_closest(
    method: ModuleType, config: Settings, pair: Pair, itself: Pair, context: Context
) -> None:
    # Long enough for the source model to know its own 30 images.
    trained = replace(context, pretrain=PretrainConfig(epochs=30, batch_size=10))
    assert method.run(itself, config, trained).value > method.run(pair, config, trained).value


@each_method
def test_a_run_again_gives_the_same_bits(
    method: ModuleType, config: Settings, pair: Pair, context: Context
) -> None:
    assert method.run(pair, config, context) == method.run(pair, config, context)


@each_method
def test_a_target_of_one_class_is_said_to_mean_nothing(
    method: ModuleType, config: Settings, pair: Pair, context: Context
) -> None:
    chosen = pair.target.train.labels == 0
    train = Part(pair.target.train.images[chosen], pair.target.train.labels[chosen])
    single = replace(pair.target, classes=pair.target.classes[:1], train=train)
    score = method.run(replace(pair, target=single), config, context)
    assert np.isfinite(score.value)
    assert "digits-high has one class" in score.columns()["warnings"]


@each_method
def test_a_target_of_another_shape_is_refused_in_one_line(
    method: ModuleType, config: Settings, pair: Pair, context: Context
) -> None:
    images = pair.target.train.images.repeat(3, axis=1)
    other = replace(pair.target, train=replace(pair.target.train, images=images))
    with pytest.raises(InputError, match=r"shape \(3, 8, 8\).*trained on \(1, 8, 8\)"):
        method.run(replace(pair, target=other), config, context)


@each_method
def test_a_source_below_the_stated_accuracy_is_flagged(
    method: ModuleType, config: Settings, pair: Pair, context: Context
) -> None:
    strict = replace(context, pretrain=PretrainConfig(epochs=4, batch_size=10, min_accuracy=1.0))
    assert "min_accuracy" in method.run(pair, config, strict).columns()["warnings"]


def test_nce_is_that_of_the_source_model_s_answers(pair: Pair, context: Context) -> None:
    model = SourceModel(pair, context)
    images = torch.tensor(pair.target.train.images).float() / 255
    pixels = (images - pair.target.mean[0]) / pair.target.std[0]
    with torch.no_grad():
        answers = model.network(pixels).argmax(dim=1).numpy()
    labels = pair.target.train.labels
    shares = np.bincount(labels) / len(labels)
    expected = mutual_info_score(answers, labels) + (shares * np.log(shares)).sum()
    found = nce.run(pair, nce.NCEConfig(), context).value
    assert found == pytest.approx(expected, abs=1e-12)


def test_features_of_the_source_model_are_what_its_head_turns_into_probabilities(
    pair: Pair, context: Context
) -> None:
    model = SourceModel(pair, context)
    features = model.features(pair.target)
    head = model.network.head
    with torch.no_grad():
        found = head(features.float()).softmax(dim=1)
    # Float32 sums of 64 products.
    torch.testing.assert_close(
        found.double(), model.probabilities(pair.target), rtol=1e-4, atol=1e-6
    )


def test_an_h_score_at_its_ceiling_says_so(pair: Pair, context: Context) -> None:
    # 30 images in 64 dimensions.
    score = h_score.run(pair, HScoreConfig(), context)
    assert "at its ceiling; set h_score.shrinkage" in score.columns()["warnings"]
