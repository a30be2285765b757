"""Processes that must not outlive the one that started them, however that one ends."""

import multiprocessing
import os
import signal
from threading import Thread


def end_with_parent() -> None:
    """Ends this process once the one that started it is gone, and not before.

    A pool's process would wait forever for the next call of a parent that was killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to the whole group
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()
