"""Candidates for a target, and what is said of the method that ranks them."""

import numpy as np
import pytest

from raytd.errors import RequestError
from raytd.report.judge.judging import judge
from raytd.report.recommend.ranking import Candidate, rankings
from raytd.report.recommend.text import in_words
from tests.cases import for_each
from tests.report.judge.test_judging import TRUTH, rows, truth


def recommend(rows, target, **asked) -> list[Candidate]:
    """The candidates of the one ranking that there is."""
    (ranking,) = rankings(rows, target, **asked)
    return list(ranking.candidates)


def test_sources_and_networks_are_ranked_nearest_first() -> None:
    there = [*rows("d", 1 - TRUTH, model="small", unit="rad"),
             *rows("d", 2 - TRUTH, model="large", unit="rad")]  # fmt: skip
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
    with pytest.raises(RequestError, match="--target z: .* has this target; targets are a, b, c"):
        recommend(rows("d", TRUTH), "z", method="d")


def test_a_method_or_a_column_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RequestError, match="there are coupled; did you mean 'coupled'"):
        recommend(rows("coupled", TRUTH), "b", method="copled")
    with pytest.raises(
        RequestError, match="--value wal_s: .* no such number; did you mean 'wall_s'"
    ):
        recommend(rows("coupled", TRUTH), "b", method="coupled", column="wal_s")
    failed = [row | {"status": "failed", "value": None} for row in rows("otdd", TRUTH)]
    with pytest.raises(RequestError, match="none of its 12 trials has ended with a number"):
        recommend([*rows("coupled", TRUTH), *failed], "b", method="otdd")


def test_numbers_that_tie_share_a_rank_and_keep_the_order_of_the_rows() -> None:
    values = np.full((4, 4), 0.3)
    values[2, 1] = 0.1 + 0.2
    values[3, 1] = 0.1
    found = recommend(list(reversed(rows("d", values))), "b", method="d")
    assert [(c.rank, c.source) for c in found] == [(1, "d"), (2, "c"), (2, "a")]


def test_networks_are_ranked_together_on_one_scale_only() -> None:
    small, large = (rows("d", TRUTH, model=m, unit="rad") for m in ("small", "large"))
    (ranking,) = rankings([*small, *large], "b", method="d")
    assert ranking.models == ("small", "large")
    other = [row | {"protocol": "other"} for row in large]
    found = rankings([*small, *other], "b", method="d")
    assert [(r.protocol, r.models) for r in found] == [("d", ("small",)), ("other", ("large",))]
    assert all([c.rank for c in r.candidates] == [1, 2, 3] for r in found)
    pure = [row | {"unit": "1"} for row in (*small, *large)]
    assert [r.models for r in rankings(pure, "b", method="d")] == [("small",), ("large",)]


def test_settings_are_ranked_apart_but_for_those_that_a_search_left_to_each_pair() -> None:
    there = [row | {"d.lam": lam} for lam in (1, 20) for row in rows("d", lam * TRUTH)]
    found = rankings(there, "b", method="d", axes=["d.lam"])
    assert [(r.settings, len(r.candidates)) for r in found] == [
        ({"d.lam": 1}, 3),
        ({"d.lam": 20}, 3),
    ]
    searched = [row | {"d.lam": n} for n, row in enumerate(rows("d", TRUTH))]
    (joined,) = rankings(searched, "b", method="d", axes=["d.lam"])
    assert (joined.settings, len(joined.candidates)) == ({}, 3)
    assert joined.mixes_settings
    assert not any(ranking.mixes_settings for ranking in found)


def test_candidates_within_the_scatter_of_seeds_tie_with_the_first() -> None:
    values = np.zeros((4, 4))
    values[[0, 2, 3], 1] = 1.0, 1.05, 2.0
    noise = np.zeros((4, 4))
    noise[[0, 2, 3], 1] = 0.1, -0.1, 0.02
    there = [row for seed in range(3) for row in rows("d", values + (seed - 1) * noise, seed)]
    (ranking,) = rankings(there, "b", method="d")
    assert [(c.rank, c.source) for c in ranking.candidates] == [(1, "a"), (1, "c"), (3, "d")]
    assert ranking.known == "seeds"
    assert [c.source for c in ranking.first] == ["a", "c"]


def test_a_single_sound_candidate_does_not_hide_that_there_were_seeds() -> None:
    there = [row for seed in range(2) for row in rows("d", TRUTH, seed, arrived=False)]
    for row in there:
        row["arrived"] = row["source"] == "a"
    (ranking,) = rankings(there, "b", method="d")
    assert [c.is_doubtful for c in ranking.candidates] == [False, True, True]
    assert ranking.known == "seeds"


@for_each("column", ["value", "distance", "noise_free_length"])
def test_within_one_seed_the_errors_of_the_rows_say_what_ties(column: str) -> None:
    numbers = {("a", "b"): 1.0, ("c", "b"): 1.2, ("d", "b"): 1.4}
    there = [
        row | {"value": n, "distance": n, "noise_free_length": n}
        | {"distance_error": 0.1, "noise_free_error": 0.1}
        for row in rows("d", TRUTH) if (n := numbers.get((row["source"], row["target"])))
    ]  # fmt: skip
    (ranking,) = rankings(there, "b", method="d", column=column)
    assert [(c.rank, c.source) for c in ranking.candidates] == [(1, "a"), (1, "c"), (3, "d")]
    assert (ranking.known, ranking.candidates[0].error) == ("rows", 0.1)


AT_CHANCE = {"source_accuracy": 0.22, "source_val_images": 100, "source_chance": 0.2}


@for_each(
    ("fault", "mark"),
    [({"arrived": False}, "A"), (AT_CHANCE, "G"), ({"same_weights_as": "c"}, "W")],
)
def test_a_candidate_whose_number_may_be_small_for_a_wrong_reason_is_last(fault, mark) -> None:
    there = rows("d", np.arange(16.0).reshape(4, 4))
    there[0] |= fault  # a -> b, the nearest
    found = recommend(there, "b", method="d")
    assert [(c.rank, c.source) for c in found] == [(1, "c"), (2, "d"), (3, "a")]
    assert [doubt.mark for doubt in found[2].doubts] == [mark]


def test_what_has_not_converged_is_told_and_keeps_its_rank() -> None:
    there = rows("d", np.arange(16.0).reshape(4, 4))
    there[0] |= {"coupling_converged": False, "distance_converged": False}
    first = recommend(there, "b", method="d")[0]
    assert (first.source, [doubt.mark for doubt in first.doubts]) == ("a", ["C", "M"])


def test_no_evidence_about_a_method_is_said_with_its_reason() -> None:
    (verdict,) = judge([*truth(), *rows("d", 0 * TRUTH)])
    assert in_words(verdict, "accuracy") == (
        "no evidence about d: its numbers for all 12 pairs are equal, but for rounding"
    )


def test_the_evidence_says_what_following_the_method_costs() -> None:
    (verdict,) = judge([*truth(), *rows("d", 1 - TRUTH)])
    said = in_words(verdict, "accuracy")
    assert "best one for 100% of 4 targets (a blind choice: 33%)" in said
    assert "falls short of the best source by 0 accuracy" in said
    assert "Spearman over all pairs +1.00, p = 0.042" in said


def test_evidence_that_rests_on_doubtful_pairs_says_so() -> None:
    judged = rows("d", 1 - TRUTH)
    judged[0]["arrived"] = False
    (verdict,) = judge([*truth(), *judged])
    assert in_words(verdict, "accuracy").endswith("p = 0.042; 1 of 12 pairs is doubtful")
