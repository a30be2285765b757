"""Whole sweeps whose processes, memory and nodes are taken away, against ones left in peace."""

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import raytd
from raytd.methods.paths.result import DistanceResult
from tests.cli.commands import command, environment, processes_with, run_here
from tests.conftest import CPUS
from tests.methods import plain_nets

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = """
name: faults
tasks: [digits-low, digits-high]
data: {train: 20, val: 10}
pairs: [[digits-low, digits-high]]
methods: [coupled]
model: "braked:braked"
coupled: {iterations: 2, blocks: 2, tile_size: 5, support: global}
trajectory: {steps: 10, batch_size: 4, lr: 0.01, segments: 10}
pretrain: {epochs: 4, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, gpus_per_actor: 0, threads: 1, checkpoint_every: 1}
"""
LONGEST_S = 240

BRAKED = '''
"""A small network, which waits in the first training step after a certain checkpoint is written."""

from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from plain_nets import normed

BRAKE, HELD = (Path(__file__).with_name(name) for name in ("brake", "held"))


def wait(model, _):
    with suppress(FileNotFoundError):
        if model.training and BRAKE.exists():
            trials, name = BRAKE.read_text().splitlines()
            if [*Path(trials).glob(f"*/checkpoint/{name}")]:
                BRAKE.rename(HELD)
                end = monotonic() + 300  # longer than any test waits: nothing may be left for ever
                while HELD.exists() and monotonic() < end:
                    sleep(0.02)


def braked(in_channels, n_classes):
    model = normed(in_channels=in_channels, n_classes=n_classes)
    model.register_forward_pre_hook(wait)
    return model
'''

