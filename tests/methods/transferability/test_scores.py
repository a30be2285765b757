"""LEEP, N-LEEP, NCE, LogME, PED, H-score and GBC from tasks to the number."""

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
from raytd.methods.transferability import gbc, h_score, leep, logme, n_leep, nce, ped
from raytd.methods.transferability.evidence import logme as evidence_of
from raytd.methods.transferability.h_score import HScoreConfig
from raytd.methods.transferability.matrices import principal_components, with_share
from raytd.methods.transferability.mixture import fitted_mixture
from raytd.methods.transferability.predictions import leep as leep_of
from raytd.methods.transferability.repulsion import pushed_apart
from raytd.methods.transferability.separation import gbc as gbc_of
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task
from raytd.transfer.randomness import derive_seed
from tests.cases import for_each

METHODS = [
    (leep, leep.LEEPConfig()),
    (n_leep, n_leep.NLEEPConfig(components_per_class=1)),
    (nce, nce.NCEConfig()),
    (logme, logme.LogMEConfig()),
    (ped, ped.PEDConfig()),
    (h_score, HScoreConfig(shrinkage="ledoit-wolf")),
    (gbc, gbc.GBCConfig()),
]
each_method = for_each(("method", "config"), METHODS)


@each_method
def test_every_image_that_it_looks_at_goes_forward_once_and_larger_is_closer(
    method: ModuleType, config: Settings, uneven: Pair, context: Context
) -> None:
    score = method.run(uneven, config, context)
    assert np.isfinite(score.value)
    assert not method.METHOD.smaller_is_closer
    # PED looks at the 40 images of the source, too.
    assert (score.sgd_steps, score.forward_images) == (0, 90 if method is ped else 50)
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


def labelled(task: Task, labels: list[int]) -> Task:
    """As many of its training images, with other labels."""
    part = Part(task.train.images[: len(labels)], np.array(labels))
    return replace(task, classes=task.classes[: max(labels) + 1], train=part)


def test_n_leep_is_leep_of_the_mixture_of_the_leading_components(
    pair: Pair, context: Context
) -> None:
    model = SourceModel(pair, context)
    features, labels = model.features(pair.target), model.labels(pair.target)
    points = with_share(principal_components(features), 0.8)
    posteriors = fitted_mixture(
        points, n_components=10, covariance="full", threads=1,
        seed=derive_seed(pair.seed, "n-leep mixture", pair.target.digest),
    ).posteriors  # fmt: skip
    score = n_leep.run(pair, n_leep.NLEEPConfig(components_per_class=2), context)
    assert score.value == leep_of(source_probs=posteriors, target_labels=labels)
    assert score.figures["mixture_components"] == 10
    assert score.figures["principal_components"] == points.shape[1]
    assert score.columns()["warnings"] is None


def test_a_mixture_with_few_images_for_each_gaussian_is_said_to_mean_little(
    pair: Pair, context: Context
) -> None:
    few = replace(pair, target=labelled(pair.target, [0, 1, 2, 0, 1, 2]))
    score = n_leep.run(few, n_leep.NLEEPConfig(), context)
    assert score.figures["mixture_components"] == 6
    assert score.value == pytest.approx(0, abs=1e-4)
    assert "lower n_leep.components_per_class" in score.columns()["warnings"]
    # 30 images of five classes: three for each of ten Gaussians, and fewer for each of fifteen.
    for per_class, warns in ((2, False), (3, True)):
        config = n_leep.NLEEPConfig(components_per_class=per_class)
        assert bool(n_leep.run(pair, config, context).warnings) == warns


def test_gbc_is_that_of_the_first_components(pair: Pair, context: Context) -> None:
    model = SourceModel(pair, context)
    components = principal_components(model.features(pair.target))[:, :3]
    for variances in ("spherical", "diagonal"):
        score = gbc.run(pair, gbc.GBCConfig(components=3, variances=variances), context)
        overlap = gbc_of(
            features=components, target_labels=model.labels(pair.target), variances=variances
        )
        assert score.value == overlap.value < 0
        assert score.figures["principal_components"] == 3
        assert score.figures["compared_classes"] == 5


def test_gbc_keeps_no_more_components_than_images_allow(pair: Pair, context: Context) -> None:
    score = gbc.run(pair, gbc.GBCConfig(), context)
    # 30 images have 29 directions from their mean, and the source model may have less.
    assert 0 < score.figures["principal_components"] <= 29


def test_gbc_says_which_classes_have_no_variance_and_refuses_where_none_is_left(
    pair: Pair, context: Context
) -> None:
    some = replace(pair, target=labelled(pair.target, [0, 0, 1, 1, 1, 2]))
    score = gbc.run(some, gbc.GBCConfig(), context)
    assert score.figures["compared_classes"] == 2
    assert "1 of 3 classes of digits-high have a single" in score.columns()["warnings"]
    none = replace(pair, target=labelled(pair.target, [0, 0, 1, 2]))
    with pytest.raises(InputError, match="has 1 of them among 3 classes; take more training"):
        gbc.run(none, gbc.GBCConfig(), context)


def test_gbc_says_where_no_classes_overlap(
    pair: Pair, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def far_apart(model: SourceModel, task: Task) -> torch.Tensor:
        spread = torch.arange(len(task.train.labels)).double() / 1e4
        return torch.stack([model.labels(task).double(), spread], dim=1)

    monkeypatch.setattr(SourceModel, "features", far_apart)
    score = gbc.run(pair, gbc.GBCConfig(), context)
    assert score.value == 0
    assert "no two classes of digits-high overlap" in score.columns()["warnings"]


def test_ped_is_logme_where_no_classes_overlap_and_another_number_where_they_do(
    pair: Pair, context: Context
) -> None:
    still = logme.run(pair, logme.LogMEConfig(), context).value
    points = ped.run(pair, ped.PEDConfig(radius=1e-9), context)
    assert points.figures["repulsion_steps"] == 0
    assert points.value == pytest.approx(still, rel=1e-9)
    score = ped.run(pair, ped.PEDConfig(), context)
    assert score.figures["repulsion_steps"] == 6
    # Classes that are further apart leave less to noise.
    assert score.value > still


def test_ped_is_logme_of_the_moved_features_in_their_own_unit(pair: Pair, context: Context) -> None:
    model = SourceModel(pair, context)
    labels = model.labels(pair.target)
    unit = model.features(pair.source).std(dim=0, correction=0)
    unit = unit.clamp(min=1e-3 * float((unit**2).mean()) ** 0.5)
    moved = pushed_apart(
        features=model.features(pair.target) / unit, target_labels=labels,
        radius=0.3, time_step=0.5, most_steps=2, least_motion=0.0,
    )  # fmt: skip
    expected = evidence_of(features=moved.features * unit, target_labels=labels).value
    config = ped.PEDConfig(radius=0.3, time_step=0.5, most_steps=2, least_motion=0.0)
    assert ped.run(pair, config, context).value == pytest.approx(expected, rel=1e-9)
