"""What a recommendation says beside its tables: of ties, of doubts, of scales and of evidence."""

from typing import Any

import numpy as np
import pytest

from raytd.report.recommend.recommendation import Recommendation, court
from raytd.report.recommend.text import KNOWN, RULE, evidence, in_words, order_lines
from raytd.report.statistics.agreement import NO_CHOICE
from tests.report.judge.test_judging import TRUTH, judge, rows, truth
from tests.report.recommend.test_recommendation import by_source, found

pytestmark = pytest.mark.usefixtures("few_resamples")


def lines(there: list[dict[str, Any]], **asked: Any) -> list[str]:
    return order_lines(found(there, **asked))


def test_what_a_shared_rank_means_is_said_where_a_rank_is_shared() -> None:
    tied = by_source("otdd", {"a": 1, "c": 1, "d": 2})
    assert lines(tied) == [KNOWN["nothing"], RULE]
    assert lines(by_source("otdd", {"a": 1, "c": 2, "d": 3})) == [KNOWN["nothing"]]


def test_doubtful_candidates_are_said_to_be_last_or_to_be_all_there_are() -> None:
    there = by_source("otdd", {"a": 1, "c": 2, "d": 3})
    some = [row | {"arrived": row["source"] == "d"} for row in there]
    assert lines(some)[1:] == [
        "The last 2 of 3 are last whatever their numbers are: the notes say why they are doubtful."
    ]
    every = [row | {"arrived": False} for row in there]
    assert lines(every)[1:] == ["Every candidate is doubtful, as the notes say."]


def test_an_order_that_mixes_the_settings_of_a_search_says_so() -> None:
    there = by_source("otdd", {"a": 1, "c": 2, "d": 3})
    searched = [row | {"otdd.p": n} for n, row in enumerate(there)]
    mixed = "The candidates differ in settings, each pair having its own, as after a search: "
    assert lines(searched, axes=["otdd.p"])[1:] == [f"{mixed}the order mixes them."]


def test_what_accuracy_and_gain_are_is_said_where_transfer_to_the_target_was_measured() -> None:
    said = "accuracy, gain: of measured transfer; ± is a standard error."
    otdd = by_source("otdd", {"a": 1, "c": 2})
    assert said in lines([*otdd, *by_source("transfer", {"a": 0.5}, smaller_is_closer=False)])
    assert said not in lines(otdd)


def spoken(one: Recommendation, there: list[dict[str, Any]]) -> list[str]:
    return evidence(one, there, court(there, ()).silence)


def test_nothing_vouches_for_the_truth_itself_whoever_asks_for_it() -> None:
    there = [*rows("otdd", 1 - TRUTH), *truth()]
    asked = found(there, method="transfer")
    assert (asked.predictor.why, asked.predictor.doubt) == ("Ranked by transfer, as asked.", None)
    assert spoken(asked, there) == [
        "no evidence: transfer is the truth itself, and nothing else vouches for it"
    ]
    assert spoken(found(truth()), truth())[0].startswith("no evidence: transfer is the truth")
    (said,) = spoken(found(there), there)
    assert said.startswith("otdd: its nearest source is the best one for 100% of 4 targets")


def test_a_number_that_the_truth_does_not_judge_has_no_evidence() -> None:
    there = [*(row | {"distance": row["value"]} for row in rows("otdd", 1 - TRUTH)), *truth()]
    asked = found(there, method="otdd", column="distance")
    assert spoken(asked, there) == ["no evidence: transfer does not judge otdd (distance)"]
    unmeasured = rows("otdd", 1 - TRUTH)
    assert spoken(found(unmeasured), unmeasured) == [
        "no evidence: transfer and finetune were not measured here, so nothing says how well otdd "
        "chooses; add transfer to the methods of the sweep"
    ]


def test_a_truth_that_depends_on_the_target_alone_says_nothing_of_how_sources_are_chosen() -> None:
    by_target = np.tile(np.arange(4) / 4, (4, 1))
    (verdict,) = judge(
        [*rows("transfer", by_target, smaller_is_closer=False), *rows("d", 1 - TRUTH)]
    )
    assert verdict.choice == NO_CHOICE
    assert in_words(verdict, "accuracy") == (
        "no evidence about d: no target has two sources that the truth tells apart"
    )
