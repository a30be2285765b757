"""Trials of a table that was kept, put back into the folder of their sweep.

`python -m tests.suite_rows TABLE FOLDER` lets `raytd sweep` go on where another machine has ended.
"""

import csv
import sys
from pathlib import Path
from typing import Any

from raytd.methods.registry import COLUMNS
from raytd.storage.files import write_json


def rows_of(table: Path) -> list[dict[str, Any]]:
    """The rows of a table as `raytd results --format csv` writes it, with their types."""
    with table.open() as file:
        return [{n: _value(n, text) for n, text in row.items()} for row in csv.DictReader(file)]


def put_back(table: Path, folder: Path) -> int:
    """Writes the row of each trial that the folder does not have; returns how many it wrote."""
    found = [row for row in rows_of(table) if not _place(folder, row).exists()]
    for row in found:
        write_json(_place(folder, row), row)
    return len(found)


def _place(folder: Path, row: dict[str, Any]) -> Path:
    return folder / "trials" / row["trial_key"] / "result.json"


def _value(name: str, text: str) -> Any:
    kind = COLUMNS[name].type if name in COLUMNS else str
    if text == "":
        return None
    return text == "True" if kind is bool else kind(text)


if __name__ == "__main__":
    sys.stdout.write(f"{put_back(Path(sys.argv[1]), Path(sys.argv[2]))} trials put back\n")
