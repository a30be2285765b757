"""The methods by name: those of raytd, and those that other distributions bring.

A distribution offers a method by an entry point of the group `raytd.methods`, which names a
`raytd.methods.method.Method`.
"""

from importlib.metadata import entry_points

from raytd.engine.config import Settings
from raytd.errors import RequestError
from raytd.methods import (
    finetune,
    random,
    shared_classes,
    static_accuracy,
    static_size,
    transfer,
    weight_distance,
)
from raytd.methods.clouds import emd, otdd, s_otdd
from raytd.methods.fisher import task2vec
from raytd.methods.foreign import brought
from raytd.methods.method import Method
from raytd.methods.paths import coupled, coupled_aligned, mixture, ot_only, uncoupled
from raytd.methods.transferability import gbc, h_score, leep, logme, n_leep, nce, ped
from raytd.rows.column import Column
from raytd.rows.row import COMMON

GROUP = "raytd.methods"

_OWN = (
    coupled, coupled_aligned, uncoupled, mixture, ot_only, finetune, transfer, weight_distance,
    task2vec, emd, otdd, s_otdd, leep, n_leep, nce, logme, ped, h_score, gbc,
    random, shared_classes, static_size, static_accuracy,
)  # fmt: skip


def _all() -> dict[str, Method]:
    methods = {module.METHOD.name: module.METHOD for module in _OWN}
    for point in entry_points(group=GROUP):
        method = brought(point, methods)
        methods[method.name] = method
    return methods


METHODS: dict[str, Method] = _all()


def _columns() -> dict[str, Column]:
    """The columns that all results may have, and those of each method.

    Raises:
        RequestError: in one line, if two methods mean two things by one name.
    """
    known = dict(COMMON)
    for method in METHODS.values():
        for name, column in method.columns.items():
            other = known.setdefault(name, column)
            if (other.type, other.unit) != (column.type, column.unit):
                own, others = (
                    f"{c.type.__name__} ({c.unit or 'no unit'})" for c in (column, other)
                )
                raise RequestError(
                    f"the method '{method.name}' has a column '{name}' of {own}, and other results "
                    f"have one of {others}; give it another name"
                )
    return known


COLUMNS: dict[str, Column] = _columns()
"""Every column that a table of results can have, but for the axes of a sweep."""


def sections() -> dict[str, type[Settings]]:
    """The sections of a sweep file that hold settings of methods, and the keys of each.

    Methods that share a section read a part of what the first of them reads.
    """
    found: dict[str, type[Settings]] = {}
    for method in METHODS.values():
        if method.section is not None:
            found.setdefault(method.section, method.settings)
    return found
