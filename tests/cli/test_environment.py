"""Sweeps in surroundings that are not as usual: pipes, long paths, files that are edited."""

import fcntl
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from raytd.sweep.folder import sweep_lock
from tests.cli.commands import run_here, run_in

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
    ended = run_in(folder, "sweep", pipe, *OPTIONS, "--json", TMPDIR=str(temporary))
    assert ended.returncode == 0, ended.stderr
    assert len(json.loads(ended.stdout)["trials"]) == 2  # and nothing else, whoever writes
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
def test_a_sweep_that_waits_sees_what_was_done_meanwhile_and_keeps_the_file_as_it_was_read(
    ran: tuple[Path, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, _ = ran
    place = folder / "waits/odd"
    place.mkdir(parents=True)
    (folder / "odd.yaml").write_text(SWEEP)
    owner = {"pid": 4711, "host": "another-machine"}
    (place / ".owner.json").write_text(json.dumps(owner))
    who = sweep_lock._who

    with (place / ".sweep.yaml.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def others_finish(path: Path) -> str:
            """What happens once the sweep waits, and asks for whom."""
            (folder / "odd.yaml").write_text(SWEEP.replace("trials: 4", "trials: 3"))
            shutil.copytree(folder / "runs/odd/trials", place / "trials")
            asked = who(path)
            fcntl.flock(lock, fcntl.LOCK_UN)
            return asked

        monkeypatch.setattr(sweep_lock, "_who", others_finish)
        ended = run_here(folder, "sweep", "odd.yaml", "--storage", "waits", *OPTIONS[2:])
    assert ended.returncode == 0, ended.stderr
    told = "another raytd sweep runs this one (process 4711 on another-machine)"
    assert told in ended.stderr
    assert "2 trials: 2 done, 0 to run" in ended.stderr
    assert not [line for line in ended.stderr.splitlines() if line.startswith("[")]
    assert (place / "sweep.yaml").read_text() == SWEEP
    assert not (place / ".owner.json").exists()


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
    (tmp_path / "inline.yaml").write_text(SWEEP.replace("[digits-low,", f"[{inline},", 1))
    ended = run_here(tmp_path, *arguments)
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "knows no home folder of a user 'no-such-user'; correct the name" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inline.yaml", "odd.yaml"]
