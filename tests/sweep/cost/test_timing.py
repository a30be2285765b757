"""Measured speeds are kept for this machine, and what cannot be read is measured again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from raytd.sweep.cost.plan_figures import _assumption
from raytd.sweep.cost.speed import Speed
from raytd.sweep.cost.timing import Timings, _keep, _kept, cache_file, kept_speeds

FAST = Speed(
    move_s=0.001,
    step_s=0.01,
    pretrain_step_s=0.02,
    measure_s=2e-4,
    longer_s=1e-4,
    probe_s=1e-3,
    activation_bytes=1000,
    widest_bytes=200,
    parameters=10_000,
)
SLOW = replace(FAST, step_s=0.1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_speeds_are_kept_by_the_number_of_processes_and_the_newer_one_stays() -> None:
    assert _kept(2) == (0.0, {})
    _keep(1.5, {"a": SLOW, "b": SLOW}, 2)
    _keep(2.5, {"a": FAST}, 4)
    assert _kept(2) == (2.5, {"b": SLOW})
    assert _kept(4) == (2.5, {"a": FAST})
    assert kept_speeds() == {"a": FAST, "b": SLOW}


def test_speeds_of_another_machine_do_not_count_and_are_not_kept() -> None:
    _keep(1.5, {"a": SLOW}, 2)
    kept = json.loads(cache_file().read_text())
    cache_file().write_text(json.dumps(kept | {"machine": "another"}))
    assert _kept(2) == (0.0, {})
    _keep(2.5, {"b": FAST}, 2)
    assert kept_speeds() == {"b": FAST}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"machine": 3}'])
def test_a_file_that_is_damaged_is_no_matter(text: str) -> None:
    cache_file().parent.mkdir()
    cache_file().write_text(text)
    assert kept_speeds() == {}
    _keep(1.5, {"a": FAST}, 1)
    assert kept_speeds() == {"a": FAST}


@pytest.mark.parametrize(
    ("n_kept", "when"),
    [
        (0, "as busy as it is now"),
        (1, "partly before; remove {file} to time all of it again"),
        (2, "before; remove {file} to time it again"),
    ],
)
def test_a_plan_says_when_its_networks_were_timed(n_kept: int, when: str) -> None:
    said = _assumption(Timings(1.0, {"a": FAST, "b": SLOW}, n_kept=n_kept))
    assert said == (
        f"timed on this machine {when.format(file=cache_file())}; early stops would shorten it"
    )
