"""The number of a method that follows no interpolated task, with everything that judges it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raytd.rows.column import Scalar

if TYPE_CHECKING:
    import pyarrow as pa

    from raytd.engine.records import Iteration


@dataclass(frozen=True)
class Score:
    """How far, or how near, one task is to another.

    Attributes:
        value: what the method returns.
        sgd_steps: training steps that the method took, sources left out.
        forward_images: images that went forward, in training too, sources left out.
        figures: further columns of the results table by name, as the method declares them.
        curves: tables beside the result by name: each a row for every point.
        warnings: what the user should know, in words.
        unit: of `value`: `rad`, `nats`, `accuracy`, or `1` where it has none; the method says it.
        smaller_is_closer: how to read it; likewise.
    """

    value: float
    sgd_steps: int
    forward_images: int
    figures: Mapping[str, Scalar] = field(default_factory=dict)
    curves: Mapping[str, Sequence[Mapping[str, Scalar]]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unit: str = "1"
    smaller_is_closer: bool = True

    @property
    def iterations(self) -> tuple["Iteration", ...]:
        """None: nothing is iterated."""
        return ()

    def tables(self) -> "dict[str, pa.Table]":
        """What stands beside its row, by the name of the file."""
        import pyarrow as pa

        return {name: pa.Table.from_pylist(list(rows)) for name, rows in self.curves.items()}

    def columns(self) -> dict[str, Any]:
        """The scalar figures by name, as a row of a results table holds them."""
        return {
            "value": self.value,
            "sgd_steps": self.sgd_steps,
            "forward_images": self.forward_images,
            **self.figures,
            "warnings": "; ".join(self.warnings) or None,
        }
