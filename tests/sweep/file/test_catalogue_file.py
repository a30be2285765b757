from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.catalogue_file import load_catalogue
from raytd.sweep.file.load import load_sweep
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.spec import TaskSpec

MINE = """\
tasks:
  - {name: trucks, dataset: cifar10, classes: [truck, automobile], train: 500, val: 200}
  - {name: birds.v2, dataset: "folder:birds", size: 32}
"""
SWEEP = """\
name: s
tasks: [trucks, {name: birds.v2, train: 6}, digits-low]
methods: [coupled]
data: {catalogue: mine.yaml, channels: 1, size: [4, 8], seed: 3, range: [0, 15], background: black}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAYTD_CATALOGUE", raising=False)
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    return tmp_path


def refused(file: str | None) -> list[str]:
    with pytest.raises(RequestError) as error:
        load_catalogue(file)
    return error.value.problems


def test_a_file_adds_to_the_catalogue(folder: Path) -> None:
    tasks = load_catalogue("mine.yaml")
    assert dict(tasks).items() > CATALOGUE.items()
    assert tasks["birds.v2"] == TaskSpec(name="birds.v2", dataset="folder:birds", size=32)
    assert tasks["trucks"].classes == ("truck", "automobile")


def test_the_environment_names_a_file_where_nothing_else_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_catalogue(None) == CATALOGUE
    (folder / "other.yaml").write_text("tasks: [{name: ones, dataset: digits, classes: [1]}]")
    monkeypatch.setenv("RAYTD_CATALOGUE", str(folder / "other.yaml"))
    assert "ones" in load_catalogue(None)
    assert "ones" not in load_catalogue("mine.yaml")


def test_a_sweep_takes_tasks_from_it_and_completes_them_with_its_data_section(
    folder: Path,
) -> None:
    tasks = load_sweep("sweep.yaml", has_gpu=lambda: False).spec.tasks
    assert [(t.name, t.train, t.val, t.size, t.channels, t.seed) for t in tasks] == [
        ("trucks", 500, 200, (4, 8), 1, 3),
        ("birds.v2", 6, None, (32, 32), 1, 3),
        ("digits-low", None, None, (4, 8), 1, 3),
    ]
    assert {(t.range, t.background) for t in tasks} == {((0, 15), "black")}


def test_a_task_may_repeat_one_of_the_catalogue_but_not_differ_from_it(folder: Path) -> None:
    same = "tasks: [{name: digits-low, dataset: digits, classes: [0, 1, 2, 3, 4]}]"
    (folder / "mine.yaml").write_text(same)
    assert load_catalogue("mine.yaml") == CATALOGUE
    (folder / "mine.yaml").write_text(MINE + "  - {name: trucks, dataset: digits}\n")
    assert refused("mine.yaml") == [
        "mine.yaml:4:5 tasks[2]  another task has the name 'trucks' already"
    ]
    (folder / "mine.yaml").write_text(same.replace("4]", "5]"))
    assert refused("mine.yaml") == [
        "mine.yaml:1:9 tasks[0]  another task has the name 'digits-low' already"
    ]


def test_all_problems_come_at_once_with_their_places_in_the_file(folder: Path) -> None:
    (folder / "mine.yaml").write_text("""\
task: 1
tasks:
  - {name: a, dataset: cifar, sizes: 3}
  - {name: b, dataset: digits, classes: [x]}
  - digits-low
""")
    lines = [
        "mine.yaml:1:1 task  unknown key; did you mean 'tasks'?",
        "mine.yaml:3:15 tasks[0].dataset  unknown dataset 'cifar'; there are digits, ",
        "mine.yaml:3:31 tasks[0].sizes  unknown key; did you mean 'size'?",
        "mine.yaml:4:42 tasks[1].classes[0]  digits has no class 'x'",
        "mine.yaml:5:5 tasks[2]  must be a mapping of keys, not 'digits-low'",
    ]
    found = refused("mine.yaml")
    assert len(found) == len(lines)
    for line in lines:
        assert any(other.startswith(line) for other in found), line
    with pytest.raises(RequestError) as error:
        load_sweep("sweep.yaml", has_gpu=lambda: False)
    assert error.value.problems == found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "mine.yaml:1:1  must have the key tasks, a list of tasks"),
        ("[1]", "mine.yaml:1:1  must have the key tasks, a list of tasks"),
        ("tasks: {a: 1}", "mine.yaml:1:1  must have the key tasks, a list of tasks"),
        ("tasks: [", "mine.yaml:1:9  not YAML: "),
    ],
)
def test_what_is_no_catalogue_is_told_in_one_line(folder: Path, text: str, line: str) -> None:
    (folder / "mine.yaml").write_text(text)
    (found,) = refused("mine.yaml")
    assert found.startswith(line)


def test_a_file_that_is_not_there_is_told_once(folder: Path) -> None:
    assert refused("other.yaml") == ["other.yaml  cannot be read: No such file or directory"]


def test_a_home_folder_that_nobody_has_is_told_where_the_catalogue_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "~no-such-user/mine.yaml"
    (line,) = refused(file)
    assert line.startswith(f"data.catalogue  {file}: this machine knows no home folder of a user")
    monkeypatch.setenv("RAYTD_CATALOGUE", file)
    assert refused(None) == [line.replace("data.catalogue", "RAYTD_CATALOGUE", 1)]
