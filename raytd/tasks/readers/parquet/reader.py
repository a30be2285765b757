"""Parquet files with encoded images, as the Hugging Face hub has them.

An image is a struct of `bytes` and `path`, or plain bytes; a label is a whole number, with class
names in the schema's metadata or without, or text. Layout:
https://huggingface.co/docs/hub/datasets-image
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raytd.errors import DataError
from raytd.tasks.readers.class_numbers import one_numbering, whole_numbers
from raytd.tasks.readers.contract import Content, Images, Indices, Raw, Split, check_rows
from raytd.tasks.readers.encoded import decode_image
from raytd.tasks.readers.parquet.columns import (
    Columns,
    damage_told,
    find_columns,
    read_column,
    require_one_part,
)
from raytd.tasks.readers.parquet.files import find_files, is_parquet_name
from raytd.tasks.readers.parts import train_and_val
from raytd.tasks.readers.walk import Walk

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
    if not path.is_dir():
        return path.is_file()
    return Walk(path).holds(path, is_parquet_name, below=True)


def read(path: Path) -> Content:
    """Labels and class names of all files; classes with the same name are one."""
    files, notes = find_files(path)
    columns = {file: find_columns(file) for part in files.values() for file in part}
    _require_one_label(columns)
    for part in files.values():
        require_one_part(part, columns)
    labels, names = one_numbering(
        {file: _labels(file, c) for file, c in columns.items()},
        {file: c.class_names for file, c in columns.items()},
    )
    parts = {
        part: _split(part, [(file, columns[file]) for file in found], [labels[f] for f in found])
        for part, found in files.items()
    }
    train, val = (parts[""], None) if "" in parts else train_and_val(parts)
    said = dict.fromkeys([*notes, *(note for c in columns.values() for note in c.notes)])
    return Content(names, train, val, tuple(said))


def _require_one_label(columns: Mapping[Path, Columns]) -> None:
    """Refuses files whose labels stand in columns of different names."""
    first_of: dict[str, Path] = {}
    for file, found in columns.items():
        first_of.setdefault(found.label, file)
    if len(first_of) > 1:
        (one, here), (other, there), *_ = first_of.items()
        raise DataError(
            f"{there}: the label is column '{other}', but '{one}' in {here}; give the label one "
            "name in all files"
        )


def _split(part: str, files: list[tuple[Path, Columns]], labels: list[Indices]) -> Split:
    starts = np.cumsum([0, *map(len, labels)])
    check_rows(int(starts[-1]), int(starts[-1]), str(files[0][0]))
    images: Images = ParquetImages(files, starts)
    return Split(np.concatenate(labels), images, part, len(files))


def _labels(path: Path, columns: Columns) -> np.ndarray[Any, Any]:
    """The label column: whole numbers, or text as objects."""
    import pyarrow as pa

    with damage_told(f"{path}: column '{columns.label}' is damaged"):
        column = read_column(path, columns.label).combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise DataError(f"{path} row {row}: no label in column '{columns.label}'")
        values: np.ndarray[Any, Any] = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "O":
        return values
    hint = "; another column is read if it is called 'label'"
    return whole_numbers(path, f"column '{columns.label}'", values, hint)


def _cells(path: Path, columns: Columns, rows: Indices) -> Iterator[tuple[int, bytes | None]]:
    """Encoded images of rows of one file, in batches of few rows."""
    import pyarrow.parquet as pq

    if not len(rows):
        return
    with (
        damage_told(f"{path} row {int(rows[0])} or after it: damaged"),
        pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file,
    ):
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
