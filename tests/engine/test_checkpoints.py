"""A trial that is cut off anywhere and begun again ends at the bits of one that was not."""

import errno
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from raytd.engine import checkpoints as module
from raytd.engine.checkpoints import Checkpoints, CheckpointSettings
from raytd.engine.config import TrajectoryConfig
from raytd.engine.coordinator import Coordinator, iterations
from raytd.engine.executor import Done, SerialExecutor, run_in_process
from raytd.engine.records import Iteration, Knot
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import Prepared
from raytd.errors import StorageError
from raytd.learning.sources import SourceCache
from raytd.storage.encoding import decode, encode
from raytd.storage.objects import ObjectPath
from raytd.storage.path import storage_path
from tests.disks import small_disk
from tests.engine.trials import assert_same_bits, coupled_trial


class CutOffError(Exception):
    """Ends a run."""


@dataclass
class Failing:
    """An executor whose process ends at a certain call, counted over the run."""

    inner: SerialExecutor
    method: str
    left: list[int]

    def share(self, value: Any) -> Any:
        return self.inner.share(value)

    def fetch(self, handle: Any) -> Any:
        return self.inner.fetch(handle)

    def submit(self, block: int, method: str, *args: Any) -> Done:
        if method == self.method:
            self.left[0] -= 1
            if self.left[0] == 0:
                raise CutOffError
        return self.inner.submit(block, method, *args)


@pytest.fixture(scope="module")
def tiny_pair(tiny_pair: Pair) -> Pair:
    """With a network that costs next to nothing, and has batch norm and dropout."""
    return replace(tiny_pair, model="tests.methods.plain_nets:normed")


@pytest.fixture(scope="module")
def prepared(tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig) -> Prepared:
    """Two iterations of twenty segments."""
    return coupled_trial(tiny_pair, sources, short.model_copy(update={"steps": 20, "segments": 20}))


@pytest.fixture(scope="module")
def brief(tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig) -> Prepared:
    """Two iterations of ten segments."""
    return coupled_trial(tiny_pair, sources, short)


@pytest.fixture(scope="module")
def undisturbed_brief(brief: Prepared) -> list[Iteration]:
    return list(run_in_process(brief.plan, brief.cut))


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared) -> list[Iteration]:
    return list(run_in_process(prepared.plan, prepared.cut))


def cut_off(prepared: Prepared, settings: CheckpointSettings, method: str, call: int) -> None:
    """Runs until a certain call, and never again."""
    left = [call]
    run = iterations(
        Coordinator(prepared.plan, settings),
        prepared.cut,
        lambda setups: Failing(SerialExecutor(setups), method, left),
    )
    with pytest.raises(CutOffError):
        list(run)


def count_of(method: str, prepared: Prepared, settings: CheckpointSettings) -> tuple[int, Any]:
    """How often a method is called in what is left of a trial, and the trial's records."""
    left = [10**6]
    records = list(
        iterations(
            Coordinator(prepared.plan, settings),
            prepared.cut,
            lambda setups: Failing(SerialExecutor(setups), method, left),
        )
    )
    return 10**6 - left[0], records


@pytest.mark.parametrize(
    ("support", "sync", "averaging"),
    [
        ("blocks", "knot", "window"),
        ("blocks", "knot", "none"),
        ("global", "single", "segment"),
        ("global", "none", "window"),
    ],
)
def test_cut_off_in_either_iteration_it_ends_at_the_same_bits(  # noqa: PLR0913
    support: str,
    sync: str,
    averaging: str,
    tiny_pair: Pair,
    sources: SourceCache,
    short: TrajectoryConfig,
    tmp_path: Path,
) -> None:
    trajectory = short.model_copy(update={"sync": sync, "averaging": averaging})
    prepared = coupled_trial(tiny_pair, sources, trajectory, support=support)
    whole = list(run_in_process(prepared.plan, prepared.cut))
    settings = CheckpointSettings(tmp_path, every=1)
    movers = 1 if sync == "single" else 2
    cut_off(prepared, settings, "advance", 7 * movers)
    cut_off(prepared, settings, "advance", 9 * movers)
    left, records = count_of("advance", prepared, settings)
    assert_same_bits(records, whole)
    # Cut off in segment 6, it goes on at 5; cut off 8 segments later, at 2 of the next one.
    assert left == 8 * movers


@pytest.mark.parametrize("method", ["features", "measure", "probe", "evaluate", "stay"])
def test_cut_off_in_any_kind_of_call_it_ends_at_the_same_bits(
    method: str, brief: Prepared, undisturbed_brief: list[Iteration], tmp_path: Path
) -> None:
    settings = CheckpointSettings(tmp_path, every=3)
    cut_off(brief, settings, method, 2)
    assert_same_bits(
        list(run_in_process(brief.plan, brief.cut, checkpoints=settings)), undisturbed_brief
    )


