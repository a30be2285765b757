"""The figures of the suites that the package carries, made from the judge's files.

`python -m tests.suite_figures` writes them again, after a suite was run again.
"""

import csv
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "sweeps" / "results"
CARRIED = ROOT / "raytd" / "report" / "recommend" / "suites.json"

_WORDS = ("contestant", "method", "column")
_NUMBERS = ("spearman", "spearman_low", "mantel_spearman_p")


def made() -> dict[str, list[dict[str, Any]]]:
    """By suite, the verdicts by measured accuracy that have a figure."""
    return {
        place.parent.name: _verdicts(place)
        for place in sorted(RESULTS.glob("*/judge-transfer.csv"))
    }


def _verdicts(place: Path) -> list[dict[str, Any]]:
    with place.open() as file:
        return [
            {name: row[name] for name in _WORDS}
            | {name: round(float(row[name]), 4) if row[name] else None for name in _NUMBERS}
            for row in csv.DictReader(file)
            if row["spearman"]
        ]


if __name__ == "__main__":
    CARRIED.write_text(json.dumps(made(), indent=1) + "\n")