GREEDY = '''
"""A network that cannot have more than so many images at once."""

import torch
from torch import nn


class Greedy(nn.Module):
    def __init__(self, in_channels, n_classes, most):
        super().__init__()
        self.body = nn.Flatten()
        self.fc = nn.Linear(in_channels * 64, 8)
        self.head = nn.Linear(8, n_classes)
        self.most = most

    def forward(self, x):
        if len(x) > self.most:
            torch.empty(2**60)  # more than any machine has: the allocator's own error
        return self.head(self.fc(self.body(x)))


def greedy(in_channels, n_classes, most=60):
    return Greedy(in_channels, n_classes, most)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "faults.yaml").write_text(SWEEP)
    (folder / "sources").mkdir()
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path, modules: Path) -> Iterator[DistanceResult]:
    """In this process; its sources serve every sweep here."""
    shutil.copy(plain_nets.__file__, modules)
    (modules / "braked.py").write_text(BRAKED)
    (modules / "greedy_model.py").write_text(GREEDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(modules)
        yield raytd.distance(
            "digits-low", "digits-high", config=folder / "faults.yaml", sources=folder / "sources"
        )


class Brake:
    """Holds a trial in the middle of a segment.

    Args:
        modules: where the network of the sweeps is.
        folder: of all sweeps.
    """

    def __init__(self, modules: Path, folder: Path) -> None:
        self._brake, self._held, self._folder = modules / "brake", modules / "held", folder

    def at(self, storage: str, place: str) -> None:
        """Has the next trial in a storage wait as soon as it has a checkpoint of that place."""
        (self._folder / storage).mkdir(exist_ok=True)
        self._brake.write_text(f"{self._folder / storage}/faults/trials\n{place}*")

    def holds(self) -> bool:
        """Whether it waits."""
        return self._held.exists()

    def let_go(self) -> None:
        """Lets it go on."""
        self._held.unlink(missing_ok=True)

    def release(self) -> None:
        """Lets it go on, and every trial after it."""
        self._brake.unlink(missing_ok=True)
        self.let_go()


@pytest.fixture
def brake(modules: Path, folder: Path, undisturbed: DistanceResult) -> Iterator[Brake]:
    made = Brake(modules, folder)
    yield made
    made.release()


@pytest.fixture
def _tidy(ray_here: None) -> Iterator[None]:
    """Nothing of a sweep is left on the session's cluster, which would have ended with it."""
    import ray
    from ray.util import placement_group_table, remove_placement_group
    from ray.util.placement_group import PlacementGroup

    yield
    for group in placement_group_table().values():
        if group["state"] != "REMOVED":
            remove_placement_group(
                PlacementGroup(ray.PlacementGroupID.from_hex(group["placement_group_id"]))
            )
    wait_until(lambda: not workers("ray::ImplicitFunc", "ray::BlockHost", "ray::CoordinatorHost"))


def workers(*titles: str) -> list[int]:
    """Processes of the session's cluster, on whichever of its nodes, with such a title."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            title = (process / "cmdline").read_text() if process.name.isdigit() else ""
            if title.startswith(titles) and parent_of(parent_of(int(process.name))) == os.getpid():
                found.append(int(process.name))
        except (OSError, ValueError):
            continue
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(happened: Callable[[], Any], over: threading.Event | None = None) -> Any:
    """Waits for something, which cannot happen any more once `over` is set."""
    deadline = time.monotonic() + LONGEST_S
    while not (found := happened()):
        assert time.monotonic() < deadline, "it never happened"
        assert over is None or not over.is_set(), "it had ended before"
        time.sleep(0.02)
    return found


@contextmanager
def beside(act: Callable[[threading.Event], None], brake: Brake | None = None) -> Iterator[None]:
    """Something goes on beside the block, and is told when the block has ended.

    Args:
        act: what goes on.
        brake: to be released in any case when it has ended.
    """
    over, failures = threading.Event(), []

    def run() -> None:
        try:
            act(over)
        except Exception:  # noqa: BLE001 - raised below
            failures.append(traceback.format_exc())
        if brake is not None:
            brake.release()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failures, "\n".join(failures)


def options(folder: Path, storage: str) -> tuple[str, ...]:
    """The words of a sweep with the sources that are there."""
    (folder / storage).mkdir(exist_ok=True)
    if not (folder / storage / "sources").exists():
        (folder / storage / "sources").symlink_to(folder / "sources")
    return ("sweep", "faults.yaml", "--storage", storage, "--tracking-uri", "none")


def checkpoints(folder: Path, storage: str) -> list[str]:
    """Places of the checkpoints that a trial has left, in order."""
    found = folder.glob(f"{storage}/faults/trials/*/checkpoint/0*")
    return sorted(path.name[:9] for path in found)


def assert_same_bits(folder: Path, storage: str, undisturbed: DistanceResult) -> dict[str, Any]:
    (row,) = pq.read_table(folder / storage / "faults/results.parquet").to_pylist()
    (trial,) = (folder / storage / "faults/trials").iterdir()
    assert row["status"] == "done"
    for name in ("distance", "noise_free_length", "noise_free_error", "forward_images"):
        assert row[name] == getattr(undisturbed, name)
    figures = pq.read_table(trial / "iterations.parquet").to_pylist()
    assert figures == [i.row() for i in undisturbed.iterations]
    knots = pq.read_table(trial / "knots.parquet").to_pylist()
    assert knots == [k for i in undisturbed.iterations for k in i.knot_rows()]
    assert not (trial / "checkpoint").exists()
    return row


@pytest.mark.usefixtures("_tidy")
def test_a_sweep_whose_folder_is_removed_says_so_and_leaves_none(
    folder: Path, brake: Brake
) -> None:
    shutil.copytree(folder / "sources", folder / "gone" / "sources")
    brake.at("gone", "0000-000[1-9]")
    whole = folder / "gone" / "faults"

    def remove(over: threading.Event) -> None:
        wait_until(brake.holds, over)
        (checkpoint,) = {path.parent for path in whole.glob("trials/*/checkpoint/*")}
        shutil.rmtree(whole, ignore_errors=True)
        checkpoint.mkdir(parents=True, exist_ok=True)  # as a process does that goes on writing
        (checkpoint / "0000-0009.new").touch()

    with beside(remove):
        ran = run_here(folder, *options(folder, "gone"))
    assert ran.returncode == 1
    assert ran.stdout == ""
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"{whole}: the folder of the sweep was removed or moved")
    assert "Traceback" not in ran.stderr
    assert [path.name for path in (folder / "gone").iterdir()] == ["sources"]


@pytest.mark.usefixtures("_tidy")
def test_a_trial_starts_again_after_its_actors_were_late_and_when_its_process_is_killed(
    folder: Path, undisturbed: DistanceResult, brake: Brake
) -> None:
    late = run_here(
        folder, *options(folder, "process"), "--set", "resources.wait_timeout_s=0.1"
    )  # in which no process starts
    assert late.returncode == 1
    assert "failed: waited 0.1 s for 2 actors of 0.5 CPUs and 0 GPUs each, in vain" in late.stderr
    assert "Traceback" not in late.stderr
    (trial,) = (folder / "process/faults/trials").iterdir()
    assert "Traceback" in (trial / "log.txt").read_text()

    brake.at("process", "0001-000[3-9]")

    def kill(over: threading.Event) -> None:
        wait_until(brake.holds, over)
        for pid in workers("ray::ImplicitFunc"):
            os.kill(pid, signal.SIGKILL)
        midway.append((trial / "log.txt").read_text())

    midway: list[str] = []
    with beside(kill, brake):
        ran = run_here(folder, *options(folder, "process"), "--json")
    assert ran.returncode == 0, ran.stderr
    assert "its process was lost; it goes on from its checkpoint" in ran.stderr
    assert "(raylet) A worker died or was killed while executing a task" in ran.stderr
    assert " INFO iteration 0, distance " in midway[0].partition("Traceback")[2]
    assert (trial / "log.txt").read_text().startswith(midway[0])
    assert re.findall(r" INFO coupled .*, process (\d+) on ", midway[0])
    row = assert_same_bits(folder, "process", undisturbed)
    assert json.loads(ran.stdout)["trials"][0]["distance"] == row["distance"]


@pytest.mark.usefixtures("_tidy", "undisturbed")
def test_a_trial_whose_process_is_lost_every_time_fails_and_says_so(folder: Path) -> None:
    killed: set[int] = set()

    def kill(over: threading.Event) -> None:
        while not over.wait(0.02):
            for pid in workers("ray::ImplicitFunc"):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)

    with beside(kill):
        ran = run_here(folder, *options(folder, "doomed"))
    assert ran.returncode == 1
    assert "failed: its process was lost 4 times" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(killed) >= 4
    (trial,) = (folder / "doomed/faults/trials").iterdir()
    assert (trial / "log.txt").read_text().strip()


@pytest.mark.usefixtures("_tidy", "undisturbed")
def test_a_trial_out_of_memory_starts_again_with_half_the_chunk(folder: Path) -> None:
    """The memory of the network suffices for chunks of three tiles."""
    model = "greedy_model:greedy(most=40)"
    settings = (
        f"model={model}",
        "data.train=30",
        "coupled.support=blocks",
        "coupled.tile_size=3",
        "resources.chunk=24",
    )
    given = [word for setting in settings for word in ("--set", setting)]
    ran = run_here(folder, *options(folder, "memory"), *given)
    assert ran.returncode == 0, ran.stderr
    (row,) = pq.read_table(folder / "memory/faults/results.parquet").to_pylist()
    (trial,) = (folder / "memory/faults/trials").iterdir()
    log = (trial / "log.txt").read_text().splitlines()
    assert [text for line in log if (text := line[21:]).startswith("WARNING out of memory")] == [
        f"WARNING out of memory with chunk {chunk}; begun again with {chunk // 2}"
        for chunk in (24, 12, 6)
    ]
    assert (row["status"], row["chunk"]) == ("done", 3)
    small = raytd.distance(
        "digits-low",
        "digits-high",
        config=folder / "faults.yaml",
        sources=folder / "memory/sources",
        model=model,
        data={"train": 30, "val": 10},
        coupled={"support": "blocks", "tile_size": 3},
        resources={"chunk": 3},
    )
    assert row["distance"] == small.distance
    assert row["noise_free_length"] == small.noise_free_length


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait is worth a line at once, and looked after at each step."""
    for name in ("QUIET_S", "LOOK_EVERY_S"):
        monkeypatch.setattr(f"raytd.sweep.cluster.waiting.{name}", 0.0)


@contextmanager
def others_hold(n_cpus: int) -> Iterator[None]:
    """Somebody else has so many CPUs of the session's first node within the block."""
    import ray

    class Other:
        def is_there(self) -> bool:
            return True

    first_node = {"node:__internal_head__": 0.001}
    other = ray.remote(Other).options(num_cpus=n_cpus, resources=first_node).remote()
    assert ray.get(other.is_there.remote())
    try:
        yield
    finally:
        ray.kill(other)


@pytest.mark.usefixtures("_tidy", "undisturbed", "at_once")
def test_what_others_hold_is_waited_for_in_words_and_not_for_ever(folder: Path) -> None:
    limits = ("--set", "resources.cpus_per_actor=1", "--set", "resources.wait_timeout_s=0.5")
    with others_hold(3):
        ran = run_here(folder, *options(folder, "hogged"), *limits)
    assert ran.returncode == 1
    assert "waiting for 2.5 CPUs (the cluster has 1 CPU free)\n" in ran.stderr
    assert "no trial could be placed for 0.5 s; the same command goes on from here" in ran.stderr
    assert "Traceback" not in ran.stderr


WIDE = 5
"""CPUs of a node that joins the session's cluster, whose first node has fewer."""


class Nodes:
    """Nodes that have joined the session's cluster."""

    def __init__(self) -> None:
        import ray
        from ray.cluster_utils import Cluster

        first = ray._private.worker._global_node
        self._cluster = Cluster(shutdown_at_exit=False)
        self._cluster.head_node = first
        self._cluster.redis_address = first.redis_address
        self._cluster.global_state._initialize_global_state(
            ray._raylet.GcsClientOptions.create(
                first.gcs_address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False
            )
        )
        self.address: str = first.gcs_address

    @property
    def joined(self) -> list[Any]:
        """Those that live."""
        return list(self._cluster.worker_nodes)

    def add(self) -> None:
        """One more."""
        import ray

        node = self._cluster.add_node(wait=False, num_cpus=WIDE)
        name = node.plasma_store_socket_name
        wait_until(lambda: any(n["ObjectStoreSocketName"] == name for n in ray.nodes()))

    def lose(self, node: Any) -> None:
        """Ends every process of one, without a word."""
        self._cluster.remove_node(node, allow_graceful=False)

    def with_actors(self, name: str) -> list[Any]:
        """Those on which actors of a class are."""
        import ray

        alive = ray._private.state.actors(actor_state_name="ALIVE").values()
        hosts = {a["Address"]["NodeID"] for a in alive if a["ActorClassName"].endswith(name)}
        return [node for node in self.joined if node.node_id in hosts]

    def with_a_block_alone(self) -> Any:
        """One that has a block's actor, and not the process of the trial."""
        trial = self.with_actors("ImplicitFunc")
        return next(n for n in self.with_actors("BlockHost") if n not in trial)

    def close(self) -> None:
        """Takes all of them out of the cluster."""
        import ray

        for node in self.joined:
            self.lose(node)
        wait_until(lambda: len([n for n in ray.nodes() if n["Alive"]]) == 1)


@pytest.fixture(scope="module")
def all_nodes(ray_here: None) -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.close()


@pytest.fixture
def nodes(all_nodes: Nodes, _tidy: None) -> Nodes:
    """Two nodes beside the first one of the cluster."""
    while len(all_nodes.joined) < 2:
        all_nodes.add()
    return all_nodes


def drain(nodes: Nodes, node: Any) -> None:
    """Announces that a node goes at once, as a cloud does of a machine that it wants back."""
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    why = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    soon = int((time.time() + 0.2) * 1000)
    accepted, _ = GcsClient(address=nodes.address).drain_node(node.node_id, why, "preempted", soon)
    assert accepted
    wait_until(lambda: time.time() * 1000 > soon)


@pytest.mark.usefixtures("at_once")
def test_lost_and_drained_nodes_are_waited_for_in_words_replaced_and_change_nothing(
    nodes: Nodes, folder: Path, undisturbed: DistanceResult, brake: Brake
) -> None:
    """Others hold the first node; one has the trial's process and a block, one the other block.

    The process of the trial is lost, then a block, and then a node with a block is drained.
    """
    where = ("--address", nodes.address, "--set", f"resources.cpus_per_actor={WIDE - 1}")
    brake.at("lost", "0001-000[2-9]")
    words: list[str] = []

    def lose_and_drain(over: threading.Event) -> None:
        wait_until(brake.holds, over)
        (node,) = nodes.with_actors("ImplicitFunc")
        assert nodes.with_actors("CoordinatorHost") == [node]
        nodes.lose(node)
        nodes.add()
        brake.at("lost", "0001-000[4-9]")
        brake.let_go()
        wait_until(brake.holds, over)
        said_before = len(said("waiting for"))
        nodes.lose(nodes.with_a_block_alone())
        words.extend(wait_until(lambda: said("waiting for")[said_before:], over))
        nodes.add()
        brake.at("lost", "0001-000[6-9]")
        brake.let_go()
        wait_until(brake.holds, over)
        leaving = nodes.with_a_block_alone()
        drain(nodes, leaving)
        nodes.add()
        nodes.lose(leaving)

    with others_hold(CPUS), beside(lose_and_drain, brake):
        ran = run_here(folder, *options(folder, "lost"), *where)
    assert words[0] == f"waiting for {WIDE - 1} CPUs (the cluster has 0.5 CPUs free)"
    assert ran.returncode == 0, ran.stderr
    assert "its process was lost; it goes on from its checkpoint" in ran.stderr
    assert_same_bits(folder, "lost", undisturbed)
    (trial,) = (folder / "lost/faults/trials").iterdir()
    assert (trial / "log.txt").read_text().count("was made again") == 2


def said(start: str) -> list[str]:
    """Lines that the sweep of this process has written so far, and that begin like this."""
    written: str = sys.stderr.getvalue()  # type: ignore[attr-defined]
    return [line for line in written.splitlines() if line.startswith(start)]


@contextmanager
def sweep(folder: Path, modules: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`raytd sweep` in a process group of its own."""
    process = subprocess.Popen(
        command(*words),
        cwd=folder,
        env={
            **environment(folder),
            "PYTHONPATH": f"{modules}:{os.environ.get('PYTHONPATH', '')}",
            "RAYTD_TEST_STORAGE": "stopped",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def statuses(store: Path) -> list[str]:
    """How the runs of an MLflow store have ended."""
    with closing(sqlite3.connect(store)) as opened:
        return [status for (status,) in opened.execute("SELECT status FROM runs")]


def events(said: str) -> list[dict[str, Any]]:
    """What a sweep has told."""
    return [json.loads(line) for line in said.splitlines()]


def place_of(process: subprocess.Popen[str]) -> str:
    """Where the trial of a sweep is when it says so for the first time."""
    assert process.stderr is not None
    event = next(e for e in map(json.loads, process.stderr) if e["event"] == "segment")
    return f"{event['iteration']:04}-{event['segment']:04}"


@pytest.mark.usefixtures("_tidy")
def test_a_sweep_that_is_stopped_or_killed_goes_on_within_its_trial_to_the_same_bits(
    folder: Path, modules: Path, undisturbed: DistanceResult, brake: Brake
) -> None:
    """On a cluster that stays, where nothing of it may be left; `test_sweep` has one of its own."""
    import ray

    store = folder / "stopped.db"
    tracked = ("--tracking-uri", f"sqlite:///{store}", "--progress", "jsonl")
    own = (*options(folder, "stopped"), *tracked)
    there = (*own, "--address", ray.get_runtime_context().gcs_address)

    brake.at("stopped", "0001-000[2-9]")
    with sweep(folder, modules, *there) as process:
        assert process.stderr is not None
        while json.loads(next(process.stderr))["event"] != "iteration":
            assert process.poll() is None
        next(process.stderr)  # MLflow has been told of that iteration
        wait_until(brake.holds)
        assert statuses(store) == ["RUNNING", "RUNNING"]
        os.killpg(process.pid, signal.SIGTERM)
        said = process.communicate(timeout=LONGEST_S)[1]
    assert process.returncode == 143, said
    (finish,) = (e for e in events(said) if e["event"] not in ("segment", "iteration"))
    assert finish["message"] == (
        f"stopped by SIGTERM: 0 of 1 trial finished; run it again with: {spelt(there)}"
    )
    wait_until(lambda: not processes_with("RAYTD_TEST_STORAGE=stopped\0"))
    wait_until(lambda: not workers("ray::ImplicitFunc", "ray::BlockHost", "ray::CoordinatorHost"))
    assert statuses(store) == ["KILLED", "KILLED"]
    brake.release()
    first = checkpoints(folder, "stopped")[-1]
    assert first >= "0001-0002"

    brake.at("stopped", "0001-000[7-9]")
    with sweep(folder, modules, *there) as process:
        assert place_of(process) >= first
        wait_until(brake.holds)
        process.kill()
        process.wait()
    brake.release()
    assert checkpoints(folder, "stopped")[-1] >= "0001-0007"

    ran = run_here(folder, *own)
    assert ran.returncode == 0, ran.stderr
    assert statuses(store) == ["FINISHED", "FINISHED"]
    assert_same_bits(folder, "stopped", undisturbed)


def spelt(words: tuple[str, ...]) -> str:
    return shlex.join(["raytd", *words])