def test_a_checkpoint_holds_the_means_that_later_knots_are_averaged_over(
    prepared: Prepared, cut_off_once: Path
) -> None:
    snapshot, _ = Checkpoints(CheckpointSettings(cut_off_once), prepared.plan).load()
    assert snapshot is not None
    halfway = snapshot.halfway
    assert halfway is not None
    assert halfway.segment == 10
    assert [set(means) for means in halfway.means] == [{6, 7, 8, 9}]
    assert set(halfway.states) == {4, 8, 10}
    assert set(halfway.measured) == {8, 9}  # where segments of two and four still start


def test_checkpoints_change_nothing_and_two_are_kept(
    brief: Prepared, undisturbed_brief: list[Iteration], tmp_path: Path
) -> None:
    settings = CheckpointSettings(tmp_path, every=1)
    assert_same_bits(
        list(run_in_process(brief.plan, brief.cut, checkpoints=settings)), undisturbed_brief
    )
    kept = sorted(p.name[:9] for p in tmp_path.iterdir())
    assert kept == ["0001-0008", "0001-0009"]


class Clock:
    """Stands still but for what is said to take time."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_where_nobody_says_how_often_they_take_two_percent_at_most_beside_each_iteration(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, spent = Clock(), 0.0
    monkeypatch.setattr(module, "time", clock)
    checkpoints = Checkpoints(CheckpointSettings(tmp_path), prepared.plan)

    def takes(seconds: float, answer: Any) -> Any:
        clock.now += seconds
        return answer

    monkeypatch.setattr(module, "encode", lambda _: takes(0.1, b""))
    monkeypatch.setattr(module, "write_bytes", lambda *_: takes(0.1, None))
    for iteration in range(40):
        records, written = (None,) * iteration, 0
        at_start = SimpleNamespace(records=records, halfway=None)
        checkpoints.save(at_start)  # type: ignore[arg-type]
        for segment in range(1, 100):
            clock.now += 1
            halfway = SimpleNamespace(records=records, halfway=SimpleNamespace(segment=segment))
            began = clock.now
            checkpoints.save_if_due(segment, lambda: takes(0.3, halfway))  # noqa: B023
            written += clock.now > began
            spent += clock.now - began
        assert spent <= 0.02 * clock.now
        assert 1 <= written <= 5
    assert spent >= 0.015 * clock.now


def test_checkpoints_as_often_as_they_cost_little_change_nothing(
    brief: Prepared, undisturbed_brief: list[Iteration], tmp_path: Path
) -> None:
    settings = CheckpointSettings(tmp_path)
    records = list(run_in_process(brief.plan, brief.cut, checkpoints=settings))
    assert_same_bits(records, undisturbed_brief)
    assert [*tmp_path.iterdir()]


@pytest.fixture(scope="module")
def cut_off_once(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of a trial that was cut off in its second iteration; not to be written to."""
    folder = tmp_path_factory.mktemp("cut-off")
    cut_off(prepared, CheckpointSettings(folder, every=5), "advance", 2 * 33)
    return folder


