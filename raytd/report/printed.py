"""A result that Python shows as the command line prints it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

_HTML_WIDTH = 160
"""Columns of a notebook's cell."""

_HTML = '<pre style="white-space: pre; overflow-x: auto; line-height: normal">{code}</pre>'


class Unwrapped(str):
    """A line that is never wrapped, such as one with a path, so that it can be copied."""

    __slots__ = ()


class Printed(ABC):
    """Something that a command prints; `str` of it is the same text, and notebooks show it."""

    @abstractmethod
    def parts(self, width: int) -> Iterator[RenderableType]:
        """Lines and tables in their order.

        Args:
            width: columns that there are.
        """

    def print_to(self, console: Console) -> None:
        """Prints all parts."""
        for part in self.parts(console.width):
            console.print(part, soft_wrap=isinstance(part, Unwrapped), crop=False)

    def __str__(self) -> str:
        return self._rendered().file.getvalue()  # type: ignore[attr-defined, no-any-return]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        console = self._rendered(record=True, width=_HTML_WIDTH)
        return console.export_html(inline_styles=True, code_format=_HTML)

    def _rendered(self, **options: Any) -> Console:
        console = Console(
            file=StringIO(), force_jupyter=False, markup=False, emoji=False, highlight=False,
            **options,
        )  # fmt: skip
        self.print_to(console)
        return console
