"""Speeds of the networks of a plan: kept from before, or measured side by side in processes."""

import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from raytd.engine.files import write_json
from raytd.errors import HomeError, StorageError
from raytd.paths import cache_folder
from raytd.sweep.calibration import Speed, calibrate
from raytd.sweep.estimate import speed_key
from raytd.sweep.trial import Trial

Kept = tuple[float, dict[str, Speed]]
"""Seconds until a process has started, and speeds."""


def cache_file() -> Path:
    """Where measured speeds are kept: in the user's cache folder.

    Raises:
        HomeError: if there is none.
    """
    return cache_folder() / "speeds.json"


def measured_speeds(trials: Sequence[Trial], *, side_by_side: int) -> Kept:
    """Times a trial of each kind, in as many processes at once as will compute at once.

    Processes that compute side by side share caches and memory, so that each is slower than alone.
    The speeds are kept for progress views.

    Args:
        trials: whose speeds are wanted.
        side_by_side: processes.
    """
    kinds = list({speed_key(t): t for t in trials}.values())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(side_by_side, mp_context=context) as pool:
        started = time.time()
        alive = list(pool.map(_arrive, [0.5] * side_by_side))
        start_s = statistics.median(alive) - started
        found = [list(pool.map(calibrate, [trial] * side_by_side)) for trial in kinds]
    speeds = {speed_key(t): _typical(s) for t, s in zip(kinds, found, strict=True)}
    _keep(start_s, speeds)
    return start_s, speeds


def kept_speeds() -> dict[str, Speed]:
    """Speeds that were measured on this machine before."""
    with suppress(OSError, ValueError, TypeError, KeyError):  # HomeError is a ValueError
        kept = json.loads(cache_file().read_text())
        if kept["machine"] == _machine():
            return {key: Speed(**speed) for key, speed in kept["speeds"].items()}
    return {}


def _arrive(pause_s: float) -> float:
    """When this process is ready; it waits a little, so that each process is asked once."""
    import raytd.engine.worker  # noqa: F401

    now = time.time()
    time.sleep(pause_s)
    return now


def _typical(speeds: Sequence[Speed]) -> Speed:
    fields = {name: statistics.mean(vars(s)[name] for s in speeds) for name in vars(speeds[0])}
    whole = ("activation_bytes", "widest_bytes", "parameters")
    return Speed(**fields | {name: int(fields[name]) for name in whole})


def _keep(start_s: float, speeds: dict[str, Speed]) -> None:
    known = kept_speeds() | speeds
    content = {
        "machine": _machine(),
        "start_s": start_s,
        "speeds": {key: asdict(speed) for key, speed in known.items()},
    }
    with suppress(StorageError, HomeError):  # the next plan measures again
        write_json(cache_file(), content)


def _machine() -> str:
    parts = (platform.node(), platform.machine(), os.cpu_count(), version("torch"))
    return " ".join(map(str, parts))
