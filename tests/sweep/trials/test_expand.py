import hashlib
from pathlib import Path

import pytest

from raytd.methods.paths.coupled import CoupledConfig
from raytd.methods.paths.uncoupled import UncoupledConfig
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.expand import TrialConfig, canonical_json, expand
from raytd.tasks.spec import TaskSpec

BASE = """\
name: study
tasks: [digits-low, digits-high]
pairs: [[digits-low, digits-high]]
methods: [coupled, uncoupled]
"""


def trials(folder: Path, more: str = "", base: str = BASE) -> list[TrialConfig]:
    path = folder / "s.yaml"
    path.write_text(base + more, encoding="utf-8")
    return expand(load_sweep(path, has_gpu=lambda: False).spec)


def keys(configs: list[TrialConfig]) -> list[str]:
    return [canonical_json(config.identity()) for config in configs]


def test_every_cell_has_every_pair_by_every_method(tmp_path: Path) -> None:
    base = BASE.replace("pairs: [[digits-low, digits-high]]", "pairs: all")
    names = [
        t.name for t in trials(tmp_path, "grid: {model: [cnn8, wrn-10-1], seed: [0, 1]}", base)
    ]
    assert len(names) == len(set(names)) == 2 * 2 * 2 * 2
    assert names[:4] == [
        "coupled digits-low->digits-high cnn8 seed 0",
        "uncoupled digits-low->digits-high cnn8 seed 0",
        "coupled digits-high->digits-low cnn8 seed 0",
        "uncoupled digits-high->digits-low cnn8 seed 0",
    ]
    assert names[4] == "coupled digits-low->digits-high cnn8 seed 1"
    assert names[8] == "coupled digits-low->digits-high wrn-10-1 seed 0"


def test_an_axis_multiplies_only_the_methods_that_read_it(tmp_path: Path) -> None:
    configs = trials(tmp_path, "grid: {coupled.lam: [1, 20], coupled.tile_size: [10, 25]}")
    assert [(c.method, c.axes) for c in configs] == [
        ("coupled", {"coupled.lam": 1.0, "coupled.tile_size": 10}),
        ("uncoupled", {"coupled.tile_size": 10}),
        ("coupled", {"coupled.lam": 1.0, "coupled.tile_size": 25}),
        ("uncoupled", {"coupled.tile_size": 25}),
        ("coupled", {"coupled.lam": 20.0, "coupled.tile_size": 10}),
        ("coupled", {"coupled.lam": 20.0, "coupled.tile_size": 25}),
    ]
    assert configs[0].settings == CoupledConfig(lam=1, tile_size=10)
    assert configs[1].settings == UncoupledConfig(tile_size=10)


def test_what_is_measured_at_a_knot_can_be_an_axis(tmp_path: Path) -> None:
    more = "grid: {trajectory.averaging: [window, none]}"
    configs = trials(tmp_path, more, BASE.replace("[coupled, uncoupled]", "[uncoupled, finetune]"))
    assert [(c.method, c.axes) for c in configs] == [
        ("uncoupled", {"trajectory.averaging": "window"}),
        ("finetune", {}),
        ("uncoupled", {"trajectory.averaging": "none"}),
    ]


def test_a_step_size_without_proximal_term_is_no_second_trial(tmp_path: Path) -> None:
    configs = trials(tmp_path, "grid: {coupled.proximal: [kl, none], coupled.lam: [1, 20]}")
    coupled = [c.axes for c in configs if c.method == "coupled"]
    assert coupled == [
        {"coupled.proximal": "kl", "coupled.lam": 1.0},
        {"coupled.proximal": "kl", "coupled.lam": 20.0},
        {"coupled.proximal": "none"},
    ]


def test_a_name_shows_the_axes_that_vary(tmp_path: Path) -> None:
    configs = trials(tmp_path, "grid: {coupled.lam: [20], trajectory.lr: [1, 0.5]}")
    assert configs[2].name == "coupled digits-low->digits-high cnn8-narrow seed 0 trajectory.lr=0.5"
    assert configs[2].axes == {"coupled.lam": 20.0, "trajectory.lr": 0.5}


def test_a_grid_value_outranks_its_section(tmp_path: Path) -> None:
    more = (
        "coupled: {lam: 5, epsilon: 0.1}\nmodel: cnn8\ngrid: {coupled.lam: [7], model: [wrn-10-1]}"
    )
    config = trials(tmp_path, more)[0]
    assert config.settings == CoupledConfig(lam=7, epsilon=0.1)
    assert config.model == "wrn-10-1"


