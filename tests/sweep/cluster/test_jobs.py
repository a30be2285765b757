"""What is shipped with a job, and what is refused before a cluster is asked."""

import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from raytd.errors import RequestError
from raytd.sweep.cluster.jobs import Order, Shipped, find_job, job_server, server_url


@pytest.fixture
def file() -> Shipped:
    return Shipped("small.yaml", b"name: small\n")


def test_what_is_staged_runs_without_an_installed_raytd(file: Shipped, tmp_path: Path) -> None:
    """`-S` leaves out what is installed; the version comes from what was shipped."""
    staged = tmp_path / "staged"
    staged.mkdir()
    Order(file, "/shared").stage(staged)
    code = "import raytd, importlib.metadata as m; print(raytd.__file__, m.version('raytd'))"
    line = [sys.executable, "-S", "-c", code]
    ended = subprocess.run(line, cwd=staged, env={}, capture_output=True, text=True, check=True)
    place, version = ended.stdout.split()
    assert Path(place).parent == staged / "raytd"
    assert version[0].isdigit()
    assert (staged / "small.yaml").read_text() == "name: small\n"
    assert not list(staged.glob("**/__pycache__/*.py"))


def test_a_cluster_that_has_raytd_may_run_its_own(file: Shipped, tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.mkdir()
    nets = tmp_path / "nets.py"
    nets.write_text("x = 1\n")
    order = Order(file, "/shared", ship_code=False, include=[nets], catalogue=b"tasks: []\n")
    order.stage(staged)
    assert {p.name for p in staged.iterdir()} == {"small.yaml", "nets.py", "raytd-catalogue.yaml"}
    assert (staged / "raytd-catalogue.yaml").read_text() == "tasks: []\n"
    assert order.command().endswith("--catalogue raytd-catalogue.yaml")


def test_words_reach_the_cluster_as_they_were_given(file: Shipped) -> None:
    words = ["--set", "grid.model=[cnn8, 'my.nets:make(depth=3)']", "--fresh"]
    given = shlex.split(Order(file, "/shared", words).command())
    assert given == [
        "python", "-m", "raytd", "sweep", "small.yaml", "--address", "auto",
        "--storage", "/shared", *words,
    ]  # fmt: skip


def test_no_variable_of_this_machine_goes_with_the_job(
    file: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    monkeypatch.setenv("RAYTD_DATA", "/home/me/data")
    assert Order(file, "/shared").environment() == {"PYTHONUNBUFFERED": "1"}
    assert Order(file, "/shared", data="/data").environment()["RAYTD_DATA"] == "/data"


def test_all_that_is_wrong_with_an_order_is_said_at_once(file: Shipped, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "small.yaml").write_text("")
    missing = tmp_path / "none.py"
    order = Order(file, "runs", data="data", include=[missing, other / "small.yaml"])
    assert order.problems() == [
        "--storage runs: must be the absolute path of a folder that every node of the cluster "
        "mounts",
        "--data data: must be the absolute path of a folder that every node of the cluster mounts",
        f"{missing}: no such file or folder",
        "--include: two are called 'small.yaml'; rename one",
    ]


def test_the_home_folder_of_this_machine_is_not_that_of_the_cluster(file: Shipped) -> None:
    for home in ("~", "~no-such-user"):
        (problem,) = Order(file, f"{home}/runs").problems()
        assert problem.startswith(f"--storage {home}/runs: must be the absolute path")


def test_an_object_store_is_named_to_the_cluster_but_no_secret(file: Shipped) -> None:
    uri = "s3://bucket/runs?region=eu-west-1&endpoint_override=http://minio:9000"
    order = Order(file, uri)
    assert order.problems() == []
    assert uri in shlex.split(order.command())
    (problem,) = Order(file, "s3://AKIA1:5ecret@bucket/runs").problems()
    assert problem.startswith("--storage: its secret would be seen by everyone who sees the job")
    assert "5ecret" not in problem


@pytest.mark.parametrize(
    ("given", "variables", "url"),
    [
        (None, {}, "http://127.0.0.1:8265"),
        ("head:8265", {"RAY_ADDRESS": "http://other:1"}, "http://head:8265"),
        ("https://head/ray", {}, "https://head/ray"),
        (None, {"RAY_ADDRESS": "http://a:1", "RAY_API_SERVER_ADDRESS": "http://b:2"}, "http://b:2"),
    ],
)
def test_an_address_that_is_given_wins_over_the_environment(
    given: str | None, variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert server_url(given) == url


def test_the_address_of_the_cluster_is_not_that_of_its_job_server() -> None:
    with pytest.raises(RequestError, match="give the job server, as http://127.0.0.1:8265"):
        server_url("ray://head:10001")


def test_an_address_where_nobody_answers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(RequestError, match="no job server of a Ray cluster answers there") as raised,
        job_server("127.0.0.1:9"),
    ):
        pytest.fail("there is nobody")
    assert len(str(raised.value).splitlines()) == 1


def a_job(name: str, start: int, **metadata: str) -> SimpleNamespace:
    return SimpleNamespace(submission_id=name, start_time=start, metadata=metadata)


def test_the_latest_sweep_is_found_among_the_jobs_of_others() -> None:
    ours = {"raytd.sweep": "small"}
    jobs = [a_job("small-1", 1, **ours), a_job("small-2", 2, **ours), a_job("theirs", 3)]
    client = SimpleNamespace(list_jobs=lambda: jobs)
    assert find_job(client, None).submission_id == "small-2"
    assert find_job(client, "small-1").submission_id == "small-1"
    with pytest.raises(RequestError, match="no job 'theirs'; there are small-2, small-1"):
        find_job(client, "theirs")
    with pytest.raises(RequestError, match="has no jobs of raytd"):
        find_job(SimpleNamespace(list_jobs=list), None)
