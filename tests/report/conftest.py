"""Rows as a sweep leaves them."""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Row = dict[str, Any]
MakeRow = Callable[..., Row]


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the draws, which has all the facts of an interval."""
    monkeypatch.setattr("raytd.report.judge.judging.RESAMPLES", 100)


@pytest.fixture(scope="session")
def row() -> MakeRow:
    """Makes a row of results.parquet from the pair, the value and whatever shall differ."""

    def make(source: str, target: str, value: float | None = 1.0, **other: Any) -> Row:
        return {
            "status": "done",
            "error": None,
            "protocol": "p1",
            "method": "coupled",
            "model": "cnn8",
            "source": source,
            "target": target,
            "seed": 0,
            "value": value,
            "distance": value,
            "unit": "rad",
            "fisher_rao_length": 2.0,
            "noise_free_length": 1.8,
            "noise_share": 0.1,
            "target_accuracy": 0.95,
            "effective_partners": 4.25,
            "arrived": True,
            "coupling_converged": True,
            "distance_converged": True,
            **other,
        }

    return make


def curves(value: float) -> dict[str, list[Row]]:
    """Two iterations and three knots that belong to a distance."""
    iterations = [{"iteration": k, "distance": value * (2 - k)} for k in (0, 1)]
    knots = [
        {
            "iteration": k,
            "knot": knot,
            "tau": tau,
            "train_loss": tau + k,
            "val_loss": tau + k + 0.25,
        }
        for k in (0, 1)
        for knot, tau in enumerate((0.0, 0.5, 1.0))
    ]
    return {"iterations": iterations, "knots": knots}


def kept(runs: Path, rows: Sequence[Row], name: str = "small", **asked: Any) -> Path:
    """Writes rows with their curves below `runs` as a sweep does; returns the sweep's folder."""
    folder = runs / name
    keys = [f"k{i:02}" for i in range(len(rows))]
    for key, own in zip(keys, rows, strict=True):
        place = folder / "trials" / key
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps({"trial_key": key, **own}))
        if own["status"] == "done":
            for table, points in curves(own["value"]).items():
                pq.write_table(pa.Table.from_pylist(points), place / f"{table}.parquet")
    tasks = dict.fromkeys(own[end] for own in rows for end in ("source", "target"))
    sweep = {"name": name, "tasks": [{"name": task} for task in tasks], "grid": {}} | asked
    trials = [{"trial_key": key} for key in keys]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps({"sweep": sweep, "trials": trials}))
    return folder


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows with their curves as a sweep does, below `tmp_path/runs`; returns the folder."""
    return functools.partial(kept, tmp_path / "runs")
