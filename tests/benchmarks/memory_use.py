"""What a process holds for itself, from /proc."""

import threading
from pathlib import Path


def unique_mib(pid: int | str = "self") -> float:
    """Memory that no other process shares (USS); the object store's pages do not count."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return kib / 1024


def resident_mib(pid: int | str = "self") -> float:
    """Memory that is in use (RSS), the object store's pages that were touched included."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Peak(threading.Thread):
    """Watches processes while a block runs; the greatest unique and resident memory of each.

    Args:
        pids: the processes.
        every_s: between two looks.
    """

    def __init__(self, pids: list[int], every_s: float = 0.5) -> None:
        super().__init__(daemon=True)
        self.unique = dict.fromkeys(pids, 0.0)
        self.resident = dict.fromkeys(pids, 0.0)
        self._every_s, self._over = every_s, threading.Event()

    def __enter__(self) -> "Peak":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Looks until it is over."""
        while not self._over.wait(self._every_s):
            for pid in self.unique:
                try:
                    self.unique[pid] = max(self.unique[pid], unique_mib(pid))
                    self.resident[pid] = max(self.resident[pid], resident_mib(pid))
                except (OSError, IndexError):  # it has just ended
                    continue
