"""The source cache: trained once, read back to the bit, never half there."""

import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest
import torch

from raytd.errors import InputError, NotFiniteError
from raytd.learning.pretrain import Recipe, on_device
from raytd.learning.sources import NEW_OUTPUT_MASS, Given, SourceCache, source_key
from raytd.models import zoo
from raytd.models.heads import extend_head
from raytd.storage.encoding import encode
from raytd.tasks.task import Task
from raytd.transfer.settings import Descent
from raytd.transfer.state import Weights
from tests.conftest import small_task

RECIPE = Recipe("cnn8-narrow", 12, Descent(batch_size=10, lr=0.05), "cosine", seed=1)


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


def test_the_digest_of_weights_is_that_of_their_numbers_wherever_they_lie(
    task: Task, tmp_path: Path
) -> None:
    origins = (RECIPE, replace(RECIPE, seed=2))
    in_memory, trained = SourceCache(None), SourceCache(tmp_path)
    found = [[cache.get(task, o).digest for o in origins] for cache in (in_memory, trained)]
    assert found[0] == found[1] == [SourceCache(tmp_path).get(task, o).digest for o in origins]
    assert len(set(found[0])) == 2


def test_only_what_was_asked_for_is_held(task: Task, tmp_path: Path) -> None:
    cache = SourceCache(tmp_path)
    assert cache.held(task, RECIPE) is None
    source = cache.get(task, RECIPE)
    assert cache.held(task, RECIPE) is source
    assert SourceCache(tmp_path).held(task, RECIPE) is None


def test_weights_are_read_in_one_order_so_that_checkpoints_know_their_trial(
    task: Task, tmp_path: Path
) -> None:
    SourceCache(tmp_path).get(task, RECIPE)
    reads = [SourceCache(tmp_path).get(task, RECIPE).weights for _ in range(5)]
    assert len({encode(weights) for weights in reads}) == 1


def test_training_is_the_same_to_the_bit_each_time(task: Task) -> None:
    one, two = (SourceCache(None).get(task, RECIPE).weights for _ in range(2))
    torch.testing.assert_close(vars(one), vars(two), rtol=0, atol=0)


