"""Methods of all kinds in one sweep: what is refused, planned, and run on Ray."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from raytd.engine.executor import run_in_process
from raytd.errors import RequestError
from raytd.methods.registry import METHODS
from raytd.sweep.cluster.connection import Node
from raytd.sweep.cost.plan_figures import outlook
from raytd.sweep.cost.speed import Speed, calibrate
from raytd.sweep.file.load import load_sweep
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.run.runner import run_trials, train_sources
from raytd.sweep.trials.plan import SweepPlan, make_plan, write_plan
from raytd.sweep.trials.trial import run_trial
from tests.cases import for_each

NODES: list[Node] = [{"CPU": 4.0}]
SPEED = Speed(
    move_s=1e-3,
    step_s=2e-3,
    pretrain_step_s=2e-3,
    measure_s=1e-4,
    longer_s=5e-5,
    probe_s=5e-5,
    activation_bytes=10_000,
    widest_bytes=5_000,
    parameters=5_000,
)
SWEEP = """
name: kinds
tasks: [digits-low, digits-even]
data: {train: 24, val: 20}
pairs: [[digits-low, digits-even]]
methods: [coupled, finetune, leep]
grid: {seed: [0, 1]}
coupled: {iterations: 1, blocks: 2, tile_size: 6}
trajectory: {steps: 20, batch_size: 8, segments: 20}
finetune: {steps: 20, segments: 20}
pretrain: {epochs: 2, batch_size: 10}
resources: {cpus_per_actor: 0.5}
"""


class Deaf:
    """Listens to nothing."""

    def __getattr__(self, _: str) -> object:
        return lambda *_: None


def planned(folder: Path, text: str = SWEEP, nodes: Sequence[Node] = NODES) -> SweepPlan:
    path = folder / "kinds.yaml"
    path.write_text(text, encoding="utf-8")
    spec = load_sweep(path, has_gpu=lambda: False).spec
    return make_plan(spec, data=folder, storage=folder / "runs", nodes=nodes)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_methods_on_blocks_and_others_have_the_bits_of_this_process(tmp_path: Path) -> None:
    text = SWEEP.replace("seed: [0, 1]", "seed: [0]").replace("actor: 0.5", "actor: 3")
    plan = planned(tmp_path, text, nodes=[{"CPU": 4.0, "GPU": 4.0}])
    assert plan.summary() == (
        "3 trials: 0 done, 3 to run; the cluster has room for 1 actor a trial instead of 2 (same "
        "answer, slower); each process has a GPU of its own"
    )
    write_plan(plan, text.encode())
    kept = json.loads((plan.folder / "plan.json").read_text())
    assert [(t["actors"], t["gpus_per_actor"]) for t in kept["trials"]] == [(1, 1), (0, 1), (0, 1)]
    assert kept["sweep"]["resources"]["actors"] == "auto"
    train_sources(plan, Deaf())
    run_trials(plan, Deaf())
    ledger = Ledger(plan.folder)
    assert len(plan.trials) == len(ledger.rows()) == 3
    for trial in plan.trials:
        _, here = run_trial(trial, launch=run_in_process, sources=None)
        there = ledger.row(trial.key)
        config = json.loads((ledger.trial_folder(trial.key) / "config.json").read_text())
        assert config["resources"]["gpus_per_actor"] == 1
        assert {**there, "wall_s": None} == {**here, "wall_s": None}


def test_every_method_can_stand_in_one_sweep_file_and_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SWEEP.replace("[coupled, finetune, leep]", f"[{', '.join(METHODS)}]")
    plan = planned(tmp_path, text)
    assert [t.config.method for t in plan.trials] == [*METHODS] * 2
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        "raytd.sweep.cost.timing._measured", lambda kinds, *_: (2.0, dict.fromkeys(kinds, SPEED))
    )
    found = outlook(plan, nodes=NODES)
    assert found["to_run"] == 2 * len(METHODS)
    assert found["not_reckoned"]["but_sgd_steps"] == ["finetune", "transfer"]
    assert {"leep", "otdd", "random"} <= set(found["not_reckoned"]["at_all"])
    actors = {need["actors"]: need for need in found["per_trial"]}
    assert (actors[0]["cpus"], actors[2]["cpus"]) == (0.5, 1.5)
    steps = {t["name"].split()[0]: t["sgd_steps"] for t in found["trials"]}
    assert (steps["coupled"], steps["finetune"], steps["leep"]) == (20, 20, None)
    expected = {t["name"].split()[0]: t["expected_s"] for t in found["trials"]}
    start_s = min(expected.values())  # of a process, which is all that is known of some methods
    only_starts = {name for name, seconds in expected.items() if seconds == start_s}
    assert only_starts == set(found["not_reckoned"]["at_all"])


@for_each("method", ["leep", "finetune"])
def test_a_method_without_blocks_is_timed_on_its_own_network(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytd.sweep.cost.speed._BUDGET_S", 0.02)
    plan = planned(tmp_path, SWEEP.replace("[coupled, finetune, leep]", f"[{method}]"))
    speed = calibrate(plan.trials[0])
    assert min(speed.step_s, speed.pretrain_step_s, speed.measure_s, speed.probe_s) > 0
    assert speed.parameters > 100_000


def test_a_search_for_a_number_that_a_method_has_not_is_refused(tmp_path: Path) -> None:
    text = SWEEP.replace("[coupled, finetune, leep]", "[otdd, finetune, leep]")
    search = "search: {space: {otdd.epsilon: {loguniform: [0.01, 1]}}, metric: %s, trials: 2}\n"
    planned(tmp_path, text + search % "value")
    with pytest.raises(RequestError, match="search.metric  the results of otdd have no distance"):
        planned(tmp_path, text + search % "distance")


@pytest.mark.parametrize(
    ("methods", "grid", "reason"),
    [
        ("leep", "trajectory.lr: [0.1, 0.2]", r"no listed method reads it \(leep\)"),
        ("leep, otdd", "finetune.lr: [0.1, 0.2]", "no listed method reads it"),
        ("mixture", "trajectory.mixing: [beta, linear]", "no listed method reads it"),
        ("coupled-aligned", "trajectory.labels: [union, aligned]", "no listed method reads it"),
        ("random", "pretrain.lr: [0.1, 0.2]", "no listed method reads it"),
        ("otdd", "pretrain.lr: [0.1, 0.2]", "no listed method looks at the source model"),
        ("task2vec", "task2vec.beta: [0.1, 0.2]", "task2vec.fisher is 'auto'"),
    ],
)
def test_an_axis_that_no_listed_method_obeys_is_refused(
    tmp_path: Path, methods: str, grid: str, reason: str
) -> None:
    text = SWEEP.replace("[coupled, finetune, leep]", f"[{methods}]").replace("seed: [0, 1]", grid)
    with pytest.raises(RequestError, match=f"has no effect: {reason}"):
        planned(tmp_path, text)


def test_a_misspelt_method_and_a_misspelt_key_get_a_hint(tmp_path: Path) -> None:
    text = SWEEP.replace("leep]", "task2vek]") + "otdd: {epsilom: 1.0}\n"
    with pytest.raises(RequestError) as caught:
        planned(tmp_path, text)
    method, key = caught.value.problems
    assert "did you mean 'task2vec'?" in method
    assert "did you mean 'epsilon'?" in key
