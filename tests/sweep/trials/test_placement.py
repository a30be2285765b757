"""What no node can take is refused before anything starts; what Ray can place is not."""

from collections.abc import Sequence

import pytest

from raytd.sweep.cluster.connection import Node
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials.expand import TrialConfig, expand
from raytd.sweep.trials.placement import resource_problems


def config_of(method: str, blocks: int, **resources: float) -> TrialConfig:
    content = {
        "name": "s",
        "tasks": ["digits-low", "digits-high"],
        "pairs": [["digits-low", "digits-high"]],
        "methods": [method],
        "resources": resources,
    }
    content |= {"coupled": {"blocks": blocks}} if method == "coupled" else {}
    (config,) = expand(make_spec(content, caller="test"))
    return config


@pytest.mark.parametrize(
    ("nodes", "blocks", "resources", "problem"),
    [
        (
            [{"CPU": 64.0}, {"CPU": 8.0, "GPU": 4.0}],
            4,
            {"cpus_per_actor": 4, "gpus_per_actor": 1},
            "the plan needs 4 actors for one trial, each with 4 CPUs and 1 GPU of one node, and "
            "0.5 CPUs beside them; the nodes have enough in all, but room for 2 of them. Set "
            "resources.actors=2 (same answer, slower) or a smaller resources.cpus_per_actor.",
        ),
        (
            [{"CPU": 1.25}, {"CPU": 1.25}],
            2,
            {"cpus_per_actor": 1},
            "the plan needs 2 actors for one trial, each with 1 CPU of one node, and 0.5 CPUs "
            "beside them; the nodes have enough in all, but room for 1 of them. Set "
            "resources.actors=1 (same answer, slower) or a smaller resources.cpus_per_actor.",
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
    config = config_of("coupled", blocks, **resources)
    assert resource_problems([config], nodes) == [problem]
    assert resource_problems([config], nodes[::-1]) == [problem]
    asked: list[Sequence[Node]] = []

    def can_add(bundles: Sequence[Node]) -> bool:
        asked.append(bundles)
        return True

    assert resource_problems([config], nodes, can_add) == []
    assert [len(bundles) for bundles in asked] == [blocks + 1]


def test_a_share_of_a_gpu_is_a_share_of_one_gpu() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}]
    (problem,) = resource_problems([config_of("coupled", 3, gpus_per_actor=0.6)], nodes)
    assert "each with 1 CPU and 0.6 GPUs of one node" in problem
    assert "room for 2 of them" in problem
    assert resource_problems([config_of("coupled", 4, gpus_per_actor=0.5)], nodes) == []


@pytest.mark.parametrize(
    ("nodes", "method", "blocks", "resources"),
    [
        ([{"CPU": 1.5}], "coupled", 2, {"cpus_per_actor": 0.5}),
        ([{"CPU": 2.0}], "coupled", 5, {"cpus_per_actor": 0.3}),
        ([{"CPU": 1.1}], "coupled", 3, {"cpus_per_actor": 0.2}),
        # The trial itself fits on the first node only if one actor less does.
        ([{"CPU": 1.0}, {"CPU": 2.0}], "coupled", 6, {"cpus_per_actor": 0.4}),
        ([{"CPU": 1.0}, {"CPU": 2.0}, {"CPU": 2.0}], "coupled", 2, {"cpus_per_actor": 2}),
        ([{"CPU": 1.0}, {"CPU": 4.0, "GPU": 4.0}], "coupled", 4, {"gpus_per_actor": 1}),
        ([{"CPU": 4.0, "GPU": 0.0}], "coupled", 2, {"gpus_per_actor": 0}),
        ([{"CPU": 1.0}], "leep", 1, {"cpus_per_actor": 1}),
    ],
)
def test_what_fits_on_the_nodes_is_not_refused(
    nodes: list[Node], method: str, blocks: int, resources: dict[str, float]
) -> None:
    assert resource_problems([config_of(method, blocks, **resources)], nodes) == []


@pytest.mark.parametrize(
    ("there", "way_out"),
    [
        (0.4, "a smaller resources.cpus_per_actor"),
        (0.5, "a smaller resources.cpus_per_actor"),
        (2.5, "resources.cpus_per_actor=1"),
    ],
)
def test_a_share_is_named_as_a_way_out_where_anything_is_left_for_actors(
    there: float, way_out: str
) -> None:
    (problem,) = resource_problems([config_of("coupled", 2, cpus_per_actor=2)], [{"CPU": there}])
    assert problem == (
        "the plan needs 4.5 CPUs for one trial (2 actors × 2 CPUs + 0.5); the cluster has "
        f"{there:g}. Set fewer resources.actors (same answer, slower) or {way_out}."
    )
