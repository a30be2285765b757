"""What is wrong with a request is said at once, and nothing is started or written."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from raytd.cli import cli, main

GOOD = """
name: small
tasks: [digits-low, digits-high]
pairs: [[digits-low, digits-high]]
methods: [coupled]
"""


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(GOOD)
    return path


def test_all_problems_of_a_file_come_at_once_and_nothing_is_written(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.write_text(GOOD + "coupled: {epsilom: 1, blocks: 0}\nmodel: cnn9\n")
    code, out, err = run(capsys, "sweep", "small.yaml")
    assert code == 2
    assert out == ""
    assert err.splitlines() == [
        "small.yaml:6:11 coupled.epsilom  unknown key; did you mean 'epsilon'?",
        "small.yaml:6:23 coupled.blocks  must be at least 1, not 0",
        "small.yaml:7:1 model  unknown model 'cnn9'; there are cnn8, cnn8-narrow and wrn-D-K, "
        "torchvision:NAME and package.module:factory; did you mean 'cnn8'?",
    ]
    assert list(sweep.parent.iterdir()) == [sweep]


def test_what_the_cluster_can_never_place_is_refused_with_a_way_out(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    override = "resources={gpus_per_actor: 64, cpus_per_actor: 4096}"
    code, _, err = run(capsys, "sweep", sweep, "--set", override)
    assert code == 2
    assert "the plan needs 64 GPUs for one trial (1 actor × 64 GPUs); the cluster has" in err
    assert "resources.cpus_per_actor=" in err
    assert list(sweep.parent.iterdir()) == [sweep]


def test_data_that_is_missing_is_one_line(
    sweep: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = run(
        capsys, "sweep", sweep, "--set", "tasks=[flowers, herbivores]",
        "--set", "pairs=all", "--data", tmp_path,
    )  # fmt: skip
    assert code == 2
    assert f"cifar100: not under {tmp_path / 'cifar-100-python'}" in err
    assert list(sweep.parent.iterdir()) == [sweep]


def test_more_blocks_than_tiles_is_refused_when_the_counts_come_from_the_data(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    override = "coupled={blocks: 30, tile_size: 25}"
    code, _, err = run(capsys, "sweep", sweep, "--set", override)
    assert code == 2
    assert "coupled.blocks: 30 blocks, but digits-low and digits-high" in err


def test_storage_that_cannot_be_written_is_one_line_and_exit_code_2(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "sweep", sweep, "--storage", "/proc/nowhere")
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("/proc/nowhere/small/sweep.yaml: cannot be written")
    assert "choose another --storage" in last


def test_json_lines_stay_json_when_the_request_is_wrong(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.write_text(GOOD + "coupled: {epsilom: 1}\n")
    code, out, err = run(capsys, "sweep", "small.yaml", "--progress", "jsonl")
    assert code == 2
    assert out == ""
    (line,) = [json.loads(line) for line in err.splitlines()]
    assert line["event"] == "error"
    assert (
        line["message"] == "small.yaml:6:11 coupled.epsilom  unknown key; did you mean 'epsilon'?"
    )


def test_a_wrong_pair_of_raytd_distance_is_explained(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "distance", "digits-lo", "digits-high", "--set", "coupled.lam=-1")
    assert code == 2
    assert "unknown task 'digits-lo'; did you mean 'digits-low'?" in err
    assert "--set coupled.lam  must be greater than 0, not -1" in err


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("s3:/bucket/runs", "--storage s3: name a bucket, as s3://bucket/runs\n"),
        ("nfs://host/runs", "nfs://host/runs: cannot be read (pyarrow knows no such store); "
                            "use one such as s3:// or gs://\n"),
    ],
)  # fmt: skip
def test_a_uri_that_means_nothing_is_refused_before_a_folder_of_its_name_is_made(
    sweep: Path, capsys: pytest.CaptureFixture[str], storage: str, said: str
) -> None:
    code, _, err = run(capsys, "sweep", sweep, "--storage", storage)
    assert (code, err) == (2, said)
    assert list(sweep.parent.iterdir()) == [sweep]


def test_an_address_where_nothing_listens_is_refused_at_once(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "sweep", sweep, "--address", "127.0.0.1:9")
    assert code == 2
    assert err == "--address 127.0.0.1:9: no Ray cluster answers there (connection refused)\n"
    assert list(sweep.parent.iterdir()) == [sweep]


def test_an_unknown_command_is_answered_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = run(capsys, "sweeep")
    assert code == 2
    assert "No such command 'sweeep'. Did you mean 'sweep'?" in err


def test_help_and_import_load_neither_torch_nor_ray_nor_mlflow() -> None:
    script = (
        "import sys, raytd, raytd.cli\n"
        "try:\n    raytd.cli.main(['--help'])\n"
        "except SystemExit as ended:\n    assert ended.code == 0\n"
        "heavy = {'torch', 'ray', 'mlflow', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "Commands:" in ended.stdout


@pytest.mark.parametrize("command", cli.list_commands(click.Context(cli)))
def test_every_command_explains_itself_and_stands_in_the_readme(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: raytd {command} ")
    readme = Path(__file__).parents[2] / "README.md"
    assert f"raytd {command} " in readme.read_text()
