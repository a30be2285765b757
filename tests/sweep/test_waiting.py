"""The line that a user reads while the cluster has no place."""

import pytest

from raytd.sweep import waiting
from raytd.sweep.waiting import Silence, Waiting, waiting_line


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
