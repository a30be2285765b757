"""gpus.py asks for GPUs, waits, runs a command, and takes its request back whatever happens."""

import json
import signal
import subprocess
import sys

import pytest

from tests.deploy.conftest import DEPLOY

pytestmark = pytest.mark.ray


@pytest.fixture
def start(ray_cluster):
    """Starts gpus.py on the session's cluster, which has four GPUs."""
    import ray

    address = ray.get_runtime_context().gcs_address

    def start(*args):
        command = [sys.executable, str(DEPLOY / "gpus.py"), "--address", address, *args]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def asked_for():
    """The standing request, where Ray's autoscaler reads it."""
    from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
    from ray.experimental.internal_kv import _internal_kv_get

    kept = _internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)
    return json.loads(kept)


def test_the_command_runs_while_the_gpus_are_asked_for_and_its_code_is_the_exit_code(start):
    program = "print('here', flush=True); input(); raise SystemExit(3)"
    process = start("4", "--", sys.executable, "-c", program)
    assert process.stdout.readline() == "here\n"
    assert asked_for() == [{"GPU": 1}] * 4
    process.communicate("\n", timeout=60)
    assert process.returncode == 3
    assert asked_for() == []


def test_gpus_that_do_not_come_cost_one_line_and_nothing_stays_asked_for(start):
    process = start("5", "--timeout-s", "0", "--", "false")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the cluster has 4 of 5 GPUs after 0 s" in said
    assert asked_for() == []


def test_a_request_to_end_reaches_the_command_as_an_interrupt(start):
    program = (
        "import time\n"
        "try: print('here', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt: raise SystemExit(130)"
    )
    process = start("1", "--", sys.executable, "-c", program)
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert asked_for() == []
