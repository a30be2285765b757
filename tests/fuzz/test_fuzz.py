"""500 damaged files of every kind end well, and what does not end well is seen."""

import logging
import sys
import time

import numpy as np
import pytest

from raytd.errors import DataError, RequestError
from tests.fuzz.all_kinds import KINDS
from tests.fuzz.kind import Kind, new_folder, try_mutants
from tests.fuzz.watch import Coerced, watched

CASES = 63
"""Of each of eight kinds: 500 in all."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="raytd")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_files_are_read_as_they_are_or_refused_in_a_line(kind: Kind) -> None:
    tried = try_mutants(kind, seed=0, cases=range(CASES))
    assert [str(fault) for fault in tried.faults] == []
    assert 0 < tried.n_taken < CASES or kind.name == "results"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_files_without_damage_are_taken(kind: Kind) -> None:
    for files in kind.seeds:
        with new_folder() as folder:
            outcome = kind.try_out(files, folder)
        assert (outcome.taken, outcome.fault) == (True, None), sorted(files)


def test_a_case_is_the_same_each_time() -> None:
    for kind in KINDS:
        assert kind.mutant(3, 5) == kind.mutant(3, 5)


def _traceback() -> None:
    raise KeyError("x")


def _lines() -> None:
    raise DataError("one\ntwo")


def _otherwise() -> None:
    raise Coerced("3 for '3'")


def _busy() -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (_traceback, "KeyError"),
        (lambda: sys.exit(0), "SystemExit"),
        (_lines, "a message of no line, or of several"),
        (_otherwise, "silent conversion: 3 for '3'"),
        (_busy, "more than 0.1 s of the processor"),
        (lambda: time.sleep(600), "waited for more than 0.1 s"),
        (lambda: np.zeros(10**9), "more than 1,000,000,000 bytes"),
    ],
)
def test_what_ends_badly_is_seen(call, said: str) -> None:
    outcome = watched(call, cpu_s=0.1, wait_s=0.1 if "waited" in said else 60)
    assert outcome.fault is not None
    assert outcome.fault.startswith(said)


def test_a_refusal_of_one_line_is_no_fault() -> None:
    def refuse() -> None:
        raise RequestError(["one", "other"])

    outcome = watched(refuse)
    assert (outcome.taken, outcome.fault) == (False, None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_read_otherwise_than_written_is_seen(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reading of each kind is broken on purpose."""
    broken = {
        "sweep": ("tests.fuzz.kinds.documents._is_same", lambda *_: False),
        "catalogue": ("tests.fuzz.kinds.documents._is_same", lambda *_: False),
        "weights": ("torch.equal", lambda *_: False),
        "images": ("tests.fuzz.kinds.images._pixels", lambda _: np.zeros((1, 1, 1))),
        "results": ("tests.fuzz.kinds.results._record", lambda _: {"source": "another"}),
    }
    name, broke = broken.get(kind.name, ("tests.fuzz.kinds.images._names", lambda *_: ["x"]))
    monkeypatch.setattr(name, broke)
    with new_folder() as folder:
        outcome = kind.try_out(kind.seeds[-1], folder)
    assert outcome.fault is not None
    assert outcome.fault.startswith("silent conversion")
