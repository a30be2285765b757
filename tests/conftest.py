"""Fixtures of all tests: small real tasks, and one Ray cluster for the session."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from raytd.engine.config import PretrainConfig, ResourcesConfig, StopConfig, TrajectoryConfig
from raytd.engine.context import Context, Pair
from raytd.engine.devices import torch_threads
from raytd.engine.executor import Launcher, run_in_process
from raytd.engine.sources import SourceCache
from raytd.tasks import datasets
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.task import Task, make_task
from tests.object_store import KEYS, Server, s3_server

SMALL = {"train": 30, "val": 20}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Networks of this size lose more by waiting for a second thread than they gain."""
    with torch_threads(1):
        yield


@pytest.fixture(autouse=True, scope="session")
def _signals_end_processes() -> None:
    """Commands that tests start obey signals that `nohup` and `&` let this process ignore."""
    for number, handler in (
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),
    ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def small_task(name: str, **counts: int) -> Task:
    """A catalogue task of digits with few images."""
    spec = CATALOGUE[name].model_copy(update=SMALL | counts)
    return make_task(spec, datasets.read("digits", Path("unused")))


@pytest.fixture(scope="session")
def sources() -> SourceCache:
    """One cache for the session, so that each source is trained once."""
    return SourceCache(None)


@pytest.fixture(scope="session")
def pair() -> Pair:
    """Two tasks that share no class."""
    return Pair(small_task("digits-low"), small_task("digits-high"), "cnn8-narrow", seed=3)


@pytest.fixture(scope="session")
def small_trajectory() -> TrajectoryConfig:
    """Forty steps in twenty segments."""
    return TrajectoryConfig(steps=40, batch_size=8, lr=0.01, segments=20)


def make_context(
    sources: SourceCache, trajectory: TrajectoryConfig, launch: Launcher = run_in_process
) -> Context:
    """A context with short pre-training."""
    return Context(
        launch=launch,
        sources=sources,
        trajectory=trajectory,
        pretrain=PretrainConfig(epochs=4, batch_size=10),
        stop=StopConfig(tolerance=0),
        resources=ResourcesConfig(threads=1),
        on_iteration=lambda _: None,
    )


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    """A server that speaks S3, with an empty bucket `bucket`."""
    with pytest.MonkeyPatch.context() as patch, s3_server("bucket") as server:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A local cluster with logical GPUs; its files go to a temporary home."""
    home = tmp_path_factory.mktemp("home")
    changed = {"HOME": str(home), "RAY_AUTH_MODE": "disabled"}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    import ray

    ray.init(
        address="local",
        num_cpus=4,
        num_gpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield
    ray.shutdown()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
