"""Rows as a sweep leaves them."""

from collections.abc import Callable
from typing import Any

import pytest

Row = dict[str, Any]
MakeRow = Callable[..., Row]


@pytest.fixture
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
