"""Speeds of the networks of a plan: kept from before, or measured side by side in processes."""

import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from raytd.errors import PathError, StorageError
from raytd.paths import cache_folder
from raytd.storage.files import write_json
from raytd.sweep.cost.child import end_with_parent
from raytd.sweep.cost.estimate import network_key, speed_key
from raytd.sweep.cost.speed import Speed, calibrate
from raytd.sweep.trials.trial import Trial


@dataclass(frozen=True)
class Timings:
    """What is known of the networks of a plan.

    Attributes:
        start_s: until a process has started.
        speeds: by `speed_key`; those of `untimed` are not there.
        untimed: a trial of each kind whose network has not been timed.
        n_kept: kinds whose speed was measured by an earlier call.
    """

    start_s: float
    speeds: dict[str, Speed]
    untimed: Sequence[Trial] = ()
    n_kept: int = 0


def cache_file() -> Path:
    """Where measured speeds are kept: in the user's cache folder.

    Raises:
        PathError: if there is none.
    """
    return cache_folder() / "speeds.json"


def timings(
    trials: Iterable[Trial],
    *,
    side_by_side: int,
    quick: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Timings:
    """The speed of a trial of each kind: kept from before, or measured now and kept.

    Processes that compute side by side share caches and memory, so that each is slower than alone.
    A network is timed in as many processes at once as will compute at once, and a speed that was
    measured in another number of them does not count.

    Args:
        trials: whose speeds are wanted.
        side_by_side: processes.
        quick: measures nothing, and takes any speed that was kept.
        tell: called with what is being timed.
    """
    kinds = {speed_key(t): t for t in trials}
    start_s, kept = _kept(None if quick else side_by_side)
    timed_as = _timed_as(kinds)
    known = {key: kept[k] for key, like in timed_as.items() for k in (like, key) if k in kept}
    untimed = {timed_as[key]: kinds[timed_as[key]] for key in kinds if key not in known}
    if quick or not untimed:
        return Timings(start_s, known, list(untimed.values()), len(known))
    start_s, measured = _measured(untimed, side_by_side, tell)
    measured = {key: measured[like] for key, like in timed_as.items() if key not in known}
    _keep(start_s, measured, side_by_side)
    return Timings(start_s, known | measured, n_kept=len(known))


def _timed_as(kinds: Mapping[str, Trial]) -> dict[str, str]:
    """For each kind the one that is timed for it: its own or, where it has no tiles, one that has.

    Of a method without blocks only the steps of its network are timed.
    """
    tiled = {network_key(t): key for key, t in kinds.items() if t.work is not None}
    return {
        key: key if t.work is not None else tiled.get(network_key(t), key)
        for key, t in kinds.items()
    }


def kind_in_words(trial: Trial) -> str:
    """What sets the speed of a trial's network apart."""
    from raytd.tasks.pixels.form import in_words

    images = in_words(trial.source.image_shape)
    return f"{trial.config.model} on images {images}, batch size {trial.config.batch}"


def kept_speeds() -> dict[str, Speed]:
    """Speeds that were measured on this machine before, whatever ran beside them."""
    return _kept(None)[1]


def _measured(
    kinds: Mapping[str, Trial], side_by_side: int, tell: Callable[[str], None]
) -> tuple[float, dict[str, Speed]]:
    """Seconds until a process has started, and the speed of each kind."""
    tell(f"starting {side_by_side} process{'' if side_by_side == 1 else 'es'} to time networks in")
    context, speeds = multiprocessing.get_context("spawn"), dict[str, Speed]()
    with ProcessPoolExecutor(side_by_side, mp_context=context, initializer=end_with_parent) as pool:
        started = time.time()
        try:
            alive = list(pool.map(_arrive, [0.5] * side_by_side))
            start_s = statistics.median(alive) - started
            for number, (key, trial) in enumerate(kinds.items(), 1):
                tell(f"timing network {number} of {len(kinds)}: {kind_in_words(trial)}")
                speeds[key] = _typical(list(pool.map(calibrate, [trial] * side_by_side)))
        except BaseException:  # the pool would wait until they have timed their networks
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    return start_s, speeds


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


def _kept(side_by_side: int | None) -> tuple[float, dict[str, Speed]]:
    """Seconds until a process has started, and the speeds that so many processes have measured."""
    with suppress(OSError, ValueError, TypeError, KeyError):  # PathError is a ValueError
        kept = json.loads(cache_file().read_text())
        if kept["machine"] == _machine():
            speeds = {
                key: Speed(**{k: v for k, v in speed.items() if k != _BESIDE})
                for key, speed in kept["speeds"].items()
                if side_by_side in (None, speed[_BESIDE])
            }
            return float(kept["start_s"]), speeds
    return 0.0, {}


_BESIDE = "side_by_side"


def _keep(start_s: float, measured: Mapping[str, Speed], side_by_side: int) -> None:
    """Adds speeds to those in the file; of two of one kind the newer stays."""
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError, TypeError, KeyError):  # PathError is a ValueError
        kept = json.loads(cache_file().read_text())
        known = kept["speeds"] if kept["machine"] == _machine() else {}
    added = {key: asdict(speed) | {_BESIDE: side_by_side} for key, speed in measured.items()}
    content = {"machine": _machine(), "start_s": start_s, "speeds": known | added}
    with suppress(StorageError, PathError):  # the next plan measures again
        write_json(cache_file(), content)


def _machine() -> str:
    """What speeds depend on beside the trial."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = [version(name) for name in ("raytd", "torch")]
    return " ".join(map(str, (platform.node(), platform.machine(), os.cpu_count(), gpu, *versions)))
