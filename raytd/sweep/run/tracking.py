"""A sweep and its trials as the tracker shows them, while they run and from what lies on disk."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raytd.methods.registry import METHODS
from raytd.rows.row import Row
from raytd.storage.damage import read_if_whole
from raytd.storage.path import StoragePath
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.saved_plan import kept_sweep
from raytd.sweep.trials.expand import TrialConfig
from raytd.tasks.spec import TaskSpec
from raytd.tracking.base import Closing, DatasetInfo, SweepInfo, SweepStatus, TrialInfo
from raytd.tracking.points import numbers
from raytd.tracking.sync import TrialRecord

_NOT_FINAL = ("threads", "chunk", "seed", "transient", "n_seeds", "seeds_error")
_NO_ARTIFACT = "coupling.parquet"
"""Grows with the number of pairs; it stays in the folder of the trial."""


def sweep_info(resolved: Mapping[str, Any], folder: StoragePath) -> SweepInfo:
    """A sweep as the tracker shows it.

    Args:
        resolved: the sweep file with profile and overrides applied, as plain data.
        folder: of the sweep; its `sweep.yaml` and `plan.json` have been written.
    """
    return SweepInfo(
        name=resolved["name"],
        experiment=(resolved.get("tracking") or {}).get("experiment") or resolved["name"],
        description=resolved["description"],
        tags={"raytd.folder": str(folder)},
        artifacts=[folder / "sweep.yaml", folder / "plan.json"],
        resolved=resolved,
    )


def trial_info(key: str, config: TrialConfig, *, digests: Sequence[str | None]) -> TrialInfo:
    """A trial as the tracker shows it: axes and few fixed settings as params.

    Args:
        key: of the trial.
        config: of the trial.
        digests: of the data of source and target; None where it is not known.
    """
    params: dict[str, str | int | float | bool] = {
        "method": config.method,
        "model": config.model,
        "source": config.source.name,
        "target": config.target.name,
        "seed": config.seed,
        "protocol": config.protocol(),
        **{axis: _shown(v) for axis, v in config.axes.items()},
    }
    own = METHODS[config.method].params(config.settings)
    params |= {name: _shown(value) for name, value in own.items()}
    pair = f"{config.source.name}->{config.target.name}"
    tags = {"method": config.method, "model": config.model, "pair": pair}
    tags |= {"source": config.source.name, "target": config.target.name}
    return TrialInfo(key, config.name, params, tags, _datasets(config, digests))


def _shown(value: Any) -> Any:
    """A param, which cannot be nothing."""
    return "none" if value is None else value


def _datasets(config: TrialConfig, digests: Sequence[str | None]) -> list[DatasetInfo]:
    """The data of source and target; one of both roles where they are the same."""
    found: dict[str, tuple[TaskSpec, list[str]]] = {}
    ends = (config.source, config.target)
    for spec, digest, role in zip(ends, digests, ("source", "target"), strict=True):
        if digest is not None:
            found.setdefault(digest, (spec, []))[1].append(role)
    return [
        DatasetInfo(spec.name, digest, spec.model_dump(mode="json"), " and ".join(roles))
        for digest, (spec, roles) in found.items()
    ]


def finals(row: Row) -> dict[str, float]:
    """The summary of a trial: the numbers of its row but those that it was given."""
    return numbers(row, without=_NOT_FINAL)


def trial_artifacts(folder: StoragePath) -> list[StoragePath]:
    """The files that the tracker keeps with a trial; those of pairs are too large for it."""
    return sorted(path for path in folder.glob("*.*") if path.name != _NO_ARTIFACT)


def sweep_record(folder: StoragePath) -> tuple[SweepInfo, Closing]:
    """A sweep with what it has left, read from its folder.

    Raises:
        RequestError: in one line, if there is no sweep in the folder.
    """
    kept = kept_sweep(folder)
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
    )
    return sweep_info(kept.asked, folder), closing


def trial_records(folder: StoragePath) -> Iterator[TrialRecord]:
    """Every trial of a sweep that has ended, read from its folder.

    A trial whose settings are damaged is named and left out.
    """
    ledger = Ledger(folder)
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
        yield TrialRecord(
            info=trial_info(row["trial_key"], config, digests=digests),
            digest=hashlib.sha256((place / "result.json").read_bytes()).hexdigest()[:16],
            iterations=[numbers(i) for i in ledger.table(row["trial_key"], "iterations")],
            knots=[numbers(knot) for knot in ledger.table(row["trial_key"], "knots")],
            finals=finals(row),
            status=row["status"],
            artifacts=trial_artifacts(place),
        )


def _status(ended: Sequence[str], n_wanted: int) -> SweepStatus:
    if len(ended) < n_wanted:
        return "interrupted"
    return "failed" if "failed" in ended else "done"
