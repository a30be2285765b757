"""Ctrl-C, remembered: libraries may swallow a KeyboardInterrupt or turn it into an error."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interruption:
    """Whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.pressed = False

    def check(self) -> None:
        """Raises again what was lost on its way.

        Raises:
            KeyboardInterrupt: if Ctrl-C was pressed.
        """
        if self.pressed:
            raise KeyboardInterrupt


@contextmanager
def remembered() -> Iterator[Interruption]:
    """Within the block, Ctrl-C still raises KeyboardInterrupt, and is remembered.

    Outside of the main thread, which alone gets signals, nothing can be remembered.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def press(*_: Any) -> None:
        interruption.pressed = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, press)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
