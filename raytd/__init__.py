"""Information-geometric distances between learning tasks, on Ray, tracked by MLflow."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raytd.api import distance, load_sweep, results

__all__ = ["distance", "load_sweep", "results"]
__version__ = version("raytd")


def __getattr__(name: str) -> Any:
    """Loads the Python interface when it is first used; importing raytd stays cheap."""
    if name in __all__:
        from raytd import api

        return getattr(api, name)
    raise AttributeError(f"module 'raytd' has no attribute '{name}'")
