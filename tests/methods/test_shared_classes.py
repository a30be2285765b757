"""The control counts the target's classes that the source lacks, and nothing else."""

from dataclasses import replace

import pytest

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair
from raytd.learning.sources import SourceCache
from raytd.methods.shared_classes import SharedClassesConfig, run
from tests.conftest import make_context, small_task


@pytest.fixture
def context(small_trajectory: TrajectoryConfig) -> Context:
    return make_context(SourceCache(None), small_trajectory)


def test_it_is_the_share_of_the_targets_classes_that_are_new(pair: Pair, context: Context) -> None:
    even = replace(pair, target=small_task("digits-even"))  # 0, 2 and 4 are of the source, too
    cases = [(pair, 1.0, 0), (even, 0.4, 3), (replace(pair, target=pair.source), 0.0, 5)]
    for each, value, n_shared in cases:
        score = run(each, SharedClassesConfig(), context)
        assert score.value == pytest.approx(value, rel=1e-12)
        assert score.figures == {"shared_classes": n_shared}
        assert (score.sgd_steps, score.forward_images) == (0, 0)


def test_classes_are_one_by_identity_and_not_by_label(pair: Pair, context: Context) -> None:
    others = tuple(f"another set/{name}" for name in pair.target.classes)
    renamed = replace(pair, source=replace(pair.target, classes=others))
    assert run(renamed, SharedClassesConfig(), context).value == 1.0