@pytest.fixture
def left(cut_off_once: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return shutil.copytree(cut_off_once, tmp_path / "left")


def newest(folder: Path) -> Path:
    return max(folder.glob("*.safetensors"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [flip, lambda p: p.write_bytes(p.read_bytes()[:-7]), lambda p: p.write_bytes(b"")],
    ids=["one bit", "cut short", "empty"],
)
def test_a_corrupted_checkpoint_is_recognised_and_the_one_before_is_used(
    damage: Callable[[Path], Any], prepared: Prepared, undisturbed: list[Iteration], left: Path
) -> None:
    settings = CheckpointSettings(left, every=5)
    damaged = newest(left)
    damage(damaged)
    assert damaged.name.startswith("0001-0010")
    told: list[str] = []
    run = run_in_process(prepared.plan, prepared.cut, checkpoints=settings, tell=told.append)
    assert_same_bits(list(run), undisturbed)
    assert told == ["checkpoint 0001-0010 is not used: its content is not what was written"]


def test_with_every_checkpoint_corrupted_the_trial_starts_again(
    prepared: Prepared, undisturbed: list[Iteration], left: Path
) -> None:
    settings = CheckpointSettings(left, every=5)
    for path in left.iterdir():
        flip(path)
    told: list[str] = []
    run = run_in_process(prepared.plan, prepared.cut, checkpoints=settings, tell=told.append)
    assert_same_bits(list(run), undisturbed)
    assert len(told) == 2


@pytest.mark.parametrize("n_unreadable", [1, 2])
def test_checkpoints_that_an_object_store_does_not_hand_out_are_passed_over_and_kept(
    n_unreadable: int,
    prepared: Prepared,
    undisturbed: list[Iteration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = storage_path(f"fsspec+memory://bucket{tmp_path}")
    settings = CheckpointSettings(folder, every=5)
    cut_off(prepared, settings, "advance", 2 * 33)
    files = sorted(path.name for path in folder.iterdir())
    assert [name[:9] for name in files] == ["0001-0005", "0001-0010"]
    lost, really = files[-n_unreadable:], ObjectPath.read_bytes

    def read_bytes(path: ObjectPath) -> bytes:
        if path.name in lost:
            raise StorageError(f"{path}: cannot be read (no server answers)")
        return really(path)

    monkeypatch.setattr(ObjectPath, "read_bytes", read_bytes)
    told: list[str] = []
    run = run_in_process(prepared.plan, prepared.cut, checkpoints=settings, tell=told.append)
    assert_same_bits([next(run), next(run)], undisturbed)
    assert [note[:32] for note in told] == [
        f"checkpoint {name[:9]} is not used" for name in reversed(lost)
    ]
    assert {path.name[:9] for path in folder.iterdir()} >= {"0001-0010", "0001-0015"}


def test_unreadable_checkpoints_further_on_leave_the_new_ones(
    prepared: Prepared, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = CheckpointSettings(left, every=5)
    ahead, really = {path.name for path in left.iterdir()}, Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name in ahead:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return really(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    cut_off(prepared, settings, "advance", 2 * 13)
    new = {path.name for path in left.iterdir()} - ahead
    assert {name[:9] for name in new} == {"0000-0005", "0000-0010"}
    snapshot, notes = Checkpoints(settings, prepared.plan).load()
    assert snapshot is not None
    assert snapshot.halfway is not None
    assert snapshot.halfway.segment == 10
    assert len(notes) == 2


def test_a_checkpoint_of_other_numbers_is_not_used(
    brief: Prepared, undisturbed_brief: list[Iteration], tmp_path: Path
) -> None:
    cut_off(brief, CheckpointSettings(tmp_path, 1, {"chunk": 2}), "advance", 20)
    told: list[str] = []
    settings = CheckpointSettings(tmp_path, 1, {"chunk": 1})
    run = run_in_process(brief.plan, brief.cut, checkpoints=settings, tell=told.append)
    assert_same_bits(list(run), undisturbed_brief)
    assert len(told) == 2
    assert "other threads, chunk" in told[0]
    longer = replace(brief.plan, steps=60)
    assert Checkpoints(settings, longer).load()[0] is None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    with small_disk(tmp_path, "32m") as disk:
        yield disk


def fill(disk: Path, left: int) -> Path:
    """Fills a disk but for so many bytes."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - left))
    return ballast


def test_a_full_disk_leaves_the_checkpoint_before_and_the_run_goes_on(
    brief: Prepared, undisturbed_brief: list[Iteration], disk: Path
) -> None:
    folder = disk / "checkpoint"
    settings = CheckpointSettings(folder, every=1)
    cut_off(brief, settings, "advance", 2 * 8 + 1)
    before = sorted(folder.iterdir())
    assert [path.name[:9] for path in before] == ["0000-0006", "0000-0007"]
    ballast = fill(disk, left=4096)
    told: list[str] = []
    run = run_in_process(brief.plan, brief.cut, checkpoints=settings, tell=told.append)
    assert_same_bits(list(run), undisturbed_brief)
    (note,) = told
    assert "a checkpoint could not be written" in note
    assert "the disk is full" in note
    assert sorted(folder.iterdir()) == before
    ballast.unlink()
    left, records = count_of("advance", brief, settings)
    assert_same_bits(records, undisturbed_brief)
    assert left == 2 * (10 - 7 + 10)


def test_values_come_back_to_the_bit() -> None:
    knot = Knot(3, 0.1, math.nan, -math.inf, 1 / 3, 5e-324, -0.0, None, 1e308)
    value = {"knot": knot, 4: (1, [True, None, "ä"]), "x": np.float64(0.1), "e": np.zeros((0, 3))}
    tensor = torch.randn(3, 4, dtype=torch.float64).mT
    value |= {"tensor": tensor, "same": tensor, "count": torch.tensor(7), "b": torch.ones(1) > 0}
    back = decode(encode(value), {"Knot": Knot})
    assert repr(back["knot"]) == repr(knot)
    assert back[4] == value[4]
    assert back["x"] == 0.1
    assert back["e"].shape == (0, 3)
    for name in ("tensor", "same", "count", "b"):
        assert torch.equal(back[name], value[name])
        assert back[name].dtype == value[name].dtype
    with pytest.raises(TypeError, match="object cannot be written"):
        encode({"x": object()})


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\x08" + b"\0" * 7 + b'{"a": 1}'])
def test_foreign_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not readable"):
        decode(content, {})
