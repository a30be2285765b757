"""What is left open fits what there is, what is written is obeyed, and no answer depends on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings

from raytd.sweep.cluster.connection import Node
from raytd.sweep.file.load import make_spec
from raytd.sweep.trials.expand import TrialConfig, expand
from raytd.sweep.trials.fitting import SHARES, Fitting, Wish, best_shape
from raytd.sweep.trials.placement import Shape
from raytd.sweep.trials.plan import SweepPlan, make_plan

CPUS = [0.25, 0.5, 1.0, 2.0, 4.0]
wishes = st.builds(
    Wish,
    n=st.integers(1, 20),
    fewer=st.just(True),
    gpus=st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]),
    cpus=st.sampled_from(CPUS),
    beside=st.sampled_from([0.0, 0.5]),
)
clusters = st.lists(
    st.builds(
        lambda halves, gpus: {"CPU": halves / 2, "GPU": float(gpus)},
        st.integers(0, 12),
        st.integers(0, 3),
    ),
    max_size=3,
)
"""Up to three nodes, alike or not, some of them without CPUs or without GPUs."""


def placed_by_hand(shape: Shape, nodes: Sequence[Node]) -> bool:
    """Places a trial process by process, each GPU by itself, in the order that Ray takes.

    A trial that is larger than its actors comes first, and nobody knows where it goes.
    """
    answers = []
    for taken in range(len(nodes)):
        if nodes[taken].get("CPU", 0.0) < shape.beside:
            continue
        places = 0
        for index, node in enumerate(nodes):
            cpus = node.get("CPU", 0.0) - (shape.beside if index == taken else 0.0)
            gpus = [1.0] * int(node.get("GPU", 0.0))
            while cpus > shape.cpus - 1e-9 and takes(gpus, shape.gpus):
                cpus -= shape.cpus
                places += 1
        answers.append(places >= shape.n)
    first = not shape.gpus and shape.beside > shape.cpus
    return bool(answers) and (all(answers) if first else any(answers))


def takes(gpus: list[float], wanted: float) -> bool:
    """Takes whole GPUs, or a share of the first that has it left."""
    if wanted > 1:
        whole = [i for i, left in enumerate(gpus) if left == 1.0][: int(wanted)]
    else:
        whole = [i for i, left in enumerate(gpus) if left >= wanted - 1e-9][:1]
    if wanted and len(whole) < max(1, int(wanted)):
        return False
    for i in whole:
        gpus[i] -= min(1.0, wanted)
    return True


@given(wishes, clusters)
@settings(max_examples=300, deadline=None)
def test_whenever_one_actor_fits_as_many_as_fit_are_asked_for_and_never_more_than_blocks(
    wish: Wish, nodes: list[Node]
) -> None:
    choices = SHARES if wish.gpus is None else (wish.gpus,)
    if wish.gpus is None and not any(placed_by_hand(wish.shape(1, g), nodes) for g in choices):
        choices = (0.0,)
    numbers = range(1, wish.n + 1)
    shapes = [wish.shape(n, gpus) for n in numbers for gpus in choices]
    most = max((shape.n for shape in shapes if placed_by_hand(shape, nodes)), default=0)
    shape = best_shape(wish, nodes)
    assert (0 if shape is None else shape.n) == most
    if shape is not None:
        assert placed_by_hand(shape, nodes)
        larger = [g for g in choices if g > shape.gpus]
        assert not any(placed_by_hand(wish.shape(most, g), nodes) for g in larger)


@given(wishes, clusters)
@settings(max_examples=200, deadline=None)
def test_a_number_of_actors_that_the_user_wrote_is_obeyed_or_refused(
    wish: Wish, nodes: list[Node]
) -> None:
    shape = best_shape(wish._replace(fewer=False), nodes)
    assert shape is None or shape.n == wish.n
    left_open = best_shape(wish, nodes)
    assert (shape is not None) == (left_open is not None and left_open.n == wish.n)


@given(wishes, clusters, st.integers(0, 2))
@settings(max_examples=200, deadline=None)
def test_more_of_the_same_nodes_never_lead_to_fewer_actors(
    wish: Wish, nodes: list[Node], which: int
) -> None:
    assume(nodes)
    before = best_shape(wish, nodes)
    after = best_shape(wish, [*nodes, nodes[which % len(nodes)]])
    assert before is None or (after is not None and after.n >= before.n)


def test_shares_of_a_gpu_are_numbers_that_ray_counts_in_and_add_up_to_one_gpu_at_most() -> None:
    for n, share in enumerate(SHARES, 1):
        assert share * 10_000 == pytest.approx(round(share * 10_000), abs=1e-9)
        assert n * round(share * 10_000) <= 10_000 < (n + 1) * round(share * 10_000)


def fitted(
    nodes: list[Node], *methods: str, blocks: int = 8, **resources: Any
) -> list[TrialConfig]:
    """The trials of some methods as they are placed on nodes."""
    content = {
        "name": "s",
        "tasks": ["digits-low", "digits-high"],
        "pairs": [["digits-low", "digits-high"]],
        "methods": list(methods or ("coupled",)),
        "coupled": {"blocks": blocks},
        "resources": resources,
    }
    spec = make_spec(content, caller="test")
    fitting, configs = Fitting(spec.resources, nodes), expand(spec)
    assert fitting.settle(configs) == []
    again = [fitting.fit(fitting.fit(config)) for config in configs]
    assert again == [fitting.fit(config) for config in configs]
    return again


def has(config: TrialConfig) -> tuple[int, float]:
    return config.n_actors, config.resources.gpus


def test_gpus_are_shared_out_one_an_actor_or_a_share_of_one_or_none_at_all() -> None:
    for n_gpus, gpus in ((0, 0), (1, 0.125), (2, 0.25), (3, 0.3333), (8, 1), (16, 1)):
        (config,) = fitted([{"CPU": 16.0, "GPU": float(n_gpus)}])
        assert has(config) == (8, gpus)
        assert config.resources.use_gpu == (n_gpus > 0)
    (config,) = fitted([{"CPU": 64.0, "GPU": 1.0}], blocks=20)
    assert has(config) == (8, 0.125)


def test_a_method_in_one_process_has_a_gpu_of_its_own_beside_one_whose_actors_share_it() -> None:
    blocks, alone = fitted([{"CPU": 8.0, "GPU": 1.0}], "coupled", "leep", blocks=2)
    assert (has(blocks), has(alone)) == ((2, 0.5), (0, 1))


def test_numbers_in_the_file_are_obeyed_whatever_there_is() -> None:
    nodes = [{"CPU": 64.0, "GPU": 8.0}]
    assert has(*fitted(nodes, actors=3)) == (3, 1)
    assert has(*fitted(nodes, gpus_per_actor=0)) == (8, 0)
    assert has(*fitted(nodes, gpus_per_actor=0.5)) == (8, 0.5)
    assert has(*fitted(nodes, gpus_per_actor=2)) == (4, 2)
    assert has(*fitted(nodes, actors=100, blocks=2)) == (2, 1)


def test_what_a_node_with_gpus_cannot_take_goes_to_cpus() -> None:
    nodes = [{"CPU": 1.0, "GPU": 4.0}, {"CPU": 9.0}]
    assert has(*fitted(nodes, cpus_per_actor=2, blocks=4)) == (4, 0)


CONTENT: dict[str, Any] = {
    "name": "s",
    "tasks": ["digits-low", "digits-high"],
    "data": {"train": 40, "val": 20},
    "pairs": [["digits-low", "digits-high"]],
    "methods": ["coupled", "leep"],
    "coupled": {"blocks": 4, "tile_size": 10},
}


def plan_on(folder: Path, *nodes: Node, **more: Any) -> SweepPlan:
    spec = make_spec(CONTENT | more, caller="test")
    return make_plan(spec, data=folder, storage=folder, nodes=list(nodes))


def test_keys_and_protocols_are_those_of_any_cluster(tmp_path: Path) -> None:
    large, small = (
        plan_on(tmp_path, {"CPU": 9.0, "GPU": 4.0}),
        plan_on(tmp_path, {"CPU": 2.0}),
    )
    assert [has(t.config) for t in large.trials] == [(4, 1), (0, 1)]
    assert [has(t.config) for t in small.trials] == [(1, 0), (0, 0)]
    written = expand(large.spec)
    for one, other, config in zip(large.trials, small.trials, written, strict=True):
        assert one.key == other.key
        assert one.config.identity() == other.config.identity() == config.identity()
        assert one.config.protocol() == other.config.protocol() == config.protocol()
        assert one.columns() == other.columns()
    assert large.spec.resources.actors == large.spec.resources.gpus_per_actor == "auto"


@pytest.mark.parametrize(
    ("node", "more", "note"),
    [
        ({"CPU": 8.0}, {}, ""),
        (
            {"CPU": 2.0},
            {},
            "; the cluster has room for 1 actor a trial instead of 4 (same answer, slower)",
        ),
        ({"CPU": 9.0, "GPU": 4.0}, {}, "; each process has a GPU of its own"),
        ({"CPU": 9.0, "GPU": 1.0}, {}, "; up to 4 processes share a GPU"),
        (
            {"CPU": 2.5, "GPU": 1.0},
            {},
            "; the cluster has room for 2 actors a trial instead of 4 (same answer, slower); "
            "up to 2 processes share a GPU",
        ),
        (
            {"CPU": 1.4, "GPU": 1.0},
            {"methods": ["coupled"], "resources": {"cpus_per_actor": 0.9}},
            "; the cluster has room for 1 actor a trial instead of 4 (same answer, slower); "
            "each process has a GPU of its own",
        ),
        ({"CPU": 9.0, "GPU": 4.0}, {"resources": {"gpus_per_actor": 0.5}}, ""),
        ({"CPU": 9.0, "GPU": 4.0}, {"resources": {"gpus_per_actor": 0}}, ""),
    ],
)
def test_what_was_found_is_said_in_the_line_of_the_plan(
    node: Node, more: dict[str, Any], note: str, tmp_path: Path
) -> None:
    plan = plan_on(tmp_path, node, **more)
    n = len(plan.trials)
    of = "1 trial" if n == 1 else f"{n} trials"
    assert plan.summary() == f"{of}: 0 done, {n} to run{note}"
    assert plan.refreshed().summary() == plan.summary()


def test_trials_of_a_search_are_fitted_with_the_blocks_that_it_suggests(tmp_path: Path) -> None:
    search = {"space": {"coupled.blocks": {"integer": [1, 4]}}, "trials": 6}
    plan = plan_on(tmp_path, {"CPU": 3.0, "GPU": 1.0}, methods=["coupled"], search=search)
    (study,) = plan.studies
    found = {}
    while (trial := study.next(lambda _: None)) is not None:
        found[trial.config.tiling.blocks] = has(trial.config)
        study.tell(trial.columns() | {"status": "failed"})
    assert len(found) > 2
    assert found == {blocks: (1, 1) if blocks == 1 else (2, 0.5) for blocks in found}
    assert {has(t.config) for t in study.trials} <= {(1, 1), (2, 0.5)}
    assert has(study.stand_in.config) == (1, 1)
