import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import LoadedSweep, load_sweep
from raytd.tasks.spec import TaskSpec

BASE = """\
name: study
tasks: [digits-low, digits-high, digits-even]
methods: [coupled]
"""
PROFILED = (
    BASE
    + """\
coupled: {iterations: 4, blocks: 8}
grid.model: [cnn8, wrn-16-4]
profiles:
  cpu:
    tasks: [digits-low, digits-high]
    coupled.blocks: 2
    grid: {model: [cnn8-narrow]}
  small: {coupled: {tile_size: 5}}
"""
)


def never() -> bool:
    raise AssertionError("the cluster was asked for nothing")


def load(
    folder: Path,
    text: str,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    has_gpu: Callable[[], bool] = never,
) -> LoadedSweep:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return load_sweep(path, profile=profile, overrides=overrides, has_gpu=has_gpu)


def test_a_small_file_gets_the_defaults(tmp_path: Path) -> None:
    spec = load(tmp_path, BASE).spec
    assert spec.model == "cnn8-narrow"
    assert spec.seed == 0
    assert spec.grid == {}
    assert spec.tracking.experiment is None
    assert len(spec.pairs) == 6
    assert spec.task("digits-even").classes == ("0", "2", "4", "6", "8")


def test_all_pairs_are_ordered_and_leave_out_self_pairs(tmp_path: Path) -> None:
    pairs = load(tmp_path, BASE + "pairs: all").spec.pairs
    assert len(set(pairs)) == 6
    assert all(source != target for source, target in pairs)


def test_listed_pairs_may_be_self_pairs(tmp_path: Path) -> None:
    text = BASE + "pairs: [[digits-low, digits-low], [digits-even, digits-low]]"
    assert load(tmp_path, text).spec.pairs == (
        ("digits-low", "digits-low"),
        ("digits-even", "digits-low"),
    )


def test_from_and_to_make_every_pair_of_different_tasks(tmp_path: Path) -> None:
    text = BASE + "pairs: {from: [digits-low, digits-even], to: [digits-low, digits-high]}"
    assert load(tmp_path, text).spec.pairs == (
        ("digits-low", "digits-high"),
        ("digits-even", "digits-low"),
        ("digits-even", "digits-high"),
    )


@pytest.mark.parametrize("end", ["from", "to"])
def test_one_end_alone_is_paired_with_all_others(end: str, tmp_path: Path) -> None:
    pairs = load(tmp_path, BASE + f"pairs: {{{end}: [digits-low]}}").spec.pairs
    place = 0 if end == "from" else 1
    assert [pair[place] for pair in pairs] == ["digits-low"] * 2
    assert {pair[1 - place] for pair in pairs} == {"digits-high", "digits-even"}


def test_one_task_may_be_paired_with_itself(tmp_path: Path) -> None:
    text = "name: s\ntasks: [digits-low]\nmethods: [coupled]\npairs: [[digits-low, digits-low]]"
    assert load(tmp_path, text).spec.pairs == (("digits-low", "digits-low"),)


def test_tasks_are_named_completed_or_defined(tmp_path: Path) -> None:
    text = """\
name: s
tasks:
  - digits-low
  - {name: digits-high, train: 50}
  - {name: round, dataset: digits, classes: [0, 6, "8"], val: 9}
methods: [coupled]
data: {train: 100, val: 40}
"""
    assert load(tmp_path, text).spec.tasks == (
        TaskSpec(name="digits-low", dataset="digits", classes=tuple("01234"), train=100, val=40),
        TaskSpec(name="digits-high", dataset="digits", classes=tuple("56789"), train=50, val=40),
        TaskSpec(name="round", dataset="digits", classes=("0", "6", "8"), train=100, val=9),
    )


def test_a_grid_may_be_dotted_or_nested(tmp_path: Path) -> None:
    dotted = load(tmp_path, BASE + "grid: {seed: [0, 1], coupled.lam: [1, 20]}").spec
    nested = load(tmp_path, BASE + "grid:\n  seed: [0, 1]\n  coupled: {lam: [1, 20]}").spec
    assert dotted == nested
    assert dotted.grid == {"seed": (0, 1), "coupled.lam": (1, 20)}


def test_an_axis_without_a_value_is_taken_out(tmp_path: Path) -> None:
    text = BASE + "grid: {seed: [0, 1], coupled.lam: [1, 20]}"
    assert "coupled.lam" not in load(tmp_path, text, overrides=["grid.coupled.lam="]).spec.grid


