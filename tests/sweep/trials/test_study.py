import math
from pathlib import Path
from typing import Any

import pytest

from raytd.sweep.file.load import load_sweep
from raytd.sweep.run.searcher import make_searcher
from raytd.sweep.trials.expand import Case, expand, searches
from raytd.sweep.trials.plan import read_tasks
from raytd.sweep.trials.study import Study
from raytd.sweep.trials.trial import Trial
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task

BASE = """\
name: study
tasks: [digits-low, digits-high]
data: {train: 20, val: 10}
methods: [coupled, uncoupled]
"""
EPSILON = "search: {space: {coupled.epsilon: {loguniform: [0.1, 2]}}, trials: 12}\n"
Found = tuple[list[Case], dict[TaskSpec, Task]]


def cases(folder: Path, more: str = EPSILON) -> Found:
    path = folder / "s.yaml"
    path.write_text(BASE + more, encoding="utf-8")
    spec = load_sweep(path, has_gpu=lambda: False).spec
    tasks, problems = read_tasks(spec.tasks, folder)
    assert problems == []
    return searches(spec), tasks


def best_near_one_half(trial: Trial) -> dict[str, Any]:
    epsilon = trial.config.axes["coupled.epsilon"]
    assert isinstance(epsilon, float)
    return {"status": "done", "distance": abs(math.log(epsilon / 0.5))}


def run(study: Study, rows: dict[str, Any], *, at_most: int = 99) -> list[str]:
    """Runs what is asked for and keeps its rows; the keys of what ran."""
    ran: list[str] = []
    while len(ran) < at_most and (trial := study.next(rows.get)) is not None:
        rows[trial.key] = best_near_one_half(trial)
        study.tell(rows[trial.key])
        ran.append(trial.key)
    return ran


def epsilons(study: Study) -> list[Any]:
    return [trial.config.axes["coupled.epsilon"] for trial in study.trials]


def test_only_methods_that_obey_a_searched_axis_are_searched(tmp_path: Path) -> None:
    found, _ = cases(tmp_path)
    assert [(c.method, c.source) for c in found] == [
        ("coupled", "digits-low"),
        ("coupled", "digits-high"),
    ]
    fixed = expand(found[0].spec)
    assert [c.method for c in fixed] == ["uncoupled", "uncoupled"]
    assert all(c.axes == {} for c in fixed)


def test_a_study_suggests_the_same_twice(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path)
    studies = [Study(found[0], tasks) for _ in range(2)]
    for study in studies:
        assert len(run(study, {})) == 12
    assert epsilons(studies[0]) == epsilons(studies[1])
    assert len(set(epsilons(studies[0]))) == 12


def test_suggestions_lie_within_their_ends_and_can_be_typed(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path)
    study = Study(found[0], tasks)
    run(study, {})
    assert all(0.1 <= e <= 2 and float(f"{e:.4g}") == e for e in epsilons(study))


def test_suggestions_follow_what_was_found(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path, EPSILON.replace("12", "40"))
    study = Study(found[0], tasks)
    run(study, {})
    off = [abs(math.log(e / 0.5)) for e in epsilons(study)]
    # At random the mean is that of the first four in expectation, near 0.9.
    assert sum(off[20:]) / 20 < 0.6 * sum(off[:8]) / 8
    assert study.best is not None
    assert abs(math.log(float(study.best.config.axes["coupled.epsilon"] or 0) / 0.5)) == min(off)  # type: ignore[arg-type]


def test_a_resumed_search_asks_for_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path)
    whole, rows = Study(found[0], tasks), dict[str, Any]()
    run(whole, {})
    first, second = Study(found[0], tasks), Study(found[0], tasks)
    assert len(run(first, rows, at_most=5)) == 5
    assert len(run(second, rows)) == 7
    assert epsilons(second) == epsilons(whole)


def test_a_finished_search_asks_for_nothing_new(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path)
    rows = dict[str, Any]()
    run(Study(found[0], tasks), rows)
    again = Study(found[0], tasks)
    assert run(again, rows) == []
    assert again.n_left == 0
    assert {t.key for t in again.trials} == set(rows)


def test_more_trials_go_on_where_fewer_ended(tmp_path: Path) -> None:
    (few, *_), tasks = cases(tmp_path)
    rows = dict[str, Any]()
    run(Study(few, tasks), rows)
    (more, *_), tasks = cases(tmp_path, EPSILON.replace("12", "15"))
    assert len(run(Study(more, tasks), rows)) == 3


def test_each_cell_has_suggestions_of_its_own(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path, EPSILON + "grid: {seed: [0, 1]}\n")
    suggested = []
    for case in found:
        study = Study(case, tasks)
        run(study, {})
        suggested.append(tuple(epsilons(study)))
    assert len(set(suggested)) == len(found) == 4


def test_a_failed_trial_is_told_as_failed_and_is_never_the_best(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path)
    study, rows = Study(found[0], tasks), dict[str, Any]()
    failed = []
    while (trial := study.next(rows.get)) is not None:
        row = best_near_one_half(trial)
        if len(rows) % 2:
            row = {"status": "failed", "distance": None}
            failed.append(trial.key)
        rows[trial.key] = row
        study.tell(row)
    assert len(failed) == 6
    assert study.best is not None
    assert study.best.key not in failed
    states = [t.state.name for t in study._study.trials]
    assert states == ["COMPLETE", "FAIL"] * 6


