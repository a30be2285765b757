"""What ranks and why, what was measured beside it, and what to do in one line."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from raytd.errors import RequestError
from raytd.report.recommend.answer import Answer, answer, answers, in_lines
from raytd.report.recommend.measured import measured_transfer
from raytd.report.recommend.recommendation import Recommendation, court, recommend
from raytd.report.recommend.suites import spoken_for
from tests.cases import for_each
from tests.report.judge.test_judging import TRUTH, rows, truth

pytestmark = pytest.mark.usefixtures("few_resamples")

GOOD, BAD = 1 - TRUTH, np.roll(TRUTH, 1, axis=1)


def found(there: list[dict[str, Any]], target: str = "b", **asked: Any) -> Recommendation:
    return recommend(court(there, asked.pop("axes", ()), asked.pop("truth", None)), target, **asked)


def line(one: Recommendation) -> str:
    return str(answer(one))


def test_the_method_that_agrees_best_here_ranks_and_its_figure_is_told() -> None:
    one = found([*rows("coupled", BAD), *truth(), *rows("otdd", GOOD)])
    assert one.predictor.method == "otdd"
    assert one.predictor.doubt is None
    assert "Ranked by otdd: it agrees best with transfer of the 2 judged here (Spearman +1.00)" in (
        one.predictor.why
    )
    assert "; coupled has " in one.predictor.why


def test_without_transfer_fine_tuning_judges_and_what_is_asked_for_goes_before_both() -> None:
    tuned = rows("finetune", GOOD)
    assert found([*tuned, *rows("otdd", GOOD)]).truth == "finetune"
    both = [*tuned, *rows("otdd", BAD), *rows("emd", GOOD), *truth()]
    assert (found(both).truth, found(both, truth="finetune").truth) == ("transfer", "finetune")
    assert found(both, truth="finetune").predictor.method == "emd"
    assert found(both, method="otdd").rankings[0].method == "otdd"


def test_the_control_that_knows_nothing_never_ranks_however_lucky_it_was() -> None:
    assert found([*rows("random", GOOD), *rows("otdd", BAD), *truth()]).predictor.method == "otdd"


def test_a_clear_agreement_goes_before_a_higher_one_that_may_be_chance() -> None:
    """The lucky one says the opposite in its other seed; the steady one is a little off in both."""
    steady = GOOD.copy()
    steady[[0, 2], 1] = steady[[2, 0], 1]
    there = [*truth(0), *truth(1), *rows("steady", steady, 0), *rows("steady", steady, 1)]
    there += [*rows("lucky", 3 * GOOD, 0), *rows("lucky", -2 * GOOD, 1)]
    one = found(there)
    assert one.predictor.method == "steady"
    assert "lucky has +1.00, but its interval over seeds includes 0" in one.predictor.why


def test_a_method_that_does_not_agree_is_no_reason_to_choose_a_source() -> None:
    assert found([*rows("otdd", TRUTH), *truth()]).predictor.is_worthless
    unmeasured = [row for row in truth() if row["target"] != "b"]
    said = line(found([*rows("otdd", TRUTH), *unmeasured]))
    assert said.startswith(
        "Nothing here tells the sources of b apart: otdd ranks them, and it does not"
    )


def test_networks_are_averaged_when_methods_are_judged() -> None:
    there = []
    for model, first in (("small", GOOD), ("large", BAD)):
        there += [*truth(model=model), *rows("first", first, model=model)]
        there += rows("second", GOOD + 0.3 * BAD, model=model)
    one = found(there)
    assert one.predictor.method == "second"
    assert "the mean over 2 networks" in one.predictor.why


def test_only_the_setting_that_agrees_best_ranks() -> None:
    there = [*truth(), *(r | {"otdd.p": 1} for r in rows("otdd", BAD))]
    there += [r | {"otdd.p": 2} for r in rows("otdd", GOOD)]
    one = found(there, axes=["otdd.p"])
    assert one.predictor.settings == {"otdd.p": 2}
    assert [r.settings for r in one.rankings] == [{"otdd.p": 2}]
    assert "Ranked by otdd, otdd.p 2:" in one.predictor.why


def test_where_nothing_was_judged_the_suites_name_their_method() -> None:
    best = spoken_for()
    assert best is not None
    named = f"The shipped suites speak for {best.title} (Spearman with transfer {best.words})"
    there = [*rows("coupled", GOOD), *rows(best.method, BAD)]
    for row in there:
        row[best.column] = row["value"]
    one = found(there)
    assert (one.predictor.method, one.predictor.column) == (best.method, best.column)
    assert "Nothing was judged: transfer and finetune were not measured here." in one.predictor.why
    assert f"{named}. Ranked by {best.title}." in one.predictor.why

    assert "Nothing was measured here to judge it by." in line(one)

    other = found(rows("coupled", GOOD))
    assert other.predictor.method == "coupled"
    assert f"{named}, which has no result here. Ranked by coupled, the best" in other.predictor.why

    unknown = found(rows("mine", GOOD))
    assert "Ranked by mine, the first that was run: the suites do not judge it" in (
        unknown.predictor.why
    )
    assert "The order by mine may be chance: nothing speaks for it." in line(unknown)


def test_measured_accuracy_and_gain_stand_beside_with_their_errors() -> None:
    known = {"accuracy": 0.8, "accuracy_error": 0.02, "gain": 0.1, "gain_error": 0.03}
    there = [row | known for row in truth()]
    one, *_ = measured_transfer(there, "b")[0]
    assert (one.source, one.accuracy, one.accuracy_error) == ("a", 0.8, 0.02)
    assert (one.gain, one.gain_error) == (0.1, 0.03)
    seeds = [*there, *(row | {"seed": 1, "accuracy": 0.9} for row in there)]
    one, *_ = measured_transfer(seeds, "b")[0]
    assert_allclose([one.accuracy, one.accuracy_error], [0.85, 0.05], rtol=1e-12)


def test_of_several_settings_of_transfer_the_first_counts_and_the_others_are_named() -> None:
    more = [row | {"value": 0.99, "transfer.n_train": 80} for row in truth()]
    there = [*(row | {"transfer.n_train": 20} for row in truth()), *more]
    measured, notes = measured_transfer(there, "b", ["transfer.n_train"])
    assert [one.accuracy for one in measured] == sorted(TRUTH[[0, 2, 3], 1], reverse=True)
    assert notes == ["transfer was measured with several settings; not shown: transfer, "
                     "transfer.n_train 80"]  # fmt: skip


def by_source(method: str, numbers: dict[str, float], **more: Any) -> list[dict[str, Any]]:
    """Results for the target b alone."""
    return [row | {"value": numbers[row["source"]]} for row in rows(method, TRUTH, **more)
            if row["target"] == "b" and row["source"] in numbers]  # fmt: skip


def test_the_answer_follows_what_was_measured_and_says_whether_the_method_agrees() -> None:
    measured = by_source("transfer", {"a": 0.6, "c": 0.9, "d": 0.7}, smaller_is_closer=False)
    agrees = line(found([*by_source("otdd", {"a": 3, "c": 1, "d": 2}), *measured]))
    assert agrees.startswith(
        "Transfer to b from c with network cnn8: measured transfer is best there (accuracy 0.9; "
        "3 measured), and otdd calls it nearest of them."
    )
    differs = line(found([*by_source("otdd", {"a": 1, "c": 3, "d": 2}), *measured]))
    assert "although otdd calls a (accuracy 0.6) nearest of them." in differs
    ties = line(found([*by_source("otdd", {"a": 3, "c": 1, "d": 1}), *measured]))
    assert "and otdd calls it nearest of them, in a tie with 1 other." in ties
    none = line(found([*by_source("otdd", {"a": 1, "c": 1, "d": 1}), *measured]))
    assert "and otdd tells none of them apart." in none
    partly = [row for row in measured if row["source"] != "a"]
    unmeasured = line(found([*by_source("otdd", {"a": 1, "c": 2, "d": 3}), *partly]))
    assert "otdd calls it nearest of them. Called nearest of all, but not measured, was a" in (
        unmeasured
    )
    elsewhere = line(found([*by_source("otdd", {"a": 1}), *partly]))
    assert "2 measured), and otdd says nothing of them. Called nearest of all, but not" in elsewhere
    gained = [row | {"gain": row["value"] - 0.5} for row in partly]
    with_gain = line(found([*by_source("otdd", {"c": 1, "d": 3}), *gained]))
    assert "is best there (accuracy 0.9, gain +0.4; 2 measured), and otdd" in with_gain


def test_measured_accuracies_within_the_error_leave_the_choice_to_the_method() -> None:
    measured = by_source("transfer", {"a": 0.6, "c": 0.61}, smaller_is_closer=False)
    measured = [row | {"accuracy": row["value"], "accuracy_error": 0.05} for row in measured]
    said = line(found([*by_source("otdd", {"a": 1, "c": 2}), *measured]))
    assert said.startswith("Transfer to b from a with network cnn8: otdd calls that nearest.")
    assert (
        "Measured transfer does not tell the 2 apart: accuracy 0.6 to 0.61, highest from c, within"
        in said
    )


@for_each(
    ("numbers", "words"),
    [
        ({"a": 1.0, "c": 2.0, "d": 3.0}, "from a with network cnn8: otdd calls that nearest."),
        (
            {"a": 1.0, "c": 1.0, "d": 3.0},
            "from a with network cnn8 (a tie with c)",
        ),
        ({"a": 1.0, "c": 1.0, "d": 1.0}, "tells the sources of b apart: a, c and d tie by otdd."),
        ({"a": 1.0}, "from a, the only source here: there is nothing to choose between."),
    ],
)
def test_without_measurement_the_answer_is_the_first_rank(numbers, words) -> None:
    assert words in line(found(by_source("otdd", numbers)))


def test_one_seed_without_an_error_is_a_doubt_and_seeds_are_none() -> None:
    numbers = {"a": 1.0, "c": 2.0}
    doubt = "One seed without an error does not say which differences are real."
    assert doubt in line(found(by_source("otdd", numbers)))
    seeds = [*by_source("otdd", numbers), *by_source("otdd", numbers, seed=1)]
    assert doubt not in line(found(seeds))


def test_networks_on_different_scales_are_each_named() -> None:
    there = [*by_source("otdd", {"a": 1, "c": 2}, model="small"),
             *by_source("otdd", {"a": 9, "c": 8}, model="large")]  # fmt: skip
    said = line(found(there))
    assert "from a with network small; or from c with network large: otdd calls that" in said
    assert "not on one scale, so nothing here chooses between them" in said
    assert "name no source" not in said
    medium = by_source("otdd", {"a": 1, "c": 1}, model="medium")
    assert "1 of 3 rankings name no source." in line(found([*there, *medium]))
    single = [*by_source("otdd", {"a": 1}, model="small"), *by_source("otdd", {"c": 1})]
    assert line(found(single)).startswith(
        "Nothing here tells the sources of b apart: no two are on one scale."
    )


def test_a_network_that_is_called_nearer_is_no_better_for_that_alone() -> None:
    small = by_source("d", {"a": 1, "c": 3}, model="small", unit="rad")
    there = [*small, *by_source("d", {"a": 2, "c": 4}, model="large", unit="rad")]
    caveat = "Of networks it says little: one that moves faster has longer paths."
    assert caveat in line(found(there))
    assert caveat not in line(found(small))


def test_doubtful_candidates_are_left_aside_and_counted() -> None:
    there = by_source("otdd", {"a": 1, "c": 2, "d": 3})
    there[0]["arrived"] = False
    said = line(found(there))
    assert "from c with network cnn8" in said
    assert "1 doubtful candidate is left aside." in said
    all_of_them = [row | {"arrived": False} for row in there]
    assert (
        line(found(all_of_them))
        == "Nothing here names a source for b: every candidate is doubtful."
    )


def test_with_transfer_alone_it_ranks_itself() -> None:
    one = found(truth())
    assert one.predictor.method == "transfer"
    assert line(one).endswith("3 measured). Transfer was measured with one seed.")


@for_each(
    ("known", "said"),
    [
        ({"gain": -0.01}, "Training b from scratch may do as well: the gain"),
        ({"gain": 0.1, "scatter": 0.06}, "Training b from scratch may do as well: the gain"),
        ({"gain": 0.1, "scatter": 0.04}, None),
        (
            {"source_accuracy": 0.5, "source_val_images": 100, "source_chance": 0.5},
            "Doubtful of c: source at chance (0.50, guessing 0.50, n = 100).",
        ),
    ],
)
def test_what_speaks_against_the_best_measured_transfer_stands_in_its_line(
    known: dict[str, Any], said: str | None
) -> None:
    measured = by_source("transfer", {"a": 0.6, "c": 0.9, "d": 0.7}, smaller_is_closer=False)
    scatter = known.pop("scatter", 0)
    seeds = [
        row | known | {"seed": seed, "accuracy": row["value"] + 0.001 * seed}
        | ({"gain": known["gain"] + (2 * seed - 1) * scatter} if "gain" in known else {})
        for row in measured for seed in (0, 1)
    ]  # fmt: skip
    doubts = answer(found([*by_source("otdd", {"a": 3, "c": 1, "d": 2}), *seeds])).doubts
    assert not any("one seed" in doubt for doubt in doubts)
    told = [d for d in doubts if d.startswith(("Training", "Doubtful"))]
    assert [d for d in told if said and d.startswith(said)] == told
    assert len(told) == (said is not None)


def test_a_target_that_nobody_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="--target z: .* targets are a, b, c, d"):
        found(rows("otdd", GOOD), "z")
    with pytest.raises(RequestError, match="no method that recommends has a result"):
        found(rows("random", GOOD))


def test_a_sweep_has_an_answer_for_each_target_with_several_sources() -> None:
    there = [*rows("otdd", GOOD), *truth()]
    said = answers([row for row in there if row["target"] != "d" or row["source"] == "a"])
    assert [one.advice.split(" from ")[0] for one in said] == [f"Transfer to {t}" for t in "abc"]
    held = court([row for row in there if row["target"] != "d" or row["source"] == "a"], ())
    assert said[1] == answer(recommend(held, "b"))


def test_a_target_whose_trials_all_failed_has_no_answer_and_the_others_keep_theirs() -> None:
    there = rows("otdd", GOOD)
    failed = {"status": "failed", "value": None}
    some = [row | (failed if row["target"] == "b" else {}) for row in there]
    said = [one.advice.split(" from ")[0] for one in answers(some)]
    assert said == ["Transfer to a", "Transfer to c", "Transfer to d"]


def test_doubts_that_all_answers_share_are_told_once() -> None:
    low, high = (
        Answer("Take a.", ("Nothing judged.", "Own.")),
        Answer("Take b.", ("Nothing judged.",)),
    )
    assert in_lines([low, high]) == ["Take a. Own.", "Take b.", "Of all 2: Nothing judged."]
    assert in_lines([low]) == ["Take a. Nothing judged. Own."]
    assert in_lines([low, Answer("Take c.")]) == [str(low), "Take c."]
    assert in_lines([]) == []
