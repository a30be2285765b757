"""Outputs shared between matched classes, `trajectory.labels: aligned`."""

from dataclasses import replace

import numpy as np
import torch

from raytd.engine.config import TilingConfig, TrajectoryConfig
from raytd.engine.setup.context import Pair, source_recipe
from raytd.engine.setup.label_alignment import class_pair_costs
from raytd.engine.setup.prepare import prepare
from raytd.learning.sources import SourceCache
from raytd.methods.paths.result import DistanceResult, run_prepared
from raytd.models import zoo
from tests.conftest import make_context, small_task


def result_of(pair: Pair, sources: SourceCache, trajectory: TrajectoryConfig) -> DistanceResult:
    context = make_context(sources, trajectory)
    return run_prepared(prepare(pair, context, TilingConfig(tile_size=5)), context)


def test_costs_are_the_mean_distances_to_the_corners(
    pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig
) -> None:
    context = make_context(sources, small_trajectory)
    source = sources.get(pair.source, source_recipe(pair, context.pretrain))
    device = torch.device("cpu")
    found = class_pair_costs(source, pair.target, model=pair.model, device=device, threads=1)
    model = zoo.build(pair.model, in_channels=1, n_classes=5, seed=0)
    source.weights.load_into(model)
    part, mean, std = pair.target.train, pair.target.mean[0], pair.target.std[0]
    with torch.inference_mode():
        pixels = (torch.tensor(part.images).float() / 255 - mean) / std
        p = torch.softmax(model.eval()(pixels).double(), dim=1).numpy()
    for c in range(5):
        for d in range(5):
            mine = [2 * np.arccos(np.sqrt(p[i, c])) for i in np.flatnonzero(part.labels == d)]
            # arccos loses half of the digits near 1; float32 logits of other batches.
            np.testing.assert_allclose(found[c, d], sum(mine) / 30, rtol=1e-3)


def test_sharing_outputs_removes_the_reference_of_labels_that_differ(
    pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig
) -> None:
    apart = result_of(pair, sources, small_trajectory)
    shared = result_of(pair, sources, small_trajectory.model_copy(update={"labels": "aligned"}))
    assert set(shared.label_matching) == set(pair.target.classes)
    assert set(shared.label_matching.values()) == set(pair.source.classes)
    # Of the 25 pairs of classes, five are one output now, with 1/25 of the mass each.
    np.testing.assert_allclose(apart.label_part, np.pi, rtol=1e-6)
    np.testing.assert_allclose(shared.label_part, np.pi * 0.8, rtol=0.2)
    assert shared.parameters < apart.parameters
    assert apart.label_matching == {}
    assert apart.columns()["label_matching"] is None
    named = shared.columns()["label_matching"].split(", ")
    assert named == [f"{t} = {s}" for t, s in shared.label_matching.items()]


def test_classes_that_both_tasks_have_stay_together(
    sources: SourceCache, small_trajectory: TrajectoryConfig
) -> None:
    pair = Pair(small_task("digits-low"), small_task("digits-even"), "cnn8-narrow", seed=3)
    aligned = small_trajectory.model_copy(update={"labels": "aligned"})
    found = result_of(pair, sources, aligned).label_matching
    assert set(found) == {"digits/6", "digits/8"}
    assert set(found.values()) == {"digits/1", "digits/3"}


def test_the_matching_depends_on_the_network(
    pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig
) -> None:
    aligned = small_trajectory.model_copy(update={"labels": "aligned"})
    context = make_context(sources, aligned)
    spaces = [
        prepare(replace(pair, seed=s), context, TilingConfig(tile_size=5)).space for s in (3, 4, 5)
    ]
    assert len({tuple(sorted(space.shared.items())) for space in spaces}) > 1
