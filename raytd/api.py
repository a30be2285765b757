"""The Python face of raytd."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytd.engine.executor import run_in_process
from raytd.engine.records import Iteration
from raytd.methods.paths.result import DistanceResult
from raytd.methods.score import Score
from raytd.storage.path import StoragePath, storage_path
from raytd.sweep.trials.single import TaskLike, single_trial
from raytd.sweep.trials.trial import run_trial

if TYPE_CHECKING:
    from raytd.report.saved import SavedSweep


@dataclass(frozen=True)
class PlottedResult(DistanceResult):
    """A distance that can be drawn."""

    def plot(self) -> Any:
        """How the distance converged, and the losses along the path, as a matplotlib figure.

        `figure.savefig("distance.png")` keeps it; in a notebook it shows itself.
        """
        from raytd.report.figures.result_plot import draw_result

        return draw_result(self)


def distance(  # noqa: PLR0913 - the options of a public function, all but two by keyword
    source: TaskLike,
    target: TaskLike,
    *,
    config: Path | str | None = None,
    data_root: Path | str | None = None,
    sources: StoragePath | str | None = None,
    on_iteration: Callable[[Iteration], None] = lambda _: None,
    method: str = "coupled",
    **settings: Any,
) -> PlottedResult | Score:
    """The distance from one task to another for a network, computed in this process.

    The same configuration gives the same number, to the bit, as a trial of a sweep on Ray with the
    same number of threads per worker.

    Args:
        source: a task of the catalogue by name, or a mapping such as
            `{"name": "round", "dataset": "digits", "classes": ["0", "6", "8"], "train": 90}`.
        target: likewise.
        config: a sweep file whose settings hold where none are given here.
        data_root: root of the data sets; None is RAYTD_DATA, else the user's cache folder.
        sources: folder of trained sources to read and add to; None trains them and keeps nothing.
        on_iteration: called with each iteration as it ends.
        method: name of the method.
        **settings: keys of a sweep file: `model`, `seed`, and sections as mappings: that of the
            method, `trajectory`, `pretrain`, `stop`, `resources` and `data`.

    Returns:
        A `DistanceResult`: the distance in radians with its error figures, coupling, iterations
        and knots; or a `Score`, from methods that follow no interpolated task.

    Raises:
        RequestError: with everything that is wrong with the arguments, one line each.
    """
    trial = single_trial(
        (source, target), {"methods": [method], **settings}, config=config, data=data_root
    )
    folder = None if sources is None else storage_path(sources)
    result, _ = run_trial(trial, launch=run_in_process, sources=folder, on_iteration=on_iteration)
    return PlottedResult(**vars(result)) if isinstance(result, DistanceResult) else result


def load_sweep(sweep: StoragePath | str, storage: StoragePath | str = "runs") -> "SavedSweep":
    """What a sweep has left: `.rows`, `.compare(by, left, right)`, `.curve(row, "knots")`.

    Args:
        sweep: its name, its file, or its folder.
        storage: folder of all sweeps, or a URI such as `s3://bucket/runs`.

    Raises:
        RequestError: in one line, if no results are there.
    """
    from raytd.report.saved import open_sweep

    return open_sweep(sweep, storage)


def results(
    sweep: StoragePath | str,
    storage: StoragePath | str = "runs",
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
) -> Any:
    """The table of a sweep's trials, as `pyarrow.Table`; its `.to_pandas()` is a data frame.

    Args:
        sweep: its name, its file, or its folder.
        storage: folder of all sweeps, or a URI such as `s3://bucket/runs`.
        where: conditions such as `"method=coupled"` or `"distance<3"`; all of them hold.
        sort: a column, with `-` before it for the largest first.

    Raises:
        RequestError: with everything that is wrong with the request.
    """
    from raytd.report.saved import open_sweep
    from raytd.report.select import chosen_rows
    from raytd.sweep.folder.ledger import as_table

    table = as_table(open_sweep(sweep, storage).rows)
    rows = chosen_rows(table.to_pylist(), table.schema, where=where, sort=sort)
    return as_table(rows).cast(table.schema) if rows else table.slice(0, 0)
