"""What is said below a judge's table."""

from typing import Any

import numpy as np
import pytest

from raytd.report.judge.judging import judge
from raytd.report.judge.notes import class_notes, counting_notes, reliability_notes
from raytd.report.judge.text import disjoint_legend, disjoint_table, legend
from raytd.sweep.folder.doubts import MARKS
from tests.report.judge.test_by_classes import APART, CLASSES, NEAR, TRUTH, rows

pytestmark = pytest.mark.usefixtures("few_resamples")


def noisy_truth(n_seeds: int, noise: float, **more: Any) -> list[dict[str, Any]]:
    generator = np.random.default_rng(5)
    return [
        row
        for seed in range(n_seeds)
        for row in rows(
            "transfer", TRUTH + noise * generator.normal(size=TRUTH.shape), seed, **more
        )
    ]


def notes(truth: list[dict[str, Any]]) -> str:
    (verdict,) = judge([*truth, *rows("d", TRUTH)], classes=CLASSES)
    return " ".join(reliability_notes(verdict))


def test_a_reliable_truth_is_told_with_its_seeds_and_its_ceiling() -> None:
    made = noisy_truth(3, 0.3)
    (verdict,) = judge([*made, *rows("d", TRUTH)])
    found, said = verdict.truth_reliability, notes(made)
    assert found is not None
    assert found.value > 0.8
    assert f"{found.value:.2f}, by its 3 seeds (two of them agree by {found.single:.2f}" in said
    assert f"Ceiling: {found.ceiling:.2f}, its square root" in said
    assert "Within targets two seeds agree by" in said
    assert "below 0.8" not in said


def test_a_noisy_truth_is_told_how_many_seeds_would_be_enough() -> None:
    (verdict,) = judge([*(made := noisy_truth(2, 2.0)), *rows("d", TRUTH)])
    found = verdict.truth_reliability
    assert found is not None
    assert found.value < 0.8
    assert f"below 0.8; by Spearman-Brown {found.needed} seeds would reach it." in notes(made)


def with_errors(made: list[dict[str, Any]], error: float, n: int | None) -> list[dict[str, Any]]:
    return [
        row | {"accuracy": row["value"], "accuracy_error": error, "n_repeats": n} for row in made
    ]


def test_repeats_are_told_from_seeds() -> None:
    one = notes(with_errors(noisy_truth(1, 1.0), 1.0, 5))
    assert "by the 5 repeats within a trial alone" in one
    assert "leaves out what another source network would change" in one
    assert "repeats would reach it" in one
    unknown = notes(with_errors(noisy_truth(1, 1.0), 1.0, None))
    assert "times as many repeats would reach it" in unknown
    both = notes(with_errors(noisy_truth(2, 2.0), 0.1, 5))
    assert "by its 2 seeds" in both
    assert "By its 5 repeats within a trial alone it would be 1.00" in both
    assert "With 2 seeds no number of repeats would" in both
    owed = notes(with_errors(noisy_truth(2, 2.0), 2.0, 5))
    assert "With 2 seeds" in owed
    assert " repeats would, too." in owed


def test_a_truth_that_finds_nothing_again_has_no_remedy_but_says_so() -> None:
    said = notes(with_errors(noisy_truth(1, 1.0), 9.0, 5))
    assert "Reliability of the truth: 0.00" in said
    assert "how many repeats would reach it cannot be told" in said


def test_what_disjoint_pairs_cannot_tell_is_said() -> None:
    counted = rows("shared-classes", 0.5 + 0.5 * APART, smaller_is_closer=True)
    found = judge([*noisy_truth(2, 0.3), *rows("d", TRUTH), *counted])
    first, *rest = disjoint_legend(found)
    assert first == (
        "no evidence about shared-classes here: its numbers for all 18 pairs are equal, but for "
        "rounding"
    )
    assert "there are none" not in rest[0]
    assert rest[1].startswith("Over these pairs two seeds of the truth agree by 0.")
    opposed = [*rows("transfer", TRUTH, 0), *rows("transfer", np.where(APART, -NEAR, TRUTH), 1)]
    *_, last = disjoint_legend(judge([*opposed, *rows("d", TRUTH)], classes=CLASSES))
    assert last.endswith(
        "agree by -1.00: nothing is found again, so nothing can be judged by them."
    )


