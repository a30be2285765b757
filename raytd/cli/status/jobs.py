"""The sweeps that run as jobs of a Ray cluster, on the terminal."""

import json
import time
from typing import Any

import click

from raytd.cli.terminal import open_console, open_table


def show_jobs(job: str | None, address: str, *, as_json: bool) -> int:
    """Prints the jobs that are sweeps, or one of them; the exit code.

    Args:
        job: its name; None shows all.
        address: of the job server.
        as_json: whether one JSON document is printed.

    Raises:
        RequestError: in one line, if no job server answers, or it has no such job.
    """
    from raytd.sweep.cluster.jobs import find_job, job_server, our_jobs

    with job_server(address) as client:
        jobs = our_jobs(client) if job is None else [find_job(client, job)]
    facts = [_facts(each) for each in jobs]
    if as_json:
        click.echo(json.dumps(facts if job is None else facts[0], indent=2))
    elif facts:
        _show(facts)
    else:
        click.echo(f"{address}: the cluster has no jobs of raytd; raytd submit makes one", err=True)
    return int(job is not None and facts[0]["status"] in ("failed", "stopped"))


def _facts(job: Any) -> dict[str, Any]:
    """What there is to know of a job; times in seconds."""
    from raytd.sweep.cluster.jobs import SWEEP_KEY

    started, ended = (None if t is None else t / 1000 for t in (job.start_time, job.end_time))
    return {
        "job": job.submission_id,
        "sweep": job.metadata[SWEEP_KEY],
        "status": str(job.status.value).lower(),
        "storage": job.metadata.get("raytd.storage"),
        "started": started,
        "ran_s": None if started is None else (ended or time.time()) - started,
        "exit_code": job.driver_exit_code,
        "message": (job.message or "").strip() or None,
    }


def _show(facts: list[dict[str, Any]]) -> None:
    table = open_table("job", "sweep", "status", "started", "ran")
    for each in facts:
        started = each["started"]
        when = "-" if started is None else time.strftime("%d %b %H:%M", time.localtime(started))
        table.add_row(each["job"], each["sweep"], each["status"], when, _ran(each["ran_s"]))
    console = open_console()
    console.print(table)
    if len(facts) == 1:
        console.print(f"storage  {facts[0]['storage']}", soft_wrap=True)
        if facts[0]["message"]:
            console.print(facts[0]["message"], soft_wrap=True)


def _ran(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
