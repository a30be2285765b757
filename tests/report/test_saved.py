import pytest

from raytd.errors import RequestError
from raytd.report.saved import open_sweep, read_sweep


def test_rows_come_in_the_order_of_the_plan_with_what_was_asked(row, keep):
    folder = keep([row("b", "a"), row("a", "b")], description="why", grid={"coupled.lam": [5]})
    saved = read_sweep(folder)
    assert [r["source"] for r in saved.rows] == ["b", "a"]
    assert (saved.name, saved.description, saved.tasks) == ("small", "why", ("b", "a"))
    assert saved.axes == ("coupled.lam",)
    assert (saved.n_trials, saved.n_missing, saved.other_rows) == (2, 0, ())


def test_trials_that_the_file_dropped_stand_apart_and_missing_ones_are_counted(row, keep):
    folder = keep([row("a", "b"), row("b", "a")])
    plan = (folder / "plan.json").read_text()
    (folder / "plan.json").write_text(plan.replace('"k01"', '"k99"'))
    saved = read_sweep(folder)
    assert [r["trial_key"] for r in saved.rows] == ["k00"]
    assert [r["trial_key"] for r in saved.other_rows] == ["k01"]
    assert saved.n_missing == 1


def test_settings_that_were_searched_are_axes_and_their_trials_count(row, keep):
    folder = keep([row("a", "b", **{"coupled.epsilon": 0.3})], search={"trials": 8})
    plan = (folder / "plan.json").read_text()
    (folder / "plan.json").write_text(plan.replace('{"trial_key": "k00"}', ""))
    saved = read_sweep(folder)
    assert saved.axes == ("coupled.epsilon",)
    assert len(saved.rows) == 1


def test_curves_are_read_from_beside_the_result(row, keep):
    saved = read_sweep(keep([row("a", "b", 2.0), row("b", "a", None, status="failed")]))
    done, failed = saved.rows
    assert [point["distance"] for point in saved.curve(done, "iterations")] == [4.0, 2.0]
    assert saved.curve(failed, "iterations") == []


def test_a_sweep_is_found_by_name_folder_and_file(row, keep, tmp_path):
    folder = keep([row("a", "b")])
    (tmp_path / "s.yaml").write_text("name: small\n")
    for named in ("small", folder, tmp_path / "s.yaml"):
        assert open_sweep(named, tmp_path / "runs").folder == folder, named


def test_an_unknown_sweep_is_one_line_with_those_there_are(row, keep, tmp_path):
    keep([row("a", "b")])
    with pytest.raises(RequestError, match=r"'smal' .*it has small.*did you mean 'small'\?"):
        open_sweep("smal", tmp_path / "runs")


def test_a_plan_that_cannot_be_read_is_one_line(row, keep):
    folder = keep([row("a", "b")])
    (folder / "plan.json").write_text("{")
    with pytest.raises(RequestError, match="plan.json: cannot be read"):
        read_sweep(folder)
