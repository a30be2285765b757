"""`raytd tasks [NAME]`: the tasks that have a name, or one of them with its images."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raytd.cli import options
from raytd.cli.terminal import open_console, open_table
from raytd.errors import DataError, RequestError, StorageError, os_reason

if TYPE_CHECKING:
    from raytd.tasks.spec import TaskSpec
    from raytd.tasks.task import Task


@click.command("tasks")
@click.argument("name", required=False)
@options.data
@options.catalogue
@click.option("--train", type=click.IntRange(min=1), help="Training images.  [default: all]")
@click.option("--val", type=click.IntRange(min=1), help="Validation images.  [default: all]")
@click.option("--size", type=click.IntRange(1, 1024), help="Pixels that images are resized to.")
@click.option("--channels", type=click.IntRange(1, 3), help="1 makes images grey, 3 coloured.")
@click.option("--range", nargs=2, type=float, help="Values that become black and white.")
@click.option(
    "--background",
    type=click.Choice(["white", "black"]),
    help="What transparent pixels show.  [default: white]",
)
@click.option(
    "--sheet",
    type=options.UserPath(dir_okay=False),
    help="Where the contact sheet of NAME goes.  [default: NAME.png]",
)
@options.download
@options.as_json
def command(
    name: str | None,
    *,
    data: Path | None,
    catalogue: Path | None,
    sheet: Path | None,
    download: bool,
    as_json: bool,
    **changes: Any,
) -> None:
    """List the tasks that have a name, and whether their data are there.

    With NAME: reads that task, shows its classes, counts and digest, and writes a contact sheet of
    its images. NAME may also be a data set, such as digits or folder:PATH.
    """
    from raytd.sweep.file.catalogue_file import load_catalogue
    from raytd.tasks.account import account_lines, accounts_of
    from raytd.tasks.references import data_root

    known, root = load_catalogue(catalogue), data_root(data)
    if name is None:
        _list(known, root, as_json=as_json)
        return
    spec = _find(name, known)
    given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    task = _read(_changed(spec, given), root, download=download)
    path = sheet or Path(f"{spec.name}.png")
    _write_sheet(task, path)
    facts = _facts(task, spec) | {"sheet": str(path), "data": accounts_of([task])}
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _show(facts, account_lines([task]))


def _find(name: str, known: "Mapping[str, TaskSpec]") -> "TaskSpec":
    """The task of that name, or that of all classes of the data set so called."""
    from raytd.sweep.document.wording import did_you_mean
    from raytd.tasks.references import identity_of, is_reference
    from raytd.tasks.spec import TaskSpec

    if name in known:
        return known[name]
    if not is_reference(name):
        there = "there are those that raytd tasks lists, and data sets such as folder:PATH"
        raise RequestError(f"unknown task '{name}'; {there}{did_you_mean(name, known)}")
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", identity_of(name)).strip("-._") or "data"
    return TaskSpec(name=words, dataset=name)


def _changed(spec: "TaskSpec", given: dict[str, Any]) -> "TaskSpec":
    """The task with what the options say.

    Raises:
        RequestError: if one of them is impossible.
    """
    from pydantic import ValidationError

    try:
        return type(spec).model_validate(spec.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise RequestError(f"--{first['loc'][0]}: {reason}") from error


def _read(spec: "TaskSpec", root: Path, *, download: bool) -> "Task":
    from raytd.tasks.datasets import read
    from raytd.tasks.task import make_task

    try:
        dataset = read(spec.dataset, root, known_as=spec.known_as, download=download)
        return make_task(spec, dataset)
    except DataError as error:
        raise RequestError(str(error)) from error


def _write_sheet(task: "Task", path: Path) -> None:
    from raytd.tasks.contact_sheet import contact_sheet

    try:
        path.write_bytes(contact_sheet(task))
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({os_reason(error)}); name another file with --sheet"
        ) from error


def _facts(task: "Task", spec: "TaskSpec") -> dict[str, Any]:
    """What there is to know of a task, as JSON-able data."""
    import numpy as np

    n = len(task.classes)
    counts = [np.bincount(p.labels, minlength=n).tolist() for p in (task.train, task.val)]
    classes = [
        {"class": identity, "train": train, "val": val}
        for identity, train, val in zip(task.classes, *counts, strict=True)
    ]
    return {
        "name": task.name,
        "dataset": spec.dataset,
        "digest": task.digest,
        "image_shape": list(task.image_shape),
        "mean": list(task.mean),
        "std": list(task.std),
        "classes": classes,
    }


def _show(facts: dict[str, Any], read: list[str]) -> None:
    from raytd.tasks.contact_sheet import MOST_CLASSES
    from raytd.tasks.pixels.form import in_words
    from raytd.words import counted

    table = open_table(show_footer=True)
    counts = [[row[part] for row in facts["classes"]] for part in ("train", "val")]
    table.add_column("class", overflow="fold", footer=counted(len(facts["classes"]), "class"))
    for part, column in zip(("train", "val"), counts, strict=True):
        table.add_column(part, str(sum(column)), justify="right")
    for row in facts["classes"]:
        table.add_row(row["class"], str(row["train"]), str(row["val"]))
    console = open_console()
    console.print(f"{facts['name']}: {facts['dataset']}, digest {facts['digest']}", soft_wrap=True)
    console.print("\n".join(read), soft_wrap=True)
    console.print(table)
    mean, std = (", ".join(f"{v:.4f}" for v in facts[key]) for key in ("mean", "std"))
    console.print(
        f"images  {in_words(facts['image_shape'])}; mean {mean}; standard deviation {std}"
    )
    more = len(facts["classes"]) - MOST_CLASSES
    shown = f", which shows the first {MOST_CLASSES} classes" if more > 0 else ""
    console.print(f"sheet   {facts['sheet']}{shown}", soft_wrap=True)


def _list(known: "Mapping[str, TaskSpec]", root: Path, *, as_json: bool) -> None:
    """Every task that has a name, with the place of its data."""
    from raytd.tasks.references import place_of

    places = {spec.dataset: place_of(spec.dataset, root) for spec in known.values()}
    if as_json:
        rows = [
            spec.model_dump(mode="json") | {"place": places[spec.dataset]}
            for spec in known.values()
        ]
        click.echo(json.dumps({"root": str(root), "tasks": rows}, indent=2))
        return
    table = open_table("task", "data set", "there", "classes")
    for spec in known.values():
        there = "yes" if places[spec.dataset] else "no"
        table.add_row(spec.name, spec.dataset, there, _classes(spec))
    console = open_console()
    console.print(table)
    for dataset, place in places.items():
        console.print(f"{dataset}  {place or f'not under {root}'}", soft_wrap=True)


def _classes(spec: "TaskSpec") -> str:
    """Names of few classes, the number of many."""
    if spec.classes is None:
        return "all"
    return ", ".join(spec.classes) if len(spec.classes) <= 10 else f"{len(spec.classes)} classes"
