"""`raytd submit FILE`: a sweep as a job of a Ray cluster, so that the laptop may be closed."""

import json
import os
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import click

from raytd.cli import options
from raytd.paths import expanded, make_temporary_folder

if TYPE_CHECKING:
    from raytd.sweep.cluster.jobs import Order
    from raytd.sweep.file.load import LoadedSweep


@click.command("submit")
@click.argument("file", type=options.UserPath())
@click.option("--profile", help="A profile of the file, 'auto' or 'none'.")
@options.overrides
@options.job_address
@click.option(
    "--storage",
    required=True,
    metavar="DIR",
    help="Folder of all sweeps, as every node of the cluster sees it, or a URI.",
)
@click.option("--data", metavar="DIR", help="Root of the data sets, as every node sees it.")
@options.catalogue
@options.download
@click.option(
    "--tracking-uri",
    metavar="URI",
    default="none",
    show_default=True,
    help="MLflow tracking server that the cluster reaches, or 'none'.",
)
@click.option("--fresh", is_flag=True, help="Run finished trials again.")
@click.option("--max-concurrent", type=click.IntRange(min=1), help="Trials at once, at most.")
@click.option(
    "--include",
    type=options.UserPath(),
    multiple=True,
    metavar="PATH",
    help="A file or folder to ship beside FILE, such as the module of a model; repeatable.",
)
@click.option(
    "--installed", is_flag=True, help="Run the raytd that the cluster has, not the one here."
)
@options.as_json
def command(file: Path, *, address: str | None, as_json: bool, **given: Any) -> None:
    """Run the sweep in FILE as a job of a Ray cluster, so that this machine may go away.

    FILE is checked here first. Its data, its storage and its tracking server are those that the
    cluster sees. `raytd status --address URL` and `raytd logs` say how it goes; running
    `raytd submit` again runs what is missing.
    """
    from raytd.errors import RequestError
    from raytd.storage.path import storage_path
    from raytd.sweep.cluster.jobs import job_server, server_url, submit
    from raytd.sweep.document.reading import each_file_once
    from raytd.sweep.file.load import load_sweep
    from raytd.sweep.file.shipped import chosen_file

    asked = options.settings_of(catalogue=given["catalogue"], download=given["download"])
    with each_file_once():
        loaded = load_sweep(
            chosen_file(file, lambda line: click.echo(line, err=True)),
            profile=given["profile"],
            overrides=given["overrides"] + asked,
            has_gpu=lambda: True,  # the job chooses; every profile is checked here in any case
        )
        spec = loaded.spec
        order = _order(loaded, given)
    problems = order.problems() + _secrets(given["tracking_uri"])
    if problems:
        raise RequestError(problems)
    job, url = f"{spec.name}-{uuid4().hex[:8]}", server_url(address)
    folder = make_temporary_folder("raytd-job-")
    try:
        with job_server(url) as client:
            submit(client, order, sweep=spec.name, job=job, folder=folder)
    finally:
        rmtree(folder, ignore_errors=True)
    if as_json:
        click.echo(json.dumps({"job": job, "sweep": spec.name, "storage": order.storage}, indent=2))
        return
    click.echo(f"{job}: submitted; results go to {storage_path(order.storage) / spec.name}")
    there = f"--address {url}"
    click.echo(f"  raytd logs {job} --follow {there}\n  raytd status {job} {there}", err=True)


def _order(loaded: "LoadedSweep", given: dict[str, Any]) -> "Order":
    from raytd.sweep.cluster.jobs import Order, Shipped
    from raytd.sweep.document.reading import content_of

    words = [word for text in given["overrides"] for word in ("--set", text)]
    words += ["--tracking-uri", given["tracking_uri"]]
    for name in ("profile", "max_concurrent"):
        if given[name] is not None:
            words += [f"--{name.replace('_', '-')}", str(given[name])]
    words += [f"--{name}" for name in ("fresh", "download") if given[name]]
    tasks = given["catalogue"] or loaded.spec.data.catalogue or os.environ.get("RAYTD_CATALOGUE")
    return Order(
        file=Shipped(_file_name(loaded), loaded.text),
        storage=given["storage"].rstrip("/") or "/",
        options=words,
        catalogue=content_of(expanded(tasks)) if tasks else None,
        include=given["include"],
        data=given["data"],
        ship_code=not given["installed"],
    )


def _file_name(loaded: "LoadedSweep") -> str:
    """The name of the sweep file on the cluster: its own, or that of the sweep for a pipe."""
    name = loaded.path.name
    return name if name.endswith((".yaml", ".yml")) else f"{loaded.spec.name}.yaml"


def _secrets(uri: str) -> list[str]:
    if "@" not in urlsplit(uri).netloc:
        return []
    return [
        "--tracking-uri: its password would be seen by everyone who sees the job; put it into "
        "~/.mlflow/credentials of the cluster's head, and name the server without it"
    ]
