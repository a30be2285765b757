"""Verdicts on made results whose truth is known."""

import json
from typing import Any

import numpy as np
import pytest

from raytd.errors import InputError, RequestError
from raytd.report.judge.contestants import contestants
from raytd.report.judge.judging import judge, left_out
from raytd.report.judge.text import verdict_row
from raytd.report.statistics.agreement import NO_CHOICE
from tests.cases import for_each

TASKS = ("a", "b", "c", "d")
TRUTH = np.random.default_rng(0).permutation(16).reshape(4, 4) / 16


pytestmark = pytest.mark.usefixtures("few_resamples")


def rows(method: str, values: np.ndarray, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "method": method,
            "model": "cnn8",
            "protocol": method,
            "source": source,
            "target": target,
            "seed": seed,
            "status": "done",
            "value": values[i, j],
            "smaller_is_closer": True,
            "wall_s": 2.0,
            "forward_images": 10,
            **more,
        }
        for i, source in enumerate(TASKS)
        for j, target in enumerate(TASKS)
        if i != j
    ]


def truth(seed: int = 0, noise: float = 0, **more: Any) -> list[dict[str, Any]]:
    moved = TRUTH + noise * np.random.default_rng(seed).normal(size=TRUTH.shape)
    return rows("transfer", moved, seed, smaller_is_closer=False, **more)


def test_a_distance_that_falls_as_transfer_gains_agrees_wholly() -> None:
    (verdict,) = judge([*truth(), *rows("good", 1 - TRUTH)])
    assert verdict.ranks.spearman == pytest.approx(1)
    assert verdict.ranks.weighted_kendall == pytest.approx(1)
    assert verdict.mantel is not None
    assert verdict.mantel.p_greater == pytest.approx(1 / 24)
    assert verdict.choice.share_best == 1
    assert (verdict.contestant.wall_s, verdict.contestant.forward_images) == (2, 10)


def test_a_score_of_which_more_is_closer_is_read_that_way() -> None:
    (verdict,) = judge([*truth(), *rows("good", TRUTH, smaller_is_closer=False)])
    assert verdict.ranks.spearman == pytest.approx(1)


@for_each("sign", [1, -1])
def test_another_column_of_the_truth_is_read_as_its_value_is(sign: int) -> None:
    """The gain of transfer, too, is larger where tasks are closer."""
    gained = [row | {"gain": row["value"] ** 2, "value": 0.5} for row in truth()]
    (verdict,) = judge([*gained, *rows("d", -sign * TRUTH)], column="gain")
    assert verdict.ranks.spearman == pytest.approx(sign)
    assert not verdict.truth.smaller_is_closer
    costly = [row | {"steps": row["value"], "value": 0.5} for row in rows("finetune", 1 - TRUTH)]
    (verdict,) = judge([*costly, *rows("d", -sign * TRUTH)], truth="finetune", column="steps")
    assert verdict.ranks.spearman == pytest.approx(sign)


def test_the_best_stands_first_and_one_that_is_all_alike_last() -> None:
    found = judge([*truth(), *rows("flat", 0 * TRUTH), *rows("bad", TRUTH), *rows("good", -TRUTH)])
    assert [v.contestant.title for v in found] == ["good", "bad", "flat"]
    assert (found[2].mantel, found[2].mantel_ranks, found[2].choice) == (None, None, NO_CHOICE)
    assert found[2].no_evidence == "its numbers for all 12 pairs are equal, but for rounding"


def test_ten_values_within_rounding_are_no_evidence_and_have_no_p_value() -> None:
    ceiling = 4 + np.arange(16).reshape(4, 4) % 10 * 8e-16
    assert len(set(ceiling.ravel())) > 2
    seeds = [row for seed in range(2) for row in (*truth(seed), *rows("h-score", ceiling, seed))]
    (verdict,) = judge(seeds)
    assert verdict.no_evidence is not None
    row = verdict_row(verdict)
    figures = [
        *("spearman", "spearman_low", "kendall", "weighted_kendall", "mantel_spearman_p"),
        *("mantel_pearson_r", "within_target_spearman", "share_best_source", "regret"),
    ]
    assert [row[name] for name in figures] == [None] * len(figures)
    json.dumps(row, allow_nan=False)


def test_a_truth_that_is_the_same_everywhere_is_no_evidence() -> None:
    flat = rows("transfer", 0.7 + TRUTH * 1e-15, smaller_is_closer=False)
    (verdict,) = judge([*flat, *rows("d", TRUTH)])
    assert verdict.no_evidence == "the truth's numbers for all 12 pairs are equal, but for rounding"


def test_too_few_pairs_or_targets_are_no_evidence() -> None:
    judged = [*truth(), *rows("d", TRUTH)]
    wanted = {
        "1 pair with": [("a", "b")],
        "2 pairs with": [("a", "b"), ("b", "a")],
        "3 pairs with one target": [("a", "b"), ("c", "b"), ("d", "b")],
    }
    for words, pairs in wanted.items():
        kept = [row for row in judged if (row["source"], row["target"]) in pairs]
        (verdict,) = judge(kept)
        assert str(verdict.no_evidence).startswith(words)
    nothing = [row | {"value": None} if row["method"] == "d" else row for row in judged]
    assert judge(nothing) == []
    assert left_out(nothing) == [("d", "none of its 12 trials has a number")]
    other = [row | {"model": "wrn"} if row["method"] == "d" else row for row in judged]
    assert left_out(other) == [("d", "transfer was not measured with the network wrn")]
    assert left_out(judged) == []


