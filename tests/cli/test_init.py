"""`raytd init`: from a user's folders to a sweep file that fits this machine; nothing is lost."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from raytd.sweep.cluster import connection
from raytd.sweep.draft.sized import BUDGET_S
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.shipped import shipped
from tests.cli.commands import environment, run_here

INIT = ("init", "--source", "./a", "--source", "./b", "--target", "./c")


def test_the_file_fits_the_data_and_the_plan_agrees_that_it_is_quick(
    folder: Path, clock: Callable[[float], None]
) -> None:
    clock(0.005)
    made = run_here(folder, *INIT)
    assert made.returncode == 0, made.stderr
    assert "folder:./a: 80 images of 2 classes in 80 files" in made.stderr
    assert "Files with other endings are left out: 1 .txt (notes.txt)." in made.stderr
    _, *rest = made.stdout.splitlines()
    assert rest == ["next  raytd sweep to-c.yaml", "then  raytd recommend to-c --target c"]
    planned = run_here(folder, "plan", "to-c.yaml", "--json", "--profile", "cpu")
    figures = json.loads(planned.stdout)
    assert figures["duration_s"] <= BUDGET_S
    assert made.stdout.startswith(f"to-c.yaml  {figures['n_trials']} trials, about ")
    spec = load_sweep(folder / "to-c.yaml", has_gpu=lambda: False).spec
    assert spec.pairs == (("a", "c"), ("b", "c"))
    assert len(spec.grid["seed"]) >= 3
    assert {task.size for task in spec.tasks} == {(10, 12)}
    full = load_sweep(folder / "to-c.yaml", has_gpu=lambda: True).spec
    assert full.trajectory.steps > 4 * (spec.trajectory.steps or 0)


def test_a_slow_machine_is_asked_for_less_and_a_hopeless_one_is_told(
    folder: Path, clock: Callable[[float], None]
) -> None:
    def done(name: str, step_s: float) -> tuple[str, int]:
        clock(step_s)
        out = run_here(folder, *INIT, "--out", f"{name}.yaml", XDG_CACHE_HOME=str(folder / name))
        spec = load_sweep(folder / f"{name}.yaml", has_gpu=lambda: False).spec
        pixels = (spec.tasks[0].size or (0, 0))[1]
        return out.stdout, len(spec.grid["seed"]) * (spec.trajectory.steps or 0) * pixels

    (quick, most), (slow, less), (hopeless, least) = (
        done("quick", 0.002), done("slow", 0.03), done("hopeless", 9.0)
    )  # fmt: skip
    assert most > less > least
    assert "more than five minutes" not in quick + slow
    assert "That is more than five minutes with the least that is sensible" in hopeless


def test_networks_are_compared_and_options_reach_the_file_and_the_command(
    folder: Path, clock: Callable[[float], None]
) -> None:
    clock(0.001)
    (folder / "root").mkdir()
    (folder / "more.yaml").write_text("tasks: [{name: d, dataset: digits, classes: ['1', '2']}]")
    made = run_here(
        folder, "init", "--source", "d", "--source", "digits-low", "--target", "digits-high",
        "--model", "cnn8-narrow", "--model", "wrn-10-1", "--out", "my nets.yaml",
        "--data", "./root", "--catalogue", "more.yaml",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "next  raytd sweep 'my nets.yaml' --data root" in made.stdout
    spec = load_sweep(folder / "my nets.yaml", has_gpu=lambda: False, overrides=(
        f"data.catalogue={folder / 'more.yaml'}",)).spec  # fmt: skip
    assert spec.name == "my-nets"
    assert spec.grid["model"] == ("cnn8-narrow", "wrn-10-1")
    assert [task.name for task in spec.tasks] == ["d", "digits-low", "digits-high"]
    text = (folder / "my nets.yaml").read_text()
    assert "catalogue: more.yaml" in text
    assert "#   raytd init --source d --source digits-low --target digits-high --model" in text


def test_a_folder_called_like_a_known_data_set_keeps_its_own_classes(
    folder: Path, clock: Callable[[float], None]
) -> None:
    clock(0.001)
    (folder / "a").rename(folder / "cifar10")
    made = run_here(folder, "init", "--source", "./cifar10", "--target", "./c")
    assert made.returncode == 0, made.stderr
    spec = load_sweep(folder / "to-c.yaml", has_gpu=lambda: False).spec
    assert spec.tasks[0].identity == "own-cifar10"


def test_everything_wrong_is_said_at_once_and_nothing_is_written(folder: Path) -> None:
    (folder / "to-c.yaml").write_text("mine")
    (folder / "empty").mkdir()
    before = sorted(folder.rglob("*"))
    ended = run_here(
        folder, *INIT, "--source", "./nothing", "--source", "./empty",
        "--model", "cnn9", "--model", "cnn8", "--model", "cnn8",
    )  # fmt: skip
    assert ended.returncode == 2
    problems = ended.stderr.splitlines()[1:]
    assert [line.split(":")[0] for line in problems] == [
        "--source ./nothing", "--model cnn9", "--model cnn8",
        "to-c.yaml is there already",
        "./empty",
    ]  # fmt: skip
    assert "no folder of a class" in problems[-1]
    assert sorted(folder.rglob("*")) == before
    assert (folder / "to-c.yaml").read_text() == "mine"


def test_a_file_is_replaced_only_if_told(folder: Path, clock: Callable[[float], None]) -> None:
    clock(0.001)
    (folder / "to-c.yaml").write_text("mine")
    assert run_here(folder, *INIT, "--force").returncode == 0
    assert "name: to-c\n" in (folder / "to-c.yaml").read_text()
    assert (
        run_here(folder, *INIT, "--out", "none/x.yaml")
        .stderr.splitlines()[-1]
        .startswith("none/x.yaml: there is no folder none;")
    )


def test_without_arguments_the_shipped_sweeps_are_listed(tmp_path: Path) -> None:
    listed = run_here(tmp_path, "init").stdout
    assert [name for name in shipped() if name not in listed] == []
    assert "raytd init quickstart" in listed
    assert list(tmp_path.iterdir()) == []


def test_a_shipped_sweep_is_copied_once_and_then_runs_from_here(tmp_path: Path) -> None:
    copied = run_here(tmp_path, "init", "quickstart")
    assert copied.stdout.splitlines()[-1] == "next  raytd sweep quickstart.yaml"
    again = run_here(tmp_path, "init", "quickstart")
    assert (again.returncode, again.stderr.partition(";")[0]) == (
        2, "quickstart.yaml is there already: raytd sweep quickstart.yaml runs it"
    )  # fmt: skip
    assert run_here(tmp_path, "init", "nothing").returncode == 2
    both = run_here(tmp_path, "init", "quickstart", "--source", "a")
    assert (both.returncode, "not both" in both.stderr) == (2, True)
    planned = run_here(tmp_path, "plan", "quickstart", "--quick")
    assert "quickstart is quickstart.yaml in this folder" in planned.stderr
    (tmp_path / "quickstart.yaml").unlink()
    planned = run_here(tmp_path, "plan", "quickstart", "--quick")
    assert planned.returncode == 0
    assert "quickstart is the sweep that raytd brings: " in planned.stderr


@pytest.mark.parametrize("args", [["init", "--help"], ["init"], ["init", "quickstart"]])
def test_help_list_and_copy_load_nothing_that_is_slow(tmp_path: Path, args: list[str]) -> None:
    program = (
        "import sys\nfrom raytd.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as e: assert not e.code\n"
        "print(sorted({'torch', 'ray', 'mlflow', 'scipy'} & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *args],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.splitlines()[-1] == "[]"


def test_with_a_gpu_the_quick_profile_comes_first_and_the_file_as_written_then(
    folder: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(0.001)
    monkeypatch.setattr(connection, "local_nodes", lambda: [{"CPU": 2.0, "GPU": 1.0}])
    made = run_here(folder, *INIT)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[1:3] == [
        "next  raytd sweep to-c.yaml --profile cpu",
        "then  raytd sweep to-c.yaml, which asks the GPU for more",
    ]
