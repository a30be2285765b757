"""How fast this machine computes the parts of a trial, measured in a few seconds per network."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from raytd.engine.block import BlockSetup
from raytd.engine.config import TilingConfig
from raytd.engine.executor import run_in_process
from raytd.engine.setup.context import Context, source_recipe
from raytd.engine.setup.prepare import prepare
from raytd.engine.worker import BlockWorker, Coupling
from raytd.learning.devices import pick_device, torch_threads
from raytd.learning.images import ImageSlice
from raytd.learning.pretrain import Recipe, pretrain
from raytd.learning.sources import Origin, Source, SourceCache
from raytd.models import zoo
from raytd.models.heads import find_head
from raytd.sweep.trials.trial import Trial
from raytd.tasks.task import Task
from raytd.transfer.state import TrainState, Weights

_BUDGET_S = 0.4
"""About how long each quantity is measured."""

_SEGMENTS = 20
_KNOT = 4


@dataclass(frozen=True)
class Speed:
    """Seconds that the parts of a trial take one worker, and bytes that it needs.

    Attributes:
        move_s: of an `advance` beside its steps: weights and momentum in and out.
        step_s: of an SGD step on the batch of the trajectory.
        pretrain_step_s: of an SGD step on the batch of pre-training.
        measure_s: of a pair in the shortest segment of a knot, which takes two forward passes.
        longer_s: of a pair in a longer one, which takes one.
        probe_s: of a validation pair at a knot.
        activation_bytes: of one image, of all layers together: what a step keeps.
        widest_bytes: of one image, of its two largest layers: what a forward pass holds.
        parameters: of the network.
    """

    move_s: float
    step_s: float
    pretrain_step_s: float
    measure_s: float
    longer_s: float
    probe_s: float
    activation_bytes: int
    widest_bytes: int
    parameters: int


class _Untrained(SourceCache):
    """Networks with their initial weights: a speed does not depend on them."""

    def get(self, task: Task, origin: Origin) -> Source:
        model = zoo.build(
            origin.model,
            in_channels=task.image_shape[0],
            n_classes=len(task.classes),
            seed=0,
        )
        return Source(Weights.of(model), find_head(model)[0], 0.0, 0.0)


def calibrate(trial: Trial) -> Speed:
    """Times the real network of a trial on its own images, batches and tiles."""
    setup, start = _block(trial)
    with torch_threads(setup.resources.threads):
        state = TrainState.at_rest(start)
        move_s, step_s = _steps(setup, state)
        small, measure_s, longer_s = _measuring(setup, start)
        n_probes = _as_many(2 * longer_s, len(setup.probes[0].labels))
        BlockWorker(replace(small, probes=_first(setup.probes, 1))).probe(_KNOT, start)
        probing = BlockWorker(replace(small, probes=_first(setup.probes, n_probes)))
        probe_s = _seconds(lambda: probing.probe(_KNOT, start)) / n_probes
        total, widest = _activations(small, start)
        pretrain_step_s = _pretraining(trial, step_s / setup.trajectory.batch_size)
    n_parameters = sum(p.numel() for p in start.parameters.values())
    return Speed(
        move_s, step_s, pretrain_step_s, measure_s, longer_s, probe_s, total, widest, n_parameters
    )


def _block(trial: Trial) -> tuple[BlockSetup, Weights]:
    """The first block of the trial, as its worker gets it, and a network to start from.

    A trial that has no blocks is given one, in tiles as they are by default, with its own batches.
    """
    config = trial.config
    plain = {"match": "lr", "reference": None, "labels": "union", "batch_size": config.batch}
    context = Context(
        launch=run_in_process,
        sources=_Untrained(None, use_gpu=config.resources.use_gpu),
        trajectory=config.trajectory.model_copy(update=plain),
        pretrain=config.pretrain,
        stop=config.stop,
        resources=config.resources,
        on_iteration=lambda _: None,
    )
    prepared = prepare(trial.pair, context, TilingConfig.part_of(config.tiling))
    return prepared.cut(prepared.plan.tiles)[0], prepared.plan.start


def _steps(setup: BlockSetup, state: TrainState) -> tuple[float, float]:
    """Seconds of an `advance` without steps, and of a step."""
    coupling = _coupling(setup)

    def advance(n: int) -> float:
        worker = BlockWorker(replace(setup.moving(segments=_SEGMENTS), steps=n * _SEGMENTS))
        return _seconds(lambda: worker.advance(_KNOT, state, coupling))

    one = advance(1)
    most = max(2, _as_many(one, min(20, setup.steps // setup.trajectory.segments)))
    several = advance(most)
    step_s = min(several / most, max(0.5 * one, several - one) / (most - 1))
    return max(0.0, one - step_s), step_s


def _measuring(setup: BlockSetup, start: Weights) -> tuple[BlockSetup, float, float]:
    """Seconds of a pair in a segment, short and longer; tiles are cut to what is quick."""
    tiny = _cut(setup, 4).moving(segments=_SEGMENTS)
    worker = BlockWorker(tiny)
    each = _seconds(lambda: worker.train_loss(_KNOT, start, _coupling(tiny))) / tiny.rows.size**2
    side = max(4, int(_as_many(each, setup.rows.shape[1] * setup.cols.shape[1]) ** 0.5))
    small = _cut(setup, side).moving(segments=_SEGMENTS)
    worker, coupling = BlockWorker(small), _coupling(small)
    turn = iter(range(1_000_000))

    def fresh() -> None:
        worker.measure(next(turn), (_KNOT, _KNOT + 1), start, start, coupling)

    pairs = small.rows.shape[0] * small.rows.shape[1] * small.cols.shape[1]
    two = _seconds(fresh)
    known = next(turn)
    one = _seconds(lambda: worker.measure(known, (_KNOT, _KNOT + 2), start, start, coupling))
    return small, max(one, two) / pairs, min(one, two) / pairs


def _pretraining(trial: Trial, image_s: float) -> float:
    """Seconds of an SGD step of pre-training; those of `image_s` where nothing is trained."""
    config = trial.config
    batch = config.pretrain.batch_size
    recipe = source_recipe(trial.pair, config.pretrain)
    if not isinstance(recipe, Recipe):
        return image_s * batch
    n = min(recipe.steps, _as_many(image_s * batch, 20))
    device = pick_device(config.resources.use_gpu)
    short = replace(recipe, steps=n, early_stop="none", patience=0)
    return _seconds(lambda: pretrain(trial.source, short, device=device)) / n


def _activations(setup: BlockSetup, start: Weights) -> tuple[int, int]:
    """Bytes per image that all layers put out together, and that the two largest do."""
    worker, sizes = BlockWorker(setup), list[int]()

    def note(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, torch.Tensor):
            sizes.append(output.nbytes // len(output))

    leaves = [m for m in worker.model.modules() if not list(m.children())]
    hooks = [m.register_forward_hook(note) for m in leaves]
    worker.predict(start)
    for hook in hooks:
        hook.remove()
    n_passes = max(1, len(sizes) // max(1, len(leaves)))
    once = sorted(sizes[: len(sizes) // n_passes])
    return sum(once), sum(once[-2:])


def _cut(setup: BlockSetup, side: int) -> BlockSetup:
    """The first chunk of tiles, each no larger than `side` × `side`."""
    tiles = setup.resources.chunk if side >= setup.rows.shape[1] else 1
    return replace(setup, rows=setup.rows[:tiles, :side], cols=setup.cols[:tiles, :side])


def _first(sides: tuple[ImageSlice, ImageSlice], n: int) -> tuple[ImageSlice, ImageSlice]:
    source, target = (replace(s, images=s.images[:n], labels=s.labels[:n]) for s in sides)
    return source, target


def _coupling(setup: BlockSetup) -> Coupling:
    """Mass spread evenly over the pairs that are there."""
    shape = (*setup.rows.shape, setup.cols.shape[1])
    return np.full(shape, 1 / math.prod(shape))


def _as_many(each_s: float, most: int) -> int:
    """As many as fit into the time that a quantity is measured in."""
    return max(1, min(most, int(_BUDGET_S / max(each_s, 1e-9))))


def _seconds(call: Callable[[], object]) -> float:
    """Seconds of a call: the median of some, after one to warm up, which may import much."""
    started = time.perf_counter()
    call()
    taken = list[float]()
    while not taken or (time.perf_counter() - started < 2 * _BUDGET_S and len(taken) < 9):
        before = time.perf_counter()
        call()
        taken.append(time.perf_counter() - before)
    return statistics.median(taken)
