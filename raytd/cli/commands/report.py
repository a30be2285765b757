"""`raytd report SWEEP`: figures, and one page with everything."""

import json
from pathlib import Path

import click

from raytd.cli import options
from raytd.storage.path import StoragePath


@click.command("report")
@options.sweep
@options.storage
@click.option(
    "--out",
    type=options.UserPath(file_okay=False),
    help="Folder of the report.  [default: report/ in the sweep's folder]",
)
@options.as_json
def command(sweep: str, *, storage: StoragePath, out: Path | None, as_json: bool) -> None:
    """Write the figures of SWEEP, their data, and one HTML page that needs nothing else.

    SWEEP is the name of a sweep, its file, or its folder. Each figure is PNG, SVG and CSV. The same
    results give the same bytes.
    """
    from raytd.report.page.write import write_report
    from raytd.report.saved import open_sweep

    written = write_report(open_sweep(sweep, storage), out)
    if as_json:
        document = {"page": str(written.page), "files": [str(path) for path in written.files]}
        click.echo(json.dumps(document, indent=2))
        return
    for path in written.files:
        if path.suffix == ".png":
            click.echo(f"figure  {path}")
    click.echo(f"page    {written.page}")
