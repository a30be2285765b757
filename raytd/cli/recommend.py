"""`raytd recommend SWEEP --target TASK`: sources and networks ranked, with the evidence."""

import json
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console
from raytd.engine.storage import StoragePath

if TYPE_CHECKING:
    from raytd.report.judging import Verdict
    from raytd.report.recommending import Candidate


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
    from raytd.report.judging import judge
    from raytd.report.recommending import in_words, recommend
    from raytd.report.saved import open_sweep

    saved = open_sweep(sweep, storage)
    ranked = recommend(saved.rows, target, method=method, column=value, axes=saved.axes)
    verdicts: list[Verdict] = []
    if any(row["method"] == truth for row in saved.rows) and truth != method:
        judged = judge(saved.rows, truth=truth, axes=saved.axes)
        ours = {(c.contestant.title, c.contestant.column) for c in ranked}
        verdicts = [v for v in judged if (v.contestant.title, v.contestant.column) in ours]
    said = [in_words(verdict, _unit(saved.rows, truth)) for verdict in verdicts]
    if not said:
        said = [f"no evidence: {truth} was not measured here, so nothing says how well {method} "
                "chooses; add it to the methods of the sweep"]  # fmt: skip
    if as_json:
        document = {"target": target, "candidates": [_row(c) for c in ranked], "evidence": said}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(ranked, target, said)


def _unit(rows: Any, method: str) -> str:
    return next((str(r["unit"]) for r in rows if r["method"] == method and r.get("unit")), "")


def _row(candidate: "Candidate") -> dict[str, Any]:
    return {
        "source": candidate.source,
        "model": candidate.model,
        "by": candidate.contestant.title,
        "value": candidate.value,
        "spread": candidate.spread,
        "n_seeds": len(candidate.contestant.seeds),
        "arrived": candidate.arrived,
    }


def _print(ranked: "list[Candidate]", target: str, said: list[str]) -> None:
    from rich import box
    from rich.table import Table

    console = open_console()
    closer = "smaller" if ranked[0].contestant.smaller_is_closer else "larger"
    title = f"Sources for {target}, nearest first ({closer} is closer)"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("source", "network", "by", "value", "± seeds", "note"):
        table.add_column(heading, overflow="fold")
    for row in map(_row, ranked):
        spread = "-" if row["spread"] is None else f"{row['spread']:.3g}"
        note = "" if row["arrived"] else "did not arrive"
        named = (row["source"], str(row["model"]), row["by"])
        table.add_row(*named, f"{row['value']:.4g}", spread, note)
    console.print(table)
    for line in said:
        console.print(line)
    if len({candidate.contestant.title for candidate in ranked}) > 1:
        console.print(
            "Numbers of different networks or settings need not be on one scale: compare within "
            "one of them first.",
        )
