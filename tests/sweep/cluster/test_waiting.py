"""The line that a user reads while the cluster has no place."""

from types import SimpleNamespace

import pytest

from raytd.sweep.cluster import waiting
from raytd.sweep.cluster.waiting import Silence, Waiting, waiting_line


@pytest.mark.parametrize(
    ("n_starting", "line"),
    [
        (None, "waiting for 4 CPUs, 2 GPUs (the cluster has 2 CPUs, 0 GPUs free)"),
        (1, "waiting for 4 CPUs, 2 GPUs (autoscaler: 1 node starting)"),
        (2, "waiting for 4 CPUs, 2 GPUs (autoscaler: 2 nodes starting)"),
        (
            0,
            "waiting for 4 CPUs, 2 GPUs (the cluster has 2 CPUs, 0 GPUs free; "
            "autoscaler: 0 nodes starting)",
        ),
    ],
)
def test_the_line_says_what_is_wanted_and_what_there_is(n_starting: int | None, line: str) -> None:
    assert waiting_line({"CPU": 4.0, "GPU": 2.0}, {"CPU": 2.0}, n_starting) == line


def test_a_wait_is_told_after_a_while_and_then_once_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_free", lambda: {"CPU": 1.0})
    monkeypatch.setattr(waiting, "nodes_starting", lambda: None)
    now, told = [100.0], []
    watch = Waiting(lambda line: told.append((now[0], line)), clock=lambda: now[0])
    for _ in range(140):
        assert watch.note({"CPU": 2.0}) == now[0] - 100
        now[0] += 1
    assert [at for at, _ in told] == [105, 165, 225]
    assert watch.note({}) == 0
    assert watch.note({"CPU": 2.0}) == 0
    now[0] += 4
    watch.note({"CPU": 2.0})
    assert len(told) == 3


def test_silence_is_told_once_a_period_with_the_longest_first() -> None:
    now, told = [50.0], []
    silence = Silence(lambda line: told.append((now[0], line)), "news of", clock=lambda: now[0])
    for _ in range(260):
        silence.look(["a", "b"])
        if now[0] == 80:
            silence.heard("a")
        now[0] += 1
    assert told == [
        (110, "waiting for news of b, 1 min"),
        (170, "waiting for news of b and 1 more, 2 min"),
        (230, "waiting for news of b and 1 more, 3 min"),
        (290, "waiting for news of b and 1 more, 4 min"),
    ]
    silence.look(["a"])
    assert told[-1] == (290, "waiting for news of b and 1 more, 4 min")
    now[0] += 60
    silence.look(["a"])
    assert told[-1] == (370, "waiting for news of a, 4 min")
    now[0] += 60
    silence.heard("a")
    silence.look(["a"])
    assert len(told) == 5


def test_nothing_is_said_for_a_while_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_free", lambda: {"CPU": 2.0})
    monkeypatch.setattr(waiting, "nodes_starting", lambda: None)
    now, told = [100.0], []
    watch = Waiting(lambda line: told.append((now[0], line)), clock=lambda: now[0])
    for _ in range(70):
        watch.note({"CPU": 2.0})
        now[0] += 1
    assert told == [(160, "waiting for 2 CPUs (the cluster has 2 CPUs free)")]


@pytest.mark.parametrize(("alive", "waited_s"), [(True, [0, 0]), (False, [0, 7])])
def test_queued_trainings_are_no_wait_while_one_of_them_tells_where_it_is(
    alive: bool, waited_s: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ray counts what others have queued, too: here as many as there are trainings.
    monkeypatch.setattr(waiting, "queued_tasks", lambda: (3, {"CPU": 1.0}))
    monkeypatch.setattr(waiting, "_free", lambda: {"CPU": 0.0})
    monkeypatch.setattr(waiting, "nodes_starting", lambda: None)
    now, told = [50.0], list[str]()
    watch = Waiting(told.append, clock=lambda: now[0])
    found = []
    for _ in range(2):
        found.append(watch.look_at_tasks(3, alive=alive))
        now[0] += 7
    assert found == waited_s
    assert bool(told) == (not alive)


OURS, THEIRS = "0" * 28 + "02000000", "0" * 28 + "03000000"


@pytest.mark.parametrize(
    ("groups", "wanted"),
    [
        ([(OURS, "PENDING")], {"CPU": 1.5}),
        ([(OURS, "PENDING"), (THEIRS, "CREATED")], {"CPU": 1.5}),
        ([(OURS, "PENDING"), (OURS, "CREATED")], {}),
        ([(OURS, "RESCHEDULING"), (OURS, "CREATED")], {"CPU": 1.5}),
        ([(THEIRS, "PENDING")], {}),
    ],
)
def test_a_place_that_the_sweep_holds_itself_is_not_waited_for(
    groups: list[tuple[str, str]], wanted: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    table = {
        n: {
            "placement_group_id": identity,
            "state": state,
            "bundles": {0: {"CPU": 0.5}, 1: {"CPU": 1.0}},
            "bundles_to_node_id": {},
        }
        for n, (identity, state) in enumerate(groups)
    }
    monkeypatch.setattr("ray.util.placement_group_table", lambda: table)
    context = SimpleNamespace(get_job_id=lambda: "02000000")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    assert waiting.unplaced(idle=True) == wanted
