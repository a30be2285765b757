"""Information-geometric distances between learning tasks, on Ray, tracked by MLflow."""

from importlib import import_module
from importlib.metadata import version
from inspect import Signature, signature
from types import ModuleType
from typing import TYPE_CHECKING, Any

import raytd.sweep as _sweep

if TYPE_CHECKING:
    from raytd.api import distance, judge, load_sweep, recommend, results, sweep

__all__ = ["distance", "judge", "load_sweep", "recommend", "results", "sweep"]
__version__ = version("raytd")


class _SweepRoom(ModuleType):
    """The package `raytd.sweep`, which is the function `sweep` of `raytd.api`, too.

    Python binds the package to that name as soon as anything in it is imported.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Runs what is missing of a sweep; see `raytd.api.sweep`."""
        from raytd.api import sweep

        return sweep(*args, **options)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        """What `help` and notebooks show: the arguments of the function, and what is returned."""
        from raytd.api import sweep

        return sweep.__doc__

    @property
    def __signature__(self) -> Signature:
        from raytd.api import sweep

        return signature(sweep)

    def __reduce__(self) -> Any:
        return import_module, (self.__name__,)


_sweep.__class__ = _SweepRoom


def __getattr__(name: str) -> Any:
    """Loads the Python interface when it is first used; importing raytd stays cheap."""
    if name in __all__:
        from raytd import api

        return getattr(api, name)
    raise AttributeError(f"module 'raytd' has no attribute '{name}'")


def __dir__() -> list[str]:
    """What users call."""
    return __all__
