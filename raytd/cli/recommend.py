"""`raytd recommend SWEEP --target TASK`: sources and networks ranked, with the evidence."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console
from raytd.engine.storage import StoragePath
from raytd.errors import RequestError

if TYPE_CHECKING:
    from raytd.report.recommending import Candidate
    from raytd.report.rows import Row
    from raytd.report.saved import SavedSweep


@click.command("recommend")
@click.argument("sweep")
@click.option("--target", required=True, metavar="TASK", help="The task to transfer to.")
@options.storage
@click.option("--method", default="coupled", show_default=True, help="What ranks.")
@click.option(
    "--value",
    default="value",
    metavar="COLUMN",
    help="Such as noise_free_length.  [default: what the method returns]",
)
@click.option(
    "--truth",
    default="transfer",
    show_default=True,
    metavar="METHOD",
    help="What the method is judged by, if the sweep has it.",
)
@options.as_json
def command(  # noqa: PLR0913 - one for each option
    sweep: str,
    *,
    target: str,
    storage: StoragePath,
    method: str,
    value: str,
    truth: str,
    as_json: bool,
) -> None:
    """Rank sources and networks for a target, nearest first, and say how far to trust that."""
    from raytd.report.recommending import recommend
    from raytd.report.saved import open_sweep

    saved = open_sweep(sweep, storage)
    _check_truth(truth, saved.rows)
    ranked = recommend(saved.rows, target, method=method, column=value, axes=saved.axes)
    said = _evidence(saved, ranked, truth=truth, method=method)
    if as_json:
        document = {"target": target, "candidates": [_row(c) for c in ranked], "evidence": said}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(ranked, target, said)


def _check_truth(truth: str, rows: "Sequence[Row]") -> None:
    """Refuses a name that is no method at all; one that was not measured is no evidence."""
    from raytd.methods.registry import METHODS
    from raytd.report.unknown import unknown_choice

    known = list(dict.fromkeys([*(str(row["method"]) for row in rows), *METHODS]))
    if truth not in known:
        what = "there is no such method"
        raise RequestError(
            unknown_choice(truth, known, option="--truth", what=what, kind="methods")
        )


def _evidence(
    saved: "SavedSweep", ranked: "Sequence[Candidate]", *, truth: str, method: str
) -> list[str]:
    """What was measured here of how well the method chooses, a line for each network."""
    from raytd.report.judging import judge
    from raytd.report.recommending import in_words
    from raytd.report.rows import number

    if truth == method:
        return [f"no evidence: {method} is the truth itself, and nothing else vouches for it"]
    if not any(row["method"] == truth and number(row, "value") is not None for row in saved.rows):
        return [f"no evidence: {truth} was not measured here, so nothing says how well {method} "
                "chooses; add it to the methods of the sweep"]  # fmt: skip
    judged = judge(saved.rows, truth=truth, axes=saved.axes)
    ours = {(c.contestant.title, c.contestant.column) for c in ranked}
    unit = _unit(saved.rows, truth)
    said = [in_words(v, unit) for v in judged
            if (v.contestant.title, v.contestant.column) in ours]  # fmt: skip
    return said or [f"no evidence: {truth} was not measured with the networks of {method}"]


def _unit(rows: Any, method: str) -> str:
    return next((str(r["unit"]) for r in rows if r["method"] == method and r.get("unit")), "")


def _row(candidate: "Candidate") -> dict[str, Any]:
    return {
        "rank": candidate.rank,
        "source": candidate.source,
        "model": candidate.model,
        "by": candidate.contestant.title,
        "value": candidate.value,
        "spread": candidate.spread,
        "n_seeds": len(candidate.contestant.seeds),
        "arrived": candidate.arrived,
        "doubts": "; ".join(doubt.text for doubt in candidate.doubts) or None,
    }


def _about_order(ranked: "Sequence[Candidate]") -> list[str]:
    """What the order does not say: ties, and candidates that are last whatever their number is."""
    ranks = [candidate.rank for candidate in ranked]
    lines = [
        f"rank {rank} is a tie of {ranks.count(rank)}: the numbers differ by rounding at most, and "
        "stand in the order of the sweep"
        for rank in dict.fromkeys(ranks)
        if ranks.count(rank) > 1
    ]
    n = sum(candidate.is_doubtful for candidate in ranked)
    if n == len(ranked):
        lines.append("every candidate is doubtful, as the notes say")
    elif n:
        lines.append(f"the last {n} of {len(ranked)} are last whatever their numbers are: the "
                     "notes say why they are doubtful")  # fmt: skip
    return lines


def _print(ranked: "list[Candidate]", target: str, said: list[str]) -> None:
    from rich import box
    from rich.table import Table

    console = open_console()
    closer = "smaller" if ranked[0].contestant.smaller_is_closer else "larger"
    title = f"Sources for {target}, nearest first ({closer} is closer)"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("rank", "source", "network", "by", "value", "± seeds", "note"):
        table.add_column(heading, overflow="fold")
    ranks = [candidate.rank for candidate in ranked]
    for row in map(_row, ranked):
        spread = "-" if row["spread"] is None else f"{row['spread']:.3g}"
        notes = ["tie"] if ranks.count(row["rank"]) > 1 else []
        notes += [row["doubts"]] if row["doubts"] else []
        named = (str(row["rank"]), row["source"], str(row["model"]), row["by"])
        table.add_row(*named, f"{row['value']:.4g}", spread, "; ".join(notes))
    console.print(table)
    for line in (*_about_order(ranked), *said):
        console.print(line)
    if len({candidate.contestant.title for candidate in ranked}) > 1:
        console.print(
            "Numbers of different networks or settings need not be on one scale: compare within "
            "one of them first.",
        )
