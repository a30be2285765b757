"""What a user calls sources and targets stands for tasks whose names and classes differ."""

from collections.abc import Callable
from pathlib import Path

import pytest

from raytd.sweep.draft.ends import Ends, find_ends
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.references import find
from tests.tasks.formats import made, write_folder, write_idx

Found = Callable[..., tuple[Ends, list[str]]]
MADE = made(("round", "square"), (8, 8, 1), per_class=2)


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Looks in a folder of its own, which is not the data root."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def find_there(sources: list[str], targets: list[str]) -> tuple[Ends, list[str]]:
        return find_ends(sources, targets, CATALOGUE, tmp_path / "root")

    return find_there


def folders(*paths: str) -> None:
    for path in paths:
        write_folder(Path(path).expanduser(), MADE, [""])


def test_a_path_is_written_so_that_it_is_found_from_here(found: Found, tmp_path: Path) -> None:
    folders("a", "b/c", "../d", "~/e", str(tmp_path / "f"), "no", "mit Wort", "été", "@x")
    words = ["a", "./b/c/", "../d", "~/e", str(tmp_path / "f"), "no", "mit Wort", "été", "./@x"]
    ends, problems = found(words, ["digits-low"])
    assert problems == []
    references = [end.spec.dataset for end in ends.all[:-1]]
    assert references == [
        "folder:./a", "folder:./b/c", "folder:../d", "folder:~/e", f"folder:{tmp_path / 'f'}",
        "folder:./no", "folder:./mit Wort", "folder:./été", "folder:./@x",
    ]  # fmt: skip
    assert all(find(reference, tmp_path / "root") for reference in references)
    assert ends.sources == ("a", "c", "d", "e", "f", "no", "mit-Wort", "ete", "x")
    assert ends.targets == ("digits-low",)


def test_the_kind_follows_from_what_is_there(found: Found) -> None:
    for name in ("p.parquet", "n.npz", "hub/data/train.parquet"):  # nothing but names is looked at
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    write_idx(Path("idx"), MADE)
    folders("photos")
    ends, problems = found(["p.parquet", "n.npz", "hub", "idx"], ["photos"])
    assert problems == []
    assert [end.spec.dataset.partition(":")[0] for end in ends.all] == [
        "parquet", "npz", "parquet", "idx", "folder",
    ]  # fmt: skip
    assert ends.sources == ("p", "n", "hub", "idx")


def test_equal_names_are_told_apart_and_share_no_class_by_chance(found: Found) -> None:
    folders("x/cats", "y/cats", "z/x/cats", "digits-low", "sub/digits")
    ends, problems = found(["x/cats", "y/cats", "z/x/cats", "sub/digits"], ["digits-low/"])
    assert problems == []
    assert ends.sources == ("x-cats", "y-cats", "x-cats-2", "digits")
    ends, _ = found(["x/cats", "y/cats"], ["sub/digits", "digits-even"])
    identities = [end.spec.identity for end in ends.all]
    assert identities == ["x-cats", "y-cats", "own-digits", "digits"]


def test_a_task_may_be_source_and_target(found: Found) -> None:
    folders("a", "b")
    ends, problems = found(["a", "b"], ["./a", "digits-odd"])
    assert problems == []
    assert len(ends.all) == 3
    assert ends.pairs == [("a", "digits-odd"), ("b", "a"), ("b", "digits-odd")]


def test_all_that_is_wrong_is_said_at_once_in_a_line_each(found: Found) -> None:
    folders("a", "digits-odd", "both")
    Path("both/train.parquet").touch()
    Path("b.txt").touch()
    Path("link").symlink_to("a")
    _, problems = found(
        ["a", "./a", "link", "b.txt", "./nothing", "digits-lwo", "digits-odd", "both", "~nobody/a"],
        [],
    )
    assert [" ".join(line.split()[:2]) for line in problems] == [
        "--source ./a:", "--source link:", "--source b.txt:", "--source ./nothing:",
        "--source digits-lwo:", "--source digits-odd:", "--source both:", "--source ~nobody/a:",
        "--target is",
    ]  # fmt: skip
    assert "did you mean 'digits-low'?" in problems[4]
    assert "write ./digits-odd for what lies here" in problems[5]
    assert "write folder:./both or parquet:./both" in problems[6]


def test_a_pair_needs_two_tasks(found: Found) -> None:
    folders("a")
    _, (problem,) = found(["a"], ["./a"])
    assert problem.startswith("--source and --target are both a;")
