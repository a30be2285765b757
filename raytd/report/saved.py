"""A sweep as it lies on disk: what was asked, and the rows of the trials that have ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raytd.report.compare import Comparison, compare
from raytd.report.shared_classes import Classes, classes_of
from raytd.rows.row import Figures, Row
from raytd.storage.path import StoragePath, storage_path
from raytd.sweep.folder.find import sweep_folder
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.saved_plan import kept_sweep

_OWN_COLUMN = ("model", "seed")


@dataclass(frozen=True)
class SavedSweep:
    """What a sweep has left behind.

    Attributes:
        folder: where it lies.
        name: of the sweep.
        description: that its file gives.
        tasks: in the order of its file.
        axes: what varies beside method, model and seed, each with a column of its own.
        n_trials: how many the file asks for.
        rows: of those that have ended, in the order of the plan.
        other_rows: of trials that the file no longer asks for.
        asked_tasks: tasks as the file asks for them.
    """

    folder: StoragePath
    name: str
    description: str
    tasks: tuple[str, ...]
    axes: tuple[str, ...]
    n_trials: int
    rows: tuple[Row, ...]
    other_rows: tuple[Row, ...] = ()
    asked_tasks: tuple[Mapping[str, Any], ...] = ()

    @property
    def n_missing(self) -> int:
        """Trials that have not ended."""
        return max(0, self.n_trials - len(self.rows))

    @property
    def classes(self) -> Classes:
        """Identities of the classes of each task, as far as the file says them."""
        return classes_of(self.asked_tasks)

    def curve(self, row: Row, name: str) -> list[Figures]:
        """A table beside a trial's result, such as `iterations` or `knots`; empty without one."""
        return Ledger(self.folder).table(str(row["trial_key"]), name)

    def compare(self, by: str, left: Any, right: Any, *, value: str = "value") -> list[Comparison]:
        """Two settings of an axis pair by pair: a comparison for each setting of the others.

        Raises:
            InputError: two results differ in no column that is known as an axis.
        """
        return compare(self.rows, by, left, right, value=value, axes=self.axes)


def open_sweep(sweep: StoragePath | str, storage: StoragePath | str = "runs") -> SavedSweep:
    """Reads what a sweep has left.

    Args:
        sweep: its name, its file, or its folder.
        storage: folder of all sweeps.

    Raises:
        RequestError: in one line, if no results are there.
    """
    return read_sweep(sweep_folder(sweep, storage_path(storage)))


def read_sweep(folder: StoragePath) -> SavedSweep:
    """Reads a sweep from its folder.

    Raises:
        RequestError: in one line, if there is none.
    """
    kept = kept_sweep(folder)
    asked, rows = kept.asked, kept.rows
    return SavedSweep(
        folder=folder,
        name=asked["name"],
        description=asked.get("description", ""),
        tasks=tuple(task["name"] for task in asked["tasks"]),
        axes=axes_of(asked.get("grid", {}), rows),
        n_trials=len(kept.keys),
        rows=tuple(rows),
        other_rows=tuple(row for key, row in kept.ended.items() if key not in kept.keys),
        asked_tasks=tuple(asked["tasks"]),
    )


def axes_of(grid: Iterable[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """The axes of the grid, and every other setting that has a column: those have a dot."""
    columns = [column for row in rows for column in row if "." in column]
    named = dict.fromkeys([*grid, *columns])
    return tuple(axis for axis in named if axis not in _OWN_COLUMN)
