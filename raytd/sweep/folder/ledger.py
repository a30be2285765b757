"""The ledger: which trials of a sweep have ended, and everything that they left on disk."""

import io
import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from raytd.methods.registry import COLUMNS
from raytd.rows.column import Scalar
from raytd.rows.row import COMMON, Figures, Row
from raytd.storage.damage import read_if_whole
from raytd.storage.files import write_bytes, write_json
from raytd.storage.path import StoragePath
from raytd.sweep.folder.doubts import with_doubts
from raytd.sweep.folder.seed_errors import with_seed_errors
from raytd.sweep.folder.trial_log import TrialLog

if TYPE_CHECKING:  # reading a ledger needs no torch
    from raytd.methods.paths.result import DistanceResult
    from raytd.methods.score import Score

_AT_ONCE = 16
"""Rows that are read at a time."""

_ALWAYS = ("method", "model", "source", "target", "seed")
"""Columns that every record has."""

_PLACES = {"iterations": ("iteration",), "knots": ("iteration", "knot", "tau")}
"""Columns that say where a point of a curve stands."""

_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


class Ledger:
    """The folder of one sweep.

    A trial has ended once its `result.json` is there; it is written after everything else.

    Args:
        folder: `<storage>/<sweep name>`.
    """

    def __init__(self, folder: StoragePath) -> None:
        self.folder = folder

    def trial_folder(self, key: str) -> StoragePath:
        """Where a trial's files lie."""
        return self.folder / "trials" / key

    def row(self, key: str) -> Row | None:
        """The row of a trial that has ended, or None; a damaged one is named, and is none."""
        return read_if_whole(
            self.trial_folder(key) / "result.json",
            lambda content: _row_of(key, json.loads(content)),
            then="The trial counts as missing: run raytd sweep again, which runs it.",
        )

    def done_since(self, key: str, version: int | None) -> Row | None:
        """The row of a trial that has a result, unless it is of the version given."""
        if self.version(key) in (None, version):  # looked at first: the row may be written now
            return None
        row = self.row(key)
        return row if row is not None and row["status"] == "done" else None

    def rows_of(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows of those trials that have ended, many at a time: a store may be far away."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = zip(keys, pool.map(self.row, keys), strict=True)
            return {key: row for key, row in found if row is not None}

    def version(self, key: str) -> int | None:
        """Changes whenever a trial's row is written; None before it is."""
        try:
            return (self.trial_folder(key) / "result.json").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def rows(self) -> list[Row]:
        """The rows of all trials that have ended, whatever the sweep file says today.

        What is doubtful about them is added, as `raytd.sweep.folder.doubts` says, and how far seeds
        scatter, as `raytd.sweep.folder.seed_errors` does.
        """
        rows = list(self.rows_of(self._ended()).values())
        return with_seed_errors(with_doubts(rows))

    def table(self, key: str, name: str) -> list[Figures]:
        """A table beside a trial's row, such as `iterations` or `knots`; empty without one.

        A damaged one is named, and is empty.
        """
        found = read_if_whole(
            self.trial_folder(key) / f"{name}.parquet",
            partial(_points_of, name),
            then="Its curve is left out. To make it anew, remove the result.json beside it and run "
            "raytd sweep again.",
        )
        return found or []

    def versions(self) -> dict[str, int | None]:
        """The version of every row."""
        return {key: self.version(key) for key in self._ended()}

    def _ended(self) -> list[str]:
        return sorted(p.parent.name for p in self.folder.glob("trials/*/result.json"))

    def log(self, key: str) -> TrialLog:
        """The log of a trial."""
        return TrialLog(self.trial_folder(key) / "log.txt")

    def write_result(self, row: Row, config: Any, result: "DistanceResult | Score") -> None:
        """Writes everything about a trial that has a result.

        Raises:
            StorageError: in one line.
        """
        folder = self.trial_folder(row["trial_key"])
        write_json(folder / "config.json", config)
        for name, content in result.tables().items():
            write_bytes(folder / f"{name}.parquet", parquet_bytes(content))
        write_json(folder / "result.json", row)

    def write_failure(self, row: Row, config: Any) -> None:
        """Writes what is known about a trial that failed.

        Raises:
            StorageError: in one line.
        """
        folder = self.trial_folder(row["trial_key"])
        write_json(folder / "config.json", config)
        write_json(folder / "result.json", row)

    def write_results(self) -> StoragePath:
        """Writes `results.parquet` over all trials that have ended; returns its path."""
        path = self.folder / "results.parquet"
        write_bytes(path, parquet_bytes(as_table(self.rows())))
        return path


def _row_of(key: str, row: Any) -> Row:
    """The row of a trial, if what was read is one.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if not isinstance(row, dict) or row.get("trial_key") != key:
        raise ValueError("it is not the record of this trial")
    if row.get("status") not in ("done", "failed"):
        raise ValueError("its status is neither done nor failed")
    missing = [name for name in _ALWAYS if row.get(name) is None]
    if missing:
        raise ValueError(f"it has no '{missing[0]}'")
    wrong = [name for name, value in row.items() if not _may_hold(name, value)]
    if wrong:
        raise ValueError(f"its '{wrong[0]}' is no value of that column")
    return cast(Row, row)


def _may_hold(name: str, value: Any) -> bool:
    """Whether a value can stand in a column; one of an axis is any scalar."""
    if value is None:
        return True
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return COLUMNS[name].holds(value) if name in COLUMNS else isinstance(value, Scalar)


def _points_of(name: str, content: bytes) -> list[Figures]:
    """The points of a curve, each of which says where it stands.

    Raises:
        ValueError: saying what is wrong with them.
    """
    rows: list[Figures] = pq.read_table(io.BytesIO(content)).to_pylist()
    for place in _PLACES.get(name, ()):
        if any(not isinstance(row.get(place), int | float) for row in rows):
            raise ValueError(f"it has a point without '{place}'")
    return rows


def as_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as a table with every column that all results may have, whatever the rows hold.

    Each field has its unit and its meaning as metadata.
    """
    names = dict.fromkeys([*COMMON, *(name for each in rows for name in each)])
    values = [pa.array([each.get(name) for each in rows], _type(name)) for name in names]
    fields = [
        pa.field(name, column.type, metadata=_metadata(name))
        for name, column in zip(names, values, strict=True)
    ]
    return pa.table(values, pa.schema(fields))


def _type(name: str) -> pa.DataType | None:
    return _TYPES[COLUMNS[name].type] if name in COLUMNS else None


def _metadata(name: str) -> dict[str, str]:
    """What is known of a column; an axis explains itself in the sweep file."""
    if name not in COLUMNS:
        return {}
    column = COLUMNS[name]
    return {"meaning": column.meaning} | ({} if column.unit is None else {"unit": column.unit})


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the content of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
