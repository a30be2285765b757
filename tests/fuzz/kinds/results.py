"""What a sweep has left: one damaged file hides its own trial and no other, and stays as it is."""

import json
from pathlib import Path

from raytd.report.matrices import distance_matrices
from raytd.report.saved import read_sweep
from raytd.report.terminal import results_table
from raytd.sweep.folder.ledger import as_table
from raytd.sweep.run.tracking import sweep_record, trial_records
from tests.fuzz.kind import Files, Kind
from tests.fuzz.mutate import of_bytes, of_text
from tests.fuzz.watch import Coerced

KEPT = Path(__file__).parents[2] / "sweep/kept/left/kept"


def _files() -> Files:
    """A sweep of an earlier version with everything that it has left, but for its largest file."""
    paths = [path for path in KEPT.rglob("*") if path.is_file() and "coupling" not in path.name]
    return {str(path.relative_to(KEPT)): path.read_bytes() for path in sorted(paths)}


def _use(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    saved = read_sweep(folder)
    rows = [*saved.rows, *saved.other_rows]
    as_table(rows)
    results_table(rows, axes=saved.axes, compact=True)
    distance_matrices(saved.rows)
    for row in rows:
        saved.curve(row, "iterations")
        saved.curve(row, "knots")
    sweep_record(folder)
    for record in trial_records(folder):
        record.points()
    if before != {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}:
        raise Coerced("a file of the sweep was changed")
    for row in rows:
        path = folder / "trials" / row["trial_key"] / "result.json"
        for name, value in _record(path).items():
            if name in row and name not in _ADDED and row[name] != value:
                raise Coerced(f"{name}: {row[name]!r} for {value!r}")
    if len(rows) < sum(path.name == "result.json" for path in before) - 1:
        raise Coerced("more than the damaged trial is hidden")


def _record(path: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads(path.read_bytes())
    return record


_ADDED = ("n_seeds", "seeds_error", "doubts", "same_weights_as")
"""Columns that are worked out when rows are read."""

RESULTS = Kind("results", [_files()], _use, {".json": of_text, ".parquet": of_bytes})
