"""What Ray Tune calls in the driver and must not pickle, as it does with all that it is given."""

from typing import Any, TypeVar

C = TypeVar("C", bound=type)


def stays_in_driver(cls: C) -> C:
    """A class decorator: copies are the object itself, and a pickle holds a plain base object.

    Tune pickles callbacks and searchers for `Tuner.restore`, which no sweep uses: the ledger says
    what is left. The views, trackers and locks behind them cannot be pickled.

    Args:
        cls: its first base is made without arguments.
    """
    base = cls.__mro__[1]

    def stand_in(_: Any) -> tuple[Any, tuple[()]]:
        return base, ()

    def itself(self: Any, *_: Any) -> Any:
        return self

    for name, method in (("__reduce__", stand_in), ("__copy__", itself), ("__deepcopy__", itself)):
        setattr(cls, name, method)
    return cls
