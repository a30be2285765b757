"""`raytd sync SWEEP`: send to the tracking server what it has not got."""

import json
import sys
from dataclasses import asdict

import click

from raytd.cli import options
from raytd.storage.path import StoragePath
from raytd.words import counted


@click.command("sync")
@options.sweep
@options.storage
@options.tracking_uri
@options.as_json
def command(sweep: str, *, storage: StoragePath, tracking_uri: str | None, as_json: bool) -> None:
    """Send to the tracking server what it has not got of SWEEP.

    SWEEP is the name of a sweep, its file, or its folder. Everything comes from the files of the
    sweep; what the server has already is not sent again.
    """
    from raytd.errors import RequestError
    from raytd.sweep.folder.find import sweep_folder
    from raytd.sweep.run.tracking import sweep_record, trial_records
    from raytd.tracking.open import chosen_uri
    from raytd.tracking.sync import send

    folder = sweep_folder(sweep, storage)
    info, closing = sweep_record(folder)
    uri = chosen_uri(tracking_uri, folder.parent)
    if uri is None:
        raise RequestError("--tracking-uri none: there is nowhere to send the sweep")
    sent = send(uri, info, trial_records(folder), closing)
    for refusal in sent.refusals:
        click.echo(f"refused: {refusal}", err=True)
    if as_json:
        click.echo(json.dumps({"sweep": info.name} | asdict(sent), indent=2))
    elif sent.n_points + sent.n_files + sent.n_trials_sent == 0:
        click.echo(
            f"{info.name}: the tracking server has everything ({counted(sent.n_trials, 'trial')})"
        )
    else:
        click.echo(
            f"{info.name}: sent {sent.n_trials_sent} of {counted(sent.n_trials, 'trial')}, "
            f"{counted(sent.n_points, 'number')}, {counted(sent.n_files, 'file')}"
        )
    if sent.runs_page is not None and not as_json:
        click.echo(f"MLflow   {sent.runs_page}")
    sys.exit(1 if sent.refusals else 0)
