"""Mixture, OT only and aligned labels are special cases of the coupled engine, to the bit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair
from raytd.learning.sources import SourceCache
from raytd.methods.paths import coupled, coupled_aligned, mixture, ot_only, uncoupled
from raytd.methods.paths.coupled import CoupledConfig
from raytd.methods.paths.coupled_aligned import CoupledAlignedConfig
from raytd.methods.paths.mixture import MixtureConfig
from raytd.methods.paths.ot_only import OTOnlyConfig
from raytd.methods.paths.result import DistanceResult
from raytd.methods.paths.uncoupled import UncoupledConfig
from tests.cases import for_each
from tests.conftest import make_context

TILES: dict[str, Any] = {"tile_size": 10, "blocks": 2}
SHORT = TrajectoryConfig(steps=20, batch_size=8, lr=0.01, segments=10)


@pytest.fixture(scope="module")
def pair(pair: Pair) -> Pair:
    """A network so small that its trajectories take no time."""
    return replace(pair, model="tests.methods.plain_nets:two_layers")


@pytest.fixture
def context(sources: SourceCache) -> Context:
    return make_context(sources, SHORT)


def figures(result: DistanceResult) -> dict[str, Any]:
    return {k: v for k, v in result.columns().items() if k != "iterations"}


def test_the_mixture_is_uncoupled_with_images_of_one_task_at_a_time(
    pair: Pair, context: Context
) -> None:
    """With batch norm and dropout, too."""
    pair = replace(pair, model="cnn8-narrow")
    mixed = mixture.run(pair, MixtureConfig(**TILES), context)
    bernoulli = replace(context, trajectory=SHORT.model_copy(update={"mixing": "bernoulli"}))
    same = uncoupled.run(pair, UncoupledConfig(**TILES), bernoulli)
    assert figures(mixed) == figures(same)
    beta = uncoupled.run(pair, UncoupledConfig(**TILES), context)
    assert mixed.distance != beta.distance
    assert mixed.coupling.mass == pytest.approx(np.full(30 * 10, 1 / 300))


def test_what_the_mixture_follows_differs_in_its_mixing_alone() -> None:
    asked = TrajectoryConfig(steps=20, segments=10, mixing="linear", sync="single")
    obeyed = mixture.obeyed(asked)
    assert obeyed.mixing == "bernoulli"
    assert obeyed.model_copy(update={"mixing": "linear"}) == asked
    assert mixture.obeyed(obeyed) == obeyed


@for_each(("support", "model"), [("global", None), ("blocks", "cnn8-narrow")])
def test_ot_only_is_the_first_iteration_of_the_coupled_transfer(
    pair: Pair, context: Context, support: str, model: str | None
) -> None:
    """With batch norm and dropout, too."""
    pair = replace(pair, model=model or pair.model)
    settings = {**TILES, "support": support, "epsilon": 0.2}
    alone = ot_only.run(pair, OTOnlyConfig(**settings), context)
    both = coupled.run(pair, CoupledConfig(**settings, iterations=2), context)
    first = both.iterations[0]
    assert alone.iterations[0].lengths == first.lengths
    np.testing.assert_array_equal(alone.iterations[0].coupling, first.coupling)
    assert len(alone.iterations) == 1
    assert alone.distance == first.lengths.distance != both.distance
    assert alone.distance_converged


@for_each("support", ["blocks", "global"])
def test_an_absolute_epsilon_counts_for_the_first_coupling(
    pair: Pair, context: Context, support: str
) -> None:
    settings = {**TILES, "support": support, "features": "pixels"}
    spread = ot_only.run(pair, OTOnlyConfig(**settings, epsilon=0.5), context)
    unit = spread.iterations[0].solve.spread
    same, other = (
        ot_only.run(pair, OTOnlyConfig(**settings, epsilon=e, epsilon_unit="absolute"), context)
        for e in (0.5 * unit, 0.5)
    )
    coupling, again = (r.iterations[0].coupling for r in (spread, same))
    np.testing.assert_array_equal(coupling, again)
    assert not same.warnings
    assert other.effective_partners != pytest.approx(spread.effective_partners, rel=0.01)


@for_each("support", ["blocks", "global"])
def test_an_absolute_epsilon_that_does_not_suit_the_feature_costs_says_so(
    pair: Pair, context: Context, support: str
) -> None:
    settings = OTOnlyConfig(**TILES, support=support, epsilon=1e-4, epsilon_unit="absolute")
    result = ot_only.run(pair, settings, context)
    spread = result.iterations[0].solve.spread
    assert 1e-4 / spread < 0.01
    (said,) = result.warnings
    assert "first coupling: epsilon = 0.0001 counts in units of the feature cost" in said
    assert (
        f"(sqeuclidean of 'source'), not in radians; the spread of these costs is {spread:.3g}"
        in said
    )
    assert "set coupled.epsilon_unit: spread" in said
    in_spreads = ot_only.run(pair, OTOnlyConfig(**TILES, support=support, epsilon=1e-4), context)
    assert "epsilon_unit" not in "; ".join(in_spreads.warnings)


def test_a_first_coupling_that_did_not_converge_says_what_to_do(
    pair: Pair, context: Context
) -> None:
    settings = OTOnlyConfig(**TILES, epsilon=1e-3, epsilon_unit="absolute", max_iterations=1)
    result = ot_only.run(pair, settings, context)
    assert not result.coupling_converged
    (said,) = result.warnings
    assert "raise max_iterations or epsilon" in said
    assert "set coupled.epsilon_unit: spread" in said


def test_ot_only_follows_the_features(pair: Pair, context: Context) -> None:
    source, pixels = (
        ot_only.run(pair, OTOnlyConfig(**TILES, features=f), context) for f in ("source", "pixels")
    )
    assert source.effective_partners < 10
    assert source.distance != pixels.distance


def test_settings_of_ot_only_are_those_of_the_coupled_transfer_that_matter_at_first() -> None:
    fields, wider = OTOnlyConfig.model_fields, CoupledConfig.model_fields
    assert wider.keys() - fields.keys() == {"iterations", "proximal", "lam"}
    assert {n: f.default for n, f in fields.items()} == {n: wider[n].default for n in fields}


def test_coupled_aligned_is_the_coupled_transfer_where_matched_classes_are_one(
    pair: Pair, context: Context
) -> None:
    aligned = coupled_aligned.run(pair, CoupledAlignedConfig(**TILES, iterations=2), context)
    settings = CoupledConfig(**TILES, iterations=2)
    shared = replace(context, trajectory=SHORT.model_copy(update={"labels": "aligned"}))
    assert aligned.columns() == coupled.run(pair, settings, shared).columns()
    assert aligned.distance != coupled.run(pair, settings, context).distance
