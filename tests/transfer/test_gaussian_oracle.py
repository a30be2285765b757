"""The lengths of a path that is known exactly; see `gaussians` for what it is."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import scipy.special
from numpy.typing import NDArray

from raytd.transfer.lengths import Lengths
from tests.cases import for_each
from tests.transfer.gaussians import CENTRES, SHIFT, Flow, exact

TIMES = [10.0, 30.0, 100.0, 300.0, 1000.0]
QUASI_STATIC = 20_000.0


@cache
def measured(time: float) -> Lengths:
    """Steps follow the relaxation of the weights, which takes a time of about 30."""
    return Flow(time, steps=max(1000, int(time / 8))).lengths()


def over_the_source(function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> float:
    """E of a function of p(1 given x) by Gauss-Hermite quadrature in each class."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    return float(sum(weights @ function(scipy.special.expit(4 * (nodes + c))) / 2 for c in CENTRES))


def test_the_quasi_static_lengths_have_their_closed_forms() -> None:
    """The weights stay at (4, −4 τ s), so that every logit moves by 4 s: 4 E of the speed."""
    fisher_rao = 4 * over_the_source(lambda p: p * (1 - p)) ** 0.5
    distance = 2 * np.exp(-2)
    assert fisher_rao == pytest.approx(0.524, abs=5e-4)
    found = measured(QUASI_STATIC)
    assert found.fisher_rao_length / SHIFT == pytest.approx(fisher_rao, rel=0.01)
    assert found.distance / SHIFT == pytest.approx(distance, rel=0.01)


def test_the_oracle_goes_to_the_closed_forms_by_itself() -> None:
    """The weights lag behind by a time of about 30, which 10⁶ makes 3e-5 of the path."""
    fisher_rao = 4 * over_the_source(lambda p: p * (1 - p)) ** 0.5
    limit = exact(1e6)
    assert limit.fisher_rao_length == pytest.approx(fisher_rao, rel=1e-3)
    assert limit.distance == pytest.approx(2 * np.exp(-2), rel=1e-3)


@for_each("time", [*TIMES, QUASI_STATIC])
def test_both_lengths_agree_with_quadrature_at_every_speed(time: float) -> None:
    """100 knots and steps of finite size leave 0.3 %, for measuring stands where a segment begins.

    The lengths themselves differ by a factor of five between these speeds.
    """
    assert measured(time).distance == pytest.approx(exact(time).distance, rel=0.01)
    fisher_rao = exact(time).fisher_rao_length
    assert measured(time).fisher_rao_length == pytest.approx(fisher_rao, rel=0.01)


def test_a_slower_path_is_longer_as_the_oracle_says() -> None:
    """Weights that have less time stay behind."""
    for name in ("distance", "fisher_rao_length"):
        ours = [getattr(measured(time), name) for time in [*TIMES, QUASI_STATIC]]
        theirs = [getattr(exact(time), name) for time in [*TIMES, QUASI_STATIC]]
        assert theirs == sorted(theirs)
        assert ours == sorted(ours)
        assert ours[-1] > 4 * ours[0]


@for_each(
    ("time", "share"), [(10.0, 0.025), (100.0, 0.015), *[(t, 0.01) for t in (300.0, 1000.0, 2e4)]]
)
def test_a_flow_without_noise_has_almost_no_share_of_noise(time: float, share: float) -> None:
    """The noise-free length is the Fisher-Rao length of the flow.

    It is measured in steps of a tenth of the path, at the inputs where they begin; in fast paths,
    which the inputs outrun, that makes it up to 2 % shorter.
    """
    fisher_rao = exact(time).fisher_rao_length
    assert measured(time).noise_free_length == pytest.approx(fisher_rao, rel=share)
    assert measured(time).noise_share == pytest.approx(0, abs=share)
