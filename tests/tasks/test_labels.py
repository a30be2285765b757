from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.tasks.datasets import Part
from raytd.tasks.labels import aligned, union
from raytd.tasks.task import Task

NAMES = st.lists(st.sampled_from([f"{d}/{c}" for d in "xy" for c in "abcd"]), unique=True)


def task(*classes: str) -> Task:
    part = Part(np.zeros((0, 1, 8, 8), np.uint8), np.zeros(0, np.int64))
    return Task("some", classes, part, part, (0.0,), (1.0,))


def test_disjoint_tasks_have_separate_outputs_source_first() -> None:
    source, target = task("d/b", "d/a"), task("d/c")
    space = union(source, target)
    assert space.classes == ("d/b", "d/a", "d/c")
    assert space.outputs(source).tolist() == [0, 1]
    assert space.outputs(target).tolist() == [2]


def test_a_shared_class_is_one_output() -> None:
    source, target = task("d/0", "d/1", "d/2"), task("d/4", "d/2", "d/0")
    space = union(source, target)
    assert space.classes == ("d/0", "d/1", "d/2", "d/4")
    assert space.outputs(target).tolist() == [3, 2, 0]


def test_the_same_class_name_in_another_data_set_is_another_class() -> None:
    assert union(task("cifar10/truck"), task("other/truck")).classes == (
        "cifar10/truck",
        "other/truck",
    )


def test_a_task_and_itself_have_the_classes_of_the_task() -> None:
    one = task("d/3", "d/1")
    assert union(one, one).classes == one.classes
    assert union(one, one).outputs(one).tolist() == [0, 1]


@settings(deadline=None)
@given(source=NAMES, target=NAMES)
def test_every_class_has_one_output_that_names_it(source: list[str], target: list[str]) -> None:
    tasks = task(*source), task(*target)
    space = union(*tasks)
    assert len(space.classes) == len(set(space.classes)) == len({*source, *target})
    for one in tasks:
        outputs = space.outputs(one)
        assert outputs.dtype == np.int64
        assert tuple(space.classes[output] for output in outputs) == one.classes


def cost_of(space, source, target, cost) -> float:
    return sum(
        cost[source.classes.index(space.shared[c]), j]
        for j, c in enumerate(target.classes)
        if c in space.shared
    )


@settings(deadline=None)
@given(n=st.integers(1, 4), m=st.integers(1, 4), seed=st.integers(0, 999))
def test_aligned_classes_have_the_cheapest_matching_of_all(n: int, m: int, seed: int) -> None:
    source, target = task(*(f"s/{i}" for i in range(n))), task(*(f"t/{j}" for j in range(m)))
    cost = np.random.default_rng(seed).random((n, m))
    space = aligned(source, target, cost)
    if n >= m:
        tried = [sum(cost[i, j] for j, i in enumerate(p)) for p in permutations(range(n), m)]
    else:
        tried = [sum(cost[i, j] for i, j in enumerate(p)) for p in permutations(range(m), n)]
    np.testing.assert_allclose(cost_of(space, source, target, cost), min(tried), rtol=1e-12)
    assert len(space.shared) == min(n, m)
    assert len(space.classes) == max(n, m)


def test_aligned_tasks_use_one_output_for_two_classes() -> None:
    source, target = task("s/a", "s/b"), task("t/x", "t/y", "t/z")
    cost = np.array([[3.0, 0.1, 2.0], [3.0, 0.2, 0.1]])
    space = aligned(source, target, cost)
    assert space.classes == ("s/a", "s/b", "t/x")
    assert space.outputs(source).tolist() == [0, 1]
    assert space.outputs(target).tolist() == [2, 0, 1]
    assert dict(space.shared) == {"t/y": "s/a", "t/z": "s/b"}


def test_a_class_of_both_tasks_is_never_matched_with_another() -> None:
    source, target = task("d/0", "d/1"), task("d/1", "d/2")
    cost = np.array([[0.0, 9.0], [9.0, 0.0]])
    space = aligned(source, target, cost)
    assert dict(space.shared) == {"d/2": "d/0"}
    assert space.outputs(target).tolist() == [1, 0]
