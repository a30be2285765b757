"""The cluster that a sweep runs on: what it has, and being connected to it."""

import atexit
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

from raytd.errors import RequestError, WaitTimeoutError, os_reason
from raytd.sweep.cluster.local_ray import local_settings
from raytd.sweep.cluster.ray_signals import children_apart, signals_wait

Node = dict[str, float]
_logger = logging.getLogger("raytd")

_RAYLET = "(raylet)"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def local_nodes() -> list[Node]:
    """What a cluster started on this machine will have; nothing is started."""
    import torch

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [{"CPU": float(cpus or 1), "GPU": float(torch.cuda.device_count())}]


OUT_OF_MEMORY_RETRIES = 3
"""How often Ray runs a task again that its memory monitor has killed: for ever, by default."""

_KNOCK_S = 10.0


def _knock(address: str | None) -> None:
    """Looks whether anything listens at HOST:PORT: Ray would try for ten minutes, and say so.

    Raises:
        RequestError: if nothing does.
    """
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # another form, such as `auto`, is for Ray to understand
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise RequestError(
            f"--address {address}: no Ray cluster answers there ({os_reason(error)})"
        ) from error


@contextmanager
def connect(address: str | None) -> Iterator[list[Node]]:
    """Connects to a cluster, or starts one on this machine, and yields what its nodes have.

    A cluster that was started here ends with the block, and all of its processes with it. One to
    which this process is connected already, as in a notebook, is used and left as it is.

    Raises:
        RequestError: if there is no cluster at the address, or none can be started.
    """
    _knock(address)
    # Tune's own loggers and its handler of Ctrl-C would write beside ours and swallow the signal.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_task_oom_retries", str(OUT_OF_MEMORY_RETRIES))
    # Ray's own handler of SIGTERM would print a C++ stack and end the process on the spot.
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")
    import ray

    with ExitStack() as stack:
        local: dict[str, Any] = {}
        if address is None:
            local = {"include_dashboard": False, "num_cpus": int(local_nodes()[0]["CPU"])}
            local |= stack.enter_context(local_settings(_logger.warning))
        if not is_connected():
            stack.callback(_leave_colours_alone)
            stack.callback(_end)
            _init(address, local)
        stack.enter_context(ray_messages_sorted())
        yield [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]


def is_connected() -> bool:
    """Whether this process is connected to a cluster; Ray is not imported to know it."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _init(address: str | None, local: dict[str, Any]) -> None:
    """Connects to a cluster, or starts one.

    Raises:
        RequestError: in one line, if there is none, or Ray cannot write its files.
        WaitTimeoutError: in one line, if a busy machine does not get it started.
    """
    import ray

    try:
        with signals_wait(), children_apart():
            ray.init(
                address=address or "local", log_to_driver=False, logging_level="ERROR", **local
            )
    except OSError as error:
        if address is not None:
            raise RequestError(f"--address {address}: no Ray cluster answers there") from error
        named = f" {error.filename}" if error.filename else ""
        raise RequestError(
            f"Ray cannot start on this machine ({os_reason(error)}{named}); set TMPDIR to a "
            "folder that can be written and has room"
        ) from error
    except Exception as error:  # Ray has no type of its own for it
        if "timed out during startup" not in str(error):
            raise
        raise WaitTimeoutError(
            "Ray did not start in time because this machine is busy; run the command again, or "
            "name a running cluster with --address"
        ) from error


def _end() -> None:
    """Leaves the cluster; one that was started here has ended when this returns."""
    import ray

    with signals_wait():
        ray.shutdown(wait_for_processes=True)


def _leave_colours_alone() -> None:
    """Keeps the colour library that Ray brings from writing to the terminal when all has ended."""
    if (library := sys.modules.get("colorama.initialise")) is not None:
        atexit.unregister(library.reset_all)


class _Sorting:
    """Standard output, but for Ray's messages.

    Ray prints the death of each process there, a paragraph long, into tables and JSON. What raytd
    does about it stands in the log of the trial.
    """

    def __init__(self, stdout: Any) -> None:
        self._stdout, self._within = stdout, False

    def write(self, text: str) -> int:
        """Takes a message of Ray apart; everything else goes where it was meant to."""
        if _RAYLET in text:
            first = _COLOUR.sub("", text).strip().split(". ")[0]
            sys.stderr.write(f"{first.removesuffix('.')}.\n")
            self._within = not text.endswith("\n")
        elif self._within and text == "\n":  # `print` writes the end of a line by itself
            self._within = False
        else:
            self._stdout.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


@contextmanager
def ray_messages_sorted() -> Iterator[None]:
    """Keeps standard output free of what Ray prints while the block runs."""
    with redirect_stdout(_Sorting(sys.stdout)):
        yield
