"""Which source, with which network, for a target: the candidates in the order of a method."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from raytd.errors import RequestError
from raytd.report.contestants import Contestant, contestants
from raytd.report.judging import Verdict
from raytd.report.rows import Row, number, task_order
from raytd.report.ties import sorted_by
from raytd.report.unknown import unknown_choice, without_results
from raytd.sweep.doubts import Doubt


@dataclass(frozen=True)
class Candidate:
    """A source with a network, and how near it is called.

    Attributes:
        source: the task to transfer from.
        contestant: method, network and settings that say so.
        value: mean over seeds, in the unit of the method.
        spread: standard deviation over seeds (n − 1); None for one seed.
        doubts: what is doubtful about these numbers, in any seed.
        rank: from 1; candidates that tie share one.
    """

    source: str
    contestant: Contestant
    value: float
    spread: float | None
    doubts: tuple[Doubt, ...]
    rank: int = 0

    @property
    def model(self) -> Any:
        """The network."""
        return self.contestant.fixed["model"]

    @property
    def arrived(self) -> bool:
        """Whether the network followed to the end in every seed."""
        return not any(doubt.mark == "A" for doubt in self.doubts)

    @property
    def is_doubtful(self) -> bool:
        """Whether the number may be small for a wrong reason, so that it ranks last."""
        return any(doubt.is_serious for doubt in self.doubts)


def recommend(
    rows: Sequence[Row],
    target: str,
    *,
    method: str,
    column: str = "value",
    axes: Sequence[str] = (),
) -> list[Candidate]:
    """Every source with every network that the method has a number for, nearest first.

    Numbers that tie share a rank and keep the order of the rows. A candidate whose number may be
    small for a wrong reason comes after all others, whatever its number is: one that starts from a
    source at chance or from the weights of another source, or whose model did not arrive.

    Args:
        rows: rows of results.parquet.
        target: the task to transfer to.
        method: that ranks.
        column: of its results.
        axes: further columns whose settings must not be mixed.

    Raises:
        RequestError: if the method has no number for that target.
    """
    ours = [row for row in rows if row["method"] == method]
    if not any(number(row, column) is not None for row in ours):
        options = {"option": "--method", "column_option": "--value"}
        raise RequestError(without_results(rows, method, column, **options))
    ranked = [
        candidate
        for contestant in contestants(ours, axes=axes, columns=(column,))
        if target in contestant.tasks
        for candidate in _candidates(contestant, target)
    ]
    if not ranked:
        known = {str(row["target"]) for row in ours if number(row, column) is not None}
        targets = [task for task in task_order(ours) if task in known]
        what = f"no result of {method} with a {column} has this target"
        raise RequestError(
            unknown_choice(target, targets, option="--target", what=what, kind="targets")
        )
    return _in_order(ranked)


def _in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """With their ranks, the doubtful ones after all others."""
    sign = 1 if candidates[0].contestant.smaller_is_closer else -1
    found: list[Candidate] = []
    for doubtful in (False, True):
        own = [candidate for candidate in candidates if candidate.is_doubtful == doubtful]
        before = len(found)
        ranked = sorted_by(own, key=lambda candidate: sign * candidate.value)
        found += [replace(candidate, rank=before + rank) for rank, candidate in ranked]
    return found


def _candidates(contestant: Contestant, target: str) -> list[Candidate]:
    column = contestant.values[:, :, contestant.tasks.index(target)]
    found = []
    for source, values in zip(contestant.tasks, column.T, strict=True):
        known = values[np.isfinite(values)]
        if source == target or not known.size:
            continue
        found.append(
            Candidate(
                source=source,
                contestant=contestant,
                value=float(known.mean()),
                spread=float(known.std(ddof=1)) if known.size > 1 else None,
                doubts=contestant.doubts.get((source, target), ()),
            )
        )
    return found


def in_words(verdict: Verdict, unit: str) -> str:
    """How far a method can be trusted to choose a source, by what was measured here.

    Args:
        verdict: of the method.
        unit: of the truth, such as `accuracy`.
    """
    choice, name = verdict.choice, verdict.contestant.title
    if verdict.no_evidence is not None:
        return f"no evidence about {name}: {verdict.no_evidence}"
    if not choice.n_targets:
        return f"no evidence about {name}: no target has two sources that the truth tells apart"
    lines = (
        f"{name}: its nearest source is the best one for {choice.share_best:.0%} of "
        f"{choice.n_targets} targets (a blind choice: {choice.share_best_by_chance:.0%}); "
        f"following it falls short of the best source by {choice.regret:.3g} {unit} "
        f"(a blind choice: {choice.regret_by_chance:.3g})"
    )
    interval = verdict.spearman_interval
    rank = f"; Spearman over all pairs {verdict.ranks.spearman:+.2f}"
    rank += "" if interval is None else f" ({interval[0]:+.2f} … {interval[1]:+.2f} over seeds)"
    chance = verdict.mantel_ranks
    rank += "" if chance is None else f", p = {chance.p_greater:.2g}"
    n = verdict.n_doubtful
    return lines + rank + (f"; {n} of {verdict.ranks.n_pairs} pairs are doubtful" if n else "")
