"""The ledger: which trials of a sweep have ended, and everything that they left on disk."""

import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from raytd.methods.registry import COLUMNS
from raytd.rows.row import COMMON, Figures, Row
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
        """The row of a trial that has ended, or None."""
        try:
            row: Row = json.loads((self.trial_folder(key) / "result.json").read_text())
        except FileNotFoundError:
            return None
        return row

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
        """A table beside a trial's row, such as `iterations` or `knots`; empty without one."""
        try:
            content = (self.trial_folder(key) / f"{name}.parquet").read_bytes()
        except FileNotFoundError:
            return []
        rows: list[Figures] = pq.read_table(io.BytesIO(content)).to_pylist()
        return rows

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