def test_every_part_of_a_recipe_counts_in_the_key(task: Task) -> None:
    changes: list[dict[str, object]] = [
        {},
        {"seed": 2},
        {"descent": Descent(batch_size=10, lr=0.1)},
        {"descent": Descent(lr=0.05)},
        {"steps": 13},
        {"drops": (6,)},
        {"gamma": 0.2},
        {"augment": "crop-flip"},
        {"early_stop": "loss"},
        {"patience": 3},
        {"code": "0123456789abcdef"},
    ]
    keys = {source_key(task, replace(RECIPE, **change)) for change in changes}
    assert len(keys) == len(changes)


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
    wild = replace(RECIPE, descent=Descent(lr=1e30))
    with pytest.raises(NotFiniteError, match=r"source digits-low.*lower pretrain\.lr"):
        SourceCache(None).get(task, wild)


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        (".safetensors", lambda content: content[:1000]),
        (".json", lambda content: content[:-30]),
        (".json", lambda content: content.replace(b'"head"', b'"hood"')),
    ],
)
def test_a_damaged_source_is_named_and_made_again_to_the_same_bits(
    task: Task,
    tmp_path: Path,
    suffix: str,
    damage: Callable[[bytes], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = SourceCache(tmp_path).get(task, RECIPE)
    path = (tmp_path / source_key(task, RECIPE)).with_suffix(suffix)
    path.write_bytes(damage(path.read_bytes()))
    assert SourceCache(tmp_path).has(task, RECIPE) == (suffix == ".safetensors")
    assert SourceCache(tmp_path).get(task, RECIPE).digest == made.digest
    assert f"{path.stem}.json: cannot be read (" in caplog.messages[0]
    assert "is made again" in caplog.messages[-1]
    assert SourceCache(tmp_path).has(task, RECIPE)


def test_a_source_without_its_weights_is_missing(task: Task, tmp_path: Path) -> None:
    SourceCache(tmp_path).get(task, RECIPE)
    (tmp_path / source_key(task, RECIPE)).with_suffix(".safetensors").unlink()
    assert not SourceCache(tmp_path).has(task, RECIPE)


def test_the_present_probabilities_hardly_change_when_outputs_are_added(task: Task) -> None:
    source = SourceCache(None).get(task, RECIPE)
    before = zoo.build("cnn8-narrow", in_channels=1, n_classes=5, seed=0).eval()
    source.weights.load_into(before)
    parameters = extend_head(
        source.weights.parameters, head=source.head, n_classes=9, logit=source.new_output_logit
    )
    after = zoo.build("cnn8-narrow", in_channels=1, n_classes=9, seed=0).eval()
    Weights(parameters, source.weights.buffers).load_into(after)
    images = on_device(task, task.train, torch.device("cpu")).pixels
    with torch.inference_mode():
        p, q = before(images).softmax(dim=1), after(images).softmax(dim=1)
    # Every present probability loses the share that the new outputs take, and nothing else.
    lost = 1 - q[:, 5:].sum(dim=1, keepdim=True)
    torch.testing.assert_close(q[:, :5], p * lost, rtol=1e-5, atol=0)  # float32 exponentials
    assert (p - q[:, :5]).abs().mean() < NEW_OUTPUT_MASS


COUNTING = """\
import os
from torch import nn


def make(*, in_channels, n_classes):
    with open(os.environ["RAYTD_TEST_BUILT"], "a") as file:
        file.write("x")
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * in_channels, n_classes))
"""


def race(folder: Path, task: Task, recipe: Recipe, barrier: Barrier, pipe: Connection) -> None:
    """Wants a source at the same moment as others do."""
    barrier.wait(120)
    source = SourceCache(folder / "sources").get(task, recipe)
    pipe.send({name: value.numpy() for name, value in source.weights.parameters.items()})


@pytest.mark.slow
def test_of_two_processes_that_want_one_source_one_trains_and_the_other_waits(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counting_nets.py").write_text(COUNTING)
    built = tmp_path / "built"
    monkeypatch.setenv("RAYTD_TEST_BUILT", str(built))
    monkeypatch.syspath_prepend(tmp_path)  # the spawned processes get it too
    recipe = replace(RECIPE, model="counting_nets:make", steps=300)
    spawn = multiprocessing.get_context("spawn")
    barrier, pipes, processes = spawn.Barrier(2), [], []
    for _ in range(2):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=race, args=(tmp_path, task, recipe, barrier, theirs))
        process.start()
        pipes.append(ours)
        processes.append(process)
    one, other = (pipe.recv() for pipe in pipes)
    for process in processes:
        process.join()
    assert built.read_text() == "x"
    assert all(np.array_equal(value, other[name]) for name, value in one.items())


def test_a_source_that_the_user_brings_is_taken_as_it_is(task: Task, tmp_path: Path) -> None:
    trained = SourceCache(None).get(task, RECIPE)
    path = tmp_path / "mine.pt"
    torch.save(trained.weights.parameters | trained.weights.buffers, path)
    given = Given.of(path, model="cnn8-narrow", seed=0)
    brought = SourceCache(tmp_path / "sources").get(task, given)
    torch.testing.assert_close(vars(brought.weights), vars(trained.weights), rtol=0, atol=0)
    assert (brought.head, brought.accuracy) == (trained.head, trained.accuracy)
    assert brought.new_output_logit == trained.new_output_logit
    path.unlink()
    again = SourceCache(tmp_path / "sources").get(task, given)
    torch.testing.assert_close(vars(again.weights), vars(trained.weights), rtol=0, atol=0)


def test_the_key_of_a_brought_source_knows_the_content_and_not_the_place(
    task: Task, tmp_path: Path
) -> None:
    one, moved, other = (tmp_path / name for name in ("one", "moved", "other"))
    for path, content in ((one, b"a"), (moved, b"a"), (other, b"b")):
        path.write_bytes(content)
    keys = [
        source_key(task, Given.of(p, model="cnn8-narrow", seed=seed))
        for p, seed in ((one, 0), (moved, 7), (other, 0))
    ]
    assert keys[0] == keys[1] != keys[2]
    assert source_key(task, Given.of(one, model="cnn8", seed=0)) != keys[0]


def test_a_brought_source_with_another_head_is_an_error_with_both_shapes(
    task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "ten.pt"
    model = zoo.build("cnn8-narrow", in_channels=1, n_classes=10, seed=0)
    torch.save(model.state_dict(), path)
    with pytest.raises(
        InputError, match=r"ten\.pt: .*\(10, 64\).*5 classes of digits-low.*\(5, 64\)"
    ):
        SourceCache(None).get(task, Given.of(path, model="cnn8-narrow", seed=0))


def test_weights_that_change_after_the_plan_are_not_used_under_its_name(
    task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "mine.pt"
    n_classes = len(task.classes)
    first, second = (
        zoo.build("cnn8-narrow", in_channels=1, n_classes=n_classes, seed=seed) for seed in (0, 1)
    )
    torch.save(first.state_dict(), path)
    given = Given.of(path, model="cnn8-narrow", seed=0)
    torch.save(second.state_dict(), path)
    with pytest.raises(InputError, match=r"mine\.pt: the weights have changed since"):
        SourceCache(None).get(task, given)
