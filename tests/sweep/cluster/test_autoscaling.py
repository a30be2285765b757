"""What the nodes that an autoscaler may add change about the plan; tests/deploy has a real one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials import plan as plan_module
from raytd.sweep.trials.expand import expand
from raytd.sweep.trials.fitting import CanAdd, Fitting
from raytd.sweep.trials.placement import take
from raytd.sweep.trials.plan import make_plan

HEAD = [{"CPU": 1.0}]


def spec_of(**resources: Any):
    content = {
        "name": "late",
        "tasks": ["digits-low", "digits-high"],
        "pairs": [["digits-low", "digits-high"]],
        "methods": ["coupled"],
        "data": {"train": 30, "val": 20},
        "coupled": {"blocks": 2, "tile_size": 10},
        "grid": {"seed": [0, 1]},
        "resources": resources,
    }
    return make_spec(content, caller="test", base=None, overrides=())


Bundles = Sequence[dict[str, float]]


class Cloud:
    """An autoscaler of so many nodes of one kind, which notes what it is asked for."""

    def __init__(self, n_nodes: int, **node: float) -> None:
        self.nodes, self.asked = [node] * n_nodes, list[Bundles]()

    def __call__(self, bundles: Bundles) -> bool:
        self.asked.append(bundles)
        free = [dict(node) for node in self.nodes]
        return all(take(free, bundle) for bundle in sorted(bundles, key=len, reverse=True))


def settled(resources: dict[str, Any], nodes: Bundles, cloud: CanAdd | None) -> Any:
    """Problems of two trials that are alike; or their actors, and the GPUs of each."""
    spec = spec_of(**resources)
    fitting, configs = Fitting(spec.resources, nodes), expand(spec)
    assert len(configs) == 2
    problems = fitting.settle(configs, cloud)
    found = {(c.n_actors, c.resources.gpus_per_actor) for c in map(fitting.fit, configs)}
    return problems or found.pop()


def test_what_the_living_nodes_lack_is_asked_for_once_a_shape_and_in_whole() -> None:
    asked = Cloud(2, CPU=4, GPU=1)
    written = {"gpus_per_actor": 1, "cpus_per_actor": 2}
    assert settled(written, HEAD, asked) == (2, 1)
    assert asked.asked == [[{"CPU": 0.5}, {"CPU": 2, "GPU": 1}, {"CPU": 2, "GPU": 1}]]
    assert settled(written, [{"CPU": 8.0, "GPU": 2.0}], asked) == (2, 1)
    assert len(asked.asked) == 1
    assert len(settled(written, HEAD, lambda _: False)) == 2
    assert settled(written, HEAD, None) == settled(written, HEAD, lambda _: False)


@pytest.mark.parametrize(
    ("written", "cloud", "found", "n_asked"),
    [
        # One node will do for both actors, if each takes half of its GPU; is there a GPU at all,
        # is there one for each, is there one for both?
        ({}, Cloud(1, CPU=4, GPU=1), (2, 0.5), 3),
        ({"gpus_per_actor": 1}, Cloud(1, CPU=4, GPU=1), (1, 1), 2),
        ({"gpus_per_actor": 2}, Cloud(2, CPU=4, GPU=1), [], 2),
        ({"actors": 2, "gpus_per_actor": 1}, Cloud(1, CPU=4, GPU=1), [], 1),
        # Without GPUs the living node has no room, and one that is added has room for one actor.
        ({}, Cloud(1, CPU=1.5), (1, 0), 3),
        ({}, Cloud(2, CPU=4), (2, 0), 2),
    ],
)
def test_a_cluster_that_grows_is_asked_for_less_and_less_of_what_the_file_leaves_open(
    written: dict[str, Any], cloud: Cloud, found: Any, n_asked: int
) -> None:
    answer = settled(written, HEAD, cloud)
    assert answer == found or (found == [] and "the plan needs" in answer[0])
    assert len(cloud.asked) == n_asked


def test_less_than_the_living_nodes_have_is_never_asked_for() -> None:
    cloud = Cloud(0)
    assert settled({}, [{"CPU": 1.5, "GPU": 0.0}], cloud) == (1, 0)
    assert [len(bundles) for bundles in cloud.asked] == [1, 3]
    cloud = Cloud(0)
    assert settled({}, [{"CPU": 8.0, "GPU": 1.0}], cloud) == (2, 0.5)
    assert len(cloud.asked) == 1


def test_nothing_is_asked_of_the_autoscaler_while_something_else_speaks_against_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "trial_problems", lambda *_: ["something else"])

    def can_add(_: Sequence[dict[str, float]]) -> bool:
        raise AssertionError("nodes would start for a sweep that is refused")

    with pytest.raises(RequestError, match="something else") as refused:
        make_plan(
            spec_of(gpus_per_actor=1), data=tmp_path, storage=tmp_path, nodes=HEAD, can_add=can_add
        )
    assert "the cluster has 0" in str(refused.value)