def test_a_result_without_the_number_counts_as_failed(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path, EPSILON.replace("trials", "metric: self_distance, trials"))
    study = Study(found[0], tasks)
    trial = study.next(lambda _: None)
    assert trial is not None
    study.tell({"status": "done", "self_distance": None})
    assert study.best is None


def test_the_mode_says_which_end_is_better(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path, EPSILON.replace("trials", "mode: max, trials"))
    study = Study(found[0], tasks)
    rows = dict[str, Any]()
    run(study, rows)
    assert study.best is not None
    assert rows[study.best.key]["distance"] == max(r["distance"] for r in rows.values())


def test_a_choice_that_comes_again_does_not_run_again(tmp_path: Path) -> None:
    text = "search: {space: {coupled.proximal: {choice: [kl, none]}}, trials: 9}\n"
    found, tasks = cases(tmp_path, text)
    study, ran = Study(found[0], tasks), list[str]()
    while (trial := study.next(lambda _: None)) is not None:
        ran.append(trial.key)
        study.tell({"status": "done", "distance": 1.0})
    assert len(ran) == len(set(ran)) == 2
    assert study.n_left == 0


def test_the_searcher_keeps_one_trial_of_each_study_running(tmp_path: Path) -> None:
    found, tasks = cases(tmp_path, EPSILON.replace("12", "3"))
    rows: dict[str, Any] = {}
    announced: list[Trial] = []
    fixed = [Trial(c, tasks[c.source], tasks[c.target]) for c in expand(found[0].spec)]
    searcher = make_searcher(
        [Study(case, tasks) for case in found],
        fixed,
        settled=lambda _: None,
        ended=rows.get,
        announce=announced.append,
    )
    for number in range(4):
        assert searcher.suggest(f"t{number}")["trial_key"] == announced[-1].key
    assert [t.config.method for t in announced] == ["coupled", "coupled", "uncoupled", "uncoupled"]
    assert searcher.suggest("t4") is None
    searcher.on_trial_complete("t2")
    assert searcher.suggest("t4") is None
    for number, trial in ((1, announced[1]), (0, announced[0])):
        rows[trial.key] = best_near_one_half(trial)
        searcher.on_trial_complete(f"t{number}")
    n_suggested = 2
    while (suggestion := searcher.suggest(f"u{n_suggested}")) != "FINISHED":
        trial = announced[-1]
        assert suggestion["config"] == trial.config.model_dump_json()
        rows[trial.key] = best_near_one_half(trial)
        searcher.on_trial_complete(f"u{n_suggested}")
        n_suggested += 1
    assert n_suggested == 6


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_which_study_runs_first_changes_no_suggestion(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    found, tasks = cases(tmp_path)
    studies = [Study(case, tasks) for case in found]
    alone = Study(found[0], tasks)
    run(alone, {})
    rows = dict[str, Any]()
    for _ in range(12):
        for i in order:
            run(studies[i], rows, at_most=1)
    assert epsilons(studies[0]) == epsilons(alone)


def constant(study: Study) -> list[str]:
    """Runs what is asked for, all of it equally good; the keys of what ran."""
    rows, ran = dict[str, Any](), list[str]()
    while (trial := study.next(rows.get)) is not None:
        rows[trial.key] = {"status": "done", "distance": 1.0}
        study.tell(rows[trial.key])
        ran.append(trial.key)
    return ran


def test_a_space_with_fewer_trials_than_are_wanted_is_told_from_the_start(tmp_path: Path) -> None:
    space = "search: {space: {coupled.support: {choice: [global, blocks]}}, trials: 5}\n"
    found, tasks = cases(tmp_path, space)
    study = Study(found[0], tasks)
    told = "the search over coupled.support has only 2 different trials: 2 of 5 can be run"
    assert study.n_left == 2
    assert study.shortfall == told
    assert len(set(constant(study))) == 2
    assert study.n_left == 0
    assert study.shortfall == told


def test_whole_numbers_are_counted_and_fractions_are_not(tmp_path: Path) -> None:
    space = "search: {space: {coupled.iterations: {integer: [2, 4]}}, trials: 9}\n"
    found, tasks = cases(tmp_path, space)
    assert Study(found[0], tasks).n_left == 3
    found, tasks = cases(tmp_path)
    study = Study(found[0], tasks)
    assert study.n_left == 12
    assert study.shortfall is None


def test_a_search_that_repeats_itself_says_so_when_it_ends(tmp_path: Path) -> None:
    space = "search: {space: {coupled.iterations: {integer: [2, 21]}}, trials: 19}\n"
    found, tasks = cases(tmp_path, space)
    study = Study(found[0], tasks)
    assert study.shortfall is None
    ran = constant(study)
    assert len(ran) < 19
    assert study.shortfall == (
        f"the search over coupled.iterations has suggested the same trial again {19 - len(ran)} "
        f"times: {len(ran)} of 19 are run"
    )
