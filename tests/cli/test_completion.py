"""A shell completes commands, options, names of sweeps and of their tasks."""

from pathlib import Path

import pytest
from click.shell_completion import BashComplete, ZshComplete

from raytd.cli import cli
from tests.cli import saved_sweep


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("demo", "demure", "other"):
        saved_sweep.write(tmp_path / "runs", name)
    saved_sweep.write(tmp_path / "elsewhere", "dear")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(*words: str) -> list[tuple[str, str]]:
    """What is offered for the last word, each with its kind."""
    *before, begun = words
    found = BashComplete(cli, {}, "raytd", "_RAYTD_COMPLETE").get_completions(before, begun)
    return [(item.type, item.value) for item in found]


def test_commands_are_offered_with_what_they_do_and_options_after_a_dash() -> None:
    assert offered("re") == [("plain", name) for name in ("results", "report", "recommend")]
    assert ("plain", "--version") in offered("--")
    assert offered("sweep", "--prof") == [("plain", "--profile")]
    helps = ZshComplete(cli, {}, "raytd", "_RAYTD_COMPLETE").get_completions([], "judge")
    assert [item.help for item in helps] == ["Every method against measured transfer."]


@pytest.mark.parametrize(
    "command", ["status", "results", "report", "compare", "judge", "recommend", "sync"]
)
def test_names_of_the_storage_are_offered_for_a_sweep_after_files(command: str) -> None:
    # bash forgets names that come before files
    assert offered(command, "dem") == [("file", "dem"), ("plain", "demo"), ("plain", "demure")]


def test_the_storage_that_was_named_before_counts() -> None:
    assert offered("judge", "--storage", "elsewhere", "d")[1:] == [("plain", "dear")]
    assert offered("judge", "--storage", "s3://bucket?nonsense=1", "d")[1:] == []


def test_the_tasks_of_the_sweep_are_offered_for_a_target() -> None:
    assert offered("recommend", "demo", "--target", "") == [("plain", name) for name in "abc"]
    assert offered("recommend", "nonsense", "--target", "") == []
    assert ("plain", "transfer") in offered("judge", "demo", "--truth", "tr")


def test_a_sweep_file_is_completed_by_the_shell() -> None:
    assert offered("sweep", "swe") == [("file", "swe")]
