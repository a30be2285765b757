"""Every method against what transfer really gains: agreement, chance, choice of sources, cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from raytd.errors import InputError
from raytd.report.agreement import RankAgreement, SourceChoice, rank_agreement, source_choice
from raytd.report.contestants import Contestant, contestants
from raytd.report.mantel import Mantel, mantel
from raytd.report.rows import Row

Floats = npt.NDArray[np.float64]

RESAMPLES = 1000
"""Draws of seeds behind an interval."""

COVERED = 0.95
"""Share of them that an interval covers."""


@dataclass(frozen=True)
class Verdict:
    """One contestant, judged by one truth.

    Attributes:
        contestant: who is judged.
        truth: by whom.
        ranks: rank correlations over all pairs.
        spearman_interval: percentiles of Spearman's correlation over resampled seeds; None where
            either side has one seed, or is all alike.
        mantel: correlation of values under permutation of tasks; None where pairs are missing.
        mantel_ranks: the same of ranks: how probable Spearman's correlation is by chance.
        choice: what it is worth to follow the contestant.
    """

    contestant: Contestant
    truth: Contestant
    ranks: RankAgreement
    spearman_interval: tuple[float, float] | None
    mantel: Mantel | None
    mantel_ranks: Mantel | None
    choice: SourceChoice


def judge(
    rows: Sequence[Row],
    *,
    truth: str = "transfer",
    column: str = "value",
    axes: Sequence[str] = (),
    seed: int = 0,
) -> list[Verdict]:
    """Judges every method by another one, network by network; the best Spearman first.

    Args:
        rows: rows of results.parquet.
        truth: the method that is taken for the truth.
        column: of its results.
        axes: further columns whose settings must not be mixed.
        seed: of the drawn permutations and resamples.

    Raises:
        InputError: if there are no results of that method, or an axis is missing in `axes`.
    """
    true = contestants([r for r in rows if r["method"] == truth], axes=axes, columns=(column,))
    if not true:
        methods = ", ".join(dict.fromkeys(str(row["method"]) for row in rows))
        raise InputError(f"there are no results of {truth} with a {column}; there are {methods}")
    judged = contestants([row for row in rows if row["method"] != truth], axes=axes)
    found = [
        _verdict(_over(c, t.tasks), t, np.random.default_rng(seed))
        for t in true
        for c in judged
        if c.fixed["model"] == t.fixed["model"]
    ]
    return sorted(found, key=lambda v: (str(v.truth.title), -_low_if_nan(v.ranks.spearman)))


def _over(contestant: Contestant, tasks: tuple[str, ...]) -> Contestant:
    """The same over other tasks, NaN where it has none."""
    n = len(tasks)
    values = np.full((len(contestant.seeds), n, n), np.nan)
    known = [(i, contestant.tasks.index(t)) for i, t in enumerate(tasks) if t in contestant.tasks]
    if known:
        here, there = (np.array(side) for side in zip(*known, strict=True))
        values[:, here[:, None], here] = contestant.values[:, there[:, None], there]
    return replace(contestant, tasks=tasks, values=values)


def _verdict(contestant: Contestant, truth: Contestant, generator: np.random.Generator) -> Verdict:
    x, y = contestant.closeness(), truth.closeness()
    return Verdict(
        contestant=contestant,
        truth=truth,
        ranks=rank_agreement(x, y),
        spearman_interval=_interval(contestant, truth, generator),
        mantel=_mantel(x, y, ranks=False, generator=generator),
        mantel_ranks=_mantel(x, y, ranks=True, generator=generator),
        choice=source_choice(x, y),
    )


def _mantel(x: Floats, y: Floats, *, ranks: bool, generator: np.random.Generator) -> Mantel | None:
    off = ~np.eye(len(x), dtype=np.bool_)
    if len(x) < 3 or not np.isfinite(x[off] + y[off]).all():
        return None
    return mantel(x, y, ranks=ranks, generator=generator)


def _interval(
    contestant: Contestant, truth: Contestant, generator: np.random.Generator
) -> tuple[float, float] | None:
    """Resamples seeds: together where both sides have the same ones, else each for itself."""
    sizes = len(contestant.seeds), len(truth.seeds)
    if min(sizes) < 2:
        return None
    shared = set(contestant.seeds) == set(truth.seeds)
    places = [truth.seeds.index(s) for s in contestant.seeds] if shared else []
    drawn = []
    for _ in range(RESAMPLES):
        left = generator.integers(sizes[0], size=sizes[0])
        right = [places[i] for i in left] if shared else generator.integers(sizes[1], size=sizes[1])
        agreed = rank_agreement(contestant.closeness(left.tolist()), truth.closeness(list(right)))
        drawn.append(agreed.spearman)
    defined = [value for value in drawn if not np.isnan(value)]
    if not defined:
        return None
    outside = (1 - COVERED) / 2
    low, high = np.quantile(defined, [outside, 1 - outside])
    return float(low), float(high)


def _low_if_nan(value: float) -> float:
    return -2.0 if np.isnan(value) else value
