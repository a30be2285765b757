"""Parquet files with encoded images, as the Hugging Face hub has them.

An image is a struct of `bytes` and `path`, or plain bytes; a label is a whole number, with class
names in the schema's metadata or without, or text. Layout:
https://huggingface.co/docs/hub/datasets-image
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raytd.errors import DataError
from raytd.tasks.readers.contract import (
    Content,
    Images,
    Indices,
    Raw,
    Split,
    check_rows,
    one_line,
)
from raytd.tasks.readers.encoded import decode_image
from raytd.tasks.readers.parquet_columns import Columns, find_columns
from raytd.tasks.readers.parts import in_order, part_of, train_and_val

_BATCH = 64
"""Rows whose encoded bytes are in memory at once."""

_BUFFER = 2**18
"""Bytes read at once: without a limit a row group would come whole, and may hold the whole file."""


@dataclass(frozen=True)
class ParquetImages:
    """Images in the image columns of files that continue one another.

    Attributes:
        files: with their columns.
        starts: number of the first row of each file, and of the row after the last.
    """

    files: Sequence[tuple[Path, Columns]]
    starts: Indices

    def decode(self, rows: Indices) -> Iterator[Raw]:
        """The images of these rows; of row groups without one of them nothing is read."""
        for f, (path, columns) in enumerate(self.files):
            first, end = np.searchsorted(rows, self.starts[f : f + 2])
            for row, data in _cells(path, columns, rows[first:end] - self.starts[f]):
                if data is None:
                    raise DataError(f"{path} row {row}: no bytes in column '{columns.image}'")
                yield decode_image(data, f"{path} row {row}")

    def place(self, row: int) -> str:
        """The file and the row in it."""
        f = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.files[f][0]} row {row - int(self.starts[f])}"


def is_there(path: Path) -> bool:
    """Whether it is such a file or a folder that holds some."""
    return path.is_file() or (path.is_dir() and next(path.rglob("*.parquet"), None) is not None)


def read(path: Path) -> Content:
    """Labels and class names of all files."""
    files = _files(path)
    columns = {file: find_columns(file) for part in files.values() for file in part}
    labels = {file: _labels(file, c) for file, c in columns.items()}
    names = next((c.class_names for c in columns.values() if c.class_names), None)
    if any(values.dtype.kind != "i" for values in labels.values()):
        names = tuple(sorted({str(v) for values in labels.values() for v in set(values)}))
        number = {name: c for c, name in enumerate(names)}
        labels = {
            file: np.array([number[str(v)] for v in values], np.int64)
            for file, values in labels.items()
        }
    parts = {
        part: _split(
            part, [(file, columns[file]) for file in found], [labels[file] for file in found]
        )
        for part, found in files.items()
    }
    return Content(names, *train_and_val(parts))


def _files(path: Path) -> dict[str, list[Path]]:
    """Files of each part, in the order of their names; one that does not say is for training."""
    if path.is_file():
        return {"train": [path]}
    parts: dict[str, list[Path]] = {}
    for file in in_order(path.rglob("*.parquet"), path):
        parts.setdefault(part_of(file) or "train", []).append(file)
    if "train" not in parts:
        there = ", ".join(parts) or "none"
        raise DataError(f"{path}: no Parquet file for training (found: {there})")
    return parts


def _split(part: str, files: list[tuple[Path, Columns]], labels: list[Indices]) -> Split:
    starts = np.cumsum([0, *map(len, labels)])
    check_rows(int(starts[-1]), int(starts[-1]), str(files[0][0]))
    images: Images = ParquetImages(files, starts)
    return Split(np.concatenate(labels), images, part, len(files))


def _labels(path: Path, columns: Columns) -> np.ndarray[Any, Any]:
    """The label column: whole numbers, or text as objects."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        column = pq.ParquetFile(path).read(columns=[columns.label]).column(0).combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: column '{columns.label}' is damaged ({one_line(error)})"
        ) from error
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{path} row {row}: no label in column '{columns.label}'")
    values: np.ndarray[Any, Any] = column.to_numpy(zero_copy_only=False)
    return values if values.dtype.kind == "O" else values.astype(np.int64)


def _cells(path: Path, columns: Columns, rows: Indices) -> Iterator[tuple[int, bytes | None]]:
    """Encoded images of rows of one file, in batches of few rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not len(rows):
        return
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
            starts = np.cumsum([0, *sizes])
            for g, group_start in enumerate(starts[:-1]):
                at, end = np.searchsorted(rows, [group_start, starts[g + 1]])
                if at == end:
                    continue
                done = group_start
                for batch in file.iter_batches(_BATCH, [g], [columns.leaf], use_threads=False):
                    here = rows[at : np.searchsorted(rows, done + batch.num_rows)]
                    values = batch.column(0)
                    for row in here:
                        cell = values[int(row - done)].as_py()
                        yield int(row), cell["bytes"] if isinstance(cell, dict) else cell
                    at, done = at + len(here), done + batch.num_rows
                    if at == end:
                        break
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} row {int(rows[0])} or after it: damaged ({one_line(error)})"
        ) from error
