"""A sweep as it lies on disk, small enough to check by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from raytd.cli import cli

PAIRS = ("ab", "ba", "ac", "ca", "bc", "cb")
GAINS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""What transfer is worth where it was measured, pair by pair."""


def rows() -> list[dict[str, Any]]:
    """Two models, two seeds, six pairs; the larger model is nearer by a half."""
    return [
        {
            "trial_key": f"{model}-{source}{target}-{seed}",
            "status": "done",
            "error": None,
            "protocol": "p1",
            "method": "coupled",
            "model": model,
            "source": source,
            "target": target,
            "seed": seed,
            "value": value + number + 0.125 * seed,
            "distance": value + number + 0.125 * seed,
            "unit": "rad",
            "noise_free_length": 1.0,
            "arrived": (model, source, target) != ("big", "a", "b"),
        }
        for model, value in (("small", 1.5), ("big", 1.0))
        for number, (source, target) in enumerate(PAIRS)
        for seed in (0, 1)
    ]


def write(storage: Path, name: str = "demo") -> Path:
    """Writes that sweep below `storage`, with one trial that has not ended; returns its folder."""
    folder, found = storage / name, rows()
    for row in found:
        place = folder / "trials" / row["trial_key"]
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(row))
    asked = {"name": name, "grid": {}, "tasks": [{"name": task} for task in "abc"]}
    trials = [{"trial_key": key} for key in [*(row["trial_key"] for row in found), "missing"]]
    (folder / "plan.json").write_text(json.dumps({"sweep": asked, "trials": trials}))
    return folder


def add_transfer(folder: Path) -> None:
    """Adds measured transfer with the small model, which falls as the distances rise."""
    plan = json.loads((folder / "plan.json").read_text())
    for (source, target), gain in zip(PAIRS, GAINS, strict=True):
        for seed in (0, 1):
            row = {
                "trial_key": f"transfer-{source}{target}-{seed}",
                "status": "done",
                "error": None,
                "protocol": "t",
                "method": "transfer",
                "model": "small",
                "source": source,
                "target": target,
                "seed": seed,
                "value": gain,
                "unit": "accuracy",
                "smaller_is_closer": False,
                "wall_s": 2.0,
            }
            place = folder / "trials" / str(row["trial_key"])
            place.mkdir()
            (place / "result.json").write_text(json.dumps(row))
            plan["trials"].append({"trial_key": row["trial_key"]})
    (folder / "plan.json").write_text(json.dumps(plan))


def asking(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command of `raytd` about that sweep, written in a folder, on a terminal of 80 columns."""
    write(folder / "runs")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *args: CliRunner().invoke(cli, [command, "demo", *args])
