"""Candidates for a target, and what is said of the method that ranks them."""

import numpy as np
import pytest

from raytd.errors import InputError
from raytd.report.judging import judge
from raytd.report.recommending import in_words, recommend
from tests.report.test_judging import TRUTH, rows, truth


def test_sources_and_networks_are_ranked_nearest_first() -> None:
    there = [*rows("d", 1 - TRUTH, model="small"), *rows("d", 2 - TRUTH, model="large")]
    found = recommend(there, "b", method="d")
    column = TRUTH[[0, 2, 3], 1]
    small = [("acd"[i], "small") for i in np.argsort(-column)]
    assert [(c.source, c.model) for c in found] == small + [(s, "large") for s, _ in small]
    assert [c.value for c in found] == sorted(c.value for c in found)


def test_of_a_score_the_largest_is_nearest() -> None:
    found = recommend(rows("d", TRUTH, smaller_is_closer=False), "a", method="d")
    assert [c.value for c in found] == sorted((c.value for c in found), reverse=True)


def test_seeds_are_averaged_and_their_scatter_is_told() -> None:
    there = [*rows("d", TRUTH, 0), *rows("d", TRUTH + 2, 1)]
    first = recommend(there, "c", method="d")[0]
    assert first.value == pytest.approx(min(TRUTH[[0, 1, 3], 2]) + 1)
    assert first.spread == pytest.approx(np.sqrt(2))


def test_a_network_that_did_not_arrive_is_marked() -> None:
    there = rows("d", TRUTH, arrived=True)
    there[0]["arrived"] = False  # a -> b
    assert {c.source for c in recommend(there, "b", method="d") if not c.arrived} == {"a"}
    assert all(c.arrived for c in recommend(there, "c", method="d"))


def test_a_target_without_results_is_refused_with_those_that_have_some() -> None:
    with pytest.raises(InputError, match="no result of d with a value has the target z; .* b, c"):
        recommend(rows("d", TRUTH), "z", method="d")


def test_the_evidence_says_what_following_the_method_costs() -> None:
    (verdict,) = judge([*truth(), *rows("d", 1 - TRUTH)])
    said = in_words(verdict, "accuracy")
    assert "best one for 100% of 4 targets (a blind choice: 33%)" in said
    assert "falls short of the best source by 0 accuracy" in said
    assert "Spearman over all pairs +1.00, p = 0.042" in said
