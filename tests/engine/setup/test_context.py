"""From the settings of a trial to the recipes of its networks."""

from dataclasses import replace
from pathlib import Path

import pytest

from raytd.engine.config import PretrainConfig, TrajectoryConfig
from raytd.engine.setup.context import Pair, reference_recipe, source_recipe, source_warning
from raytd.learning.pretrain import Recipe
from raytd.learning.sources import Given
from raytd.transfer.settings import Descent

PAPER = PretrainConfig(
    epochs=600, batch_size=10, lr=0.1, schedule="step", milestones=(180, 360, 480), gamma=0.2
)
STOPPING = PretrainConfig(epochs=4, early_stop="loss", patience=2, augment="crop-flip")


def test_plain_settings_give_the_plain_recipe(pair: Pair) -> None:
    settings = PretrainConfig(epochs=4, batch_size=10)
    assert source_recipe(pair, settings) == Recipe(
        "cnn8-narrow", 12, Descent(batch_size=10, lr=0.05), "cosine", seed=3
    )


def test_milestones_count_epochs_of_the_source_and_shares_of_the_reference(pair: Pair) -> None:
    source = source_recipe(pair, PAPER)
    reference = reference_recipe(pair, PAPER, TrajectoryConfig(steps=100))
    assert isinstance(source, Recipe)
    assert (source.steps, source.drops, source.gamma) == (1800, (540, 1080, 1440), 0.2)
    assert (reference.steps, reference.drops, reference.gamma) == (100, (30, 60, 80), 0.2)


def test_the_reference_is_augmented_like_the_source_and_never_stops_early(pair: Pair) -> None:
    source = source_recipe(pair, STOPPING)
    reference = reference_recipe(pair, STOPPING, TrajectoryConfig(steps=100))
    assert isinstance(source, Recipe)
    assert (source.early_stop, source.patience, source.augment) == ("loss", 2, "crop-flip")
    assert (reference.early_stop, reference.augment) == ("none", "crop-flip")


def test_one_spelling_of_a_model_stands_in_a_recipe(pair: Pair) -> None:
    name = "torchvision:resnet18(zero_init_residual=True)"
    spelt = replace(pair, model="torchvision:resnet18( zero_init_residual = True)")
    recipes = [source_recipe(replace(pair, model=m), STOPPING) for m in (name, spelt.model)]
    assert recipes[0] == recipes[1]
    assert recipes[0].model == name


def test_a_pair_with_weights_trains_no_source(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(b"weights")
    given = source_recipe(replace(pair, weights=path), STOPPING)
    assert given == Given.of(path, model="cnn8-narrow", seed=3)


@pytest.mark.parametrize(
    ("wanted", "accuracy", "flagged"),
    [(None, 0.0, False), (0.9, 0.9, False), (0.9, 0.95, False), (0.9, 0.85, True)],
)
def test_a_source_below_the_stated_accuracy_is_flagged(
    pair: Pair, wanted: float | None, accuracy: float, flagged: bool
) -> None:
    warning = source_warning(pair, PretrainConfig(min_accuracy=wanted), accuracy)
    assert (warning is not None) == flagged


def test_the_flag_names_the_task_the_model_and_both_accuracies(pair: Pair) -> None:
    warning = source_warning(pair, PretrainConfig(min_accuracy=0.9), 0.85)
    assert warning is not None
    assert "\n" not in warning
    assert all(part in warning for part in ("digits-low", "cnn8-narrow", "0.850", "= 0.9;"))