def test_methods_that_agree_alike_but_for_rounding_keep_their_order() -> None:
    found = judge([*truth(), *rows("z", -TRUTH), *rows("a", -3 * TRUTH + 1e-17)])
    assert [v.contestant.title for v in found] == ["z", "a"]


def test_doubtful_pairs_of_either_side_are_counted_by_their_marks() -> None:
    judged = rows("d", -TRUTH)
    judged[0]["arrived"] = judged[1]["arrived"] = False
    measured = truth()
    measured[1] |= {"source_accuracy": 0.2, "source_val_images": 100, "source_chance": 0.2}
    (verdict,) = judge([*measured, *judged])
    assert verdict.marks == {"A": 2, "G": 1}
    assert verdict_row(verdict)["doubts"] == "A 2, G 1"


def test_a_noise_free_length_is_a_contestant_of_its_own() -> None:
    both = [row | {"noise_free_length": row["value"] ** 2} for row in rows("coupled", 1 - TRUTH)]
    found = judge([*truth(), *both])
    assert sorted(v.contestant.title for v in found) == ["coupled", "coupled, noise-free"]


def test_networks_are_judged_by_their_own_truth() -> None:
    there = [
        row
        for model, sign in (("small", 1), ("large", -1))
        for row in (*truth(model=model), *rows("d", -sign * TRUTH, model=model))
    ]
    found = {v.contestant.fixed["model"]: v.ranks.spearman for v in judge(there)}
    assert found == {"small": pytest.approx(1), "large": pytest.approx(-1)}


def test_pairs_that_are_missing_leave_the_permutations_out() -> None:
    holed = rows("d", -TRUTH)[1:]
    (verdict,) = judge([*truth(), *holed])
    assert (verdict.ranks.n_pairs, verdict.mantel) == (11, None)
    assert verdict.ranks.spearman == pytest.approx(1)


def test_tasks_that_only_the_judged_has_are_left_out() -> None:
    more = rows("d", -TRUTH) + [rows("d", -TRUTH)[0] | {"target": "e"}]
    (verdict,) = judge([*truth(), *more])
    assert verdict.contestant.tasks == TASKS
    assert verdict.ranks.n_pairs == 12


def test_one_seed_has_no_interval_and_several_have_one_around_the_estimate() -> None:
    assert judge([*truth(), *rows("d", -TRUTH)])[0].spearman_interval is None
    many = [row for seed in range(4) for row in (*truth(seed, noise=0.2), *rows("d", -TRUTH, seed))]
    (verdict,) = judge(many)
    assert verdict.spearman_interval is not None
    low, high = verdict.spearman_interval
    assert low < verdict.ranks.spearman < high
    assert judge(many)[0].spearman_interval == (low, high)


def test_seeds_that_both_sides_share_are_drawn_together() -> None:
    """Where the judged repeats the truth seed by seed, every draw agrees wholly."""
    there = [
        row
        for seed in range(3)
        for row in (*truth(seed, noise=1), *rows("d", -1.0 * _layer(seed), seed))
    ]
    (verdict,) = judge(there)
    assert verdict.spearman_interval == (pytest.approx(1), pytest.approx(1))


def _layer(seed: int) -> np.ndarray:
    return TRUTH + np.random.default_rng(seed).normal(size=TRUTH.shape)


def test_settings_are_kept_apart_and_an_axis_that_is_forgotten_is_named() -> None:
    there = [
        row for lam in (1, 20) for row in rows("coupled", -TRUTH * lam, **{"coupled.lam": lam})
    ]
    titles = [c.title for c in contestants(there, axes=["coupled.lam"])]
    assert titles == ["coupled, coupled.lam 1", "coupled, coupled.lam 20"]
    with pytest.raises(InputError, match="name the axis"):
        contestants(there)


def test_without_the_truth_it_says_what_there_is() -> None:
    with pytest.raises(RequestError, match="--truth transfer: there are no results of transfer; "):
        judge(rows("d", TRUTH))
    with pytest.raises(RequestError, match="'transfer'"):
        judge([*truth(), *rows("d", TRUTH)], truth="trasfer")
    with pytest.raises(
        RequestError, match="--column vlaue: .* no such number; did you mean 'value'"
    ):
        judge([*truth(), *rows("d", TRUTH)], column="vlaue")


def test_a_method_that_knows_none_of_the_tasks_of_the_truth_has_no_evidence() -> None:
    new = {"a": "w", "b": "x", "c": "y", "d": "z"}
    others = [
        row | {end: new[row[end]] for end in ("source", "target")} for row in rows("d", TRUTH)
    ]
    (verdict,) = judge([*truth(), *others])
    assert verdict.contestant.tasks == TASKS
    assert verdict.no_evidence == ("no pairs with a number on both sides, and 3 are the fewest")
