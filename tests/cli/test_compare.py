import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli import saved_sweep

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return saved_sweep.asking("compare", tmp_path, monkeypatch)


def test_models_are_compared_by_default_and_read_at_eighty_columns(run: Run) -> None:
    done = run()
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "coupled, model small → big: distance (rad)" in done.stdout
    assert "big is smaller than small in 6 of 6 pairs (95 % interval 54–100 %)" in done.stdout
    assert "in the table: 95 % t intervals over 2 seeds" in done.stdout
    (line,) = (line for line in done.stdout.splitlines() if "b → a" in line)
    assert line.split()[3:] == ["2.56", "2.06", "-0.5", "±", "0", "0.805", "(0.75–0.87)"]


def test_marks_have_a_legend_with_the_pair_and_the_seeds(run: Run) -> None:
    out = run().stdout
    assert "A  a model did not arrive" in out
    assert "   a → b: big did not arrive (seeds 0, 1)" in out


def test_json_holds_every_figure_and_how_it_is_made(run: Run) -> None:
    document = json.loads(run("--json").stdout)
    (one,) = document["comparisons"]
    assert (one["n_pairs"], one["n_smaller"], one["share_smaller"]) == (6, 6, 1.0)
    # six equal differences are ties: every choice of signs, two of 64 are as extreme
    assert one["wilcoxon"]["p_value"] == pytest.approx(2 / 64)
    assert one["pairs"][0]["difference_interval"] == [-0.5, -0.5]
    assert one["pairs"][0]["notes"] == ["big did not arrive (seeds 0, 1)"]
    assert "Student" in document["how"]["difference"]


def test_csv_has_a_line_for_each_pair(run: Run) -> None:
    lines = list(csv.DictReader(io.StringIO(run("--format", "csv").stdout)))
    assert len(lines) == 6
    assert {line["difference"] for line in lines} == {"-0.5"}
    assert lines[0]["notes"] == "big did not arrive (seeds 0, 1)"


def test_the_sides_can_be_turned_around(run: Run) -> None:
    for options in (["--left", "big", "--right", "small"], ["--levels", "big,small"]):
        assert "small is smaller than big in 0 of 6 pairs" in run(*options).stdout


def test_another_column_and_fewer_trials(run: Run) -> None:
    out = run("--value", "noise_free_length", "--where", "source=a").stdout
    assert "noise-free length (rad)" in out
    assert "big is smaller than small in 0 of 2 pairs" in out


def test_one_seed_has_no_interval_and_that_is_said(run: Run) -> None:
    out = run("--where", "seed=0").stdout
    assert "one seed: no interval for a pair" in out
    assert "±" not in out


def test_several_comparisons_end_in_an_overview(run: Run) -> None:
    out = run("--by", "seed").stdout
    assert "coupled, small, seed 0 → 1" in out
    assert out.index("compared") > out.index("coupled, big, seed 0 → 1")
    assert "one seed" not in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--by", "modle"], "not an axis; axes with several settings: model, seed; did you mean"),
        (["--by", "method"], "method has one setting (coupled) in the results"),
        (["--left", "small"], "--left and --right belong together"),
        (["--left", "a", "--right", "b", "--levels", "a,b"], "use one of them"),
        (["--levels", "small,bog"], "no setting 'bog'; there are small, big; did you mean 'big'?"),
        (["--value", "distanc"], "no column 'distanc'; did you mean 'distance'?"),
        (["--value", "model"], "the column holds no numbers"),
        (["--where", "nothing"], "not a condition"),
    ],
)
def test_what_cannot_be_compared_is_one_line(run: Run, options: list[str], words: str) -> None:
    done = run(*options)
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)
    assert done.stdout == ""


def test_settings_that_no_two_trials_share_leave_nothing_to_compare(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "runs/demo"
    plan = json.loads((folder / "plan.json").read_text())
    plan["sweep"]["grid"] = {"coupled.lam": [1, 2]}
    (folder / "plan.json").write_text(json.dumps(plan))
    for path in folder.glob("trials/*/result.json"):
        row = json.loads(path.read_text())
        path.write_text(json.dumps(row | {"coupled.lam": 1 if row["model"] == "big" else 2}))
    done = run()
    assert (done.exit_code, done.stdout.rstrip()) == (
        *(0, "nothing to compare: no setting of the other axes is on both sides"),
    )


def test_sides_without_a_pair_in_common_have_no_table_of_pairs(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "runs/demo").glob("trials/*/result.json"):
        row = json.loads(path.read_text())
        if (row["model"], row["source"]) not in (("big", "a"), ("small", "b")):
            path.unlink()
    done = run()
    assert done.exit_code == 0
    assert "big and small have no pair in common" in done.stdout
    assert "source → target" not in done.stdout
