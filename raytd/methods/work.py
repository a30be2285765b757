"""How much arithmetic a trial on blocks is, counted before it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raytd.engine.config import TilingConfig, TrajectoryConfig

if TYPE_CHECKING:
    from raytd.tasks.task import Task
    from raytd.transport.tiles import Tiles

TRACKED_KNOTS = 5
"""Knots of the last iteration at which the network stands still, to see how far it lags behind."""


@dataclass(frozen=True)
class Work:
    """What a trial computes if no iteration but the last may be the last.

    Attributes:
        iterations: K; fewer where `stop.tolerance` ends the trial early.
        blocks: coupling blocks.
        movers: workers that advance: every block, or one under `sync: single`.
        segments: M.
        sgd_steps: of one trajectory: the column of that name.
        extra_steps: of every mover in the last iteration beside those of its trajectory.
        extra_passes: over all pairs, in the last iteration.
        forward_images: the column of that name.
        passes: forward passes over all pairs, of one iteration.
        measures: segments measured over all pairs, of one iteration.
        pairs: with the padding of tiles.
        coupled: pairs that a coupling step solves for.
        probes: validation pairs, one forward-mode pass each at every knot.
    """

    iterations: int
    blocks: int
    movers: int
    segments: int
    sgd_steps: int
    extra_steps: int
    extra_passes: int
    forward_images: int
    passes: int
    measures: int
    pairs: int
    coupled: int
    probes: int

    @property
    def all_sgd_steps(self) -> int:
        """Steps of all movers in all iterations."""
        return self.movers * (self.iterations * self.sgd_steps + self.extra_steps)


def count(
    tiling: TilingConfig, trajectory: TrajectoryConfig, source: "Task", target: "Task"
) -> Work:
    """Counts a trial by what its configuration and the numbers of its images say.

    Args:
        tiling: how pairs are dealt, and how often couplings of them are solved for.
        trajectory: how the weights move.
        source: with its images.
        target: likewise.
    """
    from raytd.transfer.lengths import starts, strides
    from raytd.transfer.trajectory import standing_steps
    from raytd.transfer.validation import validation_pairs

    tiles = _tiles(source, target, tiling.tile_size)
    n_tiles, n, m = len(tiles.rows), tiles.rows.shape[1], tiles.cols.shape[1]
    segments, pairs = trajectory.segments, n_tiles * n * m
    steps = trajectory.sgd_steps(len(source.train.labels))
    probes = len(validation_pairs(source.val.labels, target.val.labels).source_index)
    measured = [(s, k) for s in strides(segments) for k in starts(s, segments)]
    # Two passes give a segment, but a longer one knows the first of them from the shortest one.
    passes = [k for s, k in measured for _ in range(2 if s == 1 else 1)]
    along = n_tiles * sum(n if k == 0 else n * m for k in passes)
    at_end = n_tiles * m
    # The end is evaluated with the weights that move and, where others are measured, with those;
    # where the network stands still, a pass follows, and one more precedes if others were measured.
    weights = 1 if trajectory.averaging == "none" else 2
    each = along + at_end + (segments + 1) * probes + weights * len(target.val.labels)
    gaps = weights * ((TRACKED_KNOTS - 1) * pairs + at_end)
    features = tiles.n_source + tiles.n_target if tiling.needs_features() else 0
    iterations = tiling.most_iterations()
    everything = len(source.train.labels) * len(target.train.labels)
    return Work(
        iterations=iterations,
        blocks=tiling.blocks,
        movers=1 if trajectory.sync == "single" else tiling.blocks,
        segments=segments,
        sgd_steps=steps,
        extra_steps=TRACKED_KNOTS * standing_steps(steps),
        extra_passes=TRACKED_KNOTS * weights,
        forward_images=features + iterations * each + gaps,
        passes=sum(k > 0 for k in passes),
        measures=len(measured),
        pairs=pairs,
        coupled={None: 0, "global": everything}.get(tiling.solves(), pairs),
        probes=probes,
    )


def _tiles(source: "Task", target: "Task", tile_size: int) -> "Tiles":
    """Tiles of the right number and shape, which no order of the images changes."""
    import torch

    from raytd.transport.tiles import n_tiles, tiles_in_order

    n_source, n_target = len(source.train.labels), len(target.train.labels)
    count = n_tiles(n_source, n_target, tile_size)
    return tiles_in_order(torch.arange(n_source), torch.arange(n_target), n_tiles=count)
