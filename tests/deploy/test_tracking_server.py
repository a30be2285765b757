"""The tracking server as compose.yaml starts it, on a real PostgreSQL, and a sweep that logs to it.

Only the store of the artifacts differs: a folder in place of S3.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import requests

from tests.deploy.conftest import DEPLOY, load
from tests.servers import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.ray]

SWEEP = DEPLOY.parent / "sweeps/quickstart.yaml"
SMALL = {
    "pairs": "[[digits-low, digits-high], [digits-low, digits-even]]",
    "methods": "[uncoupled]",
    "data": "{train: 20, val: 10}",
    "coupled.blocks": "1",
    "coupled.tile_size": "5",
    "trajectory.steps": "20",
    "pretrain.epochs": "1",
    "tracking": "{experiment: deployed}",
}


def wait_for(ready, process, log, timeout_s=180):
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


@contextlib.contextmanager
def running(command, log, **options):
    """A process of its own group, which ends with the block."""
    with log.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, start_new_session=True, **options
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def secrets():
    """What secrets.sh makes, with a host name for the port that the server will have."""
    host = f"127.0.0.1:{free_ports(1)[0]}"
    made = subprocess.run(
        [str(DEPLOY / "mlflow/secrets.sh")],
        env={"MLFLOW_HOST": host, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in made.stdout.splitlines())


@pytest.fixture(scope="module")
def database(secrets):
    """PostgreSQL as the image sets it up: one user, one database, SCRAM passwords."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian keeps them off the path
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    if not places:
        pytest.skip("PostgreSQL is not installed; apt-get install postgresql")
    # PostgreSQL refuses to run as root, and its user cannot enter pytest's folders.
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    programs, port = places[-1], str(free_ports(1)[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "password").write_text(secrets["POSTGRES_PASSWORD"])
        log = folder / "log"
        if user:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        init = [programs / "initdb", "--username=mlflow", "--auth=scram-sha-256", "--no-sync"]
        init += [f"--pwfile={folder / 'password'}", folder / "data"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, **user)
        serve = [
            programs / "postgres",
            "-D",
            folder / "data",
            "-p",
            port,
            "-h",
            "127.0.0.1",
            "-k",
            "",
            "-F",  # its files need not outlive the machine
        ]
        environment = {"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "mlflow"}
        environment["PGPASSWORD"] = secrets["POSTGRES_PASSWORD"]

        def ready():
            ask = [programs / "pg_isready", "--quiet"]
            return subprocess.run(ask, env=environment).returncode == 0

        with running(serve, log, **user) as process:
            wait_for(ready, process, log)
            subprocess.run([programs / "createdb", "mlflow"], env=environment, check=True)
            yield environment


@pytest.fixture(scope="module")
def server(secrets, database, tmp_path_factory):
    """MLflow with the command and the environment of compose.yaml; yields address and artifacts."""
    folder = tmp_path_factory.mktemp("server")
    service = load("mlflow/compose.yaml")["services"]["mlflow"]
    given = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda match: secrets[match[1]], value)
        for name, value in service["environment"].items()
        if not name.startswith(("PG", "AWS_", "MLFLOW_S3"))
    }
    given["MLFLOW_AUTH_CONFIG_PATH"] = str(DEPLOY / "mlflow/basic_auth.ini")
    host, port = secrets["MLFLOW_HOST"].split(":")
    command = [sys.executable, "-m", *service["command"], f"--host={host}", f"--port={port}"]
    command += [f"--artifacts-destination={folder / 'artifacts'}"]
    url, log = f"http://{host}:{port}", folder / "log"

    def ready():
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{url}/health", timeout=1).ok
        return False

    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | given | database
    with running(command, log, cwd=folder, env=environment) as process:
        wait_for(ready, process, log)
        yield url, folder / "artifacts"


