"""Which source, with which network, for a target: the candidates in the order of a method."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raytd.errors import InputError
from raytd.report.contestants import Contestant, contestants
from raytd.report.judging import Verdict
from raytd.report.rows import Row, denied, task_order


@dataclass(frozen=True)
class Candidate:
    """A source with a network, and how near it is called.

    Attributes:
        source: the task to transfer from.
        contestant: method, network and settings that say so.
        value: mean over seeds, in the unit of the method.
        spread: standard deviation over seeds (n − 1); None for one seed.
        arrived: whether the network followed to the end in every seed; a short path may mean that
            it did not.
    """

    source: str
    contestant: Contestant
    value: float
    spread: float | None
    arrived: bool

    @property
    def model(self) -> Any:
        """The network."""
        return self.contestant.fixed["model"]


def recommend(
    rows: Sequence[Row],
    target: str,
    *,
    method: str,
    column: str = "value",
    axes: Sequence[str] = (),
) -> list[Candidate]:
    """Every source with every network that the method has a number for, nearest first.

    Args:
        rows: rows of results.parquet.
        target: the task to transfer to.
        method: that ranks.
        column: of its results.
        axes: further columns whose settings must not be mixed.

    Raises:
        InputError: if the method has no number for that target.
    """
    ours = [row for row in rows if row["method"] == method]
    ranked = [
        candidate
        for contestant in contestants(ours, axes=axes, columns=(column,))
        if target in contestant.tasks
        for candidate in _candidates(contestant, target, ours)
    ]
    if not ranked:
        targets = ", ".join(t for t in task_order(rows) if any(r["target"] == t for r in rows))
        raise InputError(
            f"no result of {method} with a {column} has the target {target}; targets are {targets}"
        )
    sign = 1 if ranked[0].contestant.smaller_is_closer else -1
    return sorted(ranked, key=lambda c: sign * c.value)


def _candidates(contestant: Contestant, target: str, rows: Sequence[Row]) -> list[Candidate]:
    column = contestant.values[:, :, contestant.tasks.index(target)]
    found = []
    for source, values in zip(contestant.tasks, column.T, strict=True):
        known = values[np.isfinite(values)]
        if source == target or not known.size:
            continue
        behind = [
            row
            for row in rows
            if (row["source"], row["target"]) == (source, target)
            and all(row.get(axis) == setting for axis, setting in contestant.fixed.items())
        ]
        found.append(
            Candidate(
                source=source,
                contestant=contestant,
                value=float(known.mean()),
                spread=float(known.std(ddof=1)) if known.size > 1 else None,
                arrived=not any(denied(row, "arrived") for row in behind),
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
    if not choice.n_targets:
        return f"{name}: no target has two sources whose transfer was measured"
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
    return lines + rank + ("" if chance is None else f", p = {chance.p_greater:.2g}")
