"""The methods by name: the one place that a new distance is added to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raytd.engine.config import Settings
from raytd.methods import coupled, uncoupled

if TYPE_CHECKING:
    from raytd.methods.result import DistanceResult


@dataclass(frozen=True)
class Method:
    """A distance that can be swept.

    Attributes:
        name: in sweep files and results.
        unit: of its value.
        smaller_is_closer: how to read it.
        config: its settings.
        section: section of the sweep file that holds them.
        run: (pair, config, context) to result.
    """

    name: str
    unit: str
    smaller_is_closer: bool
    config: type[Settings]
    section: str
    run: "Callable[[Any, Any, Any], DistanceResult]"


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method("coupled", "rad", True, coupled.CoupledConfig, "coupled", coupled.run),
        Method("uncoupled", "rad", True, uncoupled.UncoupledConfig, "coupled", uncoupled.run),
    )
}