def search(url, user, **headers):
    body = {"max_results": 10}
    address = f"{url}/api/2.0/mlflow/experiments/search"
    return requests.post(address, json=body, auth=user, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def accounts(server, secrets):
    """Two accounts that the administrator makes."""
    url, _ = server
    admin = ("admin", secrets["MLFLOW_ADMIN_PASSWORD"])
    made = {"sweeper": "a long password for sweeps", "reader": "a long password to read"}
    for name, password in made.items():
        body = {"username": name, "password": password}
        address = f"{url}/api/2.0/mlflow/users/create"
        requests.post(address, json=body, auth=admin, timeout=30).raise_for_status()
    return {name: (name, password) for name, password in made.items()} | {"admin": admin}


@pytest.fixture(scope="module")
def swept(server, accounts, tmp_path_factory):
    """What `raytd sweep --tracking-uri` says and leaves, run as a user would."""
    home = tmp_path_factory.mktemp("home")
    name, password = accounts["sweeper"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "MLFLOW_"))}
    environment |= {"HOME": str(home), "MLFLOW_TRACKING_USERNAME": name}
    environment |= {"MLFLOW_TRACKING_PASSWORD": password, "PYTHONPATH": str(DEPLOY.parent)}
    command = [sys.executable, "-m", "raytd", "sweep", str(SWEEP), "--tracking-uri", server[0]]
    command += ["--storage", str(home / "runs")]
    command += [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    return done, home


def test_a_sweep_logs_its_trials_over_http(server, accounts, swept, monkeypatch):
    from mlflow.tracking import MlflowClient

    done, home = swept
    assert done.returncode == 0, done.stderr
    assert "kept on disk" not in done.stderr  # the line that says that the server was given up
    assert f"MLflow   {server[0]}/#/experiments/" in done.stdout
    for name, value in zip(("USERNAME", "PASSWORD"), accounts["reader"], strict=True):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    client = MlflowClient(tracking_uri=server[0])
    experiment = client.get_experiment_by_name("deployed")
    runs = client.search_runs([experiment.experiment_id])
    trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    table = pq.read_table(home / "runs/quickstart/results.parquet").to_pylist()
    assert (len(runs), len(trials), len(table)) == (3, 2, 2)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "mlflow.sharedViewState.quickstart" in experiment.tags
    logged = {run.data.tags["raytd.trial_key"]: run.data.metrics["distance"] for run in trials}
    assert logged == {row["trial_key"]: row["distance"] for row in table}


def test_the_artifacts_go_through_the_server(server, swept):
    _, home = swept
    (kept,) = server[1].glob("**/sweep.yaml")
    assert kept.read_bytes() == (home / "runs/quickstart/sweep.yaml").read_bytes()


def test_the_local_cluster_of_the_sweep_had_a_token(swept):
    _, home = swept
    assert len((home / ".ray/auth_token").read_text()) >= 32


@pytest.mark.parametrize("user", [None, ("admin", "password1234"), ("sweeper", "guess")])
def test_nobody_gets_in_without_the_right_password(server, accounts, user):
    assert search(server[0], user).status_code == 401


def test_a_request_for_another_host_is_refused(server, accounts):
    assert search(server[0], accounts["admin"]).status_code == 200
    assert search(server[0], accounts["admin"], Host="evil.example").status_code == 403


def test_an_account_reads_the_experiments_of_others_and_writes_none(server, accounts, swept):
    url, reader = server[0], accounts["reader"]
    found = search(url, reader).json()["experiments"]
    (theirs,) = [e["experiment_id"] for e in found if e["name"] == "deployed"]
    body = {"experiment_id": theirs, "run_name": "intruder"}
    create = f"{url}/api/2.0/mlflow/runs/create"
    assert requests.post(create, json=body, auth=reader, timeout=30).status_code == 403
    delete = f"{url}/api/2.0/mlflow/experiments/delete"
    assert requests.post(delete, json=body, auth=reader, timeout=30).status_code == 403


def test_an_account_makes_no_accounts(server, accounts):
    body = {"username": "friend", "password": "a long password for a friend"}
    address = f"{server[0]}/api/2.0/mlflow/users/create"
    assert requests.post(address, json=body, auth=accounts["reader"], timeout=30).status_code == 403


def test_jobs_of_the_server_are_closed(server, accounts):
    """CVE-2026-0545 and CVE-2026-2652: routes that basic authentication once left open."""
    for path in ("/ajax-api/3.0/jobs/", "/v1/traces"):
        address = server[0] + path
        assert requests.post(address, json={}, timeout=30).status_code == 401, path
