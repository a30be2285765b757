"""What a trial leaves on disk, and what becomes of it where it is damaged."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raytd.sweep.folder.ledger import Ledger

WHOLE = {
    "trial_key": "k",
    "status": "done",
    "method": "coupled",
    "model": "cnn8",
    "source": "a",
    "target": "b",
    "seed": 0,
    "value": 1.5,
    "coupled.lam": 10,
}


def kept(folder: Path, content: str | bytes) -> Ledger:
    """A ledger with two trials, the first of which has that record."""
    for key in ("k", "other"):
        place = folder / "trials" / key
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(WHOLE | {"trial_key": key}))
    written = content if isinstance(content, bytes) else content.encode()
    (folder / "trials" / "k" / "result.json").write_bytes(written)
    return Ledger(folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps(WHOLE)[:-2], "Expecting ',' delimiter"),
        ("", "Expecting value"),
        (b'{"trial_key": "\xff"}', "'utf-8' codec can't decode"),
        ("[" * 100_000, "maximum recursion depth"),
        ("[]", "it is not the record of this trial"),
        (json.dumps(WHOLE | {"trial_key": "j"}), "it is not the record of this trial"),
        (json.dumps(WHOLE | {"status": "dane"}), "its status is neither done nor failed"),
        (json.dumps({k: v for k, v in WHOLE.items() if k != "target"}), "it has no 'target'"),
        (json.dumps(WHOLE | {"value": "1.5"}), "its 'value' is no value of that column"),
        (json.dumps(WHOLE | {"value": float("nan")}), "its 'value' is no value of that column"),
        (json.dumps(WHOLE | {"seed": 0.5}), "its 'seed' is no value of that column"),
        (json.dumps(WHOLE | {"seed": 10**400}), "its 'seed' is no value of that column"),
        (json.dumps(WHOLE | {"value": 10**30}), "its 'value' is no value of that column"),
        (json.dumps(WHOLE | {"coupled.lam": [10]}), "its 'coupled.lam' is no value of that column"),
    ],
)
def test_a_damaged_record_is_named_counts_as_missing_and_stays_while_the_others_are_read(
    tmp_path: Path, content: str | bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = kept(tmp_path, content)
    path = ledger.trial_folder("k") / "result.json"
    before = path.read_bytes()
    assert [row["trial_key"] for row in ledger.rows()] == ["other"]
    assert ledger.row("k") is None
    (line,) = caplog.messages
    assert line.startswith(f"{path}: cannot be read ({reason}")
    assert line.endswith("run raytd sweep again, which runs it.")
    assert path.read_bytes() == before


def test_a_whole_record_is_read_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert kept(tmp_path, json.dumps(WHOLE)).row("k") == WHOLE
    assert caplog.messages == []


def points(**changed: Any) -> bytes:
    buffer = pa.BufferOutputStream()
    rows = [{"iteration": 0, "distance": 1.5} | changed]
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (points()[:-20], "Could not open Parquet"),
        (b"", "Could not open Parquet"),
        (points(iteration="first"), "it has a point without 'iteration'"),
    ],
)
def test_a_damaged_curve_is_named_and_left_out(
    tmp_path: Path, content: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = kept(tmp_path, json.dumps(WHOLE))
    path = ledger.trial_folder("k") / "iterations.parquet"
    path.write_bytes(points())
    assert ledger.table("k", "iterations") == [{"iteration": 0, "distance": 1.5}]
    path.write_bytes(content)
    assert ledger.table("k", "iterations") == []
    (line,) = caplog.messages
    assert line.startswith(f"{path}: cannot be read ({reason}")
    assert "remove the result.json beside it and run raytd sweep again" in line
