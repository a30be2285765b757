"""Fine-tuning: its path against SGD written out by hand, and what it says in odd cases."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.special import log_softmax, rel_entr

from raytd.engine.config import TrajectoryConfig
from raytd.engine.setup.context import Context, Pair, source_recipe
from raytd.errors import NotFiniteError
from raytd.learning.sources import Source, SourceCache
from raytd.methods.finetune import FinetuneConfig, run
from raytd.methods.score import Score
from raytd.tasks.task import Task
from raytd.transfer.randomness import generator
from tests.cases import for_each
from tests.conftest import make_context, small_task
from tests.methods import plain_nets
from tests.methods.odd_tasks import one_class

LINEAR = "tests.methods.plain_nets:linear"
WINDOW = [1 / 32, 3 / 32, 5 / 32, 7 / 32, 7 / 32, 5 / 32, 3 / 32, 1 / 32]
SHORT = FinetuneConfig(steps=40, batch_size=8, lr=0.01, segments=20)


@pytest.fixture
def context(sources: SourceCache, small_trajectory: TrajectoryConfig) -> Context:
    return make_context(sources, small_trajectory)


@pytest.fixture
def linear(pair: Pair) -> Pair:
    return replace(pair, model=LINEAR)


def pixels(task: Task, images: np.ndarray) -> np.ndarray:
    return ((images / 255 - task.mean[0]) / task.std[0]).reshape(len(images), -1)


class ByHand:
    """Softmax regression on the target from w^s, by explicit loops in float64."""

    def __init__(self, pair: Pair, source: Source, config: FinetuneConfig) -> None:
        target, n_new = pair.target, len(set(pair.target.classes) - set(pair.source.classes))
        classes = list(dict.fromkeys(pair.source.classes + target.classes))
        outputs = np.array([classes.index(c) for c in target.classes])
        x, self.y = pixels(target, target.train.images), outputs[target.train.labels]
        x_val, y_val = pixels(target, target.val.images), outputs[target.val.labels]
        w, b = (source.weights.parameters[f"1.{k}"].double().numpy() for k in ("weight", "bias"))
        new = source.new_output_logit - np.log(max(1, n_new))
        w, b = np.vstack([w, np.zeros((n_new, 64))]), np.concatenate([b, np.full(n_new, new)])
        start, velocity = (w, b), (np.zeros_like(w), np.zeros_like(b))
        self.lengths, self.log_ps, self.accuracies, length = [0.0], [], [], 0.0
        iterates = [np.column_stack([w, b])]
        for step, batch in enumerate(self._batches(pair.seed, config)):
            p = np.exp(log_softmax(x[batch] @ w.T + b, axis=1))
            error = (p - np.eye(len(classes))[self.y[batch]]) / len(batch)
            decay = config.weight_decay
            gradient = (error.T @ x[batch] + decay * w, error.sum(axis=0) + decay * b)
            velocity = tuple(
                config.momentum * v + g for v, g in zip(velocity, gradient, strict=True)
            )
            moved = w - config.lr * velocity[0], b - config.lr * velocity[1]
            length += np.sqrt(((moved[0] - w) ** 2).sum() + ((moved[1] - b) ** 2).sum())
            w, b = moved
            if (step + 1) % (config.steps // config.segments) == 0:
                self.lengths.append(length)
            iterates.append(np.column_stack([w, b]))
        self.moving = [((x_val @ v[:, :-1].T + v[:, -1]).argmax(axis=1) == y_val).mean()
                       for v in iterates[::2]]  # fmt: skip
        for knot in range(config.segments + 1):
            measured = self._mean(iterates, 2 * knot, config.averaging)
            self._read(x, x_val, y_val, measured[:, :-1], measured[:, -1])
        self.displacement = np.sqrt(((w - start[0]) ** 2).sum() + ((b - start[1]) ** 2).sum())

    def _batches(self, seed: int, config: FinetuneConfig) -> list[np.ndarray]:
        batches: list[np.ndarray] = []
        for epoch in range(config.steps):
            stream = generator(seed, "finetune order", epoch)
            order = torch.randperm(len(self.y), generator=stream).numpy()
            cut = (order[i : i + config.batch_size] for i in range(0, len(order), 8))
            batches += [batch for batch in cut if len(batch) > 1]
        return batches[: config.steps]

    def _mean(self, iterates: list[np.ndarray], last: int, averaging: str) -> np.ndarray:
        """Of forty iterates, a triangle over eight, the plain mean of two, or the last one."""
        weights = np.array({"window": WINDOW, "segment": [0.5, 0.5], "none": [1.0]}[averaging])
        if last == 0:
            weights = np.ones(1)
        kept = ([iterates[0]] * 8 + iterates)[last + 9 - len(weights) : last + 9]
        return np.tensordot(weights, np.stack(kept), axes=1)

    def _read(self, *at: np.ndarray) -> None:
        x, x_val, y_val, w, b = at
        self.log_ps.append(log_softmax(x @ w.T + b, axis=1))
        self.accuracies.append(((x_val @ w.T + b).argmax(axis=1) == y_val).mean())


@pytest.fixture(params=["disjoint", "sharing", "fewer"])
def unlike(request: pytest.FixtureRequest, linear: Pair) -> Pair:
    """Pairs with no, some, and only common classes."""
    if request.param == "disjoint":
        return linear
    if request.param == "sharing":
        return replace(linear, target=small_task("digits-even", train=33))
    return replace(linear, source=small_task("digits", train=40), target=small_task("digits-odd"))


@pytest.mark.parametrize("averaging", ["window", "segment", "none"])
def test_a_path_is_that_of_sgd_written_out(averaging: str, unlike: Pair, context: Context) -> None:
    config = SHORT.model_copy(update={"averaging": averaging})
    score = run(unlike, config, context)
    source = context.sources.get(unlike.source, source_recipe(unlike, context.pretrain))
    hand = ByHand(unlike, source, config)
    ds = [np.sqrt(2 * rel_entr(np.exp(p), np.exp(q)).sum(axis=1)) for p, q in pairwise(hand.log_ps)]
    columns, curve = score.columns(), score.curves["finetune"]
    # Float32 against float64 over forty steps.
    np.testing.assert_allclose([k["weight_length"] for k in curve], hand.lengths, rtol=1e-4)
    assert columns["weight_length"] == pytest.approx(hand.lengths[-1], rel=1e-4)
    assert columns["weight_displacement"] == pytest.approx(hand.displacement, rel=1e-4)
    assert columns["distance"] == pytest.approx(sum(d.mean() for d in ds), rel=1e-3)
    roots = np.cumsum([0, *(np.sqrt((d**2).mean()) for d in ds)])
    np.testing.assert_allclose([k["fisher_rao_length"] for k in curve], roots, rtol=1e-3)
    # Counts of twenty images.
    np.testing.assert_allclose([k["val_accuracy"] for k in curve], hand.accuracies, rtol=1e-12)
    np.testing.assert_allclose([k["moving_accuracy"] for k in curve], hand.moving, rtol=1e-12)
    losses = [-p[np.arange(len(hand.y)), hand.y].mean() for p in hand.log_ps]
    np.testing.assert_allclose([k["train_loss"] for k in curve], losses, rtol=1e-3)

    # Each is cut by its own accuracy.
    cut, measured_cut = (
        next(n for n, a in enumerate(accuracies) if a >= 0.95 * accuracies[-1] - 1e-9)
        for accuracies in (hand.moving, hand.accuracies)
    )
    assert score.value == columns["weight_length_truncated"] == curve[cut]["weight_length"]
    assert columns["distance_truncated"] == curve[measured_cut]["distance"]
    assert columns["fisher_rao_length_truncated"] == curve[measured_cut]["fisher_rao_length"]
    assert columns["noise_free_length_truncated"] == curve[measured_cut]["noise_free_length"]
    assert columns["steps_to_threshold"] == 2 * cut
    per_epoch = -(-len(hand.y) // 8)
    assert columns["epochs_to_threshold"] == pytest.approx(2 * cut / per_epoch)
    assert columns["target_accuracy"] == hand.accuracies[-1]
    assert columns["initial_accuracy"] == hand.accuracies[0]


def test_what_sgd_does_is_the_same_whatever_is_averaged(pair: Pair, context: Context) -> None:
    """A network with batch norm and dropout goes on from its own weights after each knot."""
    found = {
        averaging: run(pair, SHORT.model_copy(update={"averaging": averaging}), context)
        for averaging in ("none", "segment", "window")
    }
    none = found["none"]
    for averaging in ("segment", "window"):
        score = found[averaging]
        same = ("value", "steps_to_threshold", "weight_length", "weight_displacement")
        assert [score.columns()[c] for c in same] == [none.columns()[c] for c in same]
        for curve in ("weight_length", "moving_accuracy"):
            ours, theirs = ([k[curve] for k in s.curves["finetune"]] for s in (score, none))
            assert ours == theirs
        assert score.columns()["distance"] < none.columns()["distance"]
    assert all(k["val_accuracy"] == k["moving_accuracy"] for k in none.curves["finetune"])


def test_a_path_is_cut_where_the_threshold_says(linear: Pair, context: Context) -> None:
    cuts = [
        run(linear, SHORT.model_copy(update={"threshold": t}), context).value
        for t in (0.3, 0.6, 0.95, 1.0)
    ]
    assert cuts == sorted(cuts)
    assert cuts[0] < cuts[-1]


def test_images_are_counted_and_measured_out_of_training_mode(pair: Pair, context: Context) -> None:
    counting = replace(pair, model="tests.methods.plain_nets:counting")
    context.sources.get(counting.source, source_recipe(counting, context.pretrain))
    before = dict(plain_nets.SEEN)
    config = SHORT.model_copy(update={"batch_size": 7})  # 30 images: the last batch has two
    score = run(counting, config, context)
    seen = {mode: n - before[mode] for mode, n in plain_nets.SEEN.items()}
    # At each knot but the first, validation images are seen by the moving weights, too.
    assert seen == {True: 8 * 30, False: 21 * (30 + 20) + 20 * 20}
    assert score.forward_images == sum(seen.values())
    assert score.sgd_steps == 40


def test_a_task_that_is_learnt_already_has_no_distance_to_itself(context: Context) -> None:
    task = small_task("digits-low", train=100, val=40)
    score = run(Pair(task, task, LINEAR, seed=3), SHORT, context)
    assert score.columns()["initial_accuracy"] > 0.8
    assert score.value == score.columns()["fisher_rao_length_truncated"] == 0
    assert score.columns()["weight_length"] > 0
    iterates = run(
        Pair(task, task, LINEAR, seed=3), SHORT.model_copy(update={"averaging": "none"}), context
    ).columns()
    assert iterates["self_distance"] < iterates["fisher_rao_length"]


@for_each("one", ["source", "target", "both"])
def test_tasks_of_one_class(one: str, linear: Pair, context: Context) -> None:
    single = one_class("3")
    other = single if one == "both" else small_task("digits-high")
    pair = Pair(*((other, single) if one == "target" else (single, other)), LINEAR, seed=3)
    columns = run(pair, SHORT, context).columns()
    numbers = [v for v in columns.values() if isinstance(v, float)]
    assert np.isfinite(numbers).all()
    if one == "target":
        assert columns["value"] > 0
        assert (columns["initial_accuracy"], columns["target_accuracy"]) == (0, 1)
    if one == "both":
        # One output is certain, whatever the weights: only decay moves them, and 95 % are there.
        assert columns["value"] == columns["fisher_rao_length"] == 0


def bits(score: Score) -> tuple[object, ...]:
    return score.value, score.columns(), score.curves


def test_a_network_with_batch_norm_and_dropout_gives_the_same_bits_twice(
    pair: Pair, context: Context
) -> None:
    torch.manual_seed(1)
    one = run(pair, SHORT, context)
    torch.manual_seed(2)
    torch.rand(5)
    assert bits(run(pair, SHORT, context)) == bits(one)


def test_another_seed_takes_another_path(linear: Pair, context: Context) -> None:
    weights = run(linear, SHORT, context), run(replace(linear, seed=4), SHORT, context)
    assert weights[0].columns()["weight_length"] != weights[1].columns()["weight_length"]


def test_without_batch_norm_the_same_path_is_shorter_in_weights_alone(
    pair: Pair, context: Context
) -> None:
    included, excluded = (
        run(pair, SHORT.model_copy(update={"batch_norm": b}), context).columns()
        for b in ("include", "exclude")
    )
    assert excluded["weight_length"] < included["weight_length"]
    assert excluded["fisher_rao_length"] == included["fisher_rao_length"]
    assert "running statistics do not" in included["batch_norm"]
    assert "neither" in excluded["batch_norm"]


@for_each("change", [{"augment": "crop-flip"}, {"schedule": "cosine"}])
def test_settings_of_the_training_change_the_path(
    linear: Pair, context: Context, change: dict[str, str]
) -> None:
    plain, other = (
        run(linear, SHORT, context),
        run(linear, SHORT.model_copy(update=change), context),
    )
    assert plain.columns()["weight_length"] != other.columns()["weight_length"]


def test_aligned_classes_start_closer_to_the_target(linear: Pair, context: Context) -> None:
    union, aligned = (
        run(linear, SHORT.model_copy(update={"labels": kind}), context).columns()
        for kind in ("union", "aligned")
    )
    assert union["label_matching"] is None
    assert aligned["label_matching"].count(" = ") == 5
    assert aligned["parameters"] < union["parameters"]
    assert union["initial_accuracy"] == 0 < aligned["initial_accuracy"]


def test_a_network_that_learns_nothing_is_said_to(pair: Pair, context: Context) -> None:
    blind = replace(pair, model="tests.methods.plain_nets:blind")
    score = run(blind, SHORT, context)
    assert "on digits-high ends at accuracy 0.000, no better than" in score.warnings[0]
    assert not run(replace(pair, model=LINEAR), SHORT, context).warnings


def test_weights_that_diverge_are_one_line(pair: Pair, context: Context) -> None:
    config = SHORT.model_copy(update={"lr": 1e30})
    with pytest.raises(NotFiniteError, match=r"fine-tuning, step 2: .*lower finetune\.lr"):
        run(pair, config, context)


@for_each(
    ("wrong", "message"),
    [
        ({"steps": 10, "epochs": 3}, "give steps or epochs, not both"),
        ({"segments": 30}, "multiple of 20"),
        ({"steps": 10}, "fewer than one step per segment"),
        ({"threshold": 0.0}, "greater than 0"),
        ({"threshold": 1.5}, "less than or equal to 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FinetuneConfig.model_validate(wrong)


def test_epochs_count_the_images_of_the_target() -> None:
    config = FinetuneConfig(epochs=10, batch_size=20)
    assert config.sgd_steps(240) == 120
    assert config.sgd_steps(241) == 130
    assert config.sgd_steps(20) == 40  # one step per segment at least
