"""The judge of tests/benchmarks/noise_free.py in small: what moves with how a path is measured?"""

import itertools

import numpy as np
import pytest

from raytd.engine.config import TilingConfig, TrajectoryConfig
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import prepare
from raytd.learning.sources import SourceCache
from raytd.methods.paths.result import run_prepared
from tests.conftest import make_context, small_task


def lengths(averaging: str, sources: SourceCache) -> tuple[list[float], list[float]]:
    """Raw and noise-free lengths with 20 and 80 segments and batches of 3 and 20."""
    tasks = [small_task(name, train=12, val=10) for name in ("digits-low", "digits-high")]
    raw, noise_free = [], []
    for segments, batch_size in itertools.product((20, 80), (3, 20)):
        pair = Pair(tasks[0], tasks[1], "tests.methods.plain_nets:normed", seed=0)
        trajectory = TrajectoryConfig(
            steps=240, lr=0.003, segments=segments, batch_size=batch_size, averaging=averaging
        )
        context = make_context(sources, trajectory)
        result = run_prepared(prepare(pair, context, TilingConfig(tile_size=4)), context)
        raw.append(result.fisher_rao_length)
        noise_free.append(result.noise_free_length)
    return raw, noise_free


@pytest.mark.slow
def test_the_noise_free_length_depends_less_on_the_protocol_than_the_raw_one(
    sources: SourceCache,
) -> None:
    raw, noise_free = lengths("none", sources)
    # Measured: 3.6 to 3.9 against 4.3 to 7.1.
    scatter = [np.std(np.log(values)) for values in (noise_free, raw)]
    assert scatter[0] < 0.35 * scatter[1]
    assert max(raw) / min(raw) > 1.5


@pytest.mark.slow
def test_averaged_knots_make_the_raw_length_depend_on_the_protocol_as_little(
    sources: SourceCache,
) -> None:
    raw, noise_free = lengths("window", sources)
    # Measured: 3.5 to 3.9 and 3.3 to 3.6; 80 segments differ from 20 by 2 and 3 %.
    assert max(raw) / min(raw) < 1.25
    assert max(noise_free) / min(noise_free) < 1.15
    for few, many in ((0, 2), (1, 3)):
        assert raw[many] / raw[few] == pytest.approx(1, abs=0.1)
