"""The cache of features: computed once for each (task, φ), read back to the bit."""

from pathlib import Path

import pytest
import torch

from raytd.learning.features import FeatureCache, features_key
from raytd.tasks.task import Task
from tests.conftest import small_task


@pytest.fixture(scope="module")
def task() -> Task:
    return small_task("digits-low")


def test_features_are_those_of_the_training_images_in_their_order(task: Task) -> None:
    found = FeatureCache(None).get(task, "pixels")
    assert torch.equal(found, torch.tensor(task.train.images).flatten(1).float() / 255)


def test_features_are_computed_once_and_read_back_to_the_bit(task: Task, tmp_path: Path) -> None:
    one = FeatureCache(tmp_path).get(task, "pixels")
    path = tmp_path / f"features-{features_key(task, 'pixels')}.safetensors"
    before = path.stat().st_mtime_ns
    assert torch.equal(FeatureCache(tmp_path).get(task, "pixels"), one)
    assert path.stat().st_mtime_ns == before
    assert {p for p in tmp_path.iterdir() if p.suffix == ".safetensors"} == {path}


def test_the_key_knows_the_images_and_the_features(task: Task) -> None:
    renamed = Task("other", *(getattr(task, f) for f in list(vars(task))[1:6]))
    assert features_key(renamed, "pixels") == features_key(task, "pixels")
    assert features_key(small_task("digits-low", train=35), "pixels") != features_key(
        task, "pixels"
    )
    assert features_key(task, "torchvision:resnet18") != features_key(task, "pixels")


def test_a_damaged_file_is_named_and_made_again(
    task: Task, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"features-{features_key(task, 'pixels')}.safetensors"
    path.write_bytes(b"half of it")
    found = FeatureCache(tmp_path).get(task, "pixels")
    torch.testing.assert_close(found, FeatureCache(None).get(task, "pixels"), rtol=0, atol=0)
    assert f"{path.name}: cannot be read (" in caplog.messages[0]