@pytest.mark.parametrize(
    ("gpu", "profile", "models"),
    [(True, None, ("cnn8", "wrn-16-4")), (False, "cpu", ("cnn8-narrow",))],
)
def test_a_cluster_without_gpu_takes_the_cpu_profile(
    tmp_path: Path, gpu: bool, profile: str | None, models: tuple[str, ...]
) -> None:
    loaded = load(tmp_path, PROFILED, has_gpu=lambda: gpu)
    assert loaded.profile == profile
    assert loaded.reason == f"the cluster has {'a' if gpu else 'no'} GPU"
    assert loaded.spec.grid["model"] == models


def test_a_profile_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    spec = load(tmp_path, PROFILED, profile="cpu").spec
    assert spec.coupled.blocks == 2
    assert spec.coupled.iterations == 4
    assert len(spec.tasks) == 2


@pytest.mark.parametrize(("option", "chosen"), [("none", None), ("small", "small"), ("cpu", "cpu")])
def test_a_profile_that_is_asked_for_asks_no_cluster(
    tmp_path: Path, option: str, chosen: str | None
) -> None:
    by_option = load(tmp_path, PROFILED, profile=option)
    in_file = load(tmp_path, PROFILED + f"profile: {option}\n")
    assert by_option.profile == in_file.profile == chosen
    assert by_option.spec == in_file.spec
    assert by_option.reason == "asked for by --profile"
    assert in_file.reason == "asked for in the file"


def test_a_file_without_cpu_profile_asks_no_cluster(tmp_path: Path) -> None:
    loaded = load(tmp_path, BASE + "profiles: {big: {seed: 1}}")
    assert loaded.profile is None
    assert loaded.reason == "the file has no cpu profile"


def test_a_wrong_file_asks_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        load(tmp_path, PROFILED + "seed: -1")


def test_the_command_outranks_the_file_and_overrides_outrank_profiles(tmp_path: Path) -> None:
    text = PROFILED + "profile: none\n"
    loaded = load(tmp_path, text, profile="cpu", overrides=["coupled.blocks=3", "seed=1", "seed=2"])
    assert loaded.profile == "cpu"
    assert loaded.spec.coupled.blocks == 3
    assert loaded.spec.seed == 2


def test_an_override_may_choose_and_change_profiles(tmp_path: Path) -> None:
    overrides = ["profile=small", "profiles.small.coupled.tile_size=7"]
    loaded = load(tmp_path, PROFILED, overrides=overrides)
    assert loaded.profile == "small"
    assert loaded.spec.coupled.tile_size == 7


def test_an_override_may_mend_the_file(tmp_path: Path) -> None:
    text = "name: template\nmethods: [coupled]\nprofiles: {one: {seed: 1}}\n"
    loaded = load(tmp_path, text, overrides=["tasks=[digits-low, digits-high]"])
    assert len(loaded.spec.pairs) == 2


def test_a_key_knows_where_it_was_written(tmp_path: Path) -> None:
    loaded = load(tmp_path, PROFILED, profile="cpu", overrides=["seed=3"])
    assert loaded.root.position(("coupled", "iterations")).text == f"{tmp_path}/s.yaml:4:11"
    assert loaded.root.position(("coupled", "blocks")).text == f"{tmp_path}/s.yaml:9:5"
    assert loaded.root.position(("coupled", "lam")).text == f"{tmp_path}/s.yaml:4:1"
    assert loaded.root.position(("seed",)).text == "--set seed"


def test_a_resolved_sweep_with_conditions_and_a_search_is_a_sweep_file(tmp_path: Path) -> None:
    text = (
        BASE
        + """\
grid: {model: [cnn8, wrn-10-1], seed: [0, 1]}
where: [{when: {model: cnn8, seed: [0, 1]}, set: {trajectory.lr: 0.1}}]
search:
  space: {coupled: {epsilon: {uniform: [0.1, 2]}, blocks: {int: [1, 3]}}}
  metric: wall_s
  mode: max
  trials: 3
"""
    )
    spec = load(tmp_path, text).spec
    assert spec.search is not None
    assert spec.search.space == {
        "coupled.epsilon": {"uniform": (0.1, 2)},
        "coupled.blocks": {"integer": (1, 3)},
    }
    assert load(tmp_path, json.dumps(spec.model_dump(mode="json"))).spec == spec


def test_a_profile_may_take_a_search_away(tmp_path: Path) -> None:
    search = "search: {space: {coupled.lam: {uniform: [1, 2]}}, trials: 2}\n"
    loaded = load(tmp_path, BASE + search + "profiles: {one: {search: }}", profile="one")
    assert loaded.spec.search is None


def test_the_reference_network_is_known_by_one_spelling(tmp_path: Path) -> None:
    name = "raytd.models.wrn:WideResNet(width={}, depth=10)".replace("{}", "1")
    text = f"{BASE}trajectory: {{match: speed, reference: '{name}'}}\n"
    reference = load(tmp_path, text).spec.trajectory.reference
    assert reference == "raytd.models.wrn:WideResNet(depth=10, width=1)"
