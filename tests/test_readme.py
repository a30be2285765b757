"""The README says what is true: its program prints its output, its links and options exist."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from raytd.cli import cli
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.expand import expand
from raytd.tasks import references
from tests import judged

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_program_prints_the_output_that_stands_below_it() -> None:
    match = re.search(r"```python\n(.*?)```\s+```text\n(.*?)```", README, re.DOTALL)
    assert match is not None
    program, stated = match.groups()
    assert len(program.splitlines()) <= 16
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), {})
    assert re.sub(r"\d+\.\d+", "#", printed.getvalue()) == re.sub(r"\d+\.\d+", "#", stated)
    numbers = [
        float(n) for text in (printed.getvalue(), stated) for n in re.findall(r"\d+\.\d+", text)
    ]
    half = len(numbers) // 2
    # Other processors have other kernels, and SGD amplifies their last bits.
    assert numbers[:half] == pytest.approx(numbers[half:], rel=0.1)


def test_the_tasks_of_the_example_are_right_as_they_stand(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(tasks:.*?)```", README, re.DOTALL)
    (tmp_path / "s.yaml").write_text(f"name: s\nmethods: [coupled]\n{example}")
    spec = load_sweep(tmp_path / "s.yaml", has_gpu=lambda: False).spec
    assert [task.identity for task in spec.tasks[3:5]] == ["cifar10", "pets"]
    assert all(task.size and task.channels for task in spec.tasks)


def test_every_reader_is_in_the_table() -> None:
    assert all(f"`{name}`" in README for name in references.names())


def test_links_to_files_resolve() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_option_in_the_table_exists() -> None:
    options = re.findall(r"^\| `(--[a-z-]+)", README, re.MULTILINE)
    assert len(options) >= 8
    usage = CliRunner().invoke(cli, ["sweep", "--help"]).output
    assert [option for option in options if option not in usage] == []


def test_every_sweep_file_named_in_the_readme_exists() -> None:
    named = set(re.findall(r"raytd \w+ (?:\S+ \S+ --config )?(sweeps/\S+\.yaml)", README))
    assert named == {f"sweeps/{name}.yaml" for name in ("quickstart", "wrn_vs_cnn", "capacity")}
    assert all((ROOT / path).exists() for path in named)


def test_conditions_and_search_of_the_readme_are_right_as_they_stand(tmp_path: Path) -> None:
    base = "name: s\nmethods: [coupled]\ntasks: [digits-low, digits-high]\n"
    examples = re.findall(r"```yaml\n((?:grid|search):.*?)```", README, re.DOTALL)
    assert len(examples) == 2
    (tmp_path / "s.yaml").write_text(base + "".join(examples))
    spec = load_sweep(tmp_path / "s.yaml", has_gpu=lambda: False).spec
    assert len(spec.where) == 2
    assert spec.search is not None
    assert len(spec.search.space) == 3


def test_the_readme_counts_the_trials_of_the_shipped_sweeps() -> None:
    rows = re.findall(r"^\| \[`(sweeps/\S+)`\].*\| (\S+) / (\d+) \|$", README, re.MULTILINE)
    shipped = {f"sweeps/{path.name}" for path in ROOT.glob("sweeps/*.yaml")}
    assert {row[0] for row in rows} == shipped
    for path, *stated in rows:
        specs = [load_sweep(ROOT / path, has_gpu=lambda gpu=gpu: gpu).spec for gpu in (True, False)]
        counts = [str(len(expand(spec))) for spec in specs]
        assert stated == ([counts[0], counts[1]] if path[7:12] != "quick" else ["–", counts[1]])


def test_commands_of_the_command_line_are_in_the_readme() -> None:
    assert [name for name in cli.list_commands(None) if f"raytd {name}" not in README] == []  # type: ignore[arg-type]


def test_make_targets_named_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_tables_of_the_judge_are_those_of_its_files() -> None:
    table = re.findall(r"^\| [a-z0-9, -]+ \| (?:–|\**[+−]0).*\|$", README, re.MULTILINE)
    assert table == judged.lines()
