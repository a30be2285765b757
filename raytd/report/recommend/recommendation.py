"""All that is recommended for a target: rankings, what was measured, and what to make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from raytd.errors import RequestError
from raytd.report.judge.judging import Verdict, judge
from raytd.report.naming import task_order
from raytd.report.recommend.measured import METHOD, Measured, measured_transfer
from raytd.report.recommend.predictor import Predictor, judged_best, suites_choice
from raytd.report.recommend.ranking import Ranking, no_target, rankings
from raytd.report.shared_classes import NO_CLASSES, Classes
from raytd.report.statistics.evidence import UNFIT
from raytd.report.unknown import without_results
from raytd.rows.row import Row, number

TRUTHS = ("transfer", "finetune")
"""What judges, where nobody says: the first of them that was measured."""


@dataclass(frozen=True)
class Recommendation:
    """What a sweep says of the sources of one target.

    Attributes:
        target: the task to transfer to.
        predictor: what ranks, and why.
        rankings: one for each scale.
        measured: transfer to the target, the best first.
        truth: what the predictor is judged by; None where nothing was measured.
        verdicts: on the predictor, network by network.
        notes: what is left out or cannot be said.
    """

    target: str
    predictor: Predictor
    rankings: tuple[Ranking, ...]
    measured: tuple[Measured, ...]
    truth: str | None
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Court:
    """A sweep's judge, who is asked once for all targets.

    Attributes:
        rows: rows of results.parquet.
        axes: further columns whose settings must not be mixed.
        truth: by what is judged; None where neither transfer nor fine-tuning was measured.
        verdicts: on every method.
        silence: why there is no verdict; None where there is one.
    """

    rows: tuple[Row, ...]
    axes: tuple[str, ...]
    truth: str | None
    verdicts: tuple[Verdict, ...]
    silence: str | None


def court(
    rows: Sequence[Row],
    axes: Sequence[str],
    truth: str | None = None,
    *,
    classes: Classes = NO_CLASSES,
) -> Court:
    """Judges the methods of a sweep by the truth, if it was measured.

    Args:
        rows: rows of results.parquet.
        axes: further columns whose settings must not be mixed.
        truth: by what is judged; the first of `TRUTHS` that was measured if None.
        classes: of each task, as far as they are known.
    """
    wanted = TRUTHS if truth is None else (truth,)
    measured = {str(row["method"]) for row in rows if number(row, "value") is not None}
    found = next((name for name in wanted if name in measured), None)
    if found is None:
        silence = (
            f"{' and '.join(wanted)} {'was' if len(wanted) == 1 else 'were'} not measured here"
        )
        return Court(tuple(rows), tuple(axes), None, (), silence)
    verdicts = tuple(judge(rows, truth=found, axes=axes, classes=classes))
    is_silent = all(v.no_evidence is not None for v in verdicts)
    reason = f"{found} was measured, but judges no method" if is_silent else None
    return Court(tuple(rows), tuple(axes), found, verdicts, reason)


def recommend(
    held: Court, target: str, *, method: str | None = None, column: str | None = None
) -> Recommendation:
    """Ranks the sources of a target by a method, or by the one that the judge found best.

    Args:
        held: the judge and the rows.
        target: the task to transfer to.
        method: that ranks; the best one if None.
        column: of its results; `value`, or what the best method was judged by, if None.

    Raises:
        RequestError: if nothing has a number for that target.
    """
    chosen = _asked(held, method, column) if method else _best(held, target, column)
    rows = [row for row in held.rows
            if row["method"] != chosen.method
            or all(row.get(axis) == value for axis, value in chosen.settings.items())]  # fmt: skip
    ranked = rankings(rows, target, method=chosen.method, column=chosen.column, axes=held.axes)
    measured, notes = measured_transfer(held.rows, target, held.axes)
    return Recommendation(
        target=target,
        predictor=chosen,
        rankings=tuple(ranked),
        measured=tuple(measured),
        truth=held.truth,
        verdicts=tuple(v for v in held.verdicts if _is_on(v, chosen)),
        notes=tuple(notes),
    )


def recommendations(
    held: Court, *, method: str | None = None, column: str | None = None
) -> list[Recommendation]:
    """That of every target that has several sources, in the order of the tasks.

    Args:
        held: the judge and the rows.
        method: that ranks; the best one for each target if None.
        column: of its results; see `recommend`.
    """
    sources: dict[str, set[str]] = {}
    for row in held.rows:
        sources.setdefault(str(row["target"]), set()).add(str(row["source"]))
    found = []
    for target in task_order(held.rows):
        if len(sources.get(target, set()) - {target}) < 2:
            continue
        try:
            found.append(recommend(held, target, method=method, column=column))
        except RequestError:
            continue  # no trial of this target has ended with a number
    return found


def _asked(held: Court, method: str, column: str | None) -> Predictor:
    """The method that the user names, with what was found of it."""
    own = Predictor(method, column or "value", {}, f"Ranked by {method}, as asked.")
    if method == held.truth:
        return own
    found = judged_best([v for v in held.verdicts if _is_on(v, own)], held.rows)
    if found is None:
        reason = held.silence or f"{held.truth} does not judge this number of {method}"
        return Predictor(method, own.column, {}, own.why, f"nothing was judged ({reason})")
    return Predictor(method, own.column, {}, own.why, found.doubt, found.is_worthless)


def _best(held: Court, target: str, column: str | None) -> Predictor:
    fit = [row for row in held.rows if row["method"] not in UNFIT]
    if column is not None and fit and all(number(row, column) is None for row in fit):
        options = {"option": "--method", "column_option": "--value"}
        raise RequestError(without_results(fit, str(fit[0]["method"]), column, **options))
    rows = [row for row in fit if row["target"] == target != row["source"]]
    verdicts = [v for v in held.verdicts if column in (None, v.contestant.column)]
    found = judged_best(verdicts, rows)
    if found is None:
        reason = held.silence or "what was judged has no result for this target"
        found = suites_choice(rows, reason, column)
    if found is None and any(r["method"] == METHOD and r["target"] == target for r in held.rows):
        found = Predictor(
            METHOD, column or "value", {}, "Ranked by transfer: nothing else was run."
        )
    if found is None:
        what = "no method that recommends has a result with this target"
        raise no_target(target, [r for r in fit if number(r, column or "value") is not None], what)
    return found


def _is_on(verdict: Verdict, chosen: Predictor) -> bool:
    fixed = verdict.contestant.fixed
    return (fixed["method"], verdict.contestant.column) == (chosen.method, chosen.column) and all(
        fixed.get(axis) == value for axis, value in chosen.settings.items()
    )
