"""Information-geometric distances between learning tasks, on Ray, tracked by MLflow."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raytd.api import distance

__all__ = ["distance"]
__version__ = version("raytd")


def __getattr__(name: str) -> Any:
    """Loads the Python interface when it is first used; importing raytd stays cheap."""
    if name == "distance":
        from raytd.api import distance

        return distance
    raise AttributeError(f"module 'raytd' has no attribute '{name}'")
