"""What ranks the sources: what this sweep's judge found best, or what the suites speak for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from raytd.report.judge.judging import Verdict
from raytd.report.recommend.suites import spoken_for
from raytd.report.statistics.evidence import UNFIT, why_unclear
from raytd.report.statistics.ties import order
from raytd.rows.row import Row, number

_APART = ("method", "model", "protocol")


@dataclass(frozen=True)
class Predictor:
    """A method that ranks sources, and what speaks for it.

    Attributes:
        method: its name.
        column: of its results.
        settings: of the axes that its results are limited to.
        why: it ranks, a sentence.
        doubt: why its order may mean nothing, in words; None where it clearly beats chance.
        is_worthless: whether it was judged here and does not agree with the truth at all.
    """

    method: str
    column: str
    settings: Mapping[str, Any]
    why: str
    doubt: str | None = None
    is_worthless: bool = False


@dataclass(frozen=True)
class _Judged:
    """One method, column and setting over the networks that it was judged with."""

    verdicts: tuple[Verdict, ...]

    @property
    def spearman(self) -> float:
        return fmean(v.ranks.spearman for v in self.verdicts)

    @property
    def doubt(self) -> str | None:
        """What leaves it to chance with one of the networks."""
        if self.spearman <= 0:
            return "it does not agree with the truth"
        return next((words for v in self.verdicts if (words := _unclear(v))), None)

    @property
    def title(self) -> str:
        contestant = self.verdicts[0].contestant
        own = [] if contestant.column == "value" else ["noise-free"]
        return ", ".join(
            [contestant.fixed["method"], *own, *_in_words(_settings(self.verdicts[0]))]
        )

    @property
    def figure(self) -> str:
        """Spearman's correlation with what is known of its error."""
        if len(self.verdicts) > 1:
            return f"{self.spearman:+.2f}, the mean over {len(self.verdicts)} networks"
        (verdict,) = self.verdicts
        low, high = verdict.spearman_interval or (None, None)
        return f"{self.spearman:+.2f}" + (
            "" if low is None else f", {low:+.2f} … {high:+.2f} over seeds"
        )


def judged_best(verdicts: Sequence[Verdict], rows: Sequence[Row]) -> Predictor | None:
    """The method that agrees best with the truth, of those that have results in these rows.

    Methods that are clearly better than chance come before others; then the highest Spearman
    counts, the mean over networks. Of several that tie, the first of the rows is taken.

    Args:
        verdicts: of the judge.
        rows: with the target that sources are wanted for.
    """
    groups: dict[tuple[Any, ...], list[Verdict]] = {}
    for v in verdicts:
        key = (v.contestant.fixed["method"], v.contestant.column)
        if v.no_evidence is None and _has(rows, *key):
            groups.setdefault((*key, *_settings(v).items()), []).append(v)
    found = [_Judged(tuple(own)) for own in groups.values()]
    if not found:
        return None
    found.sort(key=lambda j: (j.doubt is not None, -round(j.spearman, 9)))
    best, *others = found
    truth = best.verdicts[0].truth.fixed["method"]
    why = f"Ranked by {best.title}: it agrees best with {truth} of the {len(found)} judged here"
    if not others:
        why = f"Ranked by {best.title}: nothing else was judged here by {truth}"
    why += f" (Spearman {best.figure})"
    if others:
        tied = order(others[0].spearman, best.spearman) == 0
        why += f"; {others[0].title} {'ties with it' if tied else f'has {others[0].spearman:+.2f}'}"
        if order(others[0].spearman, best.spearman) > 0:
            why += f", but {others[0].doubt}"
    some = best.verdicts[0]
    return Predictor(
        method=str(some.contestant.fixed["method"]),
        column=some.contestant.column,
        settings=_settings(some),
        why=f"{why}.",
        doubt=best.doubt,
        is_worthless=best.spearman <= 0,
    )


def suites_choice(rows: Sequence[Row], reason: str, column: str | None = None) -> Predictor | None:
    """The method that the shipped suites speak for, or the best in them of those that were run.

    Args:
        rows: with the target that sources are wanted for.
        reason: why no judge of this sweep has chosen.
        column: of the results; any of those that the suites judged if None.
    """
    columns = ("value", "noise_free_length") if column is None else (column,)
    methods = [m for m in dict.fromkeys(str(row["method"]) for row in rows) if m not in UNFIT]
    there = [(m, c) for m in methods for c in columns if _has(rows, m, c)]
    if not there:
        return None
    best, ours = spoken_for(), spoken_for(there)
    why = f"Nothing was judged: {reason}."
    if best is not None:
        why += f" The shipped suites speak for {best.title} (Spearman with transfer {best.words})"
        why += "." if ours is best else ", which has no result here."
    if ours is None:
        method, own = there[0]
        why += f" Ranked by {method}, the first that was run: the suites do not judge it."
        return Predictor(method, own, {}, why, "nothing speaks for it")
    why += f" Ranked by {ours.title}"
    why += "." if ours is best else f", the best in them of what was run ({ours.words})."
    doubt = None if ours.clear else "the shipped suites leave its agreement with transfer to chance"
    return Predictor(ours.method, ours.column, {}, why, doubt)


def _has(rows: Sequence[Row], method: str, column: str) -> bool:
    return any(row["method"] == method and number(row, column) is not None for row in rows)


def _unclear(verdict: Verdict) -> str | None:
    low = None if verdict.spearman_interval is None else verdict.spearman_interval[0]
    p = None if verdict.mantel_ranks is None else verdict.mantel_ranks.p_greater
    return why_unclear(low, p)


def _settings(verdict: Verdict) -> dict[str, Any]:
    fixed = verdict.contestant.fixed
    return {axis: value for axis, value in fixed.items() if axis not in _APART}


def _in_words(settings: Mapping[str, Any]) -> list[str]:
    return [f"{axis} {value}" for axis, value in settings.items() if value is not None]
