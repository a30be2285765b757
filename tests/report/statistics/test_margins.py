"""Which differences are within the error, and how numbers that tie share ranks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import t

from raytd.report.naming import row_error
from raytd.report.statistics.margins import is_tie, margins, ranks
from tests.cases import for_each


def test_two_columns_have_the_margin_of_a_paired_t_test() -> None:
    values = np.array([[1.0, 2.0], [1.3, 2.1], [0.9, 2.4]])
    differences = values[:, 1] - values[:, 0]
    half = t.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
    found = margins(values, np.full_like(values, np.nan))
    assert_allclose(found.widths, np.full((2, 2), half), rtol=1e-12)
    assert found.known == "seeds"


def test_a_seed_that_moves_all_columns_alike_is_no_error() -> None:
    values = np.array([[1.0, 2.0, 4.0], [1.5, 2.5, 4.5]])
    assert_allclose(margins(values, np.full_like(values, np.nan)).widths, 0, atol=1e-12)


def test_the_interval_covers_a_true_difference_in_95_of_100_cases() -> None:
    generator = np.random.default_rng(0)
    true, n = np.array([1.0, 2.0, 2.5, 4.0]), 2000
    hits = 0
    for _ in range(n):
        seeds = true + generator.normal(size=(2, 1)) + 0.3 * generator.normal(size=(2, 4))
        mean, (widths, _) = seeds.mean(axis=0), margins(seeds, np.full_like(seeds, np.nan))
        hits += is_tie(mean[0] - mean[1], true[0] - true[1], float(widths[0, 1]))
    assert_allclose(hits / n, 0.95, atol=4 * np.sqrt(0.05 * 0.95 / n))


def test_one_seed_has_the_margin_of_the_errors_that_its_rows_carry() -> None:
    found = margins(np.array([[1.0, 2.0, 3.0]]), np.array([[0.3, 0.4, np.nan]]))
    assert_allclose(found.widths[0, 1], 1.959964 * 0.5, rtol=1e-6)
    assert np.isnan(found.widths[0, 2])
    assert found.known == "rows"


def test_seeds_that_not_all_columns_have_leave_it_to_the_errors() -> None:
    values = np.array([[1.0, 2.0], [1.0, np.nan]])
    found = margins(values, np.full_like(values, 0.2))
    assert_allclose(found.widths[0, 1], 1.959964 * np.hypot(0.2 / np.sqrt(2), 0.2), rtol=1e-6)
    nothing = margins(values, np.full_like(values, np.nan))
    assert nothing.known == "nothing"


def test_a_chain_of_ties_is_cut_where_one_no_longer_ties_with_the_first() -> None:
    widths = np.full((4, 4), 0.15)
    assert ranks([1.2, 1.0, 1.1, 5.0], widths) == [(1, 1), (1, 2), (3, 0), (4, 3)]
    assert not is_tie(1.0, 1.2, 0.15)
    assert is_tie(1.1, 1.2, 0.15)


def test_without_margins_rounding_alone_ties() -> None:
    found = ranks([0.3, 0.1 + 0.2, 0.1], np.full((3, 3), np.nan))
    assert found == [(1, 2), (2, 0), (2, 1)]


@for_each(
    ("column", "row", "error"),
    [
        ("noise_free_length", {"noise_free_error": 0.1}, 0.1),
        ("value", {"value": 2.0, "distance": 2.0, "distance_error": 0.2}, 0.2),
        ("distance", {"distance": 2.0, "distance_error": 0.2}, 0.2),
        ("value", {"value": 0.8, "accuracy": 0.8, "accuracy_error": 0.03}, 0.03),
        ("value", {"value": 0.1, "accuracy": 0.8, "accuracy_error": 0.03}, np.nan),
        ("value", {"value": 7.0, "distance": 2.0, "distance_error": 0.2}, np.nan),
        ("value", {"value": 2.0}, np.nan),
    ],
)
def test_the_error_of_a_number_is_that_of_its_own_column(column, row, error) -> None:
    assert row_error(row, column) == pytest.approx(error, nan_ok=True)
