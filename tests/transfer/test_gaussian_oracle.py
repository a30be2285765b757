"""Two Gaussians whose shift a logistic regression follows: a path whose lengths are known.

Class 0 is N(−2, 1) and class 1 is N(2, 1), half of the mass each; the target is the source moved by
s, coupled x with x + s, and mixed linearly. The oracle needs no package code: at τ the inputs are
x + τ s, the logit difference is z = w x + b, and gradient flow for a time T obeys

    d(w, b)/dτ = −2 T E[(σ(z) − y) (x, 1)],

twice the gradient because each of the two softmax logits has weights of its own. A point moves with
the speed |dz/dτ| sqrt(p (1 − p)) at the input where it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor, nn

from raytd.simplex import kl_divergence, log_probs, segment_length
from raytd.transfer.interpolation import mix, mixing_coefficients
from raytd.transfer.lengths import Lengths, Moments, path_lengths, strides
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import Batch, Sgd, segment_steps, step_times

CENTRES = (-2.0, 2.0)
SHIFT = 1.0
SEGMENTS = 100
TIMES = [10.0, 30.0, 100.0, 300.0, 1000.0]
QUASI_STATIC = 20_000.0
PER_CLASS = 400
"""Quantiles of each Gaussian; they miss E p (1 − p) by less than 1e-4 of it."""


@dataclass(frozen=True)
class Exact:
    """Lengths of the flow, by quadrature."""

    distance: float
    fisher_rao_length: float


@cache
def exact(time: float) -> Exact:
    """The flow's lengths, integrated along with the weights.

    The trapezoid rule on a grid of 1/100 gets the Gaussians to rounding, and the kink of |dz/dτ| to
    1e-5.
    """
    grid = np.linspace(-9, 9, 1801)
    density = [norm.pdf(grid, centre) / 2 * (grid[1] - grid[0]) for centre in CENTRES]
    both = density[0] + density[1]

    def rates(tau: float, state: NDArray[np.float64]) -> list[float]:
        x = grid + tau * SHIFT
        p = scipy.special.expit(state[0] * x + state[1])
        pull = 2 * time * (density[1] - both * p)
        dw, db = pull @ x, pull.sum()
        speed = np.abs(dw * x + db) * np.sqrt(p * (1 - p))
        return [dw, db, both @ speed, np.sqrt(both @ speed**2)]

    start = [4.0, 0.0, 0.0, 0.0]  # log-odds of the source: 4 x
    end = scipy.integrate.solve_ivp(rates, (0, 1), start, "LSODA", rtol=1e-8, atol=1e-8).y[:, -1]
    return Exact(float(end[2]), float(end[3]))


def quantiles() -> tuple[Tensor, Tensor]:
    """Inputs of equal mass and their labels; each is the mean of its cell of the Gaussian."""
    edges = norm.ppf(np.linspace(0, 1, PER_CLASS + 1))
    cells = -np.diff(norm.pdf(edges)) * PER_CLASS
    x = np.concatenate([centre + cells for centre in CENTRES])
    return torch.from_numpy(x)[:, None], torch.arange(2).repeat_interleave(PER_CLASS)


def at_the_optimum() -> nn.Linear:
    model = nn.Linear(1, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[-2.0], [2.0]]))
        model.bias.zero_()
    return model


def follow(time: float, steps: int) -> list[Weights]:
    """Weights at the knots of full-batch descent whose rates add up to the time of the flow."""
    source, labels = quantiles()
    sgd = Sgd(at_the_optimum(), lr=time / steps, momentum=0.0, weight_decay=0.0)
    states = [TrainState.at_rest(Weights.of(at_the_optimum()))]
    for segment in range(SEGMENTS):
        numbers = segment_steps(segment, steps=steps, segments=SEGMENTS)
        tau = step_times(numbers, total=steps)
        t = mixing_coefficients("linear", tau, torch.zeros_like(tau))

        def batch(step: int, t: Tensor = t) -> Batch:
            images = mix(source, source + SHIFT, t[step])
            return Batch(images, labels, labels, t[step].expand(len(labels)))

        states.append(sgd.run(states[-1], len(numbers), batch))
    return [state.weights for state in states]


@cache
def measured(time: float) -> Lengths:
    """The package's lengths; steps follow the relaxation, which takes a time of about 30."""
    knots, source, model = follow(time, max(1000, int(time / 5))), quantiles()[0], at_the_optimum()

    def log_p(knot: int, tau: float) -> Tensor:
        knots[knot].load_into(model)
        with torch.inference_mode():
            return log_probs(model(mix(source, source + SHIFT, tau)))

    moments: dict[int, list[Moments]] = {stride: [] for stride in strides(SEGMENTS)}
    for stride, found in moments.items():
        for start in range(0, SEGMENTS, stride):
            tau = start / SEGMENTS
            ends = log_p(start, tau), log_p(start + stride, tau)
            first = float(segment_length(*ends).mean())
            found.append(Moments(first, float(2 * kl_divergence(*ends).mean())))
    return path_lengths(moments, SEGMENTS)


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


@pytest.mark.parametrize("time", [*TIMES, QUASI_STATIC])
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


@pytest.mark.parametrize(
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
