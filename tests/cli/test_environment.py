"""Sweeps in surroundings that are not as usual: pipes, long paths, files that are edited."""

import fcntl
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.cli.commands import command, environment, run_in

SWEEP = """\
name: odd
tasks: [digits-low, digits-high]
data: {train: 20, val: 20}
pairs: [[digits-low, digits-high]]
methods: [otdd]
seed: 1
search: {space: {otdd.covariance: {choice: [full, diagonal]}}, metric: value, mode: min, trials: 4}
resources: {cpus_per_actor: 0.5, threads: 1}
"""
OPTIONS = ("--storage", "runs", "--tracking-uri", "none")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Path]:
    """A sweep that was read from a pipe and run under a long TMPDIR; what it said."""
    folder = tmp_path_factory.mktemp("odd")
    temporary = folder / ("scratch-of-the-cluster/" * 5) / "job"
    temporary.mkdir(parents=True)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=(SWEEP,), daemon=True).start()
    ended = run_in(folder, "sweep", pipe, *OPTIONS, TMPDIR=str(temporary))
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stderr, temporary


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_from_a_pipe_keeps_what_was_run(ran: tuple[Path, str, Path]) -> None:
    folder, _, _ = ran
    assert (folder / "runs/odd/sweep.yaml").read_text() == SWEEP


@pytest.mark.ray
@pytest.mark.slow
def test_a_long_tmpdir_is_said_and_not_used_by_ray(ran: tuple[Path, str, Path]) -> None:
    _, said, temporary = ran
    (line,) = [line for line in said.splitlines() if "TMPDIR" in line]
    assert line.startswith("TMPDIR is too long a path for Ray's sockets; Ray keeps its files in ")
    assert not Path(line.split()[-4]).exists()
    assert not (temporary / "ray").exists()


@pytest.mark.ray
@pytest.mark.slow
def test_a_search_of_two_values_counts_to_two_and_says_why(ran: tuple[Path, str, Path]) -> None:
    _, said, _ = ran
    told = "the search over otdd.covariance has only 2 different trials: 2 of 4 can be run"
    assert said.splitlines().count(told) == 1
    assert "2 trials: 0 done, 2 to run" in said
    assert [line[:5] for line in said.splitlines() if line.startswith("[")] == ["[1/2]", "[2/2]"]


@pytest.mark.ray
@pytest.mark.slow
def test_a_file_that_is_edited_while_the_sweep_waits_is_not_what_is_kept(
    ran: tuple[Path, str, Path],
) -> None:
    folder, _, _ = ran
    (folder / "odd.yaml").write_text(SWEEP)
    with (folder / "runs/odd/.sweep.yaml.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command("sweep", "odd.yaml", *OPTIONS),
            cwd=folder,
            env=environment(folder),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr is not None
        with process:
            said = iter(process.stderr.readline, "")
            assert any("another raytd sweep" in line for line in said)
            (folder / "odd.yaml").write_text(SWEEP.replace("trials: 4", "trials: 3"))
            fcntl.flock(lock, fcntl.LOCK_UN)
            rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert (folder / "runs/odd/sweep.yaml").read_text() == SWEEP


@pytest.mark.parametrize(
    "arguments",
    [
        ["tasks", "folder:~no-such-user/pets"],
        ["tasks", "--data=~no-such-user/x"],
        ["tasks", "digits-low", "--sheet=~no-such-user/x.png"],
        ["doctor", "--storage=~no-such-user/x"],
        ["distance", "digits-low", "digits-high", "--out=~no-such-user/x"],
        ["plan", "~no-such-user/x.yaml"],
        ["plan", "odd.yaml", "--catalogue=~no-such-user/x"],
        ["plan", "odd.yaml", "--set", "weights=~no-such-user/x"],
        ["plan", "inline.yaml"],
        ["results", "~no-such-user/runs/odd"],
        ["sync", "odd", "--storage=~no-such-user/runs"],
    ],
)
def test_the_home_of_nobody_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    inline = "{name: digits-low, dataset: 'npz:~no-such-user/x'}"
    (tmp_path / "odd.yaml").write_text(SWEEP)
    (tmp_path / "inline.yaml").write_text(SWEEP.replace("[digits-low,", f"[{inline},"))
    ended = run_in(tmp_path, *arguments)
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "knows no home folder of a user 'no-such-user'; correct the name" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inline.yaml", "odd.yaml"]
