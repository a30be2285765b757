"""What commands print, as it fits the window.

Tables and sentences of a result are wrapped inside the window. A path, a warning or an error is
one line that the terminal wraps by itself, so that it can be copied as a whole. Nothing is cut
without a sign, and no text is taken for markup.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def open_console(*, stderr: bool = False) -> "Console":
    """The console of a command, which prints every text as it is."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
