"""The ground truth of transfer, against a network that the test trains by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from scipy.stats import sem

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair, source_recipe
from raytd.errors import InputError, NotFiniteError
from raytd.learning.few_shot import few_images
from raytd.learning.sources import SourceCache
from raytd.methods.transfer import METHOD, TransferConfig, run
from raytd.models import zoo
from raytd.tasks.task import Task
from raytd.transfer.randomness import derive_seed, generator
from tests.cases import for_each
from tests.conftest import make_context, small_task
from tests.methods import plain_nets
from tests.methods.odd_tasks import one_class

NET = "tests.methods.plain_nets:two_layers"
SHORT = TransferConfig(
    n_train=20, steps=30, evaluate_every=10, batch_size=6, lr=0.05, repeats=2, metric="gain"
)
NAMES = ("1.weight", "1.bias", "3.weight", "3.bias")


@pytest.fixture
def context(sources: SourceCache, small_trajectory: TrajectoryConfig) -> Context:
    return make_context(sources, small_trajectory)


@pytest.fixture
def plain(pair: Pair) -> Pair:
    return replace(pair, model=NET)


def initial(pair: Pair, repeat: int, n_classes: int) -> dict[str, torch.Tensor]:
    seed = derive_seed(pair.seed, "transfer initial weights", repeat)
    return zoo.build(pair.model, in_channels=1, n_classes=n_classes, seed=seed).state_dict()


def pixels(task: Task, images: np.ndarray) -> np.ndarray:
    return ((images / 255 - task.mean[0]) / task.std[0]).reshape(len(images), -1)


def learnt_by_hand(
    pair: Pair, start: dict[str, torch.Tensor], config: TransferConfig, repeat: int
) -> list[float]:
    """Accuracies of a two-layer network whose gradient is written out, in float64."""
    target = pair.target
    w, b, v, c = (start[n].double().numpy() for n in NAMES)
    stream = generator(pair.seed, "transfer images", repeat)
    chosen = few_images(target, config.n_train, stream=stream)
    x, y = pixels(target, target.train.images[chosen]), target.train.labels[chosen]
    x_val, one_hot = pixels(target, target.val.images), np.eye(len(target.classes))
    velocities, accuracies, step, epoch = [0.0] * 4, [], 0, 0
    seed = derive_seed(pair.seed, "transfer", repeat)
    while step < config.steps:
        stream = generator(seed, "transfer order", epoch)
        order, epoch = torch.randperm(len(y), generator=stream).numpy(), epoch + 1
        for batch in np.array_split(order, range(config.batch_size, len(y), config.batch_size)):
            if step == config.steps:
                break
            hidden = np.tanh(x[batch] @ w.T + b)
            scores = np.exp(hidden @ v.T + c)
            error = (scores / scores.sum(axis=1, keepdims=True) - one_hot[y[batch]]) / len(batch)
            inner = error @ v * (1 - hidden**2)
            gradients = inner.T @ x[batch], inner.sum(axis=0), error.T @ hidden, error.sum(axis=0)
            weights = [w, b, v, c]
            velocities = [
                config.momentum * u + g + config.weight_decay * p
                for u, g, p in zip(velocities, gradients, weights, strict=True)
            ]
            w, b, v, c = (p - config.lr * u for p, u in zip(weights, velocities, strict=True))
            step += 1
            if step % config.evaluate_every == 0:
                predicted = (np.tanh(x_val @ w.T + b) @ v.T + c).argmax(axis=1)
                accuracies.append(float((predicted == target.val.labels).mean()))
    return accuracies


@for_each("target", ["digits-high", "digits"])
def test_accuracies_are_those_of_training_written_out(
    plain: Pair, context: Context, target: str
) -> None:
    plain = replace(plain, target=small_task(target, train=40))
    n_classes = len(plain.target.classes)
    source = context.sources.get(plain.source, source_recipe(plain, context.pretrain))
    tuned, scratch = [], []
    for repeat in range(SHORT.repeats):
        fresh = initial(plain, repeat, n_classes)
        body = {n: source.weights.parameters[n] for n in NAMES[:2]}
        tuned.append(learnt_by_hand(plain, fresh | body, SHORT, repeat))
        scratch.append(learnt_by_hand(plain, fresh, SHORT, repeat))
    score = run(plain, SHORT, context)
    columns, rows = score.columns(), score.curves["transfer"]
    # Counts of twenty images: equal but for the sum.
    assert [r["accuracy"] for r in rows] == pytest.approx(np.ravel(tuned).tolist(), rel=1e-12)
    assert [r["scratch_accuracy"] for r in rows] == pytest.approx(np.ravel(scratch).tolist())
    assert [(r["repeat"], r["step"]) for r in rows] == [
        (n, s) for n in (0, 1) for s in (10, 20, 30)
    ]
    mean, final = np.mean(tuned, axis=1), np.array(tuned)[:, -1]
    base, base_final = np.mean(scratch, axis=1), np.array(scratch)[:, -1]
    for name, values in {
        "accuracy": mean,
        "final_accuracy": final,
        "scratch_accuracy": base,
        "scratch_final_accuracy": base_final,
        "gain": mean - base,
        "final_gain": final - base_final,
    }.items():
        assert columns[name] == pytest.approx(values.mean(), abs=1e-12)
        assert columns[f"{name}_error"] == pytest.approx(sem(values), abs=1e-12)
    assert columns["n_repeats"] == 2
    assert score.value == columns["gain"]
    assert not METHOD.smaller_is_closer


@for_each("metric", ["accuracy", "final_accuracy", "gain"])
def test_the_value_is_the_metric_that_is_asked_for(
    plain: Pair, context: Context, metric: str
) -> None:
    score = run(plain, SHORT.model_copy(update={"metric": metric, "repeats": 1}), context)
    assert score.value == score.columns()[metric]
    assert score.columns()["gain_error"] is None


def test_a_source_that_is_where_scratch_starts_gains_nothing(
    pair: Pair, context: Context, tmp_path: Path
) -> None:
    """With batch norm and dropout, too: head, order and what layers draw are the same."""
    save_file(initial(pair, 0, len(pair.source.classes)), tmp_path / "start.safetensors")
    at_start = replace(pair, weights=tmp_path / "start.safetensors")
    config = SHORT.model_copy(update={"repeats": 1})
    columns = run(at_start, config, context).columns()
    assert columns["gain"] == columns["final_gain"] == 0
    assert run(pair, config, context).columns()["gain"] != 0


def test_a_source_that_knows_the_target_gains(context: Context) -> None:
    task = small_task("digits-low", train=150, val=50)
    score = run(Pair(task, task, NET, seed=3), SHORT, context)
    assert score.value > 2 * score.columns()["gain_error"] > 0


def test_what_is_drawn_does_not_depend_on_the_source(plain: Pair, context: Context) -> None:
    other = replace(plain, source=small_task("digits-even"))
    one, two = (run(p, SHORT, context).columns() for p in (plain, other))
    assert one["scratch_accuracy"] == two["scratch_accuracy"]
    assert one["accuracy"] != two["accuracy"]


def test_repeats_and_seeds_learn_other_images(plain: Pair, context: Context) -> None:
    score = run(plain, SHORT, context)
    rows = [r["scratch_accuracy"] for r in score.curves["transfer"]]
    assert rows[:3] != rows[3:]
    other = run(replace(plain, seed=4), SHORT, context)
    assert other.columns()["scratch_accuracy"] != score.columns()["scratch_accuracy"]


def test_the_same_bits_twice_whatever_was_drawn_before(pair: Pair, context: Context) -> None:
    config = SHORT.model_copy(update={"repeats": 1, "steps": 10, "evaluate_every": 5})
    one = run(pair, config, context)
    torch.rand(5)
    two = run(pair, config, context)
    assert (two.columns(), two.curves) == (one.columns(), one.curves)


def test_images_are_counted_and_judged_out_of_training_mode(pair: Pair, context: Context) -> None:
    counting = replace(pair, model="tests.methods.plain_nets:counting")
    context.sources.get(counting.source, source_recipe(counting, context.pretrain))
    before = dict(plain_nets.SEEN)
    score = run(counting, SHORT, context)
    seen = {mode: n - before[mode] for mode, n in plain_nets.SEEN.items()}
    # Twenty images in batches of 6, 6, 6 and 2: seven epochs and two batches are 30 steps.
    assert seen == {True: 4 * (7 * 20 + 12), False: 4 * 3 * 20}
    assert score.forward_images == sum(seen.values())
    assert score.sgd_steps == 2 * 2 * 30


def test_all_sources_of_a_target_share_what_is_learnt_from_scratch(
    plain: Pair, context: Context, tmp_path: Path
) -> None:
    keeping = replace(context, sources=SourceCache(tmp_path))
    other = replace(plain, source=small_task("digits-even"))
    counted = [replace(p, model="tests.methods.plain_nets:counting") for p in (plain, other)]
    for p in counted:
        keeping.sources.get(p.source, source_recipe(p, keeping.pretrain))
    before = dict(plain_nets.SEEN)
    scores = [run(p, SHORT, keeping) for p in (counted[0], counted[1], counted[1])]
    # As counted below, but that the first learns twice and the others once.
    once = {True: 2 * (7 * 20 + 12), False: 2 * 3 * 20}
    assert {m: n - before[m] for m, n in plain_nets.SEEN.items()} == {
        mode: 4 * images for mode, images in once.items()
    }
    alone = [run(p, SHORT, context) for p in (counted[0], counted[1], counted[1])]
    assert [(s.columns(), s.curves) for s in scores] == [(s.columns(), s.curves) for s in alone]


def test_scratch_is_learnt_anew_for_whatever_it_depends_on(
    plain: Pair, context: Context, tmp_path: Path
) -> None:
    keeping = replace(context, sources=SourceCache(tmp_path))
    seen: set[Path] = set()

    def new(changed: Pair, config: TransferConfig) -> int:
        before = set(seen)
        run(changed, config, keeping)
        seen.update(tmp_path.glob("scratch-*.json"))
        return len(seen - before)

    assert new(plain, SHORT) == 1
    assert new(plain, SHORT.model_copy(update={"metric": "accuracy"})) == 0
    assert new(replace(plain, seed=4), SHORT) == 1
    assert new(replace(plain, target=small_task("digits-odd")), SHORT) == 1
    assert new(replace(plain, model="tests.methods.plain_nets:counting"), SHORT) == 1
    for setting, value in {
        "n_train": 15,
        "steps": 20,
        "evaluate_every": 15,
        "batch_size": 5,
        "lr": 0.04,
        "momentum": 0.8,
        "weight_decay": 0.0,
        "repeats": 1,
    }.items():
        assert new(plain, SHORT.model_copy(update={setting: value})) == 1, setting


@for_each("content", ["{", "{}", '{"repeats": [{"accuracies": 3}]}'])
def test_what_was_kept_and_cannot_be_read_is_learnt_again(
    plain: Pair, context: Context, tmp_path: Path, content: str
) -> None:
    keeping = replace(context, sources=SourceCache(tmp_path))
    first = run(plain, SHORT, keeping)
    (path,) = tmp_path.glob("scratch-*.json")
    whole = path.read_bytes()
    path.write_text(content)
    assert run(plain, SHORT, keeping).value == first.value
    assert path.read_bytes() == whole


def test_a_task_of_one_class_has_nothing_to_gain(context: Context) -> None:
    single = one_class("3")
    to_single = run(Pair(small_task("digits-high"), single, NET, seed=3), SHORT, context)
    assert (to_single.columns()["accuracy"], to_single.value) == (1, 0)
    from_single = run(Pair(single, small_task("digits-high"), NET, seed=3), SHORT, context)
    assert 0 < from_single.columns()["accuracy"] < 1


@for_each(("total", "counts"), [(20, [4] * 5), (22, [5, 5, 4, 4, 4]), (5, [1] * 5)])
def test_few_images_are_balanced_and_drawn_once(pair: Pair, total: int, counts: list[int]) -> None:
    chosen = few_images(pair.target, total, stream=generator(0, "x"))
    assert len(set(chosen.tolist())) == total
    assert np.bincount(pair.target.train.labels[chosen]).tolist() == counts
    other = few_images(pair.target, total, stream=generator(1, "x"))
    assert chosen.tolist() != other.tolist()


@for_each("total", [4, 31, 40])
def test_more_images_than_there_are_are_refused(pair: Pair, context: Context, total: int) -> None:
    message = r"transfer\.n_train: .* of class 'digits/.' of task 'digits-high', which has 6; "
    with pytest.raises(InputError, match=f"{message}set it between 5 and 30"):
        run(pair, SHORT.model_copy(update={"n_train": total}), context)


def test_weights_that_diverge_are_one_line(pair: Pair, context: Context) -> None:
    with pytest.raises(NotFiniteError, match=r"transfer, step 10: .*lower transfer\.lr"):
        run(pair, SHORT.model_copy(update={"lr": 1e30}), context)


def test_looks_that_do_not_divide_the_budget_are_refused() -> None:
    with pytest.raises(ValidationError, match="evaluate_every = 7 does not divide steps = 120"):
        TransferConfig(evaluate_every=7)
