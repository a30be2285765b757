"""What a process has used of its machine, from the counters that the system keeps for it."""

import resource
import sys
import time

_MEBI = 2**20
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB on Linux


class UsageMeter:
    """Reads the counters of its own process; made when the process starts."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), _cpu_s()

    def read(self) -> dict[str, float]:
        """Use since the last reading, and the peaks since the process started.

        `cpu_utilization_percentage` is processor time over wall time, so that two busy threads
        give 200. Of a GPU there is the memory that torch has held at most; none without a GPU.
        """
        wall, cpu = time.monotonic(), _cpu_s()
        share = (cpu - self._cpu) / max(wall - self._wall, 1e-9)
        self._wall, self._cpu = wall, cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
        figures = {
            "cpu_utilization_percentage": 100 * share,
            "memory_peak_megabytes": peak / _MEBI,
        }
        return figures | _gpu()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _gpu() -> dict[str, float]:
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return {}
    return {"gpu_memory_peak_megabytes": torch.cuda.max_memory_reserved() / _MEBI}
