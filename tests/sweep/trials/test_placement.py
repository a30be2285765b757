"""What no node can take is refused before anything starts; what Ray can place is not."""

from collections.abc import Sequence
from typing import Any

import pytest

from raytd.sweep.cluster.connection import Node
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials.expand import expand
from raytd.sweep.trials.fitting import CanAdd, Fitting


def problems_of(
    nodes: Sequence[Node],
    method: str,
    blocks: int,
    *,
    can_add: CanAdd | None = None,
    **resources: Any,
) -> list[str]:
    """What speaks against a trial whose actors and GPUs are those that the user wrote."""
    content = {
        "name": "s",
        "tasks": ["digits-low", "digits-high"],
        "pairs": [["digits-low", "digits-high"]],
        "methods": [method],
        "resources": {"actors": blocks, "gpus_per_actor": 0} | resources,
    }
    content |= {"coupled": {"blocks": blocks}} if method == "coupled" else {}
    spec = make_spec(content, caller="test")
    return Fitting(spec.resources, nodes).settle(expand(spec), can_add)


@pytest.mark.parametrize(
    ("nodes", "blocks", "resources", "problem"),
    [
        (
            [{"CPU": 64.0}, {"CPU": 8.0, "GPU": 4.0}],
            4,
            {"cpus_per_actor": 4, "gpus_per_actor": 1},
            "the plan needs 4 actors for one trial, each with 4 CPUs and 1 GPU of one node, and "
            "0.5 CPUs beside them; the nodes have enough in all, but room for 2 of them. Set "
            "resources.actors=auto (as many as fit; same answer, slower) or "
            "a smaller resources.cpus_per_actor.",
        ),
        (
            [{"CPU": 1.25}, {"CPU": 1.25}],
            2,
            {"cpus_per_actor": 1},
            "the plan needs 2 actors for one trial, each with 1 CPU of one node, and 0.5 CPUs "
            "beside them; the nodes have enough in all, but room for 1 of them. Set "
            "resources.actors=auto (as many as fit; same answer, slower) or "
            "a smaller resources.cpus_per_actor.",
        ),
        (
            [{"CPU": 8.0}, {"CPU": 1.0, "GPU": 1.0}],
            1,
            {"cpus_per_actor": 4, "gpus_per_actor": 1},
            "the plan needs 1 actor for one trial, each with 4 CPUs and 1 GPU of one node, and "
            "0.5 CPUs beside them; the nodes have enough in all, but room for 0 of them. Set "
            "a smaller resources.cpus_per_actor.",
        ),
    ],
)
def test_what_is_there_in_all_but_on_no_node_is_refused_and_asked_of_the_autoscaler(
    nodes: list[Node], blocks: int, resources: dict[str, float], problem: str
) -> None:
    assert problems_of(nodes, "coupled", blocks, **resources) == [problem]
    assert problems_of(nodes[::-1], "coupled", blocks, **resources) == [problem]
    asked: list[Sequence[Node]] = []

    def can_add(bundles: Sequence[Node]) -> bool:
        asked.append(bundles)
        return True

    assert problems_of(nodes, "coupled", blocks, can_add=can_add, **resources) == []
    assert [len(bundles) for bundles in asked] == [blocks + 1]


def test_a_share_of_a_gpu_is_a_share_of_one_gpu() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}]
    (problem,) = problems_of(nodes, "coupled", 3, gpus_per_actor=0.6)
    assert "each with 1 CPU and 0.6 GPUs of one node" in problem
    assert "room for 2 of them" in problem
    assert problems_of(nodes, "coupled", 4, gpus_per_actor=0.5) == []


@pytest.mark.parametrize(
    ("nodes", "method", "blocks", "resources"),
    [
        ([{"CPU": 1.5}], "coupled", 2, {"cpus_per_actor": 0.5}),
        ([{"CPU": 2.0}], "coupled", 5, {"cpus_per_actor": 0.3}),
        ([{"CPU": 1.1}], "coupled", 3, {"cpus_per_actor": 0.2}),
        ([{"CPU": 1.0}, {"CPU": 2.0}], "coupled", 5, {"cpus_per_actor": 0.4}),
        ([{"CPU": 1.0}, {"CPU": 2.0}, {"CPU": 2.0}], "coupled", 2, {"cpus_per_actor": 2}),
        ([{"CPU": 1.0}, {"CPU": 4.0, "GPU": 4.0}], "coupled", 4, {"gpus_per_actor": 1}),
        ([{"CPU": 4.0, "GPU": 0.0}], "coupled", 2, {"gpus_per_actor": 0}),
        ([{"CPU": 1.0}], "leep", 1, {"cpus_per_actor": 1}),
    ],
)
def test_what_fits_on_the_nodes_is_not_refused(
    nodes: list[Node], method: str, blocks: int, resources: dict[str, float]
) -> None:
    assert problems_of(nodes, method, blocks, **resources) == []


def test_a_trial_larger_than_its_actors_is_placed_first_and_nobody_knows_on_which_node() -> None:
    """Ray 2.60 left such a group of six pending for ever, and placed one of five."""
    (problem,) = problems_of([{"CPU": 1.0}, {"CPU": 2.0}], "coupled", 6, cpus_per_actor=0.4)
    assert "room for 5 of them" in problem


@pytest.mark.parametrize(
    ("there", "written", "answer"),
    [
        (
            [{"CPU": 0.4}],
            {"cpus_per_actor": 2},
            "4.5 CPUs for one trial (2 actors × 2 CPUs + 0.5); the cluster has 0.4. Set a "
            "smaller resources.cpus_per_actor.",
        ),
        (
            [{"CPU": 2.5}],
            {"cpus_per_actor": 2},
            "4.5 CPUs for one trial (2 actors × 2 CPUs + 0.5); the cluster has 2.5. Set "
            "resources.actors=auto (as many as fit; same answer, slower) or "
            "resources.cpus_per_actor=1.",
        ),
        (
            [{"CPU": 2.0}],
            {"cpus_per_actor": 4, "actors": "auto"},
            "4.5 CPUs for one trial (1 actor × 4 CPUs + 0.5); the cluster has 2. Set "
            "resources.cpus_per_actor=1.",
        ),
        (
            [{"CPU": 4.0}],
            {"gpus_per_actor": 1},
            "2 GPUs for one trial (2 actors × 1 GPU); the cluster has 0. Set "
            "resources.gpus_per_actor=auto to run on CPUs.",
        ),
        (
            [{"CPU": 4.0, "GPU": 1.0}],
            {"gpus_per_actor": 2, "actors": "auto"},
            "2 GPUs for one trial (1 actor × 2 GPUs); the cluster has 1. Set "
            "resources.gpus_per_actor=auto.",
        ),
        (
            [{"CPU": 1.5, "GPU": 1.0}],
            {"gpus_per_actor": "auto"},
            "2.5 CPUs for one trial (2 actors × 1 CPU + 0.5); the cluster has 1.5. Set "
            "resources.actors=auto (as many as fit; same answer, slower) or "
            "resources.cpus_per_actor=0.5.",
        ),
    ],
)
def test_a_number_that_does_not_fit_is_refused_with_what_to_write_instead(
    there: list[Node], written: dict[str, Any], answer: str
) -> None:
    (problem,) = problems_of(there, "coupled", 2, **written)
    assert problem == f"the plan needs {answer}"
