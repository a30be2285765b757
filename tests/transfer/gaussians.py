"""Two Gaussians whose shift a logistic regression follows: a path whose lengths are known.

Class 0 is N(−2, 1) and class 1 is N(2, 1), half of the mass each; the target is the source moved by
s, coupled x with x + s, and mixed linearly. The oracle needs no package code: at τ the inputs are
x + τ s, the logit difference is z = w x + b, and gradient flow for a time T obeys

    d(w, b)/dτ = −2 T E[(σ(z) − y) (x, 1)],

twice the gradient because each of the two softmax logits has weights of its own. A point moves with
the speed |dz/dτ| sqrt(p (1 − p)) at the input where it stands.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.integrate
import scipy.special
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor, nn

from raytd.simplex import kl_divergence, log_probs, segment_length
from raytd.transfer.interpolation import mix, mixing_coefficients
from raytd.transfer.lengths import Lengths, Moments, path_lengths, starts, strides
from raytd.transfer.settings import Descent
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import Batch, Sgd, segment_steps, step_times

CENTRES = (-2.0, 2.0)
SHIFT = 1.0
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


@cache
def quantiles() -> tuple[Tensor, Tensor]:
    """Inputs of equal mass and their labels; each is the mean of its cell of the Gaussian."""
    edges = norm.ppf(np.linspace(0, 1, PER_CLASS + 1))
    cells = -np.diff(norm.pdf(edges)) * PER_CLASS
    x = np.concatenate([centre + cells for centre in CENTRES])
    return torch.from_numpy(x)[:, None], torch.arange(2).repeat_interleave(PER_CLASS)


def logistic(slope: float = 4.0) -> nn.Linear:
    """A logit difference of slope times x; 4 is the optimum of the Gaussians."""
    model = nn.Linear(1, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[-slope / 2], [slope / 2]], dtype=torch.float64))
        model.bias.zero_()
    return model


@dataclass(frozen=True)
class Flow:
    """Gradient descent whose rates add up to the time of a flow.

    Attributes:
        time: of the flow.
        steps: of descent, over the whole path.
        shift: of the target.
        segments: of the path.
        slope: of the logit difference at the start.
        batch_size: examples of a step, drawn with replacement; None takes all of them.
        seed: of the draws.
    """

    time: float
    steps: int
    shift: float = SHIFT
    segments: int = 100
    slope: float = 4.0
    batch_size: int | None = None
    seed: int = 0

    def knots(self) -> list[Weights]:
        """The weights at the knots, by the package's steps."""
        start = Weights.of(logistic(self.slope))
        sgd = Sgd(logistic(), Descent(lr=self.time / self.steps, momentum=0, weight_decay=0))
        generator = torch.Generator().manual_seed(self.seed)
        states = [TrainState.at_rest(start)]
        for segment in range(self.segments):
            numbers = segment_steps(segment, steps=self.steps, segments=self.segments)
            tau = step_times(numbers, total=self.steps)
            t = mixing_coefficients("linear", tau, torch.zeros_like(tau))
            batches = [self._batch(each, generator) for each in t]
            states.append(sgd.run(states[-1], len(numbers), batches.__getitem__))
        return [state.weights for state in states]

    def lengths(self) -> Lengths:
        """The package's lengths, each pair measured at the knots' inputs."""
        knots, model = self.knots(), logistic()

        def log_p(knot: int, tau: float) -> Tensor:
            knots[knot].load_into(model)
            with torch.inference_mode():
                return log_probs(model(self._inputs(quantiles()[0], tau)))

        moments: dict[int, list[Moments]] = {stride: [] for stride in strides(self.segments)}
        for stride, found in moments.items():
            for start in starts(stride, self.segments):
                tau = start / self.segments
                ends = log_p(start, tau), log_p(start + stride, tau)
                first = float(segment_length(*ends).mean())
                found.append(Moments(first, float(2 * kl_divergence(*ends).mean())))
        return path_lengths(moments, self.segments)

    def _batch(self, t: Tensor, generator: torch.Generator) -> Batch:
        source, labels = quantiles()
        if self.batch_size is not None:
            drawn = torch.randint(len(labels), (self.batch_size,), generator=generator)
            source, labels = source[drawn], labels[drawn]
        return Batch(self._inputs(source, t), labels, labels, t.expand(len(labels)))

    def _inputs(self, source: Tensor, t: Tensor | float) -> Tensor:
        return mix(source, source + self.shift, t)
