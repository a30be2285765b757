"""The distance of weights, against the files of the source cache."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair, source_recipe
from raytd.errors import InputError
from raytd.learning.sources import SourceCache, source_key
from raytd.methods.weight_distance import WeightDistanceConfig, run
from tests.cases import for_each
from tests.conftest import make_context, small_task

PLAIN = WeightDistanceConfig()


@pytest.fixture
def context(tmp_path: Path, small_trajectory: TrajectoryConfig) -> Context:
    return make_context(SourceCache(tmp_path), small_trajectory)


def flat(pair: Pair, context: Context, *, batch_norm: bool = True) -> np.ndarray:
    """All parameters of a source but those of its head, as the cache's file has them."""
    assert context.sources.folder is not None
    recipe = source_recipe(pair, context.pretrain)
    held = load_file(context.sources.folder / f"{source_key(pair.source, recipe)}.safetensors")
    kept = [
        held[name].astype(np.float64).ravel()
        for name in sorted(held)
        if name.startswith("parameters/")
        and "/head." not in name
        and (batch_norm or held[name].ndim > 1)  # every vector below the head is of batch norm
    ]
    return np.concatenate(kept)


@for_each("batch_norm", ["include", "exclude"])
def test_the_distance_is_that_of_the_files_without_their_heads(
    pair: Pair, context: Context, batch_norm: str
) -> None:
    uneven = replace(pair, target=small_task("digits", train=40))
    config = WeightDistanceConfig(batch_norm=batch_norm)
    score = run(uneven, config, context)
    included = batch_norm == "include"
    one = flat(uneven, context, batch_norm=included)
    two = flat(replace(uneven, source=uneven.target), context, batch_norm=included)
    distance = np.linalg.norm(one - two)
    columns = score.columns()
    # Float64 in another order.
    assert score.value == columns["weight_distance"] == pytest.approx(distance, rel=1e-10)
    norms = np.linalg.norm(one), np.linalg.norm(two)
    assert columns["source_norm"] == pytest.approx(norms[0], rel=1e-10)
    assert columns["target_norm"] == pytest.approx(norms[1], rel=1e-10)
    relative = distance / np.sqrt(norms[0] * norms[1])
    assert columns["relative_weight_distance"] == pytest.approx(relative, rel=1e-10)
    assert columns["weights_compared"] == len(one)
    assert (
        run(uneven, config.model_copy(update={"relative": True}), context).value
        == (columns["relative_weight_distance"])
    )


def test_it_is_symmetric_and_nothing_from_a_task_to_itself(pair: Pair, context: Context) -> None:
    back = replace(pair, source=pair.target, target=pair.source)
    there = run(pair, PLAIN, context).value
    assert there > 0
    # Differences change sign, squares do not; float64 sums in the same order.
    assert run(back, PLAIN, context).value == there
    assert run(replace(pair, target=pair.source), PLAIN, context).value == 0


def test_a_network_that_is_all_head_is_refused(pair: Pair, context: Context) -> None:
    linear = replace(pair, model="tests.methods.plain_nets:linear")
    with pytest.raises(InputError, match="plain_nets:linear has no parameters that count"):
        run(linear, PLAIN, context)


def test_weights_that_the_user_brings_are_compared_with_a_trained_target(
    pair: Pair, context: Context, tmp_path: Path
) -> None:
    run(pair, PLAIN, context)
    key = source_key(
        pair.target, source_recipe(replace(pair, source=pair.target), context.pretrain)
    )
    brought = replace(pair, weights=tmp_path / f"{key}.safetensors")
    # The target's own network, brought as that of the source, is no way off.
    assert run(brought, PLAIN, context).value == 0
