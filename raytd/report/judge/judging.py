"""Every method against what transfer really gains: agreement, chance, choice of sources, cost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from raytd.errors import RequestError
from raytd.report.judge.by_classes import Disjoint, Lead, judge_disjoint, lead_over_counting
from raytd.report.judge.contestants import Contestant, contestants
from raytd.report.judge.reliability import Reliability, by_repeats, by_seeds
from raytd.report.judge.resampling import interval, resampled
from raytd.report.shared_classes import NO_CLASSES, Classes, lacking_classes
from raytd.report.statistics.agreement import (
    NO_CHOICE,
    RankAgreement,
    SourceChoice,
    rank_agreement,
    source_choice,
    spearman_over,
)
from raytd.report.statistics.mantel import Mantel, mantel
from raytd.report.statistics.ties import sorted_by
from raytd.report.unknown import without_results
from raytd.rows.row import Row, number
from raytd.sweep.folder.doubts import MARKS, SERIOUS
from raytd.words import counted

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
        mantel: correlation of values under permutation of tasks; None where pairs are missing, or
            there is no evidence.
        mantel_ranks: the same of ranks: how probable Spearman's correlation is by chance.
        choice: what it is worth to follow the contestant; of no target where there is no evidence.
        lacking: (sources, targets), the share of the target's classes that the source lacks; NaN
            where it is not known.
        disjoint: the same verdict on pairs whose classes are disjoint alone; None without any.
        lead: over counting shared classes; None where that is no contest.
    """

    contestant: Contestant
    truth: Contestant
    ranks: RankAgreement
    spearman_interval: tuple[float, float] | None
    mantel: Mantel | None
    mantel_ranks: Mantel | None
    choice: SourceChoice
    lacking: Floats
    disjoint: Disjoint | None = None
    lead: Lead | None = None

    @property
    def no_evidence(self) -> str | None:
        """Why nothing can be said, in words; None where something can."""
        return self.ranks.no_evidence

    @property
    def marks(self) -> dict[str, int]:
        """How many of the pairs have a doubtful number on either side, by the mark of the doubt."""
        found = self._marks_of_pairs()
        counts = {mark: sum(mark in marks for marks in found) for mark in MARKS}
        return {mark: n for mark, n in counts.items() if n}

    @property
    def n_doubtful(self) -> int:
        """How many pairs have a number that may be small for a wrong reason, on either side."""
        return sum(bool(marks & SERIOUS) for marks in self._marks_of_pairs())

    @property
    def reliability(self) -> Reliability | None:
        """How far the contestant's seeds agree; None where there is one."""
        return by_seeds(self.contestant)

    @property
    def truth_reliability(self) -> Reliability | None:
        """Of the truth, by its seeds, or by its repeats where it has one; None where neither is."""
        return by_seeds(self.truth) or by_repeats(self.truth)

    def _marks_of_pairs(self) -> list[set[str]]:
        both = np.isfinite(self.contestant.closeness() + self.truth.closeness())
        sides = (self.contestant.doubts, self.truth.doubts)
        return [
            {doubt.mark for side in sides for doubt in side.get((source, target), ())}
            for i, source in enumerate(self.truth.tasks)
            for j, target in enumerate(self.truth.tasks)
            if i != j and both[i, j]
        ]


def judge(
    rows: Sequence[Row],
    *,
    truth: str = "transfer",
    column: str = "value",
    axes: Sequence[str] = (),
    classes: Classes = NO_CLASSES,
    seed: int = 0,
) -> list[Verdict]:
    """Judges every method by another one, network by network; the best Spearman first.

    Verdicts whose correlations tie keep the order of the rows; those without evidence come last.

    Args:
        rows: rows of results.parquet.
        truth: the method that is taken for the truth.
        column: of its results.
        axes: further columns whose settings must not be mixed.
        classes: of each task, as far as they are known; the rows of `shared-classes` know better.
        seed: of the drawn permutations and resamples.

    Raises:
        RequestError: if there are no results of that method, or no such column.
        InputError: if an axis is missing in `axes`.
    """
    true = contestants([r for r in rows if r["method"] == truth], axes=axes, columns=(column,))
    if not true:
        options = {"option": "--truth", "column_option": "--column"}
        raise RequestError(without_results(rows, truth, column, **options))
    judged = contestants([row for row in rows if row["method"] != truth], axes=axes)
    found = []
    for t in true:
        lacking = lacking_classes(rows, classes, t.tasks)
        found += [
            _verdict(_over(c, t.tasks), t, lacking, np.random.default_rng(seed))
            for c in judged
            if c.fixed["model"] == t.fixed["model"]
        ]
    ranked = [verdict for _, verdict in sorted_by(found, key=lambda v: -v.ranks.spearman)]
    return sorted(ranked, key=lambda v: str(v.truth.title))


def left_out(
    rows: Sequence[Row], *, truth: str = "transfer", column: str = "value", axes: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Who has no verdict at all, and why: the arguments are those of `judge`."""
    numbered = [row for row in rows if number(row, "value") is not None]
    ours = {row["method"] for row in numbered}
    found = [
        (method, f"none of its {counted(n, 'trial')} has a number")
        for method, n in Counter(str(row["method"]) for row in rows).items()
        if method not in ours and method != truth
    ]
    measured = {row["model"] for row in rows
                if row["method"] == truth and number(row, column) is not None}  # fmt: skip
    others = contestants([row for row in rows if row["method"] != truth], axes=axes)
    return found + [
        (c.title, f"{truth} was not measured with the network {c.fixed['model']}")
        for c in others
        if c.fixed["model"] not in measured
    ]


def _over(contestant: Contestant, tasks: tuple[str, ...]) -> Contestant:
    """The same over other tasks, NaN where it has none."""
    n = len(tasks)
    values = np.full((len(contestant.seeds), n, n), np.nan)
    errors = values.copy()
    known = [(i, contestant.tasks.index(t)) for i, t in enumerate(tasks) if t in contestant.tasks]
    if known:
        here, there = (np.array(side) for side in zip(*known, strict=True))
        values[:, here[:, None], here] = contestant.values[:, there[:, None], there]
        errors[:, here[:, None], here] = contestant.errors[:, there[:, None], there]
    return replace(contestant, tasks=tasks, values=values, errors=errors)


def _verdict(
    contestant: Contestant, truth: Contestant, lacking: Floats, generator: np.random.Generator
) -> Verdict:
    x, y = contestant.closeness(), truth.closeness()
    ranks = rank_agreement(x, y)
    if ranks.no_evidence is not None:
        return Verdict(contestant, truth, ranks, None, None, None, NO_CHOICE, lacking)
    draws = resampled(contestant, truth, n=RESAMPLES, generator=generator)
    return Verdict(
        contestant=contestant,
        truth=truth,
        ranks=ranks,
        spearman_interval=interval(draws, spearman_over, covered=COVERED),
        mantel=_mantel(x, y, ranks=False, generator=generator),
        mantel_ranks=_mantel(x, y, ranks=True, generator=generator),
        choice=source_choice(x, y),
        lacking=lacking,
        disjoint=judge_disjoint(contestant, truth, lacking, draws, covered=COVERED),
        lead=lead_over_counting(contestant, truth, lacking, draws, covered=COVERED),
    )


def _mantel(x: Floats, y: Floats, *, ranks: bool, generator: np.random.Generator) -> Mantel | None:
    off = ~np.eye(len(x), dtype=np.bool_)
    if len(x) < 3 or not np.isfinite(x[off] + y[off]).all():
        return None
    return mantel(x, y, ranks=ranks, generator=generator)
