"""A sweep and its trials as the tracker shows them, while they run and from what lies on disk."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raytd.methods.registry import METHODS
from raytd.rows.row import Figures, Row
from raytd.storage.damage import read_if_whole
from raytd.storage.path import StoragePath
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.saved_plan import kept_sweep
from raytd.sweep.trials.expand import TrialConfig
from raytd.tasks.spec import TaskSpec
from raytd.tracking.base import Closing, DatasetInfo, SweepInfo, SweepStatus, TrialInfo
from raytd.tracking.points import numbers
from raytd.tracking.sync import TrialRecord

_NOT_FINAL = (
    "threads", "chunk", "seed", "transient", "n_seeds", "seeds_error", "smaller_is_closer",
)  # fmt: skip
_OF_ALL_ITERATIONS = ("iteration", "forward_images", "coupling_converged")
"""Figures that an iteration has for itself and a result for all of them: no curve ends there."""

_SHOWN_RESOURCES = ("threads", "gpus_per_actor", "deterministic")
"""On these the last bits may depend."""

_ENDS = ("source", "target")
_OF_PATHS = ("distance", "distance_error", "noise_free_length", "arrived", "target_accuracy")

_NO_ARTIFACT = "coupling.parquet"
"""Grows with the number of pairs; it stays in the folder of the trial."""


def sweep_info(
    resolved: Mapping[str, Any], folder: StoragePath, *, started: float | None = None
) -> SweepInfo:
    """A sweep as the tracker shows it.

    Args:
        resolved: the sweep file with profile and overrides applied, as plain data.
        folder: of the sweep; its `sweep.yaml` and `plan.json` have been written.
        started: when its first trial began, in seconds since 1970; None is now.
    """
    return SweepInfo(
        name=resolved["name"],
        experiment=(resolved.get("tracking") or {}).get("experiment") or resolved["name"],
        description=resolved["description"],
        tags={"raytd.folder": str(folder)},
        artifacts=[folder / "sweep.yaml", folder / "plan.json"],
        resolved=resolved,
        started=started,
        param_columns=_differing(resolved),
        metric_columns=_telling(resolved["methods"]),
    )


def _differing(asked: Mapping[str, Any]) -> list[str]:
    """The params in which the trials of a sweep differ."""
    axes = [axis for axis, values in asked["grid"].items() if len(values) > 1]
    axes += [key for condition in asked.get("where") or () for key in condition["set"]]
    axes += (asked.get("search") or {"space": {}})["space"]
    ends = [name for i, name in enumerate(_ENDS) if len({pair[i] for pair in asked["pairs"]}) > 1]
    methods = ["method"] if len(asked["methods"]) > 1 else []
    return list(dict.fromkeys([*axes, *methods, *ends]))


def _telling(methods: Sequence[str]) -> list[str]:
    """The metrics that answer a sweep, and say first whether to believe them."""
    are_distances = all(METHODS[name].unit == "rad" for name in methods)
    with_path = any(METHODS[name].has_number("distance") for name in methods)
    return [*(_OF_PATHS if with_path else ()), *(() if are_distances else ("value",))]


def trial_info(
    key: str,
    config: TrialConfig,
    *,
    asked: Mapping[str, Any],
    digests: Sequence[str | None],
    started: float | None = None,
) -> TrialInfo:
    """A trial as the tracker shows it: all that its result depends on as params.

    Args:
        key: of the trial.
        config: of the trial.
        asked: its sweep, as in `sweep_info`.
        digests: of the data of source and target; None where it is not known.
        started: when it began, in seconds since 1970; None is now.
    """
    tags = {"method": config.method, "model": config.model, "pair": _pair(config)}
    tags |= {"source": config.source.name, "target": config.target.name}
    name, data = _name(config, asked), _datasets(config, digests)
    return TrialInfo(key, name, _params(config, digests), tags, data, started)


def _name(config: TrialConfig, asked: Mapping[str, Any]) -> str:
    """A name that begins with what differs among the trials of the sweep."""
    others = [axis for axis in config.varying if axis not in ("model", "seed")]
    parts = {
        "model": config.model,
        **{axis: f"{axis}={config.axes[axis]}" for axis in others},
        "method": config.method,
        "pair": _pair(config),
        "seed": f"seed {config.seed}",
    }
    many = {name for name in ("method", "pair") if len(asked[f"{name}s"]) > 1}
    first = many.union(config.varying)
    return " ".join(parts[name] for name in sorted(parts, key=lambda name: name not in first))


def _pair(config: TrialConfig) -> str:
    return f"{config.source.name}->{config.target.name}"


def _params(config: TrialConfig, digests: Sequence[str | None]) -> dict[str, str | int | float]:
    resources = config.resources.model_dump(mode="json", include=set(_SHOWN_RESOURCES))
    sections = {**config.obeyed(), "resources": resources}
    for end, digest in zip(_ENDS, digests, strict=True):
        task = getattr(config, end).model_dump(mode="json", exclude={"name"}, exclude_none=True)
        sections[end] = task | ({} if digest is None else {"digest": digest})
    params = {
        "method": config.method,
        "model": config.model,
        "source": config.source.name,
        "target": config.target.name,
        "seed": config.seed,
        "protocol": config.protocol(),
        **({} if config.weights is None else {"weights": config.weights}),
        **{f"{name}.{key}": v for name, keys in sections.items() for key, v in keys.items()},
        **METHODS[config.method].params(config.settings),
    }
    return {name: _shown(value) for name, value in params.items()}


def _shown(value: Any) -> str | int | float:
    """A value as a param; what is neither text nor number is written as in a sweep file."""
    if value is None:
        return "none"
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    shown: str | int | float = value
    return shown


def _datasets(config: TrialConfig, digests: Sequence[str | None]) -> list[DatasetInfo]:
    """The data of source and target; one of both roles where they are the same."""
    found: dict[str, tuple[TaskSpec, list[str]]] = {}
    ends = (config.source, config.target)
    for spec, digest, role in zip(ends, digests, _ENDS, strict=True):
        if digest is not None:
            found.setdefault(digest, (spec, []))[1].append(role)
    return [
        DatasetInfo(spec.name, digest, spec.model_dump(mode="json"), " and ".join(roles))
        for digest, (spec, roles) in found.items()
    ]


def finals(row: Row) -> dict[str, float]:
    """The summary of a trial: the numbers of its row but those that it was given, each once."""
    same = "distance" in row and row.get("value") == row["distance"]
    return numbers(row, without=[*_NOT_FINAL, *(["value"] if same else [])])


def curve_figures(iteration: Figures) -> dict[str, float]:
    """The numbers of an iteration that are points of a curve; the last one is the result's."""
    return numbers(iteration, without=_OF_ALL_ITERATIONS)


