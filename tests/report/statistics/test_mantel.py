"""The Mantel test against explicit loops, scikit-bio, and what symmetry demands."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from skbio import DistanceMatrix
from skbio.stats.distance import mantel as skbio_mantel

from raytd.errors import InputError
from raytd.report.statistics.mantel import mantel
from tests.cases import for_each


def random_matrix(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, n))


def symmetric(matrix: np.ndarray) -> np.ndarray:
    both = np.abs(matrix + matrix.T)
    np.fill_diagonal(both, 0)
    return both


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def by_loops(x: np.ndarray, y: np.ndarray, correlate) -> tuple[float, float, float, int]:
    n = len(x)
    cells = [(i, j) for i in range(n) for j in range(n) if i != j]
    ours = [x[cell] for cell in cells]
    found = [
        correlate(ours, [y[order[i], order[j]] for i, j in cells]).statistic
        for order in permutations(range(n))
    ]
    r = found[0]
    above = sum(f >= r - 1e-9 for f in found) / len(found)
    beyond = sum(abs(f) >= abs(r) - 1e-9 for f in found) / len(found)
    return r, above, beyond, len(found)


@for_each("n", [3, 4, 5])
@for_each(("ranks", "correlate"), [(False, pearsonr), (True, spearmanr)])
def test_every_permutation_of_asymmetric_matrices_is_counted(n: int, ranks, correlate) -> None:
    x, y = random_matrix(n, 1), random_matrix(n, 2)
    found = mantel(x, y, ranks=ranks, generator=generator())
    r, above, beyond, count = by_loops(x, y, correlate)
    assert (found.n_permutations, found.exact) == (count, True)
    # sums of at most twenty products, in another order
    np.testing.assert_allclose(
        [found.r, found.p_greater, found.p_two_sided], [r, above, beyond], atol=1e-12
    )


@for_each("method", ["pearson", "spearman"])
def test_scikit_bio_finds_the_same_on_symmetric_matrices(method: str) -> None:
    x, y = symmetric(random_matrix(9, 3)), symmetric(random_matrix(9, 4))
    y += 0.7 * x
    theirs = skbio_mantel(
        DistanceMatrix(x), DistanceMatrix(y), method, 9999, "greater", seed=np.random.default_rng(1)
    )
    ours = mantel(x, y, ranks=method == "spearman", generator=generator())
    np.testing.assert_allclose(ours.r, theirs[0], atol=1e-9)  # the same sum, in another order
    error = math.sqrt(2 * theirs[1] * (1 - theirs[1]) / 9999)
    assert abs(ours.p_greater - theirs[1]) < 5 * error + 1e-4
    assert not ours.exact


def test_a_matrix_agrees_with_itself_as_no_permutation_of_it_does() -> None:
    x = random_matrix(5, 6)
    found = mantel(x, x, generator=generator())
    assert (found.r, found.p_greater) == (pytest.approx(1), 1 / math.factorial(5))


def test_names_of_tasks_do_not_matter() -> None:
    x, y = random_matrix(6, 7), random_matrix(6, 8)
    order = np.random.default_rng(9).permutation(6)
    moved = [m[order[:, None], order] for m in (x, y)]
    here, there = mantel(x, y, generator=generator()), mantel(*moved, generator=generator())
    np.testing.assert_allclose(
        [here.r, here.p_greater, here.p_two_sided], [there.r, there.p_greater, there.p_two_sided]
    )


def test_the_diagonal_is_not_read() -> None:
    x, y = random_matrix(5, 10), random_matrix(5, 11)
    hollow = x + np.diag(np.full(5, np.nan))
    assert mantel(x, y, generator=generator()) == mantel(hollow, y, generator=generator())


def test_independent_matrices_give_p_values_that_are_spread_evenly() -> None:
    p = [
        mantel(random_matrix(5, s), random_matrix(5, 1000 + s), generator=generator()).p_greater
        for s in range(200)
    ]
    # the mean of 200 even ones has a standard deviation of .29 / sqrt(200) = .02
    assert abs(np.mean(p) - 0.5) < 0.08
    assert 0.0 < np.mean(np.array(p) < 0.1) < 0.2


def test_matrices_that_are_all_alike_have_no_correlation() -> None:
    alike, other = np.full((4, 4), 2.5), random_matrix(4, 1)
    nearly = alike + np.arange(16).reshape(4, 4) * 4e-16
    assert len(set(nearly.ravel())) > 10
    for x, y in ((alike, other), (other, alike), (nearly, other), (other, nearly)):
        assert mantel(x, y, generator=generator()) is None
        assert mantel(x, y, ranks=True, generator=generator()) is None


@for_each("ranks", [False, True])
@for_each("n", [4, 9])
def test_permutations_that_tie_with_the_identity_count_as_large(n: int, ranks: bool) -> None:
    """Tenths with ties, and the same numbers as sums in another order leave them."""
    x, y = (np.random.default_rng(s).integers(0, 3, (n, n)) / 10 for s in (1, 2))
    noisy = [m * (1 + 1e-15 * np.random.default_rng(3).normal(size=(n, n))) for m in (x, y)]
    here, there = (mantel(*both, ranks=ranks, generator=generator()) for both in ((x, y), noisy))
    assert here is not None
    assert there is not None
    assert here.p_greater > 1 / here.n_permutations
    assert (here.p_greater, here.p_two_sided) == (there.p_greater, there.p_two_sided)
    np.testing.assert_allclose(here.r, there.r, atol=1e-12)  # rounding of the entries


@for_each("n", [3, 5, 8])
def test_no_p_value_is_below_one_over_the_permutations(n: int) -> None:
    x = random_matrix(n, 6)
    for y in (x, -x):
        found = mantel(x, y, n_sampled=500, generator=generator())
        assert found is not None
        assert found.p_greater >= 1 / found.n_permutations
        assert found.p_two_sided >= 1 / found.n_permutations


@for_each(
    ("x", "y", "words"),
    [
        (random_matrix(2, 1), random_matrix(2, 2), "three tasks"),
        (random_matrix(4, 1), random_matrix(3, 2), r"\(4, 4\) and \(3, 3\)"),
        (random_matrix(4, 1)[:, :3], random_matrix(4, 2)[:, :3], "square"),
        (np.where(np.eye(4, k=1), np.nan, 1.0), random_matrix(4, 2), "without holes"),
    ],
)
def test_what_it_cannot_take_is_said(x: np.ndarray, y: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mantel(x, y, generator=generator())
