"""Waits until an autoscaling cluster has so many GPUs, runs a command on it, gives them back.

    python gpus.py 8 -- raytd sweep FILE --address auto --storage /mnt/raytd/runs
    python gpus.py 0    # gives back what a killed run still asks for

A sweep is planned for the nodes that are there. On a cluster that starts with none, somebody has to
ask for them first.
"""

import signal
import subprocess
import sys
import time

import click

POLL_S = 1.0


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("gpus", type=click.IntRange(min=0))
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--address", default="auto", show_default=True, help="The Ray cluster.")
@click.option("--timeout-s", default=1800.0, show_default=True, help="How long to wait for GPUs.")
def main(gpus: int, command: tuple[str, ...], address: str, timeout_s: float) -> None:
    """Run COMMAND once the cluster has GPUS of them; the exit code is the command's."""
    import ray
    from ray.autoscaler.sdk import request_resources

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        request_resources(bundles=[{"GPU": 1}] * gpus)
        wait(gpus, timeout_s)
        sys.exit(run(command) if command else 0)
    finally:
        request_resources(bundles=[])


def wait(gpus: int, timeout_s: float) -> None:
    """Returns when the cluster has the GPUs, and says how many are there whenever that changes.

    Raises:
        click.ClickException: after the timeout.
    """
    import ray

    deadline, said = time.monotonic() + timeout_s, -1
    while (here := int(ray.cluster_resources().get("GPU", 0))) < gpus:
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"the cluster has {here} of {gpus} GPUs after {timeout_s:g} s. `ray status` says "
                "what the autoscaler is doing; the quota for spot instances is the usual reason."
            )
        if here != said:
            click.echo(f"waiting for {gpus} GPUs: {here} here", err=True)
            said = here
        time.sleep(POLL_S)


def run(command: tuple[str, ...]) -> int:
    """Runs a command; Ctrl-C and a request to end reach it, and it is waited for."""
    process = subprocess.Popen(command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command as well
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
    return process.wait()


if __name__ == "__main__":
    main()
