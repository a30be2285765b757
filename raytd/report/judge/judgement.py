"""All that `raytd judge` says about the methods of a sweep, as one result."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from raytd.report.judge.judging import Verdict, judge, left_out
from raytd.report.judge.text import (
    disjoint_legend,
    disjoint_table,
    legend,
    verdict_row,
    verdicts_table,
)
from raytd.report.printed import Printed
from raytd.report.saved import SavedSweep
from raytd.words import counted

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, repr=False)
class Judgement(Printed):
    """Every method of a sweep held against one of them.

    Attributes:
        truth: the method that is taken for the truth.
        column: of its results.
        verdicts: the best first, network by network.
        left_out: who has no verdict, and why.
    """

    truth: str
    column: str
    verdicts: tuple[Verdict, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def table(self) -> "pyarrow.Table":
        """A row for each verdict, with the columns of `raytd judge --format csv`."""
        import pyarrow

        return pyarrow.Table.from_pylist(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """The figures of each verdict by name, which is what `raytd judge --json` prints."""
        return [verdict_row(verdict) for verdict in self.verdicts]

    def parts(self, width: int) -> Iterator[RenderableType]:
        """A table for each truth: one network, one setting; then who is in none."""
        if not self.verdicts:
            yield "no other method has results with the network of the truth"
        for _, group in groupby(self.verdicts, key=lambda verdict: verdict.truth.title):
            judged = list(group)
            yield verdicts_table(judged)
            yield from legend(judged)
            if (apart := disjoint_table(judged)) is not None:
                yield apart
                yield from disjoint_legend(judged)
        for title, reason in self.left_out:
            yield f"no evidence about {title}: {reason}"

    def __repr__(self) -> str:
        return f"Judgement(truth={self.truth!r}, {counted(len(self.verdicts), 'verdict')})"


def judgement(
    saved: SavedSweep, *, truth: str = "transfer", column: str = "value", seed: int = 0
) -> Judgement:
    """Judges every method of a sweep by one of them.

    Args:
        saved: the sweep.
        truth: the method that is taken for the truth.
        column: of its results.
        seed: of drawn permutations and resamples.

    Raises:
        RequestError: if there are no results of that method, or no such column.
    """
    asked: dict[str, Any] = {"truth": truth, "column": column, "axes": saved.axes}
    verdicts = judge(saved.rows, seed=seed, classes=saved.classes, **asked)
    return Judgement(truth, column, tuple(verdicts), tuple(left_out(saved.rows, **asked)))
