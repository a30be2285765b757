"""The block worker: pure calls, evaluation mode in measuring, nothing computed twice."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from raytd.engine import worker as worker_module
from raytd.engine.config import ResourcesConfig, TilingConfig, TrajectoryConfig
from raytd.engine.coordinator import Coordinator
from raytd.engine.executor import SerialExecutor, run_in_process
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import Prepared, prepare
from raytd.engine.worker import BlockWorker
from raytd.errors import NotFiniteError
from raytd.learning.sources import SourceCache
from raytd.simplex import log_probs, segment_length
from raytd.transfer.lengths import starts, strides
from raytd.transfer.state import TrainState
from tests.conftest import make_context


@pytest.fixture(scope="module")
def prepared(pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig) -> Prepared:
    context = make_context(sources, small_trajectory)
    return prepare(pair, context, TilingConfig(tile_size=5, blocks=2))


@pytest.fixture
def worker(prepared: Prepared) -> BlockWorker:
    return BlockWorker(prepared.cut(prepared.plan.tiles)[1])


@pytest.fixture
def coupling(prepared: Prepared) -> np.ndarray:
    tiles = prepared.plan.tiles
    chosen = tiles.block(1, 2)
    return (tiles.a[:, :, None] * tiles.b[:, None, :] * tiles.n_tiles)[chosen].numpy()


def assert_same_state(left: TrainState, right: TrainState) -> None:
    torch.testing.assert_close(vars(left.weights), vars(right.weights), rtol=0, atol=0)
    torch.testing.assert_close(left.momentum, right.momentum, rtol=0, atol=0)


def test_advance_is_a_function_of_its_arguments(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    start = TrainState.at_rest(prepared.plan.start)
    first = worker.advance(3, start, coupling).state
    worker.advance(4, first, coupling)
    worker.evaluate(first.weights)
    assert_same_state(worker.advance(3, start, coupling).state, first)
    assert_same_state(
        BlockWorker(prepared.cut(prepared.plan.tiles)[1]).advance(3, start, coupling).state, first
    )


def test_the_weights_move_alike_whatever_is_averaged(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    start = TrainState.at_rest(prepared.plan.start)
    assert worker.setup.trajectory.averaging == "window"
    moved = {
        how: BlockWorker(worker.setup.moving(averaging=how)).advance(3, start, coupling)
        for how in ("window", "segment", "none")
    }
    for how in ("segment", "none"):
        assert_same_state(moved[how].state, moved["window"].state)
    assert moved["none"].means is None
    assert moved["window"].means is not None
    assert worker.stay(4, start, coupling).means is None


def test_segments_and_blocks_draw_different_pairs(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    start = TrainState.at_rest(prepared.plan.start)
    head = "head.weight"
    here = worker.advance(3, start, coupling).state.weights.parameters[head]
    later = worker.advance(4, start, coupling).state.weights.parameters[head]
    other = BlockWorker(replace(prepared.cut(prepared.plan.tiles)[1], block=0))
    there = other.advance(3, start, coupling).state.weights.parameters[head]
    assert not torch.equal(here, later)
    assert not torch.equal(here, there)


def test_advancing_moves_running_statistics_and_measuring_does_not(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    start = TrainState.at_rest(prepared.plan.start)
    moved = worker.advance(0, start, coupling).state
    buffer = "convolutions.0.1.running_mean"
    assert not torch.equal(moved.weights.buffers[buffer], start.weights.buffers[buffer])
    worker.measure(0, (0, 1), start.weights, moved.weights, coupling)
    now = dict(worker.model.named_buffers())[buffer]
    torch.testing.assert_close(now, moved.weights.buffers[buffer], rtol=0, atol=0)


def test_dropout_and_batch_norm_train_in_advancing_and_never_in_measuring(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    modes: list[tuple[str, bool]] = []
    dropped: list[bool] = []

    def watch(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        modes.append((type(module).__name__, module.training))
        if isinstance(module, nn.Dropout):
            dropped.append(bool(((output == 0) & (inputs[0] != 0)).any()))

    for module in worker.model.modules():
        if isinstance(module, nn.Dropout | nn.BatchNorm2d):
            module.register_forward_hook(watch)
    start = TrainState.at_rest(prepared.plan.start)
    moved = worker.advance(0, start, coupling).state
    worker.stay(4, moved, coupling)
    assert set(modes) == {("Dropout", True), ("BatchNorm2d", True)}
    assert all(dropped)
    modes.clear(), dropped.clear()
    worker.measure(0, (0, 1), start.weights, moved.weights, coupling)
    worker.train_loss(3, moved.weights, coupling)
    worker.probe(3, moved.weights)
    worker.evaluate(moved.weights)
    worker.features(start.weights)
    worker.predict(moved.weights)
    assert set(modes) == {("Dropout", False), ("BatchNorm2d", False)}
    assert not any(dropped)


def test_measured_lengths_are_those_of_each_pair_by_itself(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    start = TrainState.at_rest(prepared.plan.start)
    end = worker.advance(0, start, coupling).state
    measured = worker.measure(0, (10, 11), start.weights, end.weights, coupling)
    tile, row, col, tau = 2, 1, 3, 10 / 20
    source = worker.pairs.source.pixels[worker.pairs.rows[tile, row]]
    target = worker.pairs.target.pixels[worker.pairs.cols[tile, col]]
    image = ((1 - tau) * source + tau * target)[None]
    both = []
    with torch.inference_mode():
        for state in (start, end):
            state.weights.load_into(worker.model)
            both.append(log_probs(worker.model.eval()(image)))
    assert measured.lengths is not None
    # One image and a batch of 25 go through different kernels of the same float32 arithmetic.
    np.testing.assert_allclose(
        measured.lengths[tile, row, col], segment_length(*both).item(), rtol=1e-4
    )
    by_tile = (coupling * measured.lengths).sum(axis=(1, 2))
    np.testing.assert_allclose(measured.first, by_tile, rtol=1e-12)
    by_tile = (coupling * measured.lengths**2).sum(axis=(1, 2))
    np.testing.assert_allclose(measured.second, by_tile, rtol=1e-12)


def test_nothing_is_computed_twice(prepared: Prepared) -> None:
    executor = SerialExecutor(prepared.cut(prepared.plan.tiles))
    coordinator = Coordinator(prepared.plan)
    coordinator.start(executor)
    (iteration,) = coordinator.iterate(executor).records
    went_forward = sum(w.forward_images for w in executor.workers)
    tiles = prepared.plan.tiles
    pairs = tiles.a.numel() * tiles.cols.shape[1]
    # 20 segments of two ends, and 19 double ones whose first end is known already. At τ = 0 (both
    # ends of the first segment, the second end of a double one) a row is one image, at τ = 1 a
    # column is.
    measuring = pairs * (19 * 2 + 18) + tiles.a.numel() * 3 + tiles.b.numel()
    probing = len(prepared.plan.validation.source_labels) * 21
    # Two losses at each fifth, the last one at τ = 1: of the weights that move, before and after.
    standing = 2 * (pairs * 4 + tiles.b.numel())
    assert went_forward == measuring + probing + standing + 2 * 20
    assert iteration.forward_images == went_forward


@pytest.mark.parametrize("chunk", [2, 6])
def test_the_chunk_changes_the_last_bits_at_most(prepared: Prepared, chunk: int) -> None:
    resources = ResourcesConfig(chunk=chunk)
    other = [replace(s, resources=resources) for s in prepared.cut(prepared.plan.tiles)]
    (one,) = run_in_process(prepared.plan, prepared.cut)
    (two,) = run_in_process(prepared.plan, lambda _: other)
    # float32 logits of a batch of another size differ in the last bits; SGD sees none of it.
    np.testing.assert_allclose(two.cost, one.cost, rtol=1e-3, atol=1e-4)


def test_lengths_in_bfloat16_are_off_by_the_rounding_of_logits(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    narrow = BlockWorker(worker.setup.moving(precision="bfloat16"))
    start = TrainState.at_rest(prepared.plan.start)
    end = worker.advance(0, start, coupling).state
    ends = start.weights, end.weights
    exact, rounded = (w.measure(0, (10, 11), *ends, coupling) for w in (worker, narrow))
    assert exact.lengths is not None
    assert rounded.lengths is not None
    off = np.abs(rounded.lengths - exact.lengths)
    # A short length is the deviation of the change of logits under p, which rounding of both ends
    # moves by no more than its own size: 8 bits of the largest logit, from each of nine layers.
    with torch.inference_mode():
        log_p = worker.predict(start.weights)
    size = float((log_p.max(dim=1).values - log_p.min(dim=1).values).max())
    assert 0 < off.max() < 2 * 2**-8 * np.sqrt(9) * size


def test_what_validation_images_say_does_not_depend_on_the_precision(
    worker: BlockWorker, prepared: Prepared
) -> None:
    narrow = BlockWorker(worker.setup.moving(precision="bfloat16"))
    start = prepared.plan.start
    assert narrow.evaluate(start) == worker.evaluate(start)
    np.testing.assert_array_equal(narrow.probe(3, start).loss, worker.probe(3, start).loss)


def test_a_rate_that_diverges_is_reported_with_block_and_segment(
    prepared: Prepared, coupling: np.ndarray
) -> None:
    wild = BlockWorker(prepared.cut(prepared.plan.tiles)[1].moving(lr=1e30))
    with pytest.raises(NotFiniteError, match=r"block 1, segment 5: .* lower trajectory\.lr"):
        wild.advance(5, TrainState.at_rest(prepared.plan.start), coupling)


def test_a_worker_leaves_the_threads_of_its_process_alone(
    worker: BlockWorker, prepared: Prepared, coupling: np.ndarray
) -> None:
    before = torch.get_num_threads()
    worker.advance(0, TrainState.at_rest(prepared.plan.start), coupling)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("segments", [20, 40, 100])
def test_measuring_keeps_the_knots_of_its_strides_and_one_more_at_most(
    segments: int, prepared: Prepared, coupling: np.ndarray
) -> None:
    worker = BlockWorker(prepared.cut(prepared.plan.tiles)[1].moving(segments=segments))
    start, most = prepared.plan.start, 0
    for knot in range(1, segments + 1):
        for stride in strides(segments):
            if knot - stride in starts(stride, segments):
                worker.measure(0, (knot - stride, knot), start, start, coupling)
                most = max(most, len(worker._known))
    assert len(strides(segments)) + 1 >= most > 1
    worker.measure(1, (0, 1), start, start, coupling)
    assert set(worker._known) == {(1, 0)}


def test_a_network_without_forward_derivatives_has_losses_and_no_norm(
    worker: BlockWorker, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = worker.probe(3, prepared.plan.start)
    assert np.isfinite(known.fisher_rao_form).all()

    def refuse(*_):
        raise NotImplementedError("forward AD")

    monkeypatch.setattr(worker_module, "fisher_rao_forms", refuse)
    unknown = worker.probe(3, prepared.plan.start)
    assert np.isnan(unknown.fisher_rao_form).all()
    # The same pass with and without derivatives.
    np.testing.assert_allclose(unknown.loss, known.loss, rtol=1e-5)
