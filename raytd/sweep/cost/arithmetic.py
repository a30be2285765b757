"""How much arithmetic a trial is, counted before it runs."""

from dataclasses import dataclass

from raytd.engine.config import PathConfig, Settings, TilingConfig
from raytd.methods.registry import METHODS
from raytd.models.features import SOURCE
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.trial import Trial
from raytd.transfer.averaging import reach
from raytd.transfer.lengths import starts, strides
from raytd.transfer.trajectory import standing_steps
from raytd.transfer.validation import validation_pairs
from raytd.transport.tiles import Tiles, tiles_in_order
from raytd.transport.tiles import n_tiles as count_tiles

TRACKED_KNOTS = 5
"""Knots of the last iteration at which the network stands still, to see how far it lags behind."""


def weights_per_knot(config: TrialConfig) -> int:
    """How many weights a knot has: those that move and, where others are measured, those.

    The end of the path is evaluated with each. Where the network stands still, a pass over all
    pairs follows and, where others were measured before, one more precedes.
    """
    return 1 if config.trajectory.averaging == "none" else 2


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
        forward_images: the column of that name.
        passes: forward passes over all pairs, of one iteration.
        measures: segments measured over all pairs, of one iteration.
        pairs: with the padding of tiles.
        probes: validation pairs, one forward-mode pass each at every knot.
    """

    iterations: int
    blocks: int
    movers: int
    segments: int
    sgd_steps: int
    extra_steps: int
    forward_images: int
    passes: int
    measures: int
    pairs: int
    probes: int

    @property
    def all_sgd_steps(self) -> int:
        """Steps of all movers in all iterations."""
        return self.movers * (self.iterations * self.sgd_steps + self.extra_steps)


def work_of(trial: Trial) -> Work | None:
    """Counts a trial by what its configuration and the numbers of its images say.

    None for a method that is not on blocks: its parts are not counted here.
    """
    config, settings = trial.config, trial.config.settings
    if not isinstance(settings, TilingConfig):
        return None
    tiles = _tiles(trial, settings.tile_size)
    n_tiles, n, m = len(tiles.rows), tiles.rows.shape[1], tiles.cols.shape[1]
    iterations = getattr(settings, "iterations", 1)
    segments = config.trajectory.segments
    steps = config.trajectory.sgd_steps(len(trial.source.train.labels))
    probes = len(validation_pairs(trial.source.val.labels, trial.target.val.labels).source_index)
    measured = [(s, k) for s in strides(segments) for k in starts(s, segments)]
    # Two passes give a segment, but a longer one knows the first of them from the shortest one.
    passes = [k for s, k in measured for _ in range(2 if s == 1 else 1)]
    along = n_tiles * sum(n if k == 0 else n * m for k in passes)
    at_end = n_tiles * m
    each = along + at_end + (segments + 1) * probes
    each += weights_per_knot(config) * len(trial.target.val.labels)
    gaps = weights_per_knot(config) * ((TRACKED_KNOTS - 1) * n_tiles * n * m + at_end)
    features = tiles.n_source + tiles.n_target if _needs_features(settings) else 0
    return Work(
        iterations=iterations,
        blocks=settings.blocks,
        movers=1 if config.trajectory.sync == "single" else settings.blocks,
        segments=segments,
        sgd_steps=steps,
        extra_steps=TRACKED_KNOTS * standing_steps(steps),
        forward_images=features + iterations * each + gaps,
        passes=sum(k > 0 for k in passes),
        measures=len(measured),
        pairs=n_tiles * n * m,
        probes=probes,
    )


def copies_for_averaging(config: TrialConfig) -> int:
    """Copies of the weights that one process keeps for what is measured at the next knots."""
    settings = config.settings
    path = settings if isinstance(settings, PathConfig) else config.trajectory
    on_blocks = isinstance(settings, TilingConfig)
    if not on_blocks and path is not settings:
        return 0
    apart = on_blocks and config.trajectory.sync == "none"
    n_paths = tiling_of(config).blocks if apart else 1
    return 2 * reach(path.averaging, path.segments) * n_paths


def tiling_of(config: TrialConfig) -> TilingConfig:
    """How a trial deals its pairs; the default where it has none to deal."""
    settings = config.settings
    return settings if isinstance(settings, TilingConfig) else TilingConfig()


def batch_of(config: TrialConfig) -> int:
    """Images, or pairs, of an SGD step."""
    own = None if METHODS[config.method].on_blocks else config.settings
    return int(getattr(own, "batch_size", config.trajectory.batch_size))


def _needs_features(settings: Settings) -> bool:
    """Whether the training images go through the source model first."""
    features = getattr(settings, "features", None)
    return features == SOURCE or (
        features is None and getattr(settings, "dealing", "") == "matched"
    )


def _tiles(trial: Trial, tile_size: int) -> Tiles:
    """Tiles of the right number and shape, which no order of the images changes."""
    import torch

    n_source, n_target = (len(task.train.labels) for task in (trial.source, trial.target))
    count = count_tiles(n_source, n_target, tile_size)
    return tiles_in_order(torch.arange(n_source), torch.arange(n_target), n_tiles=count)
