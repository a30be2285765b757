"""The Python face of raytd."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from raytd.engine.executor import run_in_process
from raytd.engine.records import Iteration
from raytd.methods.paths.result import DistanceResult
from raytd.methods.score import Score
from raytd.storage.path import StoragePath, storage_path
from raytd.sweep.trials.single import TaskLike, single_trial
from raytd.sweep.trials.trial import run_trial

if TYPE_CHECKING:
    from raytd.cli.output import SweepOutcome
    from raytd.cli.views.events import Mode
    from raytd.report.judge.judgement import Judgement
    from raytd.report.recommend.advice import Advice, AdviceForAll
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


def sweep(  # noqa: PLR0913 - the options of a public function, all but one by keyword
    file: Path | str | Mapping[str, Any],
    *,
    storage: StoragePath | str = "runs",
    profile: str | None = None,
    overrides: Sequence[str] = (),
    address: str | None = None,
    data_root: Path | str | None = None,
    catalogue: Path | str | None = None,
    download: bool = False,
    tracking_uri: str | None = None,
    max_concurrent: int | None = None,
    fresh: bool = False,
    retry_failed: bool = False,
    progress: "Mode" = "auto",
) -> "SweepOutcome":
    """Runs what is missing of a sweep, as `raytd sweep` does, and returns what there is then.

    A trial that fails does not end the others: `failures` of the result has its row. Running the
    same sweep again runs nothing that is finished.

    Args:
        file: a sweep file, or a mapping with its keys and values.
        storage: folder of all sweeps, or a URI such as `s3://bucket/runs`.
        profile: a profile of the file, `auto` or `none`.
        overrides: `key.path=value`, each laid over the file.
        address: of a running Ray cluster; None takes the one that this process is connected to, and
            else starts one on this machine, which ends with the sweep.
        data_root: root of the data sets; None is RAYTD_DATA, else the user's cache folder.
        catalogue: a file of further tasks; None is RAYTD_CATALOGUE, if set.
        download: whether torchvision may fetch CIFAR-10 or CIFAR-100.
        tracking_uri: of MLflow, or `none`; None is a file in the storage.
        max_concurrent: trials at once, at most.
        fresh: whether trials that have ended are run again.
        retry_failed: whether those that failed for a cause of their own are run again.
        progress: what standard error shows meanwhile: `auto`, `rich`, `plain`, `jsonl` or `none`.

    Returns:
        The outcome: `.table` (`pyarrow.Table`, as of `raytd.results`), `.answers`, `.failures` and
        `.folder`; `str` of it is what `raytd sweep` prints, and a notebook shows the same.

    Raises:
        RequestError: with everything that is wrong with the request, before anything starts.
        RaytdError: in one line, if the storage cannot be written, or the cluster is gone.
        KeyboardInterrupt: if it was interrupted; the same call goes on from there.
    """
    from raytd.cli.commands.sweep import run
    from raytd.cli.interruption import remembered
    from raytd.cli.output import outcome_of
    from raytd.cli.request import Request
    from raytd.cli.views.driver_log import logged
    from raytd.cli.views.events import opened
    from raytd.paths import expanded
    from raytd.storage.path import require_storage
    from raytd.sweep.cluster.connection import is_connected

    request = Request(
        file=file if isinstance(file, Mapping) else expanded(file),
        profile=profile,
        overrides=tuple(overrides),
        address="auto" if address is None and is_connected() else address,
        storage=storage_path(storage),
        data=None if data_root is None else expanded(data_root),
        catalogue=None if catalogue is None else expanded(catalogue),
        download=download,
        fresh=fresh,
        retry_failed=retry_failed,
        max_concurrent=max_concurrent,
    )
    require_storage(request.storage)
    with (
        remembered(again="raytd.sweep(…)") as interruption,
        opened(progress) as view,
        logged(view) as kept,
    ):
        plan, runs_page, _ = run(request, tracking_uri, kept, interruption)
        interruption.check()
    return outcome_of(plan, runs_page)


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


@overload
def recommend(
    sweep: StoragePath | str,
    *,
    target: str,
    storage: StoragePath | str = ...,
    method: str | None = ...,
    value: str | None = ...,
    truth: str | None = ...,
) -> "Advice": ...


@overload
def recommend(
    sweep: StoragePath | str,
    *,
    target: None = None,
    storage: StoragePath | str = ...,
    method: str | None = ...,
    value: str | None = ...,
    truth: str | None = ...,
) -> "AdviceForAll": ...


def recommend(  # noqa: PLR0913 - the options of a public function, all but one by keyword
    sweep: StoragePath | str,
    *,
    target: str | None = None,
    storage: StoragePath | str = "runs",
    method: str | None = None,
    value: str | None = None,
    truth: str | None = None,
) -> "Advice | AdviceForAll":
    """Ranks sources and networks for a target, nearest first, and says how far to trust that.

    Args:
        sweep: its name, its file, or its folder.
        target: the task to transfer to; None is each that has several sources.
        storage: folder of all sweeps, or a URI such as `s3://bucket/runs`.
        method: that ranks; None is the one that agrees best with the truth in this sweep.
        value: the column of its results, such as `noise_free_length`.
        truth: what methods are judged by; None is `transfer`, or `finetune` without it.

    Returns:
        The advice: `.answer`, `.evidence`, `.found` and `.table` (`pyarrow.Table`); without a
        target `.each` has one for each. `str` of it is what `raytd recommend` prints, and a
        notebook shows the same.

    Raises:
        RequestError: with what is wrong with the request.
    """
    from raytd.report.recommend.advice import advise, advise_all
    from raytd.report.saved import open_sweep

    saved, asked = open_sweep(sweep, storage), {"method": method, "column": value, "truth": truth}
    return advise_all(saved, **asked) if target is None else advise(saved, target, **asked)


def judge(
    sweep: StoragePath | str,
    *,
    storage: StoragePath | str = "runs",
    truth: str = "transfer",
    column: str = "value",
    seed: int = 0,
) -> "Judgement":
    """Judges every method of a sweep by one of them, network by network; writes nothing.

    Args:
        sweep: its name, its file, or its folder.
        storage: folder of all sweeps, or a URI such as `s3://bucket/runs`.
        truth: the method that is taken for the truth.
        column: of its results, such as `gain`.
        seed: of drawn permutations and resamples.

    Returns:
        The judgement: `.verdicts`, `.left_out` and `.table` (`pyarrow.Table`); `str` of it is what
        `raytd judge` prints, and a notebook shows the same.

    Raises:
        RequestError: if there are no results of that method, or no such column.
    """
    from raytd.report.judge.judgement import judgement
    from raytd.report.saved import open_sweep

    return judgement(open_sweep(sweep, storage), truth=truth, column=column, seed=seed)
