"""`raytd` in Python: public names, sweeps from data, and results that show what commands print."""

import json
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

import raytd
from raytd.errors import RequestError
from tests.cli import saved_sweep
from tests.cli.commands import run_here

NAMES = ["distance", "judge", "load_sweep", "recommend", "results", "sweep"]

SMALL = {
    "name": "small",
    "tasks": ("digits-low", {"name": "even", "dataset": "digits", "classes": ["0", "2", "4"]}),
    "methods": ["shared-classes", "random"],
    "data": {"train": 20, "val": 20},
    "grid.seed": range(2),
}


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the sweep `demo`, in which transfer was measured; this process is in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    saved_sweep.add_transfer(saved_sweep.write(tmp_path / "runs"))
    return tmp_path


def test_the_public_names_and_no_others_are_listed_and_each_can_be_called() -> None:
    assert dir(raytd) == sorted(raytd.__all__) == NAMES
    for name in NAMES:
        assert callable(getattr(raytd, name)), name


def test_the_package_sweep_stays_a_package_and_can_be_called_whatever_was_imported() -> None:
    import raytd.sweep.folder.find
    from raytd.sweep.folder import find

    assert isinstance(raytd.sweep, ModuleType)
    assert raytd.sweep.folder.find is find
    assert pickle.loads(pickle.dumps(raytd.sweep)) is raytd.sweep  # as cloudpickle does for Ray


def test_advice_is_what_recommend_prints(judged: Path) -> None:
    advice = raytd.recommend("demo", target="b")
    assert str(advice) == run_here(judged, "recommend", "demo", "--target", "b").stdout
    document = json.loads(run_here(judged, "recommend", "demo", "--target", "b", "--json").stdout)
    assert advice.document() == document
    assert str(advice.answer) == document["answer"]
    assert advice.table.to_pylist() == document["candidates"]


def test_a_judgement_is_what_judge_prints_and_writes_nothing(judged: Path) -> None:
    judgement = raytd.judge("demo")
    assert not (judged / "runs/demo/report").exists()
    assert str(judgement) == run_here(judged, "judge", "demo").stdout
    assert judgement.table.to_pylist() == judgement.rows()
    assert {row["method"] for row in judgement.rows()} == {"coupled"}


def test_a_notebook_shows_the_same_words_as_html(judged: Path) -> None:
    shown = raytd.judge("demo")._repr_html_()
    assert shown.startswith("<pre")
    assert "Judged by transfer" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "ask",
    [
        lambda: raytd.recommend("nothing", target="b"),
        lambda: raytd.recommend("demo", target="nothing"),
        lambda: raytd.recommend("demo", target="b", truth="nothing"),
        lambda: raytd.judge("demo", truth="nothing"),
        lambda: raytd.judge("demo", column="nothing"),
        lambda: raytd.sweep("nothing.yaml"),
        lambda: raytd.sweep({**SMALL, "methods": ["nothing"]}, progress="none"),
    ],
)
def test_a_wrong_request_is_an_exception_of_one_line(judged: Path, ask: Any) -> None:
    with pytest.raises(RequestError) as refused:
        ask()
    assert "nothing" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_of_a_dict_runs_in_a_thread_on_the_cluster_of_this_process_and_leaves_it(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGINT)

    def run() -> Any:
        assert threading.current_thread() is not threading.main_thread()
        return raytd.sweep(SMALL, tracking_uri="none", progress="none")

    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(run).result()
    assert ray.is_initialized()
    assert signal.getsignal(signal.SIGINT) is before
    assert isinstance(outcome.table, pa.Table)
    assert outcome.table.equals(raytd.results("small"))
    assert (outcome.table.num_rows, outcome.failures) == (8, [])
    assert outcome.folder == tmp_path / "runs/small"
    # The kept file says the same as the dict: nothing of it is left to run.
    again = raytd.sweep(tmp_path / "runs/small/sweep.yaml", tracking_uri="none", progress="none")
    assert again.document() == outcome.document()
    printed = run_here(tmp_path, "sweep", "runs/small/sweep.yaml", "--tracking-uri", "none")
    assert printed.stdout == str(again)


def test_a_signal_ends_a_sweep_with_an_exception_and_the_process_keeps_its_handlers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[int] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "raytd.sweep.trials.plan.read_tasks", lambda *_, **__: signal.raise_signal(signal.SIGINT)
    )
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        with pytest.raises(KeyboardInterrupt):
            raytd.sweep(SMALL, tracking_uri="none", progress="none")
        assert came == []
        signal.raise_signal(signal.SIGINT)
        assert came == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)
