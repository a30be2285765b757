"""A column that says of each row which part it belongs to, which files should say instead."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from raytd.errors import DataError
from raytd.tasks.readers.parquet.columns import Columns, read_column
from raytd.tasks.readers.parts import parts_in
from raytd.words import listed


def require_one_part(files: Sequence[Path], columns: Mapping[Path, Columns]) -> None:
    """Refuses files, read as one part or one pool, whose rows are said to be of several parts.

    Raises:
        DataError: with both readings.
    """
    words: dict[str, str] = {}
    for file in files:
        for name in columns[file].parts:
            for word in read_column(file, name).unique().drop_null().to_pylist():
                words |= dict.fromkeys(parts_in(word), word)
            if len(words) > 1:
                said = listed(list(words.values()))
                raise DataError(
                    f"{file}: column '{name}' names several parts ({said}); "
                    "to read them as parts, write a file for each, such as train.parquet and "
                    "test.parquet; to read all rows as one, drop the column"
                )
