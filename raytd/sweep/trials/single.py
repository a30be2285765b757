"""One trial by itself: two tasks, a method, and settings as a sweep file has them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from raytd.errors import RequestError
from raytd.sweep.document.reading import each_file_once
from raytd.sweep.file.load import load_sweep, make_spec
from raytd.sweep.file.spec import SweepSpec
from raytd.sweep.trials.expand import TrialConfig, expand
from raytd.sweep.trials.plan import Read, read_tasks, trial_problems
from raytd.sweep.trials.trial import Trial
from raytd.tasks import datasets
from raytd.tasks.references import data_root

TaskLike = str | Mapping[str, Any]


@each_file_once()
def single_trial(  # noqa: PLR0913
    ends: tuple[TaskLike, TaskLike],
    settings: Mapping[str, Any],
    *,
    config: Path | str | None = None,
    data: Path | str | None = None,
    overrides: Sequence[str] = (),
    caller: str = "raytd.distance",
    read: Read = datasets.read,
) -> Trial:
    """The trial that the arguments describe, with its data.

    Args:
        ends: source and target; names of the catalogue or of the configuration's tasks, or inline
            definitions.
        settings: further keys of a sweep file, such as `model`, `seed` or `coupled`.
        config: a sweep file whose settings hold where none are given.
        data: root of the data sets.
        overrides: `key.path=value`, laid over everything else.
        caller: what problems name as their place.
        read: reads a data set.

    Raises:
        RequestError: with everything that is wrong.
    """
    spec = single_spec(ends, settings, config=config, overrides=overrides, caller=caller)
    configs = expand(spec)
    tasks_read, problems = read_tasks(
        spec.tasks, data_root(data), download=spec.data.download, read=read
    )
    problems += [] if problems else trial_problems(configs, tasks_read)
    if len(configs) != 1:
        problems.append(f"{caller}: one trial is wanted, but the settings give {len(configs)}")
    if problems:
        raise RequestError(problems)
    trial = _on_this_machine(configs[0])
    return Trial(trial, tasks_read[trial.source], tasks_read[trial.target])


@each_file_once()
def single_spec(  # noqa: PLR0913
    ends: tuple[TaskLike, TaskLike],
    settings: Mapping[str, Any],
    *,
    config: Path | str | None,
    profile: str | None = None,
    overrides: Sequence[str],
    caller: str,
) -> SweepSpec:
    """The sweep of the one pair, with the arguments of `single_trial` and a profile of `config`."""
    base = None
    if config is not None:
        loaded = load_sweep(config, profile=profile, has_gpu=_has_gpu)
        base = loaded.root.without("grid", "where", "search")
    known = {} if base is None else _tasks_by_name(base.plain().get("tasks", []))
    names = [end if isinstance(end, str) else end.get("name") for end in ends]
    tasks = [known.get(e, e) if isinstance(e, str) else e for e in ends]
    content = {
        "name": "distance",
        "tasks": tasks[:1] if names[0] == names[1] else tasks,
        "pairs": [names],
        **settings,
    }
    return make_spec(content, caller=caller, base=base, overrides=overrides)


def _on_this_machine(config: TrialConfig) -> TrialConfig:
    """The same trial, which has the GPU that is there where the file leaves that open."""
    if config.resources.gpus_per_actor != "auto":
        return config
    found = {"gpus_per_actor": float(_has_gpu())}
    resources = config.resources.model_copy(update=found)
    return config.model_copy(update={"resources": resources})


def _tasks_by_name(written: Sequence[Any]) -> dict[str, Any]:
    """The tasks of a sweep file as they are written there, by name."""
    return {t if isinstance(t, str) else t["name"]: t for t in written}


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
