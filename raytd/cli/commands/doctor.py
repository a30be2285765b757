"""`raytd doctor`: whether what a sweep needs is there, and what to do where it is not."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raytd.cli import options
from raytd.cli.terminal import open_console
from raytd.errors import RequestError
from raytd.storage.path import StoragePath

if TYPE_CHECKING:
    from raytd.sweep.cluster.health import Finding


@click.command("doctor")
@options.storage
@options.data
@options.tracking_uri
@click.option("--address", help="A running Ray cluster, to see whether it answers.")
@click.option("--start-ray", is_flag=True, help="Start Ray on this machine, to see whether it can.")
@options.as_json
def command(
    *,
    storage: StoragePath,
    data: Path | None,
    tracking_uri: str | None,
    address: str | None,
    start_ray: bool,
    as_json: bool,
) -> None:
    """Look at versions, devices, Ray, the tracking server, storage and data.

    The exit code is 1 if something is wrong; the line says what to do. Takes a few seconds; Ray is
    started only with --start-ray.
    """
    from raytd.sweep.cluster import health
    from raytd.tasks.references import data_root
    from raytd.tracking.open import chosen_uri
    from raytd.tracking.reachable import store_finding

    findings = [
        *health.versions(),
        *health.devices(),
        *health.ray_findings(address, start=start_ray),
        *health.folders(),
        health.storage(storage),
    ]
    try:
        uri = chosen_uri(tracking_uri, storage)
        findings += [] if uri is None else [health.Finding("tracking", *store_finding(uri))]
    except RequestError as error:
        findings.append(health.refusal("tracking", error))
    try:
        findings += health.datasets(data_root(data))
    except RequestError as error:
        findings.append(health.refusal("data", error))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in findings], indent=2))
    else:
        _show(findings)
    sys.exit(1 if any(each.todo for each in findings) else 0)


def _show(findings: "list[Finding]") -> None:
    from rich.text import Text

    console, width = open_console(), max(len(each.subject) for each in findings)
    for each in findings:
        mark = Text("!", style="bold red") if each.todo else Text(" ")
        text = f"{each.found}. {each.todo}" if each.todo else each.found
        line = mark.append(f" {each.subject:<{width}}  {text}", style="not bold default")
        console.print(line, soft_wrap=True)
