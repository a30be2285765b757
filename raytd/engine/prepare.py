"""From two tasks and a configuration to a plan for the coordinator and a setup for each block."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from raytd.engine.block import BlockSetup, ImageSlice
from raytd.engine.context import Context, Pair, reference_recipe, source_recipe
from raytd.engine.records import CouplingSettings, Plan
from raytd.engine.sources import Source
from raytd.errors import InputError
from raytd.models.heads import extend_head
from raytd.tasks.datasets import Part
from raytd.tasks.labels import LabelSpace, union
from raytd.tasks.task import Task
from raytd.transfer.randomness import generator
from raytd.transfer.state import Weights
from raytd.transport.tiles import Dealing, Tiles, deal_tiles


@dataclass(frozen=True)
class Prepared:
    """A trial that is ready to run.

    Attributes:
        plan: for the coordinator.
        setups: for the workers, one per block; under `sync: single` one more, of all tiles.
        source_accuracy: of w^s on the source's validation images.
        reference_accuracy: of a network trained on the target alone with the trajectory's budget.
        labels_differ: (tiles, n, m) whether the two ends of a pair have different labels.
    """

    plan: Plan
    setups: tuple[BlockSetup, ...]
    source_accuracy: float
    reference_accuracy: float
    labels_differ: Bool[np.ndarray, "tiles n m"]


def prepare(
    pair: Pair,
    context: Context,
    tiles: Tiles,
    *,
    n_blocks: int,
    iterations: int,
    coupling: CouplingSettings | None,
) -> Prepared:
    """Trains or reads the source, extends its head, and cuts the tasks into blocks."""
    space = union(pair.source, pair.target)
    source = context.sources.get(pair.source, source_recipe(pair, context.pretrain))
    reference = context.sources.get(
        pair.target, reference_recipe(pair, context.pretrain, context.trajectory)
    )
    cutter = _Cutter(pair, space, tiles, n_blocks)
    plan = Plan(
        tiles=tiles,
        n_blocks=n_blocks,
        start=_extended(source, space),
        steps=context.trajectory.sgd_steps(len(pair.source.train.labels)),
        segments=context.trajectory.segments,
        iterations=iterations,
        sync=context.trajectory.sync,
        coupling=coupling,
        tolerance=context.stop.tolerance,
        threads=context.resources.threads,
    )
    setups = [cutter.setup(b, tiles.block(b, n_blocks), plan, context) for b in range(n_blocks)]
    if plan.sync == "single":
        setups.append(cutter.setup(0, slice(0, tiles.n_tiles), plan, context))
    return Prepared(
        plan=plan,
        setups=tuple(setups),
        source_accuracy=source.accuracy,
        reference_accuracy=reference.accuracy,
        labels_differ=cutter.labels_differ(),
    )


def deal(pair: Pair, *, tile_size: int, n_blocks: int, dealing: Dealing) -> Tiles:
    """Deals the training images of a pair into tiles.

    Raises:
        InputError: if there are more blocks than tiles.
    """
    n_source, n_target = len(pair.source.train.labels), len(pair.target.train.labels)
    tiles = deal_tiles(
        n_source,
        n_target,
        tile_size=tile_size,
        dealing=dealing,
        generator=generator(pair.seed, "tiles"),
    )
    if n_blocks > tiles.n_tiles:
        raise InputError(
            f"coupled.blocks: {n_blocks} blocks for {tiles.n_tiles} tiles of side {tile_size} "
            f"({pair.source.name}: {n_source}, {pair.target.name}: {n_target} images); "
            "set fewer blocks or a smaller coupled.tile_size"
        )
    return tiles


def _extended(source: Source, space: LabelSpace) -> Weights:
    """w^s with outputs for the classes that only the target has."""
    parameters = extend_head(
        source.weights.parameters,
        head=source.head,
        n_classes=len(space.classes),
        logit=source.new_output_logit,
    )
    return Weights(parameters, source.weights.buffers)


class _Cutter:
    """Cuts what one block needs out of two tasks."""

    def __init__(self, pair: Pair, space: LabelSpace, tiles: Tiles, n_blocks: int) -> None:
        self.pair, self.space, self.tiles, self.n_blocks = pair, space, tiles, n_blocks

    def setup(self, block: int, chosen: slice, plan: Plan, context: Context) -> BlockSetup:
        """What the worker of the block that owns the chosen tiles is built from."""
        pair, trajectory, resources = self.pair, context.trajectory, context.resources
        source, rows = _local(self.tiles.rows[chosen].numpy(), self.tiles.a[chosen].numpy())
        target, cols = _local(self.tiles.cols[chosen].numpy(), self.tiles.b[chosen].numpy())
        share = np.arange(block, len(pair.target.val.labels), self.n_blocks)
        return BlockSetup(
            block=block,
            source=self._slice(pair.source, pair.source.train, source),
            target=self._slice(pair.target, pair.target.train, target),
            validation=self._slice(pair.target, pair.target.val, share),
            rows=rows,
            cols=cols,
            model=pair.model,
            n_classes=len(self.space.classes),
            run_seed=pair.seed,
            steps=plan.steps,
            segments=plan.segments,
            batch_size=trajectory.batch_size,
            lr=trajectory.lr,
            momentum=trajectory.momentum,
            weight_decay=trajectory.weight_decay,
            mixing=trajectory.mixing,
            schedule=trajectory.schedule,
            augment=trajectory.augment,
            chunk=resources.chunk,
            threads=resources.threads,
            use_gpu=resources.gpus_per_actor > 0,
        )

    def labels_differ(self) -> Bool[np.ndarray, "tiles n m"]:
        """Whether the two ends of each pair have different labels."""
        source, target = self.pair.source, self.pair.target
        rows = self.space.outputs(source)[source.train.labels][self.tiles.rows.numpy()]
        cols = self.space.outputs(target)[target.train.labels][self.tiles.cols.numpy()]
        differ: Bool[np.ndarray, "tiles n m"] = rows[:, :, None] != cols[:, None, :]
        return differ

    def _slice(self, task: Task, part: Part, chosen: Int64[np.ndarray, " n"]) -> ImageSlice:
        labels = self.space.outputs(task)[part.labels[chosen]]
        return ImageSlice(part.images[chosen], labels, task.mean, task.std)


def _local(
    index: Int64[np.ndarray, "tiles side"], mass: Float64[np.ndarray, "tiles side"]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, "tiles side"]]:
    """Which images a block uses, and its index into them; padding points at the first."""
    used = np.unique(index[mass > 0])
    return used, np.where(mass > 0, np.searchsorted(used, index), 0)
