"""The last lines of a sweep: for each target the words of `raytd recommend`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from raytd.cli import cli
from raytd.sweep.cluster.connection import local_nodes
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.plan import make_plan
from raytd.tasks.references import data_root

SWEEP = """
name: small
tasks: [digits-low, digits-high, digits-even]
data: {train: 20, val: 10}
pairs: all
methods: [otdd, transfer]
grid: {seed: [0, 1]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of which every trial has ended, with numbers that are easily followed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    (tmp_path / "small.yaml").write_text(SWEEP)
    spec = load_sweep(tmp_path / "small.yaml", has_gpu=lambda: False).spec
    nodes = local_nodes()
    plan = make_plan(spec, data=data_root(None), storage=tmp_path / "runs", nodes=nodes)
    for n, trial in enumerate(plan.trials):
        config = trial.config
        is_truth = config.method == "transfer"
        row = {
            "trial_key": trial.key, "status": "done", "error": None,
            "protocol": config.protocol(), "method": config.method, "model": config.model,
            "source": config.source.name, "target": config.target.name, "seed": config.seed,
            "value": 0.9 - 0.01 * (n // 2 % 12) if is_truth else n // 2 % 12,
            "unit": "accuracy" if is_truth else "1", "smaller_is_closer": not is_truth,
        }  # fmt: skip
        place = tmp_path / "runs/small/trials" / trial.key
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(row))
    return tmp_path


def test_a_sweep_ends_with_what_is_recommended_for_each_target(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["sweep", "small.yaml", "--tracking-uri", "none"])
    assert done.exit_code == 0, done.output
    *said, of_all = done.stdout.splitlines()[-4:]
    assert of_all.startswith("Of all 3: The order by otdd may be chance: ")
    as_json = CliRunner().invoke(cli, ["sweep", "small.yaml", "--tracking-uri", "none", "--json"])
    answers = json.loads(as_json.stdout)["answers"]
    assert all(each.startswith(line) for each, line in zip(answers, said, strict=True))
    for target in ("digits-low", "digits-high", "digits-even"):
        told = CliRunner().invoke(cli, ["recommend", "small", "--target", target, "--json"])
        answer = json.loads(told.stdout)["answer"]
        assert answer.startswith(f"Transfer to {target} from ")
        assert answer in answers
