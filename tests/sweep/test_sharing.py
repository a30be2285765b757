"""Pairs whose tasks have images in common say so, once for all of them."""

from itertools import permutations

import numpy as np

from raytd.sweep.sharing import leaks, sharing_notes
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
        "1 of 2 pairs have images in common; the most: a -> c, 5 images.",
        "1 of 2 pairs train with images of one task that validate the other; the most: a -> c, "
        "5 images.",
    ]
    assert leaks(APART[0], mixed) == (
        "2 of 5 validation images of a are training images of c",
        "3 of 4 validation images of c are training images of a",
    )


def test_a_task_that_validates_with_its_training_images_is_told_with_each_result() -> None:
    twice = task("c", [50, 51], [51, 52, 53])
    assert leaks(APART[0], twice) == ("1 of 3 validation images of c are training images of c",)
