"""From two tasks and a configuration to a plan for the coordinator and a setup for each block."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from raytd.engine.block import BlockSetup, members
from raytd.engine.config import TilingConfig
from raytd.engine.coordinator import Cut
from raytd.engine.records import CouplingSettings, Plan
from raytd.engine.setup.context import (
    Context,
    Pair,
    reference_recipe,
    source_recipe,
    source_warning,
    speed_reference,
)
from raytd.engine.setup.initial_weights import extended, label_space
from raytd.engine.setup.matched_rate import initial_speed
from raytd.errors import InputError
from raytd.learning.features import FeatureCache
from raytd.learning.images import ImageSlice
from raytd.models.features import SOURCE
from raytd.tasks.datasets import Part
from raytd.tasks.labels import LabelSpace
from raytd.tasks.task import Task
from raytd.transfer.randomness import generator
from raytd.transfer.validation import validation_pairs
from raytd.transport.solvers.problem import independent_coupling
from raytd.transport.tiles import Tiles, deal_tiles
from raytd.words import counted


@dataclass(frozen=True)
class Prepared:
    """A trial that is ready to run.

    Attributes:
        pair: what it is about.
        plan: for the coordinator.
        cut: cuts the images for the workers.
        space: outputs of the network.
        lr: learning rate of the trajectory, matched to the reference network where that is asked.
        source_accuracy: of w^s on the source's validation images.
        reference_accuracy: of a network trained on the target alone with the trajectory's budget.
        warnings: what the user should know, in words.
    """

    pair: Pair
    plan: Plan
    cut: Cut
    space: LabelSpace
    lr: float
    source_accuracy: float
    reference_accuracy: float
    warnings: tuple[str, ...] = ()


def prepare(pair: Pair, context: Context, tiling: TilingConfig) -> Prepared:
    """Deals the pairs, trains or reads the source, extends its head, and cuts the tasks.

    Raises:
        InputError: if there are more blocks than tiles.
    """
    tiles = _deal(pair, tiling)
    own = tiling.model_dump(include={field.name for field in fields(CouplingSettings)})
    coupling = None if tiling.solves() is None else CouplingSettings(**own)
    source = context.sources.get(pair.source, source_recipe(pair, context.pretrain))
    reference = context.sources.get(
        pair.target, reference_recipe(pair, context.pretrain, context.trajectory)
    )
    space = label_space(pair, context, source, context.trajectory.labels)
    outputs = [space.outputs(t)[t.train.labels] for t in (pair.source, pair.target)]
    watched = [space.outputs(t)[t.val.labels] for t in (pair.source, pair.target)]
    plan = Plan(
        tiles=tiles,
        tile_size=tiling.tile_size,
        dealing=tiling.dealing,
        labels=(outputs[0], outputs[1]),
        n_blocks=tiling.blocks,
        validation=validation_pairs(watched[0], watched[1]),
        n_classes=len(space.classes),
        start=extended(source, space),
        steps=context.trajectory.sgd_steps(len(pair.source.train.labels)),
        segments=context.trajectory.segments,
        iterations=tiling.most_iterations(),
        sync=context.trajectory.sync,
        averaging=context.trajectory.averaging,
        coupling=coupling,
        tolerance=context.stop.tolerance,
        watched=context.stop.metric,
        threads=context.resources.threads,
        features=_features(pair, context, coupling),
    )
    cutter = Cutter(pair, space, plan, context)
    cutter.lr *= _rate_factor(cutter)
    warning = source_warning(pair, context.pretrain, source.accuracy)
    return Prepared(
        pair=pair,
        plan=plan,
        cut=cutter.cut,
        space=space,
        lr=cutter.lr,
        source_accuracy=source.accuracy,
        reference_accuracy=reference.accuracy,
        warnings=() if warning is None else (warning,),
    )


def _rate_factor(cutter: "Cutter") -> float:
    """What the learning rate is multiplied by so that the network is as fast as the reference."""
    context = cutter.context
    other = speed_reference(cutter.pair, context.trajectory)
    if other is None:
        return 1.0
    source = context.sources.get(other.source, source_recipe(other, context.pretrain))
    start = extended(source, cutter.space)
    speeds = [
        cutter.initial_speed(),
        Cutter(other, cutter.space, replace(cutter.plan, start=start), context).initial_speed(),
    ]
    return math.sqrt(speeds[1] / speeds[0])


def _deal(pair: Pair, tiling: TilingConfig) -> Tiles:
    """The training images of a pair in tiles.

    `matched` deals them in order at first; the coordinator deals them anew once it has features.
    """
    n_source, n_target = len(pair.source.train.labels), len(pair.target.train.labels)
    tiles = deal_tiles(
        n_source,
        n_target,
        tile_size=tiling.tile_size,
        dealing="index" if tiling.dealing == "matched" else tiling.dealing,
        generator=generator(pair.seed, "tiles"),
    )
    if tiling.blocks > tiles.n_tiles:
        raise InputError(
            f"coupled.blocks: {counted(tiling.blocks, 'block')} for "
            f"{counted(tiles.n_tiles, 'tile')} of side {tiling.tile_size} "
            f"({pair.source.name}: {n_source}, {pair.target.name}: {n_target} images); "
            "set fewer blocks or a smaller coupled.tile_size"
        )
    return tiles


def _features(
    pair: Pair, context: Context, coupling: CouplingSettings | None
) -> tuple[Float32[np.ndarray, "n d"], Float32[np.ndarray, "m d"]] | None:
    """External features of both tasks; None where those of the source model are wanted."""
    if coupling is None or coupling.features == SOURCE:
        return None
    sources, name = context.sources, coupling.features
    cache = FeatureCache(sources.folder, device=sources.device, threads=sources.threads)
    return cache.get(pair.source, name).numpy(), cache.get(pair.target, name).numpy()


class Cutter:
    """Cuts what each worker needs out of two tasks.

    Args:
        pair: the tasks.
        space: their joint label space.
        plan: of the trial.
        context: of the trial.

    Attributes:
        lr: learning rate that the workers are given.
    """

    def __init__(self, pair: Pair, space: LabelSpace, plan: Plan, context: Context) -> None:
        self.pair, self.space, self.plan, self.context = pair, space, plan, context
        self.lr = context.trajectory.lr

    def cut(self, tiles: Tiles) -> list[BlockSetup]:
        """One setup a block; under `sync: single` one more, of all tiles, for the mover."""
        n_blocks = self.plan.n_blocks
        setups = [self._setup(b, tiles, tiles.block(b, n_blocks)) for b in range(n_blocks)]
        if self.plan.sync == "single":
            setups.append(self._setup(0, tiles, slice(0, tiles.n_tiles)))
        return setups

    def initial_speed(self) -> float:
        """How fast predictions move at the start under a bᵀ, as `matched_rate` defines it."""
        tiles = self.plan.tiles
        setup = self._setup(0, tiles, slice(0, tiles.n_tiles))
        coupling = independent_coupling(tiles.a, tiles.b).numpy()
        return initial_speed(setup, self.plan.start, coupling)

    def _setup(self, block: int, tiles: Tiles, chosen: slice) -> BlockSetup:
        pair, plan = self.pair, self.plan
        source, rows = _local(tiles.rows[chosen], tiles.a[chosen])
        target, cols = _local(tiles.cols[chosen], tiles.b[chosen])
        share = np.arange(block, len(pair.target.val.labels), plan.n_blocks)
        return BlockSetup(
            block=block,
            source=self._slice(pair.source, pair.source.train, source),
            target=self._slice(pair.target, pair.target.train, target),
            probes=self._probes(block),
            validation=self._slice(pair.target, pair.target.val, share),
            rows=rows,
            cols=cols,
            model=pair.model,
            n_classes=len(self.space.classes),
            run_seed=pair.seed,
            steps=plan.steps,
            trajectory=self.context.trajectory.model_copy(update={"lr": self.lr}),
            resources=self.context.resources,
        )

    def _probes(self, block: int) -> tuple[ImageSlice, ImageSlice]:
        """The block's share of the validation pairs."""
        pairs, share = self.plan.validation, slice(block, None, self.plan.n_blocks)
        source, target = self.pair.source, self.pair.target
        return (
            self._slice(source, source.val, pairs.source_index[share]),
            self._slice(target, target.val, pairs.target_index[share]),
        )

    def _slice(self, task: Task, part: Part, chosen: Int64[np.ndarray, " n"]) -> ImageSlice:
        labels = self.space.outputs(task)[part.labels[chosen]]
        return ImageSlice(part.images[chosen], labels, task.mean, task.std)


def _local(
    index: Int64[Tensor, "tiles side"], mass: Float64[Tensor, "tiles side"]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, "tiles side"]]:
    """Which images a block uses, and its index into them; padding points at the first."""
    used = members(index, mass)
    return used, np.where(mass.numpy() > 0, np.searchsorted(used, index.numpy()), 0)
