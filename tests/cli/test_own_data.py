"""`raytd distance` and `raytd sweep` take folders, and a long plan names what is quicker."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from raytd.cli.drafting import own_file
from raytd.cli.views.events import View
from raytd.errors import RequestError
from raytd.sweep.draft.asked import Asked
from raytd.sweep.draft.smaller import NIGHT_S
from tests.cli.commands import run_here, surroundings

WORDS = ("--set", "trajectory.steps=20", "--set", "coupled.iterations=1")
QUICK = (*WORDS, "--set", "pretrain.epochs=2", "--set", "data.train=12", "--set", "data.val=8")


def test_a_distance_between_folders_says_which_settings_fit_this_machine(
    folder: Path, clock: Callable[[float], None]
) -> None:
    clock(0.002)
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), np.uint8)
    np.savez(folder / "n.npz", images=images, labels=[0, 1] * 20)
    found = run_here(folder, "distance", "./a", "n.npz", *QUICK, "--json")
    assert found.returncode == 0, found.stderr
    row = json.loads(found.stdout)
    assert (row["source"], row["target"], row["model"]) == ("a", "n", "cnn8-narrow")
    (line,) = (line for line in found.stderr.splitlines() if line.startswith("settings "))
    assert line.startswith("settings that fit this machine (1 trial, about a minute on ")
    assert "trajectory.steps=20 " in line
    assert "transfer." not in line
    taken = [word for setting in line.partition("): ")[2].split() for word in ("--set", setting)]
    assert list(folder.glob("*.yaml")) == []
    assert [s for s in QUICK[1::2] if s not in taken] == []


def test_a_slow_machine_gets_a_smaller_distance(
    folder: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise RequestError("stopped before it runs")

    monkeypatch.setattr("raytd.tasks.account.account_lines", stop)
    monkeypatch.setattr("raytd.sweep.draft.supply.account_lines", lambda _: ["read"])
    steps = {}
    for name, step_s in (("quick", 0.002), ("slow", 0.4), ("hopeless", 9.0)):
        clock(step_s)
        cache = str(folder / name)
        said = run_here(folder, "distance", "./a", "./c", XDG_CACHE_HOME=cache).stderr
        steps[name] = int(re.findall(r"trajectory\.steps=(\d+)", said)[0])
        assert ("settings that fit this machine" in said) == (name != "hopeless")
    assert steps["quick"] > steps["slow"] >= steps["hopeless"]


def test_in_the_settings_of_a_file_folders_and_its_tasks_go_together(folder: Path) -> None:
    (folder / "s.yaml").write_text(
        "name: s\ntasks: [{name: a, dataset: 'folder:./a'}, {name: c, dataset: 'folder:./c'}]\n"
        "methods: [coupled]\ndata: {train: 12, val: 8}\n"
    )
    for ends in (("a", "./b"), ("a", "c")):  # a lies here, too, and is the same
        found = run_here(folder, "distance", *ends, "--config", "s.yaml", "--method", "emd")
        assert found.returncode == 0, found.stderr
        assert f"a → {ends[1].removeprefix('./')}" in found.stdout
    (folder / "digits-low").mkdir()
    refused = run_here(folder, "distance", "digits-low", "./nothing")
    assert refused.returncode == 2
    assert [line.split(":")[0] for line in refused.stderr.splitlines()] == [
        "SOURCE digits-low", "TARGET ./nothing",
    ]  # fmt: skip


def test_the_same_sources_and_targets_are_the_same_sweep(
    folder: Path, clock: Callable[[float], None]
) -> None:
    clock(0.005)
    said: list[str] = []

    class Heard(View):
        def show(self, event: str, fields: object) -> None:
            said.extend([event] if event == "file" else [])

    asked = Asked(("./a", "./b"), ("./c",))
    with surroundings(folder):
        out = own_file(asked, Heard())
        text = (folder / out).read_text() + "# mine\n"
        (folder / out).write_text(text)
        clock(9.0)
        assert own_file(asked, Heard()) == out
        with pytest.raises(RequestError, match=f"raytd sweep {out} runs it"):
            own_file(Asked(("./a",), ("./c",)), Heard())
    assert (folder / out).read_text() == text
    assert said == ["file", "file"]


def test_a_sweep_has_either_a_file_or_data(folder: Path) -> None:
    for words in ((), ("x.yaml", "--source", "./a"), ("x.yaml", "--model", "cnn8")):
        refused = run_here(folder, "sweep", *words)
        assert (refused.returncode, "give FILE, or --source" in refused.stderr) == (2, True)


LONG = """
name: long
tasks: [digits-low, digits-high, digits-even]
data: {train: 120, val: 100}
methods: [coupled]
grid: {seed: [0, 1, 2, 3], trajectory.lr: [0.001, 0.01]}
where: [{when: {seed: [3]}, set: {stop.tolerance: 0.1}}]
coupled: {iterations: 4, blocks: 2, tile_size: 6}
trajectory: {steps: 6000, segments: 60}
pretrain: {epochs: 100}
"""


def test_a_plan_of_more_than_a_night_names_settings_with_which_it_is_not(
    folder: Path, clock: Callable[[float], None]
) -> None:
    clock(0.8)
    (folder / "long.yaml").write_text(LONG)
    planned = run_here(folder, "plan", "long.yaml")
    assert planned.returncode == 0, planned.stderr
    line = planned.stdout.replace("\n", " ").partition("that is more than a night; about ")[2]
    words = shlex.split(line.partition(" with ")[2].partition(" results in")[0])
    assert any(word.startswith("trajectory.steps=") for word in words)
    assert not any(word.startswith("grid.seed") for word in words)  # a condition names a seed
    assert not any(word.startswith(("trajectory.lr", "coupled.tile_size")) for word in words)
    shorter = json.loads(run_here(folder, "plan", "long.yaml", "--json", *words).stdout)
    assert 0 < shorter["duration_s"] <= NIGHT_S
    assert shorter["smaller"] is None


def test_a_distance_that_takes_long_by_known_speeds_names_quicker_settings(
    folder: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(0.3)
    (folder / "long.yaml").write_text(LONG.replace("where", "# where"))
    run_here(folder, "plan", "long.yaml")

    def stop(*_: object) -> None:
        raise RequestError("stopped before it runs")

    monkeypatch.setattr("raytd.tasks.account.account_lines", stop)
    words = ("distance", "digits-low", "digits-high", "--config", "long.yaml")
    (warned,) = re.findall(r"this takes about .*", run_here(folder, *words).stderr)
    settings = shlex.split(warned.partition(" with ")[2])
    assert any(word.startswith("trajectory.steps=") for word in settings)
    assert "this takes about" not in run_here(folder, *words, *settings).stderr
