"""`raytd logs [JOB]`: what a sweep on a cluster has said."""

import asyncio
import sys
from typing import Any

import click

from raytd.cli import options


@click.command("logs")
@click.argument("job", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@options.job_address
def command(job: str | None, *, follow: bool, address: str | None) -> None:
    """Print what a job has said so far; without JOB, the latest one.

    Ending this command with Ctrl-C does not end the job. With --follow the exit code is 1 if the
    job failed or was stopped.
    """
    from raytd.sweep.cluster.jobs import find_job, job_server

    with job_server(address) as client:
        name = find_job(client, job).submission_id
        if not follow:
            click.echo(client.get_job_logs(name), nl=False)
            return
        asyncio.run(_follow(client, name))
        status = str(client.get_job_status(name).value).lower()
    click.echo(f"{name}: {status}", err=True)
    sys.exit(1 if status in ("failed", "stopped") else 0)


async def _follow(client: Any, name: str) -> None:
    async for text in client.tail_job_logs(name):
        click.echo(text, nl=False)
