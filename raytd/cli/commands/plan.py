"""`raytd plan FILE`: what a sweep would do, how long it would take, and what it would cost."""

import json
import sys
from dataclasses import asdict, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

import click

from raytd.cli import options
from raytd.cli.drafting import shorter
from raytd.cli.request import Request, request_options
from raytd.cli.terminal import open_console, open_table
from raytd.cli.views.events import View, doing, opened
from raytd.cli.views.standing import duration
from raytd.words import counted

if TYPE_CHECKING:
    from raytd.sweep.cluster.autoscaling import Bundles
    from raytd.sweep.trials.fitting import CanAdd


@click.command("plan")
@click.argument("file", type=options.UserPath())
@request_options
@click.option(
    "--price",
    type=click.FloatRange(min=0),
    help="Dollars an hour of one GPU or, where no trial uses one, of one machine.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Time no network; what was timed before counts, and the rest is said to be unknown.",
)
@click.option(
    "--no-import",
    is_flag=True,
    help="Check FILE alone, and import no module that it names; for a file from elsewhere.",
)
@options.as_json
def command(
    *, price: float | None, quick: bool, no_import: bool, as_json: bool, **given: Any
) -> None:
    """Say what the sweep in FILE would do, without starting anything.

    FILE may be the name of a sweep that raytd brings (see raytd init); a file of that name counts
    first, with or without .yaml.

    Reads the data, compares the trials with what is finished, and times the networks on this
    machine for some seconds each, unless an earlier call has. Speeds are kept in the user's cache
    folder. Where the sweep would take more than a night, names settings with which it would not.
    """
    from raytd.sweep.cluster.autoscaling import is_autoscaling
    from raytd.sweep.cost.plan_figures import outlook
    from raytd.sweep.document.reading import each_file_once
    from raytd.sweep.draft.smaller import NIGHT_S, smaller
    from raytd.tasks import datasets
    from raytd.tasks.account import account_lines

    request, read = Request.of(given), cache(datasets.read)

    def could_grow(_: "Bundles") -> bool:
        """A plan starts no node, so it takes an autoscaler's word for granted."""
        return request.address is not None and is_autoscaling()

    if no_import:
        _show_named(request, could_grow, as_json=as_json)
        sys.exit(0)

    def quick_s(settings: tuple[str, ...]) -> float | None:
        other = replace(request, overrides=request.overrides + settings)
        _, plan = other.plan(nodes, could_grow, View(), read)
        figures = outlook(plan, nodes=nodes, max_concurrent=request.max_concurrent, quick=True)
        return cast("float | None", figures["duration_s"])

    with each_file_once(), opened("auto") as view, request.nodes() as nodes:
        loaded, plan = request.plan(nodes, could_grow, view, read)
        lines = account_lines(plan.tasks)
        found = outlook(
            plan,
            nodes=nodes,
            max_concurrent=request.max_concurrent,
            price=price,
            quick=quick,
            tell=partial(doing, view),
        )
        less = None
        if (found["duration_s"] or 0) > NIGHT_S:
            doing(view, "looking for settings with which it takes a night at most")
            less = smaller(plan.spec, NIGHT_S, quick_s)
        found["smaller"] = None if less is None else asdict(less)
    if as_json:
        click.echo(json.dumps({"profile": loaded.profile, **found}, indent=2))
    else:
        _show(found, lines + found["shared_images"], shorter(less, NIGHT_S))
    sys.exit(0)


def _show_named(request: Request, could_grow: "CanAdd", *, as_json: bool) -> None:
    """Checks the file alone, and shows which code of others it would run."""
    from raytd.models.factory import nothing_imported

    with opened("auto") as view, request.nodes() as nodes, nothing_imported() as named:
        loaded = request.load(nodes, could_grow, view)
    if as_json:
        document = {"sweep": loaded.spec.name, "profile": loaded.profile, "imports": list(named)}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{request.file}: the sweep {loaded.spec.name} is right, as far as the file says.")
    if not named:
        click.echo("It names no module, so that neither a plan nor a sweep runs code of others.")
    for factory in named:
        click.echo(f"It names {factory}: a plan or a sweep imports that module, which runs it.")


def _show(found: dict[str, Any], read: list[str], less: str | None) -> None:
    """Tables for the eye, with how it takes less time."""
    from rich.table import Table

    console = open_console()
    console.print("\n".join(read), soft_wrap=True)
    by_axis = open_table("axis", "value", title="Trials by axis", title_justify="left")
    counts = ("trials", "done", "to_run", "failed")
    for heading in counts:
        by_axis.add_column(heading.replace("_", " "), justify="right")
    for line in found["axes"]:
        by_axis.add_row(line["axis"], line["value"], *(str(line[c]) for c in counts))
    console.print(by_axis)
    console.print("\n".join([found["summary"], *found["shortfalls"]]))
    facts = Table.grid(padding=(0, 2))
    for name, text in _facts(found):
        facts.add_row(name, text)
    console.print(facts)
    if less is not None:
        console.print(f"that is more than a night; {less}", soft_wrap=True)
    console.print(f"results in {found['folder']}", soft_wrap=True)


def _expected(found: dict[str, Any]) -> str:
    """How long it would take, or why that is not known."""
    if found["duration_s"] is None:
        untimed = "; ".join(found["untimed"])
        return f"unknown: never timed on this machine: {untimed}. Leave out --quick to time them."
    return f"{duration(found['duration_s'])}, {found['assumption']}"


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and texts of what is to be run."""
    if not found["to_run"]:
        return []
    facts = []
    for need in found["per_trial"]:
        gpus = f", {counted(round(need['gpus'], 2), 'GPU')}" if need["gpus"] else ""
        actors = counted(need["actors"], "actor") if need["actors"] else "no actors"
        text = f"{actors}, {counted(need['cpus'], 'CPU')}{gpus}, "
        memory = need["memory_bytes"]
        text += "memory unknown" if memory is None else f"about {memory / 1e9:.1f} GB of memory"
        facts.append((f"each of {counted(need['trials'], 'trial')}", text))
    facts += [
        ("side by side", counted(found["at_once"], "trial")),
        ("SGD steps", f"{found['sgd_steps']:,} at most (all iterations and blocks)"),
        ("forward images", f"{found['forward_images']:,} at most"),
        ("expected duration", _expected(found)),
    ]
    not_counted = found["not_reckoned"]
    for names, what in (
        (not_counted["but_sgd_steps"], "only the SGD steps are in these figures"),
        (not_counted["at_all"], "not in these figures: their work is not known beforehand"),
    ):
        if names:
            facts.append((", ".join(names), what))
    if len(found["gpu_kinds"]) > 1:
        kinds = ", ".join(found["gpu_kinds"])
        text = f"{kinds}: the last bits of a trial depend on which of them it gets"
        facts.append(("GPUs of several kinds", text))
    if found["gpu_hours"]:
        facts.append(("GPU-hours", f"{found['gpu_hours']:.2f}"))
    if found["cost"] is not None:
        facts.append(("cost", f"${found['cost']['dollars']:.2f}: {found['cost']['assumption']}"))
    return facts
