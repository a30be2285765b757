"""Fixtures of all tests: small real tasks, and one Ray cluster for the session."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from raytd.engine.config import PretrainConfig, ResourcesConfig, StopConfig, TrajectoryConfig
from raytd.engine.executor import Launcher, run_in_process
from raytd.engine.setup.context import Context, Pair
from raytd.learning.devices import torch_threads
from raytd.learning.sources import SourceCache
from raytd.tasks import datasets
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.task import Task, make_task
from tests.left_behind import (  # noqa: F401
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_terminal_summary,
)
from tests.warm import warm_workers

SMALL = {"train": 30, "val": 20}

hypothesis.settings.register_profile("without a clock", deadline=None)
hypothesis.settings.load_profile("without a clock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that need Ray come first: they take longest, so that both processes end together."""
    with_ray = {item.path for item in items if item.get_closest_marker("ray")}
    items.sort(key=lambda item: item.path not in with_ray)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Networks of this size lose more by waiting for a second thread than they gain."""
    with torch_threads(1):
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """A test that draws without a generator draws the same, whatever ran before it."""
    torch.manual_seed(0)


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


CPUS = 4

RAY_SETTINGS = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_worker_niceness": "0",
    "RAY_kill_worker_timeout_milliseconds": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_enable_metrics_collection": "0",
    "REPORTER_UPDATE_INTERVAL_MS": "600000",
}
"""What `raytd` itself sets for a cluster, and no token.

Its workers are not starved by other tests, those that hang are ended quickly, a node that is lost
is missed at once, and no time goes into statistics of Ray that nobody reads.
"""


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which processes of the session's cluster import; names in it are yours."""
    return tmp_path_factory.mktemp("modules")


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory, modules: Path) -> Iterator[None]:
    """A local cluster with logical GPUs; its files go to a temporary home."""
    home = tmp_path_factory.mktemp("home")
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(modules))))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (RAY_SETTINGS | {"HOME": str(home), "PYTHONPATH": path}).items():
            patch.setenv(name, value)
        import ray

        with warm_workers(home):
            ray.init(
                address="local",
                num_cpus=CPUS,
                num_gpus=4,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
            yield
            ray.shutdown()


@pytest.fixture(scope="module")
def ray_here(ray_cluster: None) -> Iterator[None]:
    """Commands of `raytd` in this process run on the session's cluster and start none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raytd.sweep.cluster.connection._init", lambda address, local: None)
        patch.setattr("raytd.sweep.cluster.connection._end", lambda: None)
        patch.setattr("raytd.sweep.cluster.connection.local_nodes", lambda: [{"CPU": float(CPUS)}])
        yield
