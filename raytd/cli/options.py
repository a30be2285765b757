"""Options that several commands share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def overrides(function: F) -> F:
    """`--set key.path=value`, repeatable."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY.PATH=VALUE",
        help="Override one key of the sweep file; repeatable.",
    )(function)


def settings_of(*, catalogue: Path | None, download: bool) -> tuple[str, ...]:
    """What these options say, as overrides of a sweep file."""
    named = () if catalogue is None else (f"data.catalogue={json.dumps(str(catalogue))}",)
    return (*named, "data.download=true") if download else named


def data(function: F) -> F:
    """`--data DIR`."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="Root of the data sets.  [default: RAYTD_DATA, else the user's cache folder]",
    )(function)


def download(function: F) -> F:
    """`--download`."""
    return click.option(
        "--download",
        is_flag=True,
        help="Allow torchvision to fetch CIFAR-10 or CIFAR-100 if it is not there.",
    )(function)


def catalogue(function: F) -> F:
    """`--catalogue FILE`."""
    return click.option(
        "--catalogue",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A YAML file of further tasks.  [default: RAYTD_CATALOGUE, if set]",
    )(function)


def storage(function: F) -> F:
    """`--storage DIR`."""
    return click.option(
        "--storage",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("runs"),
        show_default=True,
        help="Folder of all sweeps and of the trained sources.",
    )(function)


def as_json(function: F) -> F:
    """`--json`."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON document on standard output and nothing else there.",
    )(function)
