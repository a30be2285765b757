"""A sweep as its folder tells it."""

import json
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.folder.saved_plan import kept_sweep
from raytd.sweep.run.tracking import sweep_record
from tests.cli import saved_sweep


def asked(folder: Path, **more: object) -> None:
    """Writes a plan that knows the first trial alone."""
    plan = json.loads((folder / "plan.json").read_text())
    plan["sweep"] |= {"description": "", "tracking": {"experiment": None}, "pairs": [["a", "b"]]}
    plan["sweep"] |= {"methods": ["coupled"], **more}
    plan["trials"] = plan["trials"][:1]
    (folder / "plan.json").write_text(json.dumps(plan))


def test_trials_that_the_file_no_longer_asks_for_are_not_its_own(tmp_path: Path) -> None:
    folder = saved_sweep.write(tmp_path)
    asked(folder)
    kept = kept_sweep(folder)
    assert [row["trial_key"] for row in kept.rows] == ["small-ab-0"]
    assert len(kept.ended) == 24


def test_what_a_search_has_drawn_is_its_own_in_the_report_and_on_the_server(tmp_path: Path) -> None:
    folder = saved_sweep.write(tmp_path)
    asked(folder, search={"trials": 24, "space": {}})
    assert len(kept_sweep(folder).rows) == 24
    _, closing = sweep_record(folder)
    assert closing.metrics == {"trials": 24, "trials_done": 24, "trials_failed": 0}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"sweep": {}}',
        "[" * 100_000,
        "\xff",
        '{"sweep": {"name": 3, "tasks": []}, "trials": []}',
    ],
)
def test_a_damaged_plan_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="latin-1")
    wanted = r"plan.json: cannot be read \(.*\); run raytd sweep with the file of the sweep"
    with pytest.raises(RequestError, match=wanted):
        kept_sweep(tmp_path)


def test_a_folder_without_a_plan_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no sweep is here"):
        kept_sweep(tmp_path)
