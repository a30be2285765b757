"""Images that a library has already put into memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from raytd.tasks.readers.contract import Indices, Raw


@dataclass(frozen=True)
class ArrayImages:
    """Images in an array.

    Attributes:
        name: of what the array holds, for messages.
        pixels: channels last.
    """

    name: str
    pixels: UInt8[np.ndarray, "n height width channels"]

    def decode(self, rows: Indices) -> Iterator[Raw]:
        """The images of these rows, one at a time."""
        for row in rows:
            yield self.pixels[row].transpose(2, 0, 1)

    def place(self, row: int) -> str:
        """The name and the row."""
        return f"{self.name} row {row}"
