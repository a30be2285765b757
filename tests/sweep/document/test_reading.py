import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from raytd.errors import RequestError
from raytd.sweep.document.reading import content_of, each_file_once
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.single import single_trial

CATALOGUE = b"tasks: [{name: ones, dataset: digits, classes: ['0', '1']}]\n"
SWEEP = b"""name: piped
tasks: [ones, digits-high]
methods: [emd]
data: {catalogue: CATALOGUE, train: 20, val: 20}
profiles:
  cpu: {seed: 1}
  other: {seed: 2}
"""


@pytest.fixture
def piped(tmp_path: Path) -> "Piped":
    return Piped(tmp_path)


class Piped:
    """Named pipes, each filled once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
        return path


def test_a_file_is_read_once_and_again_for_the_next_request(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"first")
    with each_file_once():
        assert content_of(path) == b"first"
        path.write_bytes(b"second")
        with each_file_once():
            assert content_of(path) == b"first"
        assert content_of(path) == b"first"
    assert content_of(path) == b"second"


def test_a_sweep_and_its_catalogue_may_come_from_pipes(piped: Piped) -> None:
    """Every profile is checked, and each check looks up the names of the catalogue."""
    catalogue = piped("catalogue", CATALOGUE)
    written = SWEEP.replace(b"CATALOGUE", str(catalogue).encode())
    loaded = load_sweep(piped("sweep", written), has_gpu=lambda: False)
    assert loaded.text == written
    assert loaded.spec.seed == 1
    assert [task.name for task in loaded.spec.tasks] == ["ones", "digits-high"]


def test_the_settings_of_one_pair_may_come_from_a_pipe(piped: Piped) -> None:
    catalogue = piped("catalogue", CATALOGUE)
    config = piped("sweep", SWEEP.replace(b"CATALOGUE", str(catalogue).encode()))
    trial = single_trial(("ones", "digits-high"), {"methods": ["emd"]}, config=config)
    assert trial.source.name == "ones"


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"name: piped\ntasks: [digits-low, digits-high]\nmethods: [emd]\nseeed: 1\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    with pytest.raises(RequestError, match=r"^-:4:1 seeed  unknown key; did you mean 'seed'"):
        load_sweep("-", has_gpu=lambda: False)


def test_an_empty_pipe_says_that_it_is_empty(piped: Piped) -> None:
    with pytest.raises(RequestError, match="the file is empty"):
        load_sweep(piped("sweep", b""), has_gpu=lambda: False)
