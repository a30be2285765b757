"""A Gaussian mixture of features, whose components take the place of a source's classes."""

import warnings
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from raytd.transport.settings import Covariance

LEAST_VARIANCE = 1e-6
"""Is added to every variance of a component, in units of the mean variance of all images."""

MOST_STEPS = 500
"""Steps of expectation maximisation after which it is given up."""


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture that was fitted to points.

    Attributes:
        posteriors: probability of each component, for each point.
        converged: whether expectation maximisation settled.
    """

    posteriors: Float64[Tensor, "images components"]
    converged: bool


def fitted_mixture(
    points: Float64[Tensor, "images d"],
    *,
    n_components: int,
    covariance: Covariance,
    seed: int,
    threads: int,
) -> Mixture:
    """The mixture that scikit-learn fits by expectation maximisation, begun at k-means.

    The points are first divided by one number, so that their scale does not matter.

    Args:
        points: finite.
        n_components: no more than there are points.
        covariance: of each component.
        seed: of the beginning, in [0, 2^63).
        threads: of scikit-learn; other counts give other last bits.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    unit = float(points.var(dim=0, correction=0).mean()) ** 0.5
    scaled = (points / (unit if unit > 0 else 1.0)).numpy()
    mixture = GaussianMixture(
        n_components,
        covariance_type={"full": "full", "diagonal": "diag"}[covariance],
        reg_covar=LEAST_VARIANCE,
        max_iter=MOST_STEPS,
        random_state=seed % 2**32,
    )
    with threadpool_limits(threads), warnings.catch_warnings():
        # What did not settle is in `converged`; equal points make fewer clusters than asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        posteriors = mixture.fit(scaled).predict_proba(scaled)
    return Mixture(torch.from_numpy(posteriors), bool(mixture.converged_))