def test_adding_to_a_grid_keeps_the_other_trials(tmp_path: Path) -> None:
    before = keys(trials(tmp_path, "grid: {model: [cnn8]}"))
    after = keys(trials(tmp_path, "grid: {model: [wrn-10-1, cnn8], seed: [1, 0]}"))
    assert set(before) < set(after)


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ("description: other words", True),
        ("resources: {cpus_per_actor: 2, threads: 4}", True),
        ("tracking: {experiment: elsewhere}", True),
        ("coupled: {epsilon: 0.50}", True),
        ("seed: 1", False),
        ("model: cnn8", False),
        ("data: {train: 100}", False),
        ("coupled: {epsilon: 0.51}", False),
        ("trajectory: {lr: 0.02}", False),
        ("pretrain: {epochs: 31}", False),
        ("stop: {tolerance: 0.02}", False),
    ],
)
def test_a_trial_is_the_same_if_its_answer_is(tmp_path: Path, more: str, same: bool) -> None:
    plain, changed = keys(trials(tmp_path))[0], keys(trials(tmp_path, more))[0]
    assert (plain == changed) is same


def test_the_stop_rule_is_no_part_of_a_method_without_iterations(tmp_path: Path) -> None:
    plain, changed = trials(tmp_path)[1], trials(tmp_path, "stop: {tolerance: 0.02}")[1]
    assert plain.method == "uncoupled"
    assert keys([plain]) == keys([changed])


def test_names_of_tasks_are_labels() -> None:
    task = TaskSpec(name="a", dataset="digits", classes=("0", "1"))
    renamed = task.model_copy(update={"name": "b"})
    reduced = task.model_copy(update={"train": 20})
    config = TrialConfig(
        method="coupled", model="cnn8", source=task, target=task, seed=0, settings=CoupledConfig()
    )
    assert keys([config]) == keys([config.model_copy(update={"source": renamed})])
    assert keys([config]) != keys([config.model_copy(update={"source": reduced})])


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ("coupled: {epsilon: 0.1, iterations: 9}", True),
        ("seed: 4", True),
        ("model: wrn-10-1", True),
        ("pretrain: {epochs: 3}", True),
        ("coupled: {blocks: 2}", False),
        ("trajectory: {steps: 400}", False),
        ("trajectory: {lr: 0.02}", False),
        ("trajectory: {mixing: linear}", False),
        ("trajectory: {precision: bfloat16}", False),
        ("trajectory: {segments: 40}", False),
    ],
)
def test_the_protocol_is_what_scales_a_length(tmp_path: Path, more: str, same: bool) -> None:
    plain, changed = trials(tmp_path)[0].protocol(), trials(tmp_path, more)[0].protocol()
    assert (plain == changed) is same


def test_methods_on_the_same_blocks_share_a_protocol(tmp_path: Path) -> None:
    coupled, uncoupled = trials(tmp_path, "coupled: {blocks: 4, iterations: 2}")
    assert coupled.protocol() == uncoupled.protocol()
    assert len(bytes.fromhex(coupled.protocol())) == 4


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("", '"averaging":"window",'),
        (", averaging: segment", '"averaging":"segment",'),
        (", averaging: none", ""),  # as before anything was averaged
    ],
)
def test_a_protocol_is_the_digest_of_its_json(given: str, held: str, tmp_path: Path) -> None:
    more = f"""\
coupled: {{blocks: 2}}
trajectory: {{steps: 400, batch_size: 10, lr: 1, momentum: 0.8, weight_decay: 0, segments: 40{given}}}
"""  # noqa: E501
    content = (
        '{"augment":"none",'
        + held
        + '"batch_size":10,"blocks":2,"epochs":null,"labels":"union","lr":1.0,'
        '"match":"lr","mixing":"beta","momentum":0.8,"precision":"float32","reference":null,'
        '"schedule":"constant",'
        '"segments":40,"steps":400,'
        '"sync":"knot","weight_decay":0.0}'
    )
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert trials(tmp_path, more)[0].protocol() == digest[:8]


def test_a_trial_comes_back_from_json_as_it_was(tmp_path: Path) -> None:
    for config in trials(tmp_path, "grid: {coupled.blocks: [1, 2], trajectory.lr: [1, 0.5]}"):
        back = TrialConfig.model_validate_json(config.model_dump_json())
        assert back == config
        assert type(back.settings) is type(config.settings)
        assert TrialConfig.model_validate(config.model_dump(mode="json")) == config
