"""Options that several commands share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from raytd.cli.completion import complete_sweep
from raytd.errors import PathError, RequestError
from raytd.paths import expanded
from raytd.storage.path import StoragePath, storage_path

F = TypeVar("F", bound=Callable[..., Any])


class UserPath(click.Path):
    """A path that a user writes, with `~` replaced where no shell has done it (`--out=~/x`)."""

    def __init__(self, *, dir_okay: bool = True, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, dir_okay=dir_okay, file_okay=file_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a home folder that is not known is a problem of this option."""
        try:
            return super().convert(expanded(value), param, ctx)
        except PathError as error:
            option = param.opts[0] if isinstance(param, click.Option) else ""
            raise RequestError(f"{option} {error}".strip()) from error


def settings_of(*, catalogue: Path | None, download: bool) -> tuple[str, ...]:
    """What these options say, as overrides of a sweep file."""
    named = () if catalogue is None else (f"data.catalogue={json.dumps(str(catalogue))}",)
    return (*named, "data.download=true") if download else named


def _place(context: click.Context, parameter: click.Parameter, given: str) -> StoragePath:
    """A folder, which need not be there, or a URI, of which nobody is asked yet."""
    try:
        path = storage_path(given)
    except PathError as error:
        raise RequestError(f"--storage {error}") from error
    if isinstance(path, Path):
        click.Path(file_okay=False).convert(path, parameter, context)
    return path


sweep = click.argument("sweep", shell_complete=complete_sweep)
"""`SWEEP`: a sweep that was run, by its name, its file or its folder."""

overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY.PATH=VALUE",
    help="Override one key of the sweep file; repeatable.",
)
"""`--set key.path=value`, repeatable."""

data = click.option(
    "--data",
    type=UserPath(file_okay=False),
    help="Root of the data sets.  [default: RAYTD_DATA, else the user's cache folder]",
)
"""`--data DIR`."""

download = click.option(
    "--download",
    is_flag=True,
    help="Allow torchvision to fetch CIFAR-10 or CIFAR-100 if it is not there.",
)
"""`--download`."""

catalogue = click.option(
    "--catalogue",
    type=UserPath(dir_okay=False),
    help="A YAML file of further tasks.  [default: RAYTD_CATALOGUE, if set]",
)
"""`--catalogue FILE`."""

storage = click.option(
    "--storage",
    metavar="DIR",
    default="runs",
    show_default=True,
    callback=_place,
    help="Folder of all sweeps and of the trained sources, or a URI such as s3://bucket/runs.",
)
"""`--storage DIR`."""

tracking_uri = click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow tracking server, or 'none'.  [default: a SQLite file in the storage folder, "
    "or in runs where that is no folder]",
)
"""`--tracking-uri URI`."""

job_address = click.option(
    "--address",
    metavar="URL",
    help="Job server of the cluster.  [default: RAY_API_SERVER_ADDRESS or RAY_ADDRESS, "
    "else http://127.0.0.1:8265]",
)
"""`--address URL` of a job server."""


def form(*choices: str) -> Callable[[F], F]:
    """`--format FORM`, the table first."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", *choices]),
        default="table",
        show_default=True,
        help="Form of the output.",
    )


as_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on standard output and nothing else there.",
)
"""`--json`."""
