"""The Python face of raytd."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from raytd.engine.executor import run_in_process
from raytd.engine.records import Iteration
from raytd.methods.result import DistanceResult
from raytd.methods.score import Score
from raytd.sweep.single import TaskLike, single_trial
from raytd.sweep.trial import run_trial


def distance(  # noqa: PLR0913 - the options of a public function, all but two by keyword
    source: TaskLike,
    target: TaskLike,
    *,
    config: Path | str | None = None,
    data_root: Path | str | None = None,
    sources: Path | str | None = None,
    on_iteration: Callable[[Iteration], None] = lambda _: None,
    method: str = "coupled",
    **settings: Any,
) -> DistanceResult | Score:
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
    folder = None if sources is None else Path(sources)
    result, _ = run_trial(trial, launch=run_in_process, sources=folder, on_iteration=on_iteration)
    return result
