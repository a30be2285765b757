"""The source cache: trained once, read back to the bit, never half there."""

import json
from pathlib import Path

import pytest
import torch

from raytd.engine.sources import NEW_OUTPUT_MASS, Recipe, SourceCache, source_key
from raytd.errors import NotFiniteError
from raytd.models import zoo
from raytd.models.heads import extend_head
from raytd.tasks.task import Task
from raytd.transfer.state import Weights
from tests.conftest import small_task

RECIPE = Recipe("cnn8-narrow", 12, 10, 0.05, 0.9, 5e-4, "cosine", seed=1)


@pytest.fixture(scope="module")
def task() -> Task:
    return small_task("digits-low")


def test_a_source_is_trained_once_and_read_back_to_the_bit(task: Task, tmp_path: Path) -> None:
    trained = SourceCache(tmp_path).get(task, RECIPE)
    files = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    read = SourceCache(tmp_path).get(task, RECIPE)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == files
    torch.testing.assert_close(vars(read.weights), vars(trained.weights), rtol=0, atol=0)
    assert (read.head, read.accuracy) == (trained.head, trained.accuracy)
    assert read.new_output_logit == trained.new_output_logit


def test_training_is_the_same_to_the_bit_each_time(task: Task) -> None:
    one, two = (SourceCache(None).get(task, RECIPE).weights for _ in range(2))
    torch.testing.assert_close(vars(one), vars(two), rtol=0, atol=0)


@pytest.mark.parametrize("change", [{"seed": 2}, {"lr": 0.1}, {"steps": 13}])
def test_another_recipe_has_another_key(task: Task, change: dict[str, float]) -> None:
    assert source_key(task, RECIPE) != source_key(task, Recipe(**{**vars(RECIPE), **change}))


def test_the_key_knows_the_images_and_not_the_name(task: Task) -> None:
    other = small_task("digits-low", train=35)
    renamed = Task("other", *(getattr(task, f) for f in list(vars(task))[1:6]))
    assert source_key(other, RECIPE) != source_key(task, RECIPE)
    assert source_key(renamed, RECIPE) == source_key(task, RECIPE)


def test_weights_without_a_description_do_not_count(task: Task, tmp_path: Path) -> None:
    key = source_key(task, RECIPE)
    (tmp_path / f"{key}.safetensors").write_bytes(b"half of it")
    cache = SourceCache(tmp_path)
    assert not cache.has(task, RECIPE)
    cache.get(task, RECIPE)
    assert (
        SourceCache(tmp_path).get(task, RECIPE).accuracy
        == json.loads((tmp_path / f"{key}.json").read_text())["accuracy"]
    )


def test_new_outputs_start_with_the_stated_mass_on_the_source(task: Task) -> None:
    source = SourceCache(None).get(task, RECIPE)
    parameters = extend_head(
        source.weights.parameters, head=source.head, n_classes=8, logit=source.new_output_logit
    )
    model = zoo.build("cnn8-narrow", in_channels=1, n_classes=8, seed=0)
    Weights(parameters, source.weights.buffers).load_into(model)
    pixels = torch.tensor(task.train.images).float() / 255
    images = (pixels - torch.tensor(task.mean)) / torch.tensor(task.std)
    with torch.inference_mode():
        mass = model.eval()(images).softmax(dim=1)[:, 5:].sum(dim=1).mean()
    torch.testing.assert_close(mass.item(), NEW_OUTPUT_MASS, rtol=1e-3, atol=0)


def test_training_that_diverges_says_so(task: Task) -> None:
    wild = Recipe(**{**vars(RECIPE), "lr": 1e30})
    with pytest.raises(NotFiniteError, match=r"source digits-low.*lower pretrain\.lr"):
        SourceCache(None).get(task, wild)
