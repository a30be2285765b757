"""`raytd plan` as a user runs it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from raytd.cli import main
from raytd.engine.executor import run_in_process
from raytd.sweep.cost.estimate import Machine, estimate, memory_bytes, speed_key
from raytd.sweep.cost.plan_figures import by_axis
from raytd.sweep.cost.timing import cache_file, kept_speeds
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.plan import SweepPlan, make_plan
from raytd.sweep.trials.trial import Trial, run_trial

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 30, val: 20}
pairs: [[digits-low, digits-high]]
methods: [coupled, uncoupled]
grid: {seed: [0, 1], coupled.lam: [10, 20]}
coupled: {iterations: 2, blocks: 2, tile_size: 5}
trajectory: {steps: 20, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 2, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, threads: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    (folder / "small.yaml").write_text(SWEEP)
    return folder


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["plan", *map(str, args)])
    assert isinstance(ended.value.code, int)
    return ended.value.code, *capsys.readouterr()


@pytest.mark.slow
def test_the_plan_is_one_document_with_counts_needs_duration_and_cost(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    code, out, err = run(capsys, "small.yaml", "--json", "--price", "3")
    assert "timing network 1 of 1: cnn8-narrow on images 8×8, grey, batch size 8\n" in err
    found = json.loads(out)
    assert code == 0
    assert found["summary"] == "6 trials: 0 done, 6 to run"
    assert [data["reference"] for data in found["data"]] == ["digits"]
    (need,) = found["per_trial"]
    assert (need["trials"], need["actors"], need["cpus"], need["gpus"]) == (6, 2, 1.5, 0)
    assert 5e8 < need["memory_bytes"] < 5e9
    assert found["duration_s"] > sum(t["expected_s"] for t in found["trials"]) / found["at_once"]
    assert found["gpu_hours"] == 0
    assert found["cost"]["dollars"] == pytest.approx(3 * found["duration_s"] / 3600)
    assert found["cost"]["assumption"].startswith("$3 an hour for one machine of the cluster")
    # Nothing is written but the speeds.
    assert {p.name for p in folder.iterdir()} == {"small.yaml", "cache"}
    assert cache_file() == folder / "cache/raytd/speeds.json"
    assert all(s.step_s > 0 and s.longer_s > 0 for s in kept_speeds().values())
    assert len(kept_speeds()) == 1
    # The speeds count from now on, in the same number of processes.
    for more in ((), ("--quick",)):
        code, out, err = run(capsys, "small.yaml", "--json", "--price", "3", *more)
        assert code == 0
        assert "timing" not in err
        again = json.loads(out)
        assert {**again, "assumption": ""} == {**found, "assumption": ""}
        assert again["assumption"].startswith("timed on this machine before; remove ")
    # Those of other batches do not.
    code, out, err = run(capsys, "small.yaml", "--quick", "--set", "trajectory.batch_size=6")
    assert (code, "timing" in err) == (0, False)
    unknown = "unknown: never timed on this machine: cnn8-narrow on images 8×8, grey, batch size 6"
    assert f"expected duration {unknown}" in " ".join(out.split())
    assert out.startswith("digits (in scikit-learn): 1,797 images of 10 classes; a third of each")
    code, out, _ = run(capsys, "small.yaml", "--price", "3")
    assert code == 0
    text = " ".join(out.split())
    assert re.search("each of 6 trials 2 actors, 1.5 CPUs, about [0-9.]+ GB of memory", text)
    assert re.search("expected duration .+, timed on this machine before; remove ", text)
    assert re.search(r"cost \$[0-9.]+: \$3 an hour for one machine of the cluster", text)


def test_a_quick_plan_says_what_is_not_known_and_guesses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "empty"))
    code, out, err = run(capsys, "small.yaml", "--quick", "--price", "3")
    assert code == 0
    assert "timing" not in err
    assert not (folder / "empty").exists()
    text = " ".join(out.split())
    assert "unknown: never timed on this machine: cnn8-narrow on images 8×8, grey, batch" in text
    assert "1.5 CPUs, memory unknown" in text
    assert "$" not in text
    _, out, _ = run(capsys, "small.yaml", "--quick", "--price", "3", "--json")
    found = json.loads(out)
    for unknown in ("duration_s", "training_s", "gpu_hours", "cost"):
        assert found[unknown] is None
    assert found["forward_images"] > 0
    assert found["untimed"] == ["cnn8-narrow on images 8×8, grey, batch size 8"]


@pytest.fixture(scope="module")
def plan(folder: Path) -> SweepPlan:
    spec = load_sweep(folder / "small.yaml", has_gpu=lambda: False).spec
    return make_plan(spec, data=folder, storage=folder / "runs", nodes=[{"CPU": 2.0}])


def one_of(plan: SweepPlan, method: str) -> Trial:
    return next(trial for trial in plan.trials if trial.config.method == method)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


def test_the_counts_of_a_plan_are_those_of_its_results(plan: SweepPlan, networks: Path) -> None:

    for method in ("coupled", "uncoupled"):
        trial = one_of(plan, method)
        _, row = run_trial(trial, launch=run_in_process, sources=networks)
        work = trial.work
        assert (work.forward_images, work.sgd_steps) == (row["forward_images"], row["sgd_steps"])


def test_trials_are_counted_by_each_value_of_each_axis(plan: SweepPlan) -> None:
    assert {type(line["to_run"]) for line in by_axis(plan)} == {int}
    lines = {(line["axis"], line["value"]): line["trials"] for line in by_axis(plan)}
    assert lines == {
        ("method", "coupled"): 4,
        ("method", "uncoupled"): 2,
        ("model", "cnn8-narrow"): 6,
        ("seed", "0"): 3,
        ("seed", "1"): 3,
        ("source", "digits-low"): 6,
        ("target", "digits-high"): 6,
        ("coupled.lam", "10.0"): 2,
        ("coupled.lam", "20.0"): 2,
    }


def speed(**changed: float) -> Any:
    from raytd.sweep.cost.speed import Speed

    plain = {
        "move_s": 0.001, "step_s": 0.01, "pretrain_step_s": 0.02, "measure_s": 2e-4,
        "longer_s": 1e-4, "probe_s": 1e-3,
    }  # fmt: skip
    return Speed(**plain | changed, activation_bytes=1000, widest_bytes=200, parameters=10_000)


def hours(plan: SweepPlan, nodes: list[dict[str, float]], **changed: float) -> float:
    speeds = {speed_key(t): speed(**changed) for t in plan.trials}
    duration_s = estimate(plan, speeds, Machine(nodes, 1.0)).duration_s
    assert duration_s is not None
    return duration_s


def test_slower_parts_and_fewer_cores_take_longer(plan: SweepPlan) -> None:
    two, eight = [{"CPU": 2.0}], [{"CPU": 8.0}]
    assert hours(plan, two) > hours(plan, eight)
    for part in ("move_s", "step_s", "pretrain_step_s", "measure_s", "longer_s", "probe_s"):
        assert hours(plan, two, **{part: 1.0}) > hours(plan, two) + 4


def test_threads_that_want_one_core_slow_a_cpu_down_and_no_gpu(folder: Path) -> None:
    def crowded(**resources: int) -> float:
        """How much longer it takes where each worker has four threads and not one."""
        took = []
        for threads in (1, 4):
            settings = resources | {"threads": threads}
            given = [f"resources.{name}={value}" for name, value in settings.items()]
            spec = load_sweep(folder / "small.yaml", overrides=given, has_gpu=lambda: False).spec
            nodes = [{"CPU": 2.0, "GPU": 4.0}]
            plan = make_plan(spec, data=folder, storage=folder / "crowded", nodes=nodes)
            took.append(hours(plan, nodes))
        return took[1] / took[0]

    assert crowded(gpus_per_actor=0) > 1.5
    assert crowded(gpus_per_actor=1) == 1


def test_actors_that_share_a_gpu_take_turns_on_it(folder: Path) -> None:
    spec = load_sweep(folder / "small.yaml", has_gpu=lambda: True).spec
    took = {}
    for n_gpus in (1.0, 2.0):
        nodes = [{"CPU": 1.5, "GPU": n_gpus}]
        plan = make_plan(spec, data=folder, storage=folder / "shared", nodes=nodes)
        assert {t.config.n_actors for t in plan.trials} == {2}
        took[n_gpus] = hours(plan, nodes, step_s=1.0)
    assert took[1.0] > 1.8 * took[2.0]


def test_what_is_done_takes_no_time_and_memory_grows_with_the_network(plan: SweepPlan) -> None:
    from dataclasses import replace

    done = replace(plan, done={t.key: {} for t in plan.trials})
    assert estimate(done, {}, Machine([{"CPU": 2.0}], 1.0)).duration_s == 0
    small, large = speed(), replace(speed(), parameters=10**8, activation_bytes=10**7)
    trial = plan.trials[0]
    assert memory_bytes(trial, large) - memory_bytes(trial, small) > 10**9


def test_gpus_of_several_kinds_are_told_where_they_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from raytd.cli.commands.plan import _facts
    from raytd.sweep.cost.plan_figures import outlook

    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    nodes = [
        {"CPU": 4.0, "GPU": 2.0, "accelerator_type:T4": 1.0},
        {"CPU": 4.0, "GPU": 2.0, "accelerator_type:A10G": 1.0},
        {"CPU": 4.0},
    ]
    told = {}
    for gpus in ("0", "1"):
        overrides = ("resources.gpus_per_actor=" + gpus, "grid.seed=[0]", "grid.coupled.lam=[10]")
        spec = load_sweep(folder / "small.yaml", overrides=overrides, has_gpu=lambda: False).spec
        plan = make_plan(spec, data=folder, storage=folder / "gpu-runs", nodes=nodes)
        told[gpus] = outlook(plan, nodes=nodes, quick=True)
    assert told["0"]["gpu_kinds"] == []
    assert told["1"]["gpu_kinds"] == ["A10G", "T4"]
    facts = dict(_facts(told["1"]))
    assert facts["GPUs of several kinds"].startswith("A10G, T4: the last bits")
    assert dict(_facts(told["1"] | {"gpu_hours": 1.5}))["GPU-hours"] == "1.50"
    assert "GPUs of several kinds" not in dict(_facts(told["0"]))


def test_a_result_of_gpus_that_may_round_as_they_like_says_so(
    plan: SweepPlan, networks: Path
) -> None:
    from dataclasses import replace

    trial = one_of(plan, "uncoupled")
    for gpus, deterministic in ((1, False), (1, True), (0, False)):
        changed = {"gpus_per_actor": gpus, "deterministic": deterministic}
        resources = trial.config.resources.model_copy(update=changed)
        other = replace(trial, config=trial.config.model_copy(update={"resources": resources}))
        result, row = run_trial(other, launch=run_in_process, sources=networks)
        said = "GPUs were free to round differently" in (row["warnings"] or "")
        assert said == (gpus == 1 and not deterministic)
        assert bool(result.warnings) >= said


def test_what_is_searched_has_no_lines_of_its_own(folder: Path) -> None:
    given = [
        "grid.coupled.lam=[10]",
        "search={space: {trajectory.lr: {loguniform: [0.001, 0.1]}}, trials: 2}",
    ]
    spec = load_sweep(folder / "small.yaml", overrides=given, has_gpu=lambda: False).spec
    made = make_plan(spec, data=folder, storage=folder / "search", nodes=[{"CPU": 2.0}])
    axes = {line["axis"] for line in by_axis(made)}
    assert axes == {"method", "model", "seed", "source", "target", "coupled.lam"}


def test_a_plan_of_which_all_is_done_times_nothing_and_has_no_facts(
    plan: SweepPlan, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from raytd.cli.commands.plan import _facts
    from raytd.sweep.cost.plan_figures import outlook

    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "nothing"))
    told: list[str] = []
    done = replace(plan, done={t.key: {"status": "done"} for t in plan.trials})
    found = outlook(done, nodes=[{"CPU": 2.0}], price=3.0, tell=told.append)
    assert (told, _facts(found)) == ([], [])
    assert (found["to_run"], found["duration_s"], found["cost"]["dollars"]) == (0, 0, 0)
    assert not (folder / "nothing").exists()


def test_methods_whose_work_is_not_known_beforehand_are_named(tmp_path: Path) -> None:
    from raytd.cli.commands.plan import _facts
    from raytd.sweep.cost.plan_figures import outlook

    (tmp_path / "s.yaml").write_text(
        "name: s\ntasks: [digits-low, digits-high]\nmethods: [leep, finetune, nce]\n"
    )
    spec = load_sweep(tmp_path / "s.yaml", has_gpu=lambda: False).spec
    made = make_plan(spec, data=tmp_path, storage=tmp_path / "runs", nodes=[{"CPU": 2.0}])
    facts = dict(_facts(outlook(made, nodes=[{"CPU": 2.0}], quick=True)))
    assert facts["finetune"] == "only the SGD steps are in these figures"
    assert facts["leep, nce"] == "not in these figures: their work is not known beforehand"


def test_a_price_is_of_gpus_where_trials_use_them_and_of_machines_where_none_does(
    plan: SweepPlan, folder: Path
) -> None:
    from raytd.sweep.cost.plan_figures import _cost

    nodes = [{"CPU": 2.0, "GPU": 4.0}, {"CPU": 2.0}]
    given = ["resources.gpus_per_actor=1"]
    spec = load_sweep(folder / "small.yaml", overrides=given, has_gpu=lambda: False).spec
    on_gpus = make_plan(spec, data=folder, storage=folder / "priced", nodes=nodes)
    cost = _cost(3.0, 7200.0, nodes, on_gpus.missing)
    assert (cost["dollars"], "each of 4 GPUs" in cost["assumption"]) == (24, True)
    cost = _cost(3.0, 7200.0, nodes, plan.missing)
    assert (cost["dollars"], "each of 2 machines" in cost["assumption"]) == (12, True)


def test_a_file_from_elsewhere_is_checked_without_running_what_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trap_nets.py").write_text("open('sprung', 'w').close()\n")
    text = SWEEP.replace("grid: {", "grid: {model: [cnn8, 'trap_nets:make(width=3)'], ")
    (tmp_path / "theirs.yaml").write_text(text)
    code, out, _ = run(capsys, "theirs.yaml", "--no-import")
    assert code == 0
    assert "It names trap_nets:make: a plan or a sweep imports that module" in out
    code, out, _ = run(capsys, "theirs.yaml", "--no-import", "--json")
    assert json.loads(out) == {"sweep": "small", "profile": None, "imports": ["trap_nets:make"]}
    (tmp_path / "wrong.yaml").write_text(text.replace("seed: [0, 1]", "seed: [-1]"))
    code, _, err = run(capsys, "wrong.yaml", "--no-import")
    assert (code, "grid.seed[0]  must be at least 0" in err) == (2, True)
    assert "not of the form" in run(
        capsys, "theirs.yaml", "--no-import", "--set", "grid.model=['a b:c']"
    )[2]  # fmt: skip
    assert not (tmp_path / "sprung").exists()
    assert run(capsys, "theirs.yaml", "--quick")[0] == 2
    assert (tmp_path / "sprung").exists()
