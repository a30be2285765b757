"""The error of a distance: by hand, and as often right as it says on made models."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from raytd.transfer.averaging import SegmentShare, segment_shares
from raytd.transfer.distance_error import distance_error, image_error, noise_error
from raytd.transfer.lengths import Lengths, Moments, path_lengths, starts, strides
from raytd.transfer.settings import Averaging


def full(coupling: np.ndarray, cost: np.ndarray) -> float | None:
    rows, cols = np.nonzero(coupling)
    return image_error(
        mass=coupling[rows, cols], cost=cost[rows, cols], source_index=rows, target_index=cols
    )


def test_an_example_by_hand() -> None:
    # Rows cost 1 and 3, columns 2, 1 and 3, the mean is 2. Rows: 2/1 · 2 · (1/2)² = 1;
    # columns: 3/2 · 2 · (1/3)² = 1/3.
    cost = np.array([[1.0, 0.0, 2.0], [3.0, 2.0, 4.0]])
    assert_allclose(full(np.full((2, 3), 1 / 6), cost), math.sqrt(4 / 3), rtol=1e-14)


def test_it_is_the_jackknife_that_leaves_out_one_image_at_a_time() -> None:
    rng = np.random.default_rng(0)
    cost = rng.random((9, 7))
    without = [np.delete(cost, i, axis=side).mean() for side in (0, 1) for i in range((9, 7)[side])]
    parts = without[:9], without[9:]
    variances = [(len(p) - 1) / len(p) * np.sum((p - np.mean(p)) ** 2) for p in parts]
    expected = math.sqrt(sum(variances))
    assert_allclose(full(np.full((9, 7), 1 / 63), cost), expected, rtol=1e-12)


def test_costs_that_are_alike_leave_no_error() -> None:
    assert full(np.full((4, 5), 1 / 20), np.full((4, 5), 3.0)) == pytest.approx(0, abs=1e-15)


def test_one_image_says_nothing_of_others() -> None:
    assert full(np.ones((1, 1)), np.ones((1, 1))) is None


def test_images_on_the_boundary_of_tiles_count_once() -> None:
    whole = np.array([[0.5, 0.0], [0.0, 0.5]])
    cost = np.array([[1.0, 9.0], [9.0, 3.0]])
    cut = image_error(
        mass=np.array([0.25, 0.25, 0.5]),
        cost=np.array([1.0, 1.0, 3.0]),
        source_index=np.array([0, 0, 1]),
        target_index=np.array([0, 0, 1]),
    )
    assert_allclose(cut, full(whole, cost), rtol=1e-14)


def covered(n: int, m: int, *, tile: int, draws: int = 400) -> float:
    """How often the mean ± 1.96 errors holds the mean of the made costs, which is 3.

    A pair costs 3 + an effect of each image + one of its own; tiles of `tile` by `tile`.
    """
    rng = np.random.default_rng(n * 1000 + m)
    n_tiles, right = n // tile, 0
    coupling = np.kron(np.eye(n_tiles), np.full((tile, m // n_tiles), 1 / (tile * m)))
    for _ in range(draws):
        of_images = 0.6 * rng.gumbel(-0.5772, size=(n, 1)), 0.3 * rng.standard_normal((1, m))
        cost = 3 + of_images[0] + of_images[1] + 0.2 * rng.standard_normal((n, m))
        off = abs((coupling * cost).sum() - 3)
        right += off <= 1.96 * full(coupling, cost)
    return right / draws


@pytest.mark.parametrize(("n", "m", "tile"), [(60, 60, 60), (60, 60, 10), (120, 40, 30)])
def test_the_interval_holds_the_truth_of_a_made_model_as_often_as_it_says(
    n: int, m: int, tile: int
) -> None:
    # 400 draws at .95 scatter by .011; effects are skewed, which costs a little.
    assert 0.92 <= covered(n, m, tile=tile) <= 0.985


def test_the_noise_of_a_path_by_hand() -> None:
    # a quarter of 4 rad is noise, in twenty pieces of 0.05, or in ten of 0.1
    assert_allclose(noise_of(segments=20, averaging="none"), 0.05 * math.sqrt(20), rtol=1e-14)
    assert_allclose(noise_of(segments=20, averaging="segment"), 0.05 * math.sqrt(20), rtol=1e-14)
    assert_allclose(noise_of(segments=20, averaging="window"), 0.1 * math.sqrt(10), rtol=1e-14)
    assert noise_error(distance=4.0, noise_share=-0.01, segments=20, averaging="none") == 0


def noise_of(*, segments: int, averaging: Averaging) -> float:
    """Of a path of 4 rad, a quarter of which is noise."""
    return noise_error(distance=4.0, noise_share=0.25, segments=segments, averaging=averaging)


def test_more_knots_make_no_more_independent_pieces() -> None:
    errors = [noise_of(segments=m, averaging="none") for m in (10, 20, 80)]
    assert errors[0] > errors[1] == errors[2]
    assert len({noise_of(segments=m, averaging="window") for m in (10, 20, 80)}) == 1


def test_independent_causes_add_their_squares() -> None:
    assert distance_error(images=0.3, noise=0.4) == pytest.approx(0.5)
    assert distance_error(images=None, noise=0.4) is None


def test_a_matching_is_counted_twice_at_most() -> None:
    # Each pair is an image of both sides: with effects of its own alone the error is √2 too large.
    rng = np.random.default_rng(3)
    cost = rng.standard_normal((200, 200))
    true = np.diag(cost).std(ddof=1) / math.sqrt(200)
    assert_allclose(full(np.eye(200) / 200, cost), math.sqrt(2) * true, rtol=1e-12)


def noisy_path(averaging: Averaging, noise: float, rng: np.random.Generator) -> Lengths:
    """A straight path of 20 unit steps in 30 directions; the iterates of each are off together."""
    segments = 20
    iterates = noise * rng.standard_normal((segments + 1, 30))
    knots = np.zeros_like(iterates)
    for knot in range(1, segments + 1):
        shares = [SegmentShare(knot, 1.0, 0.0)]
        if averaging != "none":
            shares = segment_shares(averaging, knot, segments)
        knots[knot] = sum(s.mean * iterates[s.segment] for s in shares if s.segment >= 0)
    knots[:, 0] += np.arange(segments + 1)
    moments = {
        stride: [
            Moments(length := float(np.linalg.norm(knots[m + stride] - knots[m])), length**2)
            for m in starts(stride, segments)
        ]
        for stride in strides(segments)
    }
    return path_lengths(moments, segments)


@pytest.mark.parametrize("averaging", ["none", "segment", "window"])
@pytest.mark.parametrize("noise", [0.1, 0.3, 1.0])
def test_the_noise_of_a_made_path_is_covered(averaging: Averaging, noise: float) -> None:
    rng = np.random.default_rng(4)
    paths = [noisy_path(averaging, noise, rng) for _ in range(300)]
    values = np.array([path.distance for path in paths])
    errors = np.array(
        [
            noise_error(
                distance=p.distance, noise_share=p.noise_share, segments=20, averaging=averaging
            )
            for p in paths
        ]
    )
    covered = np.abs(values - values.mean()) <= 1.96 * errors
    assert covered.mean() >= 0.85
    # never so wide that it says nothing: noise of 1 makes this path five times as long
    assert errors.mean() < 0.25 * values.mean()
