"""Pairs whose tasks have images in common say so, once for all of them."""

from itertools import permutations
from pathlib import Path

import numpy as np

from raytd.engine.executor import run_in_process
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials.plan import make_plan
from raytd.sweep.trials.sharing import leaks, sharing_notes
from raytd.sweep.trials.single import single_trial
from raytd.sweep.trials.trial import run_trial
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 1, 4, 5), dtype=np.uint8)


def task(name: str, train: range | list[int], val: range | list[int]) -> Task:
    parts = [Part(IMAGES[list(rows)], np.zeros(len(rows), np.int64)) for rows in (train, val)]
    return Task(name, ("x/y",), *parts, (0.5,), (0.2,))


APART = [task("a", range(10), range(10, 15)), task("b", range(20, 30), range(30, 35))]


def test_tasks_with_images_of_their_own_are_not_talked_about() -> None:
    assert sharing_notes(list(permutations(APART, 2))) == []
    assert leaks(*APART) == ()


def test_a_task_paired_with_itself_is_not_said_to_share() -> None:
    assert sharing_notes([(APART[0], APART[0])]) == []
    assert leaks(APART[0], APART[0]) == ()


def test_pairs_that_share_images_are_told_in_one_sentence_with_the_worst() -> None:
    tasks = [*APART, task("c", range(7, 10), range(40, 45)), task("d", [9, 20], [41, 42, 43])]
    assert sharing_notes(list(permutations(tasks, 2))) == [
        "8 of 12 pairs have images in common; the most: c -> d, 4 images."
    ]


def test_training_images_of_one_task_that_validate_the_other_are_told() -> None:
    mixed = task("c", [10, 11], [0, 1, 2, 50])
    assert sharing_notes([(APART[0], mixed), (mixed, APART[1])]) == [
        "1 of 2 pairs has images in common; the most: a -> c, 5 images.",
        "1 of 2 pairs trains with images of one task that validate the other; the most: a -> c, "
        "5 images.",
    ]
    assert leaks(APART[0], mixed) == (
        "2 of 5 validation images of a are training images of c",
        "3 of 4 validation images of c are training images of a",
    )


def test_a_task_that_validates_with_its_training_images_is_told_with_each_result() -> None:
    twice = task("c", [50, 51], [51, 52, 53])
    assert leaks(APART[0], twice) == ("1 of 3 validation images of c are training images of c",)


def test_a_plan_says_which_pairs_share_images_and_not_that_a_split_is_broken(
    tmp_path: Path,
) -> None:
    tasks = ["digits-low", "digits-high", "digits-even"]
    spec = make_spec({"name": "s", "tasks": tasks, "methods": ["finetune"]}, caller="test")
    plan = make_plan(spec, data=tmp_path, storage=tmp_path, nodes=[{"CPU": 8.0}])
    assert plan.shared_images() == [
        "4 of 6 pairs have images in common; the most: digits-low -> digits-even, 536 images."
    ]


def test_a_result_with_validation_images_that_were_trained_with_is_flagged(tmp_path: Path) -> None:
    rows = np.arange(20)
    parts = {"x_train": IMAGES[:20, 0], "y_train": rows % 2, "y_val": rows[:6] % 2}
    np.savez(tmp_path / "a.npz", **parts, x_val=IMAGES[14:20, 0])
    np.savez(tmp_path / "b.npz", **parts | {"x_train": IMAGES[20:40, 0]}, x_val=IMAGES[40:46, 0])
    ends = [{"name": name, "dataset": f"npz:{name}.npz"} for name in "ab"]
    settings = {"methods": ["emd"], "emd": {"features": "pixels"}}
    trial = single_trial((ends[0], ends[1]), settings, data=tmp_path)
    result, row = run_trial(trial, launch=run_in_process, sources=None)
    flag = "6 of 6 validation images of a are training images of a"
    assert flag in result.warnings
    assert flag in row["warnings"]
