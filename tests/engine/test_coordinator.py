"""The coordinator against a plain sequential loop, and what its numbers have to obey."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import betaincinv

from raytd.engine.checkpoints import _CLASSES
from raytd.engine.config import PretrainConfig, StopConfig, TilingConfig, TrajectoryConfig
from raytd.engine.executor import run_in_process
from raytd.engine.records import Iteration
from raytd.engine.setup.context import Pair
from raytd.engine.setup.prepare import prepare
from raytd.learning.sources import SourceCache
from raytd.methods.paths.coupled import CoupledConfig
from raytd.methods.paths.result import run_prepared
from raytd.models import zoo
from raytd.simplex import log_probs, segment_length
from raytd.storage.encoding import decode, encode
from raytd.tasks.labels import union
from raytd.transfer.distance_error import image_error, noise_error
from raytd.transfer.randomness import derive_seed, generator
from raytd.transfer.settings import Averaging
from raytd.transfer.state import Weights
from raytd.transfer.validation import ValidationPairs
from tests.conftest import make_context, small_task


@pytest.fixture(scope="module")
def pair(pair: Pair) -> Pair:
    """With a network that costs next to nothing, and has batch norm and dropout."""
    return replace(pair, model="tests.methods.plain_nets:normed")


def run(
    pair: Pair,
    sources: SourceCache,
    trajectory: TrajectoryConfig,
    *,
    n_blocks: int = 2,
    iterations: int = 3,
) -> list[Iteration]:
    prepared = prepare(
        pair,
        make_context(sources, trajectory),
        CoupledConfig(tile_size=5, blocks=n_blocks, iterations=iterations, tolerance=1e-8),
    )
    return list(run_in_process(prepared.plan, prepared.cut))


@pytest.mark.parametrize("averaging", ["none", "segment", "window"])
@pytest.mark.parametrize(("sync", "n_blocks"), [("knot", 1), ("single", 3)])
def test_one_block_or_one_mover_equals_a_plain_sequential_loop(
    sync: str,
    n_blocks: int,
    averaging: Averaging,
    pair: Pair,
    sources: SourceCache,
    short: TrajectoryConfig,
) -> None:
    """To the bit where iterates are measured; else to the rounding of their means."""
    two_steps = short.model_copy(update={"steps": 20, "averaging": averaging})  # in each segment
    prepared = prepare(
        pair,
        make_context(sources, two_steps.model_copy(update={"sync": sync})),
        TilingConfig(tile_size=5, blocks=n_blocks),
    )
    (engine,) = run_in_process(prepared.plan, prepared.cut)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    plain = _plain_cost(pair, prepared.plan.start, prepared.plan.tiles, two_steps)
    torch.set_num_threads(threads)
    if averaging == "none":
        np.testing.assert_array_equal(engine.cost, plain)
    else:
        # Lengths of about .1 between float32 weights that differ in the last bit.
        np.testing.assert_allclose(engine.cost, plain, rtol=1e-3)
        assert abs((engine.coupling * (engine.cost - plain)).sum()) < 1e-5


def _plain_cost(pair, start, tiles, trajectory) -> np.ndarray:
    """Costs of one trajectory under a bᵀ, with nothing of the engine but its random streams."""
    space = union(pair.source, pair.target)

    def pixels(task):
        mean, std = torch.tensor(task.mean)[:, None, None], torch.tensor(task.std)[:, None, None]
        return (torch.tensor(task.train.images).float() / 255 - mean) / std

    x, y = pixels(pair.source), pixels(pair.target)
    labels = [
        torch.tensor(space.outputs(task)[task.train.labels]) for task in (pair.source, pair.target)
    ]
    model = zoo.build(pair.model, in_channels=1, n_classes=len(space.classes), seed=0)
    model = model.to(memory_format=torch.channels_last)
    iterates = _plain_loop(model, (x, y), labels, start, tiles, trajectory, pair.seed)
    cost = torch.zeros(tiles.rows.shape[0], tiles.rows.shape[1], tiles.cols.shape[1]).double()
    measured = [_plain_mean(start, iterates, knot, trajectory) for knot in range(11)]
    for segment, ends in enumerate(zip(measured, measured[1:], strict=False)):
        log_p = []
        for weights in ends:
            weights.load_into(model)
            log_p.append(_pair_log_probs(model, x, y, tiles, segment / trajectory.segments))
        cost += segment_length(*log_p)
    return cost.numpy()


def _plain_mean(start, iterates, knot, trajectory) -> Weights:
    """What is measured at a knot, from all iterates; two of them make a segment."""
    if knot == 0 or trajectory.averaging == "none":
        return [start, *iterates][2 * knot]
    window = {"segment": [1 / 2, 1 / 2], "window": [1 / 8, 3 / 8, 3 / 8, 1 / 8]}
    chosen = window[trajectory.averaging]
    kept = ([start] * 4 + iterates)[2 * knot + 4 - len(chosen) :][: len(chosen)]
    parts = [w.parameters | w.buffers for w in kept]
    means = {
        name: sum(m * part[name].double() for m, part in zip(chosen, parts, strict=True)).float()
        for name in parts[0]
        if parts[0][name].is_floating_point()
    }
    return Weights(
        {n: means[n] for n in start.parameters},
        {n: means.get(n, b) for n, b in kept[-1].buffers.items()},
    )


def _plain_loop(model, images, labels, start, tiles, trajectory, seed) -> list[Weights]:
    """Every iterate of one trajectory."""
    (x, y), (x_labels, y_labels), iterates = images, labels, []
    start.load_into(model)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=trajectory.lr,
        momentum=trajectory.momentum,
        weight_decay=trajectory.weight_decay,
    )
    mass = (tiles.a[:, :, None] * tiles.b[:, None, :] * tiles.n_tiles).flatten()
    per_segment = trajectory.steps // trajectory.segments
    n, m = tiles.rows.shape[1], tiles.cols.shape[1]
    for segment in range(trajectory.segments):
        shape = (2, per_segment, trajectory.batch_size)
        u = torch.rand(shape, dtype=torch.float64, generator=generator(seed, "draws", 0, segment))
        torch.manual_seed(derive_seed(seed, "layers", 0, segment))
        model.train()
        for step in range(per_segment):
            now = (segment * per_segment + step + 0.5) / trajectory.steps
            cdf = mass.cumsum(0)
            pairs = torch.searchsorted(cdf, u[0, step] * cdf[-1], right=True)
            t = torch.from_numpy(betaincinv(now, 1 - now, u[1, step].numpy())).float()
            i = tiles.rows[pairs // (n * m), pairs // m % n]
            j = tiles.cols[pairs // (n * m), pairs % m]
            w = t[:, None, None, None]
            mixed = ((1 - w) * x[i] + w * y[j]).contiguous(memory_format=torch.channels_last)
            log_p = F.log_softmax(model(mixed), dim=-1)
            rows = torch.arange(len(i))
            loss = -((1 - t) * log_p[rows, x_labels[i]] + t * log_p[rows, y_labels[j]])
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
            iterates.append(Weights.of(model))
    return iterates


@torch.inference_mode()
def _pair_log_probs(model, x, y, tiles, tau):
    model.eval()
    result = []
    for rows, cols in zip(tiles.rows, tiles.cols, strict=True):
        images = (1 - tau) * x[rows][:, None] + tau * y[cols][None]
        if tau == 0:  # all pairs of a row are one image there
            images = x[rows][:, None]
        flat = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        log_p = log_probs(model(flat)).reshape(*images.shape[:2], -1)
        result.append(log_p.expand(len(rows), len(cols), -1))
    return torch.stack(result)


@pytest.fixture(scope="module")
def iterations(
    pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig
) -> list[Iteration]:
    return run(pair, sources, small_trajectory)


def test_the_distance_is_the_inner_product_of_coupling_and_cost(
    iterations: list[Iteration],
) -> None:
    for i in iterations:
        # Sums of the same float64 numbers in another order.
        np.testing.assert_allclose((i.coupling * i.cost).sum(), i.lengths.distance, rtol=1e-12)


def test_the_fisher_rao_length_is_never_below_the_distance(iterations: list[Iteration]) -> None:
    assert all(i.lengths.fisher_rao_length >= i.lengths.distance for i in iterations)


def test_couplings_have_the_marginals_of_the_tasks(iterations: list[Iteration]) -> None:
    for i in iterations:
        np.testing.assert_allclose(i.coupling.sum(axis=2), 1 / 30, rtol=1e-7)
        np.testing.assert_allclose(i.coupling.sum(axis=1), 1 / 30, rtol=1e-5)


def test_the_first_segment_starts_from_the_same_weights_in_every_iteration(
    iterations: list[Iteration],
) -> None:
    losses = [i.knots[0].train_loss for i in iterations]
    # p_0 is the source task whatever the coupling; the sums run over other masses.
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


def test_knots_add_up_to_the_lengths(iterations: list[Iteration]) -> None:
    last = iterations[-1]
    assert [k.tau for k in last.knots] == [m / 20 for m in range(21)]
    lengths = [k.segment_length for k in last.knots if k.segment_length is not None]
    np.testing.assert_allclose(sum(lengths), last.lengths.fisher_rao_length, rtol=1e-12)


def test_iterations_end_when_the_distance_settles(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    context = make_context(sources, short)
    prepared = prepare(tiny_pair, context, CoupledConfig(tile_size=5, iterations=9, tolerance=1e-8))
    generous = replace(prepared.plan, tolerance=0.5)
    ended = list(run_in_process(generous, prepared.cut))
    assert len(ended) == 2
    assert ended[1].change is not None
    assert ended[1].change < 0.5


@pytest.mark.parametrize("watched", ["distance", "fisher_rao_length", "noise_free_length"])
def test_the_change_is_that_of_the_watched_length(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig, watched: Any
) -> None:
    context = replace(make_context(sources, short), stop=StopConfig(metric=watched, tolerance=0))
    prepared = prepare(tiny_pair, context, CoupledConfig(tile_size=5, iterations=2, tolerance=1e-8))
    first, second = run_in_process(prepared.plan, prepared.cut)
    before, now = (getattr(each.lengths, watched) for each in (first, second))
    assert first.change is None
    assert second.change is not None
    assert second.change == abs(now - before) / now
    # The same run ends there once the tolerance is above that change.
    generous = replace(prepared.plan, iterations=9, tolerance=second.change * 1.001)
    assert len(list(run_in_process(generous, prepared.cut))) == 2


def test_the_answer_depends_on_blocks(
    pair: Pair,
    sources: SourceCache,
    small_trajectory: TrajectoryConfig,
    iterations: list[Iteration],
) -> None:
    one = run(pair, sources, small_trajectory, n_blocks=1, iterations=1)
    assert one[0].lengths.distance != iterations[0].lengths.distance


def test_blocks_on_their_own_give_what_each_block_gives_alone(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    apart = short.model_copy(update={"sync": "none"})
    context = make_context(sources, apart)
    prepared = prepare(tiny_pair, context, TilingConfig(tile_size=5, blocks=2))
    (both,) = run_in_process(prepared.plan, prepared.cut)
    for block, setup in enumerate(prepared.cut(prepared.plan.tiles)):
        chosen = prepared.plan.tiles.block(block, 2)
        fields = {n: getattr(prepared.plan.tiles, n)[chosen] for n in ("rows", "cols", "a", "b")}
        watched = {n: v[block::2] for n, v in vars(prepared.plan.validation).items()}
        alone = replace(
            prepared.plan,
            tiles=replace(prepared.plan.tiles, **fields),
            validation=ValidationPairs(**watched),
            n_blocks=1,
        )
        (one,) = run_in_process(alone, lambda _, setup=setup: [setup])
        np.testing.assert_array_equal(both.cost[chosen], one.cost)


def test_schedule_and_augmentation_change_the_path_and_keep_its_start(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    changes: list[dict[str, str]] = [{}, {"schedule": "cosine"}, {"augment": "crop-flip"}]
    fixed, *changed = (
        run(tiny_pair, sources, short.model_copy(update=change), iterations=1)[0]
        for change in changes
    )
    for one in changed:
        assert one.lengths.distance != fixed.lengths.distance
        assert one.knots[0].train_loss == fixed.knots[0].train_loss


def test_losses_at_the_ends_are_those_of_the_tasks(
    sources: SourceCache, short: TrajectoryConfig
) -> None:
    # With 25 validation images in five classes, the 25 pairs of classes use each image once; in
    # one tile, a bᵀ gives all of them the same mass.
    tasks = [small_task(name, val=25) for name in ("digits-low", "digits-high")]
    pair = Pair(tasks[0], tasks[1], "cnn8-narrow", seed=3)
    context = make_context(sources, short)
    prepared = prepare(pair, context, TilingConfig(tile_size=30))
    (record,) = run_in_process(prepared.plan, prepared.cut)
    model = zoo.build(pair.model, in_channels=1, n_classes=10, seed=0)
    prepared.plan.start.load_into(model)

    def loss_of(task, part) -> float:
        mean, std = task.mean[0], task.std[0]
        pixels = (torch.tensor(part.images).float() / 255 - mean) / std
        labels = torch.tensor(prepared.space.outputs(task)[part.labels])
        with torch.inference_mode():
            return F.cross_entropy(model.eval()(pixels).double(), labels).item()

    source, first = pair.source, record.knots[0]
    # float32 logits of batches of another size.
    np.testing.assert_allclose(first.train_loss, loss_of(source, source.train), rtol=1e-4)
    np.testing.assert_allclose(first.val_loss, loss_of(source, source.val), rtol=1e-4)
    gap = first.val_loss - first.train_loss
    assert first.generalisation_gap == gap
    # Target images have validation loss at τ = 1, which `evaluate` measures by itself.
    np.testing.assert_allclose(record.knots[-1].val_loss, record.target_loss, rtol=1e-4)


def test_standing_still_lowers_the_loss_of_a_model_that_lags_behind(
    pair: Pair, sources: SourceCache, small_trajectory: TrajectoryConfig
) -> None:
    (lagging,) = run(pair, sources, small_trajectory, iterations=1)
    gaps = {k.knot: k.tracking_gap for k in lagging.knots}
    assert {knot for knot, gap in gaps.items() if gap is not None} == {4, 8, 12, 16, 20}
    assert gaps[20] > 0.01
    frozen = small_trajectory.model_copy(update={"lr": 1e-12})
    (still,) = run(pair, sources, frozen, iterations=1)
    # Only running statistics move, and they do not lower the loss.
    assert still.knots[20].tracking_gap < 0.001


def test_the_tracking_gap_is_that_of_the_moving_weights_whatever_is_averaged(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    found = {}
    for averaging in ("none", "segment", "window"):
        chosen = short.model_copy(update={"steps": 30, "averaging": averaging})
        (found[averaging],) = run(tiny_pair, sources, chosen, iterations=1)
    gaps = {how: [k.tracking_gap for k in one.knots] for how, one in found.items()}
    for how in ("segment", "window"):
        assert gaps[how] == gaps["none"]
        assert found[how].lengths.distance < found["none"].lengths.distance
        assert found[how].target_loss != found["none"].target_loss
        assert found[how].knots[0].train_loss == found["none"].knots[0].train_loss


def test_only_the_last_iteration_stands_still(iterations: list[Iteration]) -> None:
    measured = [any(k.tracking_gap is not None for k in i.knots) for i in iterations]
    assert measured == [False, False, True]


def test_the_integral_of_the_norm_is_that_of_its_knots(iterations: list[Iteration]) -> None:
    for i in iterations:
        norms = [k.fisher_rao_norm for k in i.knots]
        assert min(norms) > 0
        expected = np.trapezoid(norms, [k.tau for k in i.knots])
        np.testing.assert_allclose(i.fisher_rao_norm_integral, expected, rtol=1e-12)


def test_a_task_to_itself_under_the_identity_is_the_noise_floor(
    sources: SourceCache, small_trajectory: TrajectoryConfig
) -> None:
    """A converged model has nowhere to go; what is left comes from running statistics."""
    task = small_task("digits-low")
    same = Pair(task, task, "tests.methods.plain_nets:normed", seed=3)
    gentle = {"steps": 400, "batch_size": 20, "lr": 1e-3, "weight_decay": 0.0}
    found = {}
    for epochs in (4, 40):
        context = replace(
            make_context(sources, small_trajectory.model_copy(update=gentle)),
            pretrain=PretrainConfig(epochs=epochs, batch_size=10),
        )
        prepared = prepare(same, context, TilingConfig(tile_size=1, dealing="index"))
        found[epochs] = run_prepared(prepared, context)
    converged, unfinished = found[40], found[4]
    assert converged.label_part == 0
    assert converged.fisher_rao_length < 0.05 * unfinished.fisher_rao_length
    assert converged.self_distance < 0.1
    # A model that is still learning its own task does travel.
    assert unfinished.self_distance > 5 * converged.self_distance
    assert unfinished.noise_free_length > 5 * converged.noise_free_length


def test_different_tasks_have_no_self_distance(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    context = make_context(sources, short)
    prepared = prepare(tiny_pair, context, TilingConfig(tile_size=5))
    assert run_prepared(prepared, context).self_distance is None


@pytest.mark.parametrize("averaging", ["window", "none"])
def test_the_error_is_that_of_the_coupling_and_of_the_knots_that_the_result_shows(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig, averaging: Averaging
) -> None:
    twenty = short.model_copy(update={"steps": 20, "segments": 20, "averaging": averaging})
    context = make_context(sources, twenty)
    prepared = prepare(tiny_pair, context, TilingConfig(tile_size=4, blocks=2))
    result = run_prepared(prepared, context)
    pairs = {name: v for name, v in vars(result.coupling).items() if name != "measured"}
    images = image_error(**pairs)
    noise = noise_error(
        distance=result.distance,
        noise_share=result.noise_share,
        segments=twenty.segments,
        averaging=averaging,
    )
    assert result.distance_error == pytest.approx(np.hypot(images, noise), rel=1e-12)
    assert 0 < result.distance_error < result.distance


def test_the_error_is_the_same_after_a_checkpoint(iterations: list[Iteration]) -> None:
    (last,) = decode(encode([iterations[-1]]), _CLASSES)
    assert last.distance_error == iterations[-1].distance_error


def test_a_task_of_one_image_has_no_error(
    tiny_pair: Pair, sources: SourceCache, short: TrajectoryConfig
) -> None:
    (last,) = run(tiny_pair, sources, short, iterations=1)
    alone = np.zeros_like(last.coupling)
    alone[0, 0, 0] = 1.0
    assert last.distance_error is not None
    assert replace(last, coupling=alone).distance_error is None
