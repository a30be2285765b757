"""A trial on made images of any number and form, for benchmarks of what surrounds arithmetic."""

import numpy as np

from raytd.engine.config import (
    PretrainConfig,
    ResourcesConfig,
    StopConfig,
    TilingConfig,
    TrajectoryConfig,
)
from raytd.engine.executor import run_in_process
from raytd.engine.setup.context import Context, Pair
from raytd.engine.setup.prepare import Prepared, prepare
from raytd.learning.sources import SourceCache
from raytd.tasks.datasets import Part
from raytd.tasks.task import Task

SEGMENTS = 20
N_CLASSES = 5


def made_task(name: str, n: int, shape: tuple[int, int, int]) -> Task:
    """Random images of five classes; a fiftieth as many for validation, ten at least."""
    rng = np.random.default_rng(sum(name.encode()))

    def part(count: int) -> Part:
        images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        return Part(images, np.arange(count) % N_CLASSES)

    classes = tuple(f"{name}/{c}" for c in range(N_CLASSES))
    channels = shape[0]
    return Task(
        name, classes, part(n), part(max(10, n // 50)), (0.5,) * channels, (0.3,) * channels
    )


def made_trial(
    *, model: str, n: int, shape: tuple[int, int, int], blocks: int, tile_size: int
) -> Prepared:
    """One trajectory under the independent coupling, one step on two pairs to a segment."""
    trajectory = TrajectoryConfig(steps=SEGMENTS, batch_size=2, lr=1e-4, segments=SEGMENTS)
    context = Context(
        launch=run_in_process,
        sources=SourceCache(None),
        trajectory=trajectory,
        pretrain=PretrainConfig(epochs=1, batch_size=128),
        stop=StopConfig(tolerance=0),
        resources=ResourcesConfig(threads=1, chunk=max(1, 2000 // tile_size**2)),
        on_iteration=lambda _: None,
    )
    pair = Pair(made_task("from", n, shape), made_task("to", n, shape), model, seed=0)
    return prepare(pair, context, TilingConfig(tile_size=tile_size, blocks=blocks))
