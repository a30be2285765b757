"""All that `raytd recommend` says about a target, or about all of them, as one result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from raytd.errors import RequestError
from raytd.report.printed import Printed
from raytd.report.recommend.answer import Answer, answer, in_lines
from raytd.report.recommend.recommendation import (
    Court,
    Recommendation,
    court,
    recommend,
    recommendations,
)
from raytd.report.recommend.text import document, evidence, heading, order_lines, table
from raytd.report.saved import SavedSweep
from raytd.rows.row import Row

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, repr=False)
class Advice(Printed):
    """The sources and networks for a target, ranked, with what speaks for the ranking.

    Attributes:
        found: the method that ranks, the rankings, and transfer where it was measured.
        evidence: how far that method can be trusted, a line for each network.
    """

    found: Recommendation
    evidence: tuple[str, ...]

    @property
    def answer(self) -> Answer:
        """What to do; `str` of it is one line."""
        return answer(self.found)

    @property
    def table(self) -> "pyarrow.Table":
        """A row for each candidate, as `candidates` of `raytd recommend --json`."""
        import pyarrow

        return pyarrow.Table.from_pylist(self.document()["candidates"])

    def document(self) -> dict[str, Any]:
        """Everything as plain data, which is what `raytd recommend --json` prints."""
        return document(self.found, self.evidence)

    def parts(self, width: int) -> Iterator[RenderableType]:
        """Why this method ranks, a table for each ranking, what to know, and the answer."""
        yield self.found.predictor.why
        for ranking in self.found.rankings:
            yield ""
            yield Text(heading(self.found.target, ranking), style="bold")
            yield table(self.found, ranking)
        yield from order_lines(self.found)
        yield from self.evidence
        yield ""
        yield str(self.answer)

    def __repr__(self) -> str:
        return f"Advice({str(self.answer)!r})"


@dataclass(frozen=True, repr=False)
class AdviceForAll(Printed):
    """What to do about every target of a sweep that has several sources.

    Attributes:
        each: the advice for each target, in the order of the tasks.
    """

    each: tuple[Advice, ...]

    def document(self) -> dict[str, Any]:
        """Everything as plain data, which is what `raytd recommend --json` prints."""
        return {"targets": [one.document() for one in self.each]}

    def parts(self, width: int) -> Iterator[RenderableType]:
        """Why these methods rank, and a line for each target."""
        yield from dict.fromkeys(one.found.predictor.why for one in self.each)
        yield ""
        yield from in_lines([one.answer for one in self.each])

    def __repr__(self) -> str:
        return f"AdviceForAll({', '.join(one.found.target for one in self.each)})"


def advise(
    saved: SavedSweep,
    target: str,
    *,
    method: str | None = None,
    column: str | None = None,
    truth: str | None = None,
) -> Advice:
    """Ranks the sources of a target.

    Args:
        saved: the sweep.
        target: the task to transfer to.
        method: that ranks; None is the one that agrees best with the truth.
        column: of its results.
        truth: by what methods are judged; None is `transfer`, or `finetune` without it.

    Raises:
        RequestError: if there is no such method, or nothing has a number for that target.
    """
    held = _court(saved, truth)
    return _advice(held, recommend(held, target, method=method, column=column))


def advise_all(
    saved: SavedSweep,
    *,
    method: str | None = None,
    column: str | None = None,
    truth: str | None = None,
) -> AdviceForAll:
    """Ranks the sources of each target that has several; see `advise`.

    Raises:
        RequestError: if there is no such method, or no target has several sources.
    """
    held = _court(saved, truth)
    every = recommendations(held, method=method, column=column)
    if not every:
        raise RequestError(_no_choice(held, method, column))
    return AdviceForAll(tuple(_advice(held, found) for found in every))


def _court(saved: SavedSweep, truth: str | None) -> Court:
    if truth is not None:
        _check_truth(truth, saved.rows)
    return court(saved.rows, saved.axes, truth)


def _advice(held: Court, found: Recommendation) -> Advice:
    return Advice(found, tuple(evidence(found, held.rows, held.silence)))


def _no_choice(held: Court, method: str | None, column: str | None) -> str:
    """Why no target has a choice of sources, by the first target that could have one."""
    for target in dict.fromkeys(str(row["target"]) for row in held.rows):
        try:
            recommend(held, target, method=method, column=column)
        except RequestError as error:
            return str(error)
    return "no target of this sweep has results of several sources; --target TASK asks for one"


def _check_truth(truth: str, rows: Sequence[Row]) -> None:
    """Refuses a name that is no method at all; one that was not measured is no evidence."""
    from raytd.methods.registry import METHODS
    from raytd.report.unknown import unknown_choice

    known = list(dict.fromkeys([*(str(row["method"]) for row in rows), *METHODS]))
    if truth not in known:
        what = "there is no such method"
        raise RequestError(
            unknown_choice(truth, known, option="--truth", what=what, kind="methods")
        )
