"""Workers of the session's Ray cluster are copies of one process that has imported what they need.

Ray starts each as a Python of its own, which imports Ray twice and then torch, for longer than
most tests run. Here a raylet starts `warm_worker.py`, which asks for a copy: that runs Ray's own
worker, with the words, the environment and the streams that the raylet chose. Sweeps in processes
of their own have a cluster of their own, whose workers Ray starts as ever.
"""

import argparse
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

IMPORTED = (
    "fsspec",
    "jsonschema",
    "pandas",
    "requests",
    "raytd.engine.coordinator",
    "raytd.engine.worker",
    "raytd.sweep.run.trial_function",
    "raytd.models.cnn",
    "sklearn.datasets",
    "torch._decomp.decompositions_for_jvp",
)
"""Never Ray itself: it reads the environment as it is imported, and that of a worker is its own."""


@contextmanager
def warm_workers(folder: Path) -> Iterator[None]:
    """Raylets of this process that start within the block have such workers.

    Args:
        folder: for a socket.
    """
    from ray._private.parameter import RayParams

    place, make = folder / "warm", RayParams.__init__
    changed = {
        "setup_worker_path": str(Path(__file__).with_name("warm_worker.py")),
        "include_log_monitor": False,  # which reads all day what no test looks at
    }
    with socket.socket(socket.AF_UNIX) as listening, pytest.MonkeyPatch.context() as patch:
        listening.bind(str(place))
        listening.listen()
        original = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(listening.fileno())],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            pass_fds=[listening.fileno()],
        )
        patch.setenv("RAYTD_TEST_WARM", str(place))
        patch.setattr(
            RayParams,
            "__init__",
            lambda *own, **given: make(*own, **given | changed),
        )
        try:
            yield
        finally:
            original.kill()
            original.wait()


def _copy_for_everyone(listening: socket.socket) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch, by what it imports itself
        for name in IMPORTED:
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asking, _ = listening.accept()
        with asking:
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _become_worker(asking)


def _become_worker(asking: socket.socket) -> None:
    _, streams, _, _ = socket.recv_fds(asking, 1, 2)
    words, environment, folder = json.loads(b"".join(iter(lambda: asking.recv(65536), b"")))
    asking.close()
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    parser = argparse.ArgumentParser()
    parser.add_argument("--language", choices=["PYTHON"])
    parser.add_argument("--serialized-runtime-env-context", type=json.loads, default={})
    own, (script, *others) = parser.parse_known_args(words)
    os.environ.clear()
    os.environ.update(environment | own.serialized_runtime_env_context.get("env_vars", {}))
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [str(Path(script).parent), *given, *sys.path[1:]]
    sys.argv = [script, *others]
    runpy.run_path(script, run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _listening:
        _copy_for_everyone(_listening)