def ending(ledger: Ledger, row: Row) -> tuple[float | None, float | None]:
    """When a trial began and ended, in seconds since 1970: its row's file is written last."""
    version = ledger.version(row["trial_key"])
    if version is None:
        return None, None
    ended = version / 1e9
    return ended - (row.get("wall_s") or 0.0), ended


def trial_artifacts(folder: StoragePath) -> list[StoragePath]:
    """The files that the tracker keeps with a trial; those of pairs are too large for it."""
    return sorted(path for path in folder.glob("*.*") if path.name != _NO_ARTIFACT)


def sweep_record(folder: StoragePath) -> tuple[SweepInfo, Closing]:
    """A sweep with what it has left, read from its folder.

    Raises:
        RequestError: in one line, if there is no sweep in the folder.
    """
    kept, ledger = kept_sweep(folder), Ledger(folder)
    times = [ending(ledger, row) for row in kept.ended.values()]
    ended = [row["status"] for row in kept.rows]
    artifacts = [path for path in [folder / "results.parquet"] if path.exists()]
    artifacts += sorted(path for path in folder.glob("report/*") if path.is_file())
    closing = Closing(
        status=_status(ended, len(kept.keys)),
        metrics={
            "trials": float(len(kept.keys)),
            "trials_done": float(ended.count("done")),
            "trials_failed": float(ended.count("failed")),
        },
        artifacts=artifacts,
        table=list(kept.ended.values()),
        ended=max((end for _, end in times if end is not None), default=None),
    )
    started = min((start for start, _ in times if start is not None), default=None)
    return sweep_info(kept.asked, folder, started=started), closing


def trial_records(folder: StoragePath) -> Iterator[TrialRecord]:
    """Every trial of a sweep that has ended, read from its folder.

    A trial whose settings are damaged is named and left out.
    """
    ledger, asked = Ledger(folder), kept_sweep(folder).asked
    for row in ledger.rows():
        place = ledger.trial_folder(row["trial_key"])
        config = read_if_whole(
            place / "config.json",
            TrialConfig.model_validate_json,
            then="The trial is not sent. To make it anew, remove the result.json beside it and run "
            "raytd sweep again.",
        )
        if config is None:
            continue
        digests = (row.get("source_digest"), row.get("target_digest"))
        started, ended = ending(ledger, row)
        key = row["trial_key"]
        yield TrialRecord(
            info=trial_info(key, config, asked=asked, digests=digests, started=started),
            digest=hashlib.sha256((place / "result.json").read_bytes()).hexdigest()[:16],
            iterations=[
                {"iteration": float(i["iteration"]), **curve_figures(i)}
                for i in ledger.table(key, "iterations")
            ],
            knots=[numbers(knot) for knot in ledger.table(key, "knots")],
            finals=finals(row),
            status=row["status"],
            artifacts=trial_artifacts(place),
            ended=ended,
        )


def _status(ended: Sequence[str], n_wanted: int) -> SweepStatus:
    if len(ended) < n_wanted:
        return "interrupted"
    return "failed" if "failed" in ended else "done"
