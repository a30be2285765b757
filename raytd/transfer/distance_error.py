"""The standard error of a distance, as far as one run can know it.

Two runs of one pair differ in their images, in the draws of SGD and in the source network. A run
sees how much its images differ from one another, and how much noise of SGD is in its path; it sees
one source network, and what another would change is not in this figure. How often intervals made of
it hold what other seeds say is measured by `tests/benchmarks/coverage.py`.
"""

import math

import numpy as np
from jaxtyping import Float64, Int64

from raytd.transfer.settings import Averaging

PIECES = 20
"""Pieces of a path to which SGD's noise adds independently; fewer where it has fewer segments."""

PIECES_UNDER_A_WINDOW = 10
"""Those of a path whose knots are averaged by `window`, a triangle that is a tenth of it wide at
half its height: knots closer than that share most of their iterates, and so their noise."""


def distance_error(*, images: float | None, noise: float) -> float | None:
    """Both parts together, as of independent causes; None where one of them is not known."""
    return None if images is None else math.hypot(images, noise)


def image_error(
    *,
    mass: Float64[np.ndarray, " pairs"],
    cost: Float64[np.ndarray, " pairs"],
    source_index: Int64[np.ndarray, " pairs"],
    target_index: Int64[np.ndarray, " pairs"],
) -> float | None:
    """Standard error of ⟨Γ, C⟩ from the finite numbers of images, in the unit of the cost.

    With a_i the mass of source image i and c_i = Σ_j Γ_ij C_ij / a_i what it costs, leaving image i
    out moves the mean by a_i (c_i − ⟨Γ, C⟩), to first order. The jackknife makes of that the
    variance n / (n − 1) Σ a_i² (c_i − ⟨Γ, C⟩)²; that of the target images, likewise, comes on top.

    Under the independent coupling this is right in the mean but for the small part that the pairs'
    own scatter adds. Under a matching an image and its partner say the same twice, so that the
    figure is too large, by at most √2. Γ itself is held fixed.

    Args:
        mass: Γ of each pair; sums to 1.
        cost: C of each pair.
        source_index: image of the source in each pair.
        target_index: image of the target in each pair.

    Returns:
        None where one of the tasks has a single image.
    """
    variances = [_variance(mass, cost, index) for index in (source_index, target_index)]
    known = [each for each in variances if each is not None]
    return math.sqrt(sum(known)) if len(known) == len(variances) else None


def noise_error(
    *, distance: float, noise_share: float, segments: int, averaging: Averaging
) -> float:
    """Standard error of a distance from the noise of SGD: share × distance / √n.

    The noise makes the path longer by its share. It does so in n pieces: tenths of the path where a
    window averages its knots, else twentieths. What it adds to each is taken to vary by as much as
    itself, independently.

    Args:
        distance: ⟨Γ, C⟩.
        noise_share: 1 − noise-free length / Fisher-Rao length.
        segments: M.
        averaging: of what was measured at the knots.
    """
    pieces = PIECES_UNDER_A_WINDOW if averaging == "window" else PIECES
    return max(0.0, noise_share) * distance / math.sqrt(min(segments, pieces))


def _variance(mass: np.ndarray, cost: np.ndarray, index: np.ndarray) -> float | None:
    own, total = np.bincount(index, mass), np.bincount(index, mass * cost)
    n = int((own > 0).sum())
    if n < 2:
        return None
    moves = total - own * float((mass * cost).sum())
    return float((moves**2).sum()) * n / (n - 1)
