"""What commands print, as it fits the window.

Tables and sentences of a result are wrapped inside the window. A path, a warning or an error is
one line that the terminal wraps by itself, so that it can be copied as a whole. Nothing is cut
without a sign, and no text is taken for markup or steers the terminal.
"""

from typing import TYPE_CHECKING, Any

from raytd.words import harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def open_console(*, stderr: bool = False) -> "Console":
    """The console of a command, which prints every text as it is, and whole."""
    from rich.console import Console

    class Whole(Console):
        def print(self, *objects: Any, crop: bool = False, **options: Any) -> None:
            """As rich does, but what does not fit is wrapped by the terminal and not cut."""
            super().print(*objects, crop=crop, **options)

        def render_str(self, text: str, **options: Any) -> "Text":
            """Every text of ours comes through here, those of tables, too."""
            return super().render_str(harmless(text), **options)

    return Whole(stderr=stderr, markup=False, emoji=False, highlight=False)


def open_table(*columns: str, **options: Any) -> "Table":
    """A table with a rule below its head; a text that is too long for its column wraps."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, **options)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
