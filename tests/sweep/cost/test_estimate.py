"""What the plan counts is what a run counts, figure by figure."""

from typing import Any

import pytest

from raytd.engine.block import BlockSetup
from raytd.engine.executor import run_in_process
from raytd.engine.worker import BlockWorker
from raytd.sweep.cost.estimate import _copies_for_averaging, memory_bytes
from raytd.sweep.cost.speed import Speed
from raytd.sweep.trials.single import single_trial
from raytd.sweep.trials.trial import Trial, run_trial
from tests.cases import for_each

SMALL: dict[str, Any] = {
    "methods": ["coupled"],
    "model": "tests.methods.plain_nets:two_layers",
    "data": {"train": 13, "val": 10},
    "coupled": {"iterations": 2, "blocks": 2, "tile_size": 5},
    "trajectory": {"steps": 23, "batch_size": 8, "lr": 0.01, "segments": 10},
    "pretrain": {"epochs": 1, "batch_size": 10},
    "stop": {"tolerance": 0},
}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"methods": ["uncoupled"]},
    {"methods": ["uncoupled"], "coupled.dealing": "matched"},
    {"coupled.features": "pixels"},
    {"coupled.support": "global", "coupled.blocks": 3},
    {"trajectory.sync": "single"},
    {"trajectory.sync": "none"},
    {"trajectory.averaging": "none"},
    {"trajectory.averaging": "segment", "trajectory.segments": 20},
    {"trajectory.segments": 20},
    {"trajectory.segments": 40, "trajectory.steps": 45},
    {"trajectory.labels": "aligned"},
    {"coupled.iterations": 1, "coupled.blocks": 1, "coupled.tile_size": 30},
    {"tasks": [{"name": "t", "dataset": "digits", "classes": ["1", "2"], "train": 13, "val": 9}]},
]


def trial(changed: dict[str, Any]) -> Trial:
    target = (changed.get("tasks") or ["digits-high"])[0]
    settings = {k: dict(v) if isinstance(v, dict) else v for k, v in SMALL.items()}
    for key, value in changed.items():
        section, _, name = key.rpartition(".")
        if section:  # a key that the section has already would win over one that is written flat
            settings.setdefault(section, {})[name] = value
        elif key != "tasks":
            settings[key] = value
    return single_trial(("digits-low", target), settings)


@pytest.mark.parametrize("changed", VARIANTS, ids=lambda c: ",".join(c) or "plain")
def test_forward_images_and_steps_are_those_of_the_run(
    changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    run = BlockWorker._run

    def counted(self: BlockWorker, steps: Any, *args: Any) -> Any:
        taken.append(len(steps.rates))
        return run(self, steps, *args)

    monkeypatch.setattr(BlockWorker, "_run", counted)
    planned = trial(changed).work
    result, row = run_trial(trial(changed), launch=run_in_process, sources=None)
    assert planned.forward_images == row["forward_images"]
    assert planned.sgd_steps == row["sgd_steps"]
    assert planned.all_sgd_steps == sum(taken)
    assert planned.iterations == row["iterations"]


def test_passes_and_measurements_are_those_of_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[tuple[BlockSetup, float]] = []
    measures: list[Any] = []
    forward, measure = BlockWorker._pair_log_probs, BlockWorker.measure

    def counted(self: BlockWorker, weights: Any, tau: float) -> Any:
        passes.append((self.setup, tau))
        return forward(self, weights, tau)

    def noted(self: BlockWorker, *args: Any) -> Any:
        measures.append(args)
        return measure(self, *args)

    monkeypatch.setattr(BlockWorker, "_pair_log_probs", counted)
    monkeypatch.setattr(BlockWorker, "measure", noted)
    chosen = trial({})
    planned = chosen.work
    run_trial(chosen, launch=run_in_process, sources=None)
    gaps = 2 * 4
    inside = [tau for _, tau in passes if 0 < tau < 1]
    assert len(inside) == planned.blocks * (planned.iterations * planned.passes + gaps)
    assert len(measures) == planned.blocks * planned.iterations * planned.measures


SPEED = Speed(0.0, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1000, 1000, 500_000)


@for_each(
    ("changed", "copies"),
    [
        ({}, 2 * 2),
        ({"trajectory.segments": 100, "trajectory.steps": 100}, 2 * 20),
        ({"trajectory.averaging": "segment"}, 2),
        ({"trajectory.averaging": "none"}, 0),
        ({"trajectory.sync": "none"}, 2 * 2 * 2),
        ({"trajectory.sync": "single"}, 2 * 2),
        ({"methods": ["finetune"]}, 2 * 8),
        ({"methods": ["finetune"], "finetune.averaging": "none"}, 0),
        ({"methods": ["leep"]}, 0),
    ],
)
def test_a_fifth_of_the_segments_holds_two_copies_of_the_weights(
    changed: dict[str, Any], copies: int
) -> None:
    chosen = trial(changed)
    assert _copies_for_averaging(chosen.config) == copies
    without = {"trajectory.averaging": "none", "finetune.averaging": "none"}
    more = memory_bytes(chosen, SPEED) - memory_bytes(trial(changed | without), SPEED)
    assert more == copies * 4 * SPEED.parameters