def test_a_truth_of_one_seed_without_errors_says_that_nothing_is_known() -> None:
    assert "not known" in notes(noisy_truth(1, 0.0))


def test_where_all_or_no_pairs_are_disjoint_one_line_says_so() -> None:
    made = [*rows("transfer", TRUTH), *rows("d", TRUTH)]
    alone = {task: frozenset({task}) for task in CLASSES}
    alike = {task: frozenset({"one"}) for task in CLASSES}
    for classes, words in (
        (alone, "All 30 pairs have disjoint classes"),
        (alike, "Each of the 30 pairs shares a class"),
        ({}, "Which pairs share classes is not known"),
    ):
        found = judge(made, classes=classes)
        assert [line.startswith(words) for line in class_notes(found[0])] == [True]
        assert disjoint_table(found) is None
    known = {task: found for task, found in CLASSES.items() if task != "f"}
    (line,) = class_notes(judge(made, classes=known)[0])
    assert line.startswith("The classes of 10 of 30 pairs are not known")
    assert class_notes(judge(made, classes=CLASSES)[0]) == []


def test_methods_that_are_no_better_than_counting_are_named_in_one_line() -> None:
    made = [*rows("transfer", TRUTH), *rows("right", TRUTH), *rows("families", 2.0 * ~APART)]
    wrong = rows("wrong", -TRUTH)
    (line,) = counting_notes(judge([*made, *wrong], classes=CLASSES))
    assert line.startswith("Not better than counting shared classes (Spearman +0.")
    assert "by the classes that the sweep names" in line
    assert line.endswith(": families; wrong.")
    counted = rows("shared-classes", 0.5 + 0.5 * APART, smaller_is_closer=True)
    (own,) = counting_notes(judge([*made, *counted]))
    assert "by the classes" not in own
    assert own.endswith(": families.")
    better = [*rows("transfer", TRUTH), *rows("right", TRUTH)]
    (all_better,) = counting_notes(judge(better, classes=CLASSES))
    assert all_better.startswith("Every method agrees better than counting shared classes")
    assert counting_notes(judge(better)) == []


def test_the_legend_has_all_of_it() -> None:
    found = judge([*noisy_truth(2, 0.5), *rows("d", TRUTH)], classes=CLASSES)
    said = "\n".join(legend(found))
    assert "Reliability of the truth" in said
    assert "Ceiling" in said
    assert "counting shared classes" in said
    table = disjoint_table(found)
    assert table is not None
    assert str(table.title) == "Pairs with disjoint classes (18 of 30)"
    assert table.row_count == 1


def test_the_legend_counts_doubtful_pairs_by_method_and_says_what_the_marks_mean() -> None:
    doubted = rows("d", TRUTH)
    doubted[0] |= {"arrived": False}
    doubted[1] |= {"arrived": False, "coupling_converged": False}
    found = judge([*noisy_truth(2, 0.5), *doubted, *rows("sound", TRUTH)], classes=CLASSES)
    said = legend(found)
    place = said.index("pairs with a doubtful number, of the method or of the truth:")
    assert said[place + 1] == "   2 A, 1 C of 30: d"
    assert said[place + 2 :] == [f"{mark}  {MARKS[mark]}" for mark in "AC"]


def test_a_truth_that_tells_no_sources_apart_has_no_line_on_the_best_source() -> None:
    by_target = np.tile(np.arange(len(TRUTH)) / 8, (len(TRUTH), 1))
    some, none = (
        legend(judge([*rows("transfer", true), *rows("d", TRUTH)])) for true in (TRUTH, by_target)
    )
    assert any(line.startswith("best source: found for so many of 6 targets") for line in some)
    assert not any(line.startswith("best source") for line in none)
