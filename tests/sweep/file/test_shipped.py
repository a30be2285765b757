"""Sweeps that come with raytd are found by name; a file of the user's goes before them."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.document.reading import STDIN
from raytd.sweep.file import shipped as module
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.shipped import chosen_file, editor_line, folder, named, shipped

ROOT = Path(__file__).parents[3]
SWEEPS = ROOT / "sweeps"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chosen(name: str) -> tuple[Path, list[str]]:
    told: list[str] = []
    return chosen_file(Path(name), told.append), told


def test_every_sweep_of_the_repository_is_found_by_the_name_of_its_results() -> None:
    files = {sweep.path for sweep in shipped().values()}
    assert files == set(SWEEPS.glob("*.yaml"))
    for name, sweep in shipped().items():
        assert load_sweep(sweep.path, has_gpu=lambda: False).spec.name == name
        assert named(sweep.path.stem) == sweep


def test_what_is_said_of_each_is_a_line_without_a_command() -> None:
    said = [sweep.about for sweep in shipped().values()]
    assert len(set(said)) == len(said)
    assert [line for line in said if not line or "raytd" in line or "#" in line] == []


def test_a_name_without_a_file_is_the_shipped_sweep_and_that_is_said() -> None:
    for name in ("wrn-vs-cnn", "wrn_vs_cnn"):
        path, (line,) = chosen(name)
        assert path == SWEEPS / "wrn_vs_cnn.yaml"
        assert line == f"{name} is the sweep that raytd brings: {path}"


def test_a_file_of_the_name_goes_first_with_or_without_its_ending(here: Path) -> None:
    (here / "quickstart.yaml").touch()
    path, (line,) = chosen("quickstart")
    assert path == Path("quickstart.yaml")
    assert "quickstart.yaml in this folder" in line
    (here / "quickstart").touch()
    assert chosen("quickstart") == (Path("quickstart"), [])
    assert chosen("quickstart.yaml") == (Path("quickstart.yaml"), [])
    assert chosen_file(STDIN, pytest.fail) == STDIN


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("nothing.yaml", f"make one with raytd init, or name a sweep that raytd brings "
         f"({', '.join(shipped())})"),
        ("quikstart", "did you mean 'quickstart'?"),
        ("wrn_vs_cnn.yaml", "raytd init wrn_vs_cnn copies the sweep that raytd brings"),
        ("mine", "did you mean mine.yaml?"),
        ("sub/quickstart", "did you mean 'quickstart'?"),
    ],
)  # fmt: skip
def test_a_missing_file_is_told_what_there_is(here: Path, name: str, end: str) -> None:
    (here / "mine.yaml").touch()
    with pytest.raises(RequestError) as error:
        chosen(name)
    (line,) = error.value.problems
    assert line.startswith(f"{name}  cannot be read: no such file; ")
    assert line.endswith(end)


def test_a_copy_names_itself_and_a_schema_that_is_there(here: Path) -> None:
    text = named("quickstart").copy_for(Path("quickstart.yaml"))
    first, second, *_ = text.splitlines()
    assert first == f"# yaml-language-server: $schema={SWEEPS / 'schema.json'}"
    assert second.endswith("raytd sweep quickstart.yaml")
    (here / "quickstart.yaml").write_text(text)
    spec = load_sweep(here / "quickstart.yaml", has_gpu=lambda: False).spec
    assert spec == load_sweep(SWEEPS / "quickstart.yaml", has_gpu=lambda: False).spec
    (here / "schema.json").touch()
    assert editor_line(here) == "# yaml-language-server: $schema=schema.json"


def test_a_raytd_that_was_put_together_without_sweeps_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PLACES", (here / "nothing",))
    assert folder() is None
    with pytest.raises(RequestError, match="quickstart  cannot be read: .* with raytd init$"):
        chosen("quickstart")
    with pytest.raises(RequestError, match="no sweep 'quickstart'; this one came with"):
        named("quickstart")


def test_a_wheel_has_them_where_an_installed_raytd_looks() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = wheel["targets"]["wheel"]
    packed = [SWEEPS / "schema.json", *SWEEPS.glob("*.yaml")]
    assert all(any(fnmatch(f"/sweeps/{f.name}", p) for p in wheel["include"]) for f in packed)
    installed, _ = module._PLACES
    assert wheel["sources"] == {"sweeps": str(installed.relative_to(ROOT))}
