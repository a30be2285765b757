"""What the nodes that an autoscaler may add change about the plan; tests/deploy has a real one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials import plan as plan_module
from raytd.sweep.trials.expand import expand
from raytd.sweep.trials.placement import resource_problems
from raytd.sweep.trials.plan import make_plan

HEAD = [{"CPU": 1.0}]


def spec_of(**resources: float):
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


def test_what_the_living_nodes_lack_is_asked_for_once_a_shape_and_in_whole() -> None:
    asked: list[Sequence[dict[str, float]]] = []

    def can_add(bundles: Sequence[dict[str, float]]) -> bool:
        asked.append(bundles)
        return True

    configs = expand(spec_of(gpus_per_actor=1, cpus_per_actor=2))
    assert len(configs) == 2
    assert resource_problems(configs, HEAD, can_add) == []
    assert asked == [[{"CPU": 0.5}, {"CPU": 2, "GPU": 1}, {"CPU": 2, "GPU": 1}]]
    assert resource_problems(configs, [{"CPU": 8.0, "GPU": 2.0}], can_add) == []
    assert len(asked) == 1
    assert len(resource_problems(configs, HEAD, lambda _: False)) == 2
    assert resource_problems(configs, HEAD) == resource_problems(configs, HEAD, lambda _: False)


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
