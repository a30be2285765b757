"""Pairs judged by whether they share classes: six tasks in two families."""

from typing import Any

import numpy as np
import pytest

from raytd.report.judge.judging import Verdict, judge
from raytd.report.judge.text import verdict_row
from tests.cases import for_each

TASKS = ("a", "b", "c", "d", "e", "f")
FAMILY = np.array([0, 0, 0, 1, 1, 1])
CLASSES = {task: frozenset({f"family {f}", task}) for task, f in zip(TASKS, FAMILY, strict=True)}
APART = FAMILY[:, None] != FAMILY[None, :]
NEAR = np.random.default_rng(2).permutation(36).reshape(6, 6) / 36
TRUTH = NEAR + 2.0 * ~APART
"""Tasks of one family are nearer than those of two; 18 pairs of 30 are disjoint."""


pytestmark = pytest.mark.usefixtures("few_resamples")


def rows(method: str, closeness: np.ndarray, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "method": method,
            "model": "cnn8",
            "source": source,
            "target": target,
            "seed": seed,
            "value": closeness[i, j],
            "smaller_is_closer": False,
            **more,
        }
        for i, source in enumerate(TASKS)
        for j, target in enumerate(TASKS)
        if i != j
    ]


def verdict(closeness: np.ndarray, *, n_seeds: int = 1, noise: float = 0.0) -> Verdict:
    generator = np.random.default_rng(3)
    made = []
    for seed in range(n_seeds):
        there, here = (noise * generator.normal(size=TRUTH.shape) for _ in range(2))
        made += [*rows("transfer", TRUTH + there, seed), *rows("d", closeness + here, seed)]
    (found,) = judge(made, classes=CLASSES)
    return found


def test_disjoint_pairs_are_judged_apart() -> None:
    found = verdict(np.where(APART, -NEAR, TRUTH))
    assert found.disjoint is not None
    assert found.ranks.n_pairs == 30
    assert found.disjoint.ranks.n_pairs == 18
    assert found.disjoint.ranks.spearman == pytest.approx(-1)
    assert found.ranks.spearman > 0
    assert found.disjoint.choice.n_ranked == 6
    assert found.disjoint.choice.mean_spearman == pytest.approx(-1)
    assert found.disjoint.spearman_interval is None


def test_the_interval_and_the_truth_over_disjoint_pairs_are_their_own() -> None:
    found = verdict(TRUTH, n_seeds=4, noise=0.3)
    assert found.disjoint is not None
    assert found.disjoint.spearman_interval is not None
    assert found.spearman_interval is not None
    low, high = found.disjoint.spearman_interval
    assert low <= found.disjoint.ranks.spearman <= high < found.spearman_interval[1]
    assert low < high
    # Families are far apart, so that over all pairs the seeds agree whatever the noise is.
    assert found.disjoint.truth_reliability is not None
    assert found.truth_reliability is not None
    assert found.disjoint.truth_reliability.value < found.truth_reliability.value


def test_counting_shared_classes_alone_is_not_ahead_of_itself_and_the_truth_is() -> None:
    counting = verdict(2.0 * ~APART)
    assert counting.lead is not None
    assert counting.lead.value == pytest.approx(0)
    assert not counting.lead.is_ahead
    right = verdict(TRUTH)
    assert right.lead is not None
    assert right.lead.of_counting == pytest.approx(counting.ranks.spearman)
    assert right.lead.value == pytest.approx(1 - counting.ranks.spearman)
    assert right.lead.is_ahead


def test_a_lead_within_the_scatter_of_the_seeds_is_none() -> None:
    found = verdict(2.0 * ~APART + 0.1 * NEAR, n_seeds=3, noise=1.5)
    assert found.lead is not None
    assert found.lead.interval is not None
    low, high = found.lead.interval
    assert low <= found.lead.value <= high
    assert found.lead.is_ahead == (low > 0)
    assert not found.lead.is_ahead
    assert verdict(TRUTH, n_seeds=3, noise=0.01).lead.is_ahead  # type: ignore[union-attr]


def test_the_lead_is_over_the_same_pairs() -> None:
    holed = TRUTH.copy()
    holed[0, 1:] = np.nan
    (found,) = judge([*rows("transfer", TRUTH), *rows("d", holed)], classes=CLASSES)
    assert found.lead is not None
    kept = ~np.eye(6, dtype=bool)
    kept[0] = False
    (of_kept,) = judge(
        [*rows("transfer", TRUTH), *rows("d", np.where(kept, 2.0 * ~APART, np.nan))],
        classes=CLASSES,
    )
    assert found.lead.of_counting == pytest.approx(of_kept.ranks.spearman)


def test_the_rows_of_the_method_are_the_classes_where_there_are_any() -> None:
    counted = rows("shared-classes", 0.5 + 0.5 * APART, smaller_is_closer=True)
    made = [*rows("transfer", TRUTH), *rows("d", TRUTH), *counted]
    found = {v.contestant.title: v for v in judge(made)}
    assert found["shared-classes"].lead is None
    lead = found["d"].lead
    assert lead is not None
    assert lead.of_counting == pytest.approx(found["shared-classes"].ranks.spearman)


@for_each("classes", [{}, {task: frozenset({task}) for task in TASKS}])
def test_without_classes_or_where_none_are_shared_there_is_no_contest(classes: Any) -> None:
    (found,) = judge([*rows("transfer", TRUTH), *rows("d", TRUTH)], classes=classes)
    assert found.lead is None
    assert (found.disjoint is None) == (not classes)


def test_every_figure_has_a_column() -> None:
    row = verdict_row(verdict(TRUTH, n_seeds=3, noise=0.1))
    named = [
        *("reliability", "seeds_agree", "truth_reliability", "truth_ceiling", "truth_needed"),
        *("disjoint_spearman", "disjoint_spearman_low", "disjoint_spearman_high"),
        *("truth_within_target_reliability", "truth_seeds_agree"),
        *("disjoint_within_target_spearman", "disjoint_truth_reliability"),
        *("lead_over_shared_classes", "lead_low", "lead_high"),
    ]
    assert [name for name in named if not isinstance(row[name], int | float)] == []
    assert (row["n_disjoint"], row["disjoint_n_targets"]) == (18, 6)
    assert row["beats_shared_classes"] is True
    assert row["truth_reliability_of"] == "seeds"
    np.testing.assert_allclose(row["truth_ceiling"] ** 2, row["truth_reliability"], rtol=1e-12)
