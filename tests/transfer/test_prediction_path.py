"""Lengths of a path at fixed inputs, against paths of known length and explicit sums."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, rel_entr

from raytd.errors import InputError
from raytd.transfer.prediction_path import PredictionPath
from tests.cases import for_each

START, END = np.array([0.9, 0.05, 0.05]), np.array([0.05, 0.05, 0.9])


def path_of(log_ps: np.ndarray) -> PredictionPath:
    path = PredictionPath(len(log_ps) - 1)
    for log_p in log_ps:
        path.add(torch.tensor(log_p))
    return path


def random_walk(segments: int, n_images: int = 7, *, seed: int = 0) -> np.ndarray:
    """Log probabilities (knots, images, classes) of logits that drift and jitter."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(size=(n_images, 4)) * np.linspace(0, 2, segments + 1)[:, None, None]
    return log_softmax(drift + rng.normal(size=(segments + 1, n_images, 4)) * 0.1, axis=-1)


def explicit_ds(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    return np.sqrt(2 * rel_entr(np.exp(log_p), np.exp(log_q)).sum(axis=-1))


@for_each(("line", "length"), [("p", 2.15958), ("logits", 2.17414)])
def test_a_path_of_known_length_has_it(line: str, length: float) -> None:
    """Categorical straight lines; the sum of sqrt(2 KL) converges with slope 2 on both."""
    t = np.linspace(0, 1, 1001)[:, None, None]
    if line == "p":
        log_ps = np.log((1 - t) * START + t * END)
    else:
        log_ps = log_softmax((1 - t) * np.log(START) + t * np.log(END), axis=-1)
    path = path_of(log_ps)
    # The constants have five decimals.
    assert path.fisher_rao_length(1000) == pytest.approx(length, abs=1e-5)
    assert path.distance(1000) == pytest.approx(length, abs=1e-5)
    # Twenty scales see chords of the curve and mean squares of an uneven speed.
    assert path.noise_free_length(1000) == pytest.approx(length, rel=0.01)


@for_each("segments", [10, 20, 40])
def test_lengths_up_to_a_knot_are_explicit_sums(segments: int) -> None:
    walk = random_walk(segments)
    path = path_of(walk)
    for knot in (0, 1, segments // 2, segments):
        ds = explicit_ds(walk[:knot], walk[1 : knot + 1])
        # KL in another form.
        np.testing.assert_allclose(path.distance(knot), ds.mean(axis=1).sum(), rtol=1e-9)
        squares = np.sqrt((ds**2).mean(axis=1)).sum()
        np.testing.assert_allclose(path.fisher_rao_length(knot), squares, rtol=1e-9)
    lengths = path.lengths()
    assert lengths.fisher_rao_length == pytest.approx(path.fisher_rao_length(segments), rel=1e-12)
    for n, found in ((20, lengths.distance_20), (10, lengths.distance_10)):
        if found is None:
            assert segments < n
            continue
        k = segments // n
        raw = sum(explicit_ds(walk[m], walk[m + k]).mean() for m in range(0, segments, k))
        assert found == pytest.approx(raw, rel=1e-9)


def test_the_noise_free_length_is_the_two_scale_formula_written_out() -> None:
    segments = 40
    walk = random_walk(segments)
    square = lambda a, b: (explicit_ds(walk[a], walk[b]) ** 2).mean()  # noqa: E731
    expected = 0.0
    for way in (0, 1):  # the two ways to cover twenty steps by pieces of two
        pieces = [
            2 * math.sqrt(max(0, (s2 - (s1 + t1) / 2) / 3))
            for m in range(way, 19, 2)
            for s2 in [square(2 * m, 2 * m + 4)]
            for s1, t1 in [(square(2 * m, 2 * m + 2), square(2 * m + 2, 2 * m + 4))]
        ]
        expected += sum(pieces) / 2
        if way:
            continue
        expected += (pieces[0] + pieces[-1]) / 4
    path = path_of(walk)
    assert path.lengths().noise_free_length == pytest.approx(expected, rel=1e-9)
    assert path.noise_free_length(segments) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([10, 20, 40]), st.integers(0, 100))
def test_no_length_falls_along_the_path_and_all_begin_at_zero(segments: int, seed: int) -> None:
    path = path_of(random_walk(segments, 3, seed=seed))
    for length in (path.distance, path.fisher_rao_length, path.noise_free_length):
        so_far = [length(knot) for knot in range(segments + 1)]
        assert so_far[0] == 0
        assert all(a <= b + 1e-12 for a, b in zip(so_far, so_far[1:], strict=False))


def test_a_network_that_stands_still_has_no_length() -> None:
    path = path_of(np.repeat(random_walk(20)[:1], 21, axis=0))
    assert path.lengths().fisher_rao_length == path.lengths().noise_free_length == 0


def test_a_knot_too_many_is_refused() -> None:
    path = path_of(random_walk(10))
    with pytest.raises(InputError, match="a path of 10 segments has no knot 11"):
        path.add(torch.zeros(7, 4, dtype=torch.float64))
