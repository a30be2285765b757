"""Reliability on made numbers whose noise is known."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from raytd.report.judge.contestants import Contestant, contestants
from raytd.report.judge.reliability import (
    Reliability,
    by_repeats,
    by_seeds,
    by_seeds_within_targets,
    repeats_for,
    stepped_down,
    stepped_up,
)
from tests.cases import for_each

N_TASKS = 40
OFF = ~np.eye(N_TASKS, dtype=bool)
WITHIN = 0.04
"""Twice the sampling error of a correlation of .8 over 1,560 pairs, and some."""


def measured(
    *, own: float, repeated: float, n_seeds: int, n_repeats: int = 5, **more: Any
) -> tuple[Contestant, np.ndarray]:
    """A truth of variance 1 with noise of two variances: of each seed's own, and of one repeat."""
    generator = np.random.default_rng(1)
    true = generator.normal(size=(N_TASKS, N_TASKS))
    rows: list[dict[str, Any]] = []
    for seed in range(n_seeds):
        noise = generator.normal(scale=math.sqrt(own), size=true.shape)
        repeats = generator.normal(scale=math.sqrt(repeated), size=(n_repeats, *true.shape))
        means = true + noise + repeats.mean(axis=0)
        errors = repeats.std(axis=0, ddof=1) / math.sqrt(n_repeats)
        rows += [
            {
                "method": "transfer",
                "model": "m",
                "source": f"t{i:02}",
                "target": f"t{j:02}",
                "seed": seed,
                "value": means[i, j],
                "gain": means[i, j],
                "gain_error": errors[i, j],
                "n_repeats": n_repeats,
                **more,
            }
            for i, j in np.ndindex(true.shape)
            if i != j
        ]
    (found,) = contestants(rows, columns=("value",))
    order = [int(name[1:]) for name in found.tasks]
    return found, true[np.ix_(order, order)]


def correlation(found: Contestant, true: np.ndarray) -> float:
    return float(np.corrcoef(found.values.mean(axis=0)[OFF], true[OFF])[0, 1])


@for_each("n_seeds", [2, 5])
def test_the_ceiling_by_seeds_is_what_the_noise_free_truth_itself_reaches(n_seeds: int) -> None:
    found, true = measured(own=1.0, repeated=1.0, n_seeds=n_seeds)
    reliability = by_seeds(found)
    assert reliability is not None
    assert (reliability.of, reliability.n) == ("seeds", n_seeds)
    assert reliability.ceiling == pytest.approx(correlation(found, true), abs=WITHIN)
    assert reliability.value == pytest.approx(n_seeds / (n_seeds + 1.2), abs=2 * WITHIN)


@for_each("n_seeds", [1, 3])
def test_the_ceiling_by_repeats_is_that_where_repeats_are_all_that_differs(n_seeds: int) -> None:
    found, true = measured(own=0.0, repeated=5.0, n_seeds=n_seeds)
    reliability = by_repeats(found)
    assert reliability is not None
    assert (reliability.of, reliability.n) == ("repeats", 5)
    assert reliability.ceiling == pytest.approx(correlation(found, true), abs=WITHIN)


def test_repeats_say_nothing_of_what_another_seed_would_change() -> None:
    found, _ = measured(own=3.0, repeated=0.5, n_seeds=2)
    seeds, repeats = by_seeds(found), by_repeats(found)
    assert seeds is not None
    assert repeats is not None
    assert seeds.value < 0.5 < 0.9 < repeats.value
    assert repeats_for(found, seeds) == math.inf


def test_so_many_times_the_repeats_reach_what_is_wanted() -> None:
    few, _ = measured(own=0.25, repeated=5.0, n_seeds=2, n_repeats=5)
    seeds = by_seeds(few)
    assert seeds is not None
    times = repeats_for(few, seeds)
    many, true = measured(own=0.25, repeated=5.0, n_seeds=2, n_repeats=round(5 * times))
    assert correlation(many, true) ** 2 == pytest.approx(0.8, abs=WITHIN)


def test_what_targets_differ_by_is_no_reliability_within_them() -> None:
    found, _ = measured(own=2.0, repeated=0.0, n_seeds=2)
    easy = np.linspace(0, 50, N_TASKS)
    moved = replace(found, values=found.values + easy)
    over_all, within = by_seeds(moved), by_seeds_within_targets(moved)
    assert over_all is not None
    assert within is not None
    assert over_all.value > 0.95
    assert within.single == pytest.approx(1 / 3, abs=WITHIN)
    assert within.value == pytest.approx(1 / 2, abs=WITHIN)


def test_spearman_and_brown_by_hand() -> None:
    assert stepped_up(0.5, 2) == pytest.approx(2 / 3)
    assert stepped_down(2 / 3, 2) == pytest.approx(0.5)
    assert stepped_up(-0.2, 6) == 0
    two = Reliability(stepped_up(0.3, 2), 0.3, 2, "seeds")
    assert two.needed == 10  # 4 x .7 / .3 = 9.3 of which one has .3
    assert Reliability(0.8, 0.5, 4, "seeds").needed == 4
    nothing = Reliability(0.0, -0.2, 6, "seeds")
    assert (nothing.needed, nothing.times, nothing.ceiling) == (None, math.inf, 0)


def test_one_seed_without_errors_has_no_reliability() -> None:
    found, _ = measured(own=1.0, repeated=1.0, n_seeds=1, gain_error=None)
    assert by_seeds(found) is None
    assert by_repeats(found) is None


def test_without_their_number_repeats_have_a_reliability_all_the_same() -> None:
    counted, _ = measured(own=0.0, repeated=5.0, n_seeds=1)
    known, unknown = (by_repeats(c) for c in (counted, replace(counted, n_repeats=None)))
    assert known is not None
    assert unknown is not None
    assert unknown.value == known.value
    assert (unknown.n, unknown.needed) == (None, None)
    assert known.needed == math.ceil(5 * unknown.times)


def test_a_truth_that_does_not_differ_between_pairs_has_no_reliability_by_repeats() -> None:
    found, _ = measured(own=0.0, repeated=5.0, n_seeds=1)
    flat = replace(found, values=np.where(np.isfinite(found.values), 0.5, np.nan))
    assert by_repeats(found) is not None
    assert by_repeats(flat) is None
