"""Ports that are free, and MLflow's tracking server as a process that can be ended."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

LONGEST_S = 120
NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Spares the server the processes of its job queue, which tracking does not use."""


def free_ports(n: int) -> list[int]:
    """So many ports of this machine that nobody has."""
    with ExitStack() as held:
        taken = [held.enter_context(socket.socket()) for _ in range(n)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in taken]


def answers(url: str) -> bool:
    """Whether a server says that it is well there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


class TrackingServer:
    """MLflow's server on a port of its own.

    Args:
        folder: of its database, its artifacts and its log.
    """

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        self.url, self._folder = f"http://127.0.0.1:{self._port}", folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        line = [sys.executable, "-m", "mlflow", "server", "--port", str(self._port)]
        line += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder}/server.db"]
        line += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                line, env=os.environ | NO_JOBS, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + LONGEST_S
        while not answers(f"{self.url}/health"):
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the tracking server does not answer"
            time.sleep(0.1)

    def stop(self) -> None:
        """Kills it with all of its processes; it may have ended before."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
