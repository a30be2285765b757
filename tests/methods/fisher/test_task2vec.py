"""Task2Vec from tasks to the number: probes, cache, both estimates."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.stats import spearmanr

from raytd.engine.setup.context import Context, Pair
from raytd.errors import InputError
from raytd.learning.sources import SourceCache
from raytd.methods.fisher import embedding, task2vec
from raytd.methods.fisher.cosine import normalised_cosine
from raytd.methods.fisher.head import fit_head
from raytd.methods.fisher.probe import make_probe
from raytd.methods.fisher.task2vec import Task2VecConfig, run
from raytd.models import zoo
from raytd.tasks import datasets
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from raytd.transfer.randomness import generator
from tests.cases import for_each
from tests.conftest import small_task

QUICK = {"head_steps": 20, "passes": 1, "steps": 3, "montecarlo_batch": 15}


def config(**settings) -> Task2VecConfig:
    return Task2VecConfig(**QUICK | settings)


@for_each("fisher", ["auto", "montecarlo", "variational"])
def test_a_task_is_at_zero_from_itself_and_not_from_another(
    fisher, pair: Pair, itself: Pair, context: Context
) -> None:
    there, own = (run(p, config(fisher=fisher), context) for p in (pair, itself))
    assert own.value == 0
    assert 0 < there.value < 1
    assert there.smaller_is_closer
    assert there.figures["probe"].startswith("source/")


def test_images_and_steps_are_counted_for_each_task(
    pair: Pair, itself: Pair, context: Context
) -> None:
    there, own = (run(p, config(), context) for p in (pair, itself))
    # 30 images: once for the head, once for the Fisher information.
    assert (there.forward_images, own.forward_images) == (120, 60)
    assert (there.sgd_steps, own.sgd_steps) == (40, 20)
    noisy = run(itself, config(fisher="variational", batch_size=20), context)
    # Three steps: 20 and 10 images, then 20 again; and once for the head.
    assert (noisy.forward_images, noisy.sgd_steps) == (30 + 50, 23)


def test_tasks_of_other_sizes_and_classes_have_embeddings_of_one_length(
    uneven: Pair, context: Context
) -> None:
    assert 0 < run(uneven, config(), context).value < 1


def test_embeddings_are_kept_and_give_the_same_bits(
    pair: Pair, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = replace(context, sources=SourceCache(tmp_path))
    first = run(pair, config(), kept)
    assert len(list(tmp_path.glob("embedding-*.safetensors"))) == 2
    monkeypatch.setattr(embedding, "_embed", lambda *_: pytest.fail("embedded again"))
    assert run(pair, config(), kept) == first
    monkeypatch.undo()
    assert run(pair, config(), context) == first


def test_every_setting_that_matters_has_embeddings_of_its_own(pair: Pair) -> None:
    variants = [
        config(),
        config(error=0.02),
        config(fisher="exact"),
        config(fisher="variational"),
        config(fisher="montecarlo"),
        config(fisher="montecarlo", passes=2),
        config(fisher="montecarlo", montecarlo_batch=5),
        config(head_steps=21),
        config(batch_size=7),
    ]
    keys = {embedding.embedding_key(pair.source, "p", c, 0) for c in variants}
    keys |= {embedding.embedding_key(pair.source, "q", config(), 0)}
    keys |= {embedding.embedding_key(pair.source, "p", config(), 1)}
    keys |= {embedding.embedding_key(pair.target, "p", config(), 0)}
    assert len(keys) == len(variants) + 3
    symmetric, directed = (config(fisher="variational", asymmetric=a) for a in (False, True))
    assert (
        len({embedding.embedding_key(pair.source, "p", c, 0) for c in (symmetric, directed)}) == 1
    )


def test_a_damaged_embedding_is_named_and_made_again(
    pair: Pair, context: Context, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = replace(context, sources=SourceCache(tmp_path))
    first = run(pair, config(), kept)
    damaged = list(tmp_path.glob("embedding-*.safetensors"))
    for path in damaged:
        path.write_bytes(b"{}")
    assert run(pair, config(), kept).value == first.value
    assert len([line for line in caplog.messages if "made again" in line]) == len(damaged) > 0


def test_the_asymmetric_form_takes_off_the_source_s_distance_to_the_trivial_task(
    pair: Pair, context: Context
) -> None:
    settings = {"fisher": "variational", "asymmetric": True}
    values = [run(pair, config(alpha=a, **settings), context).value for a in (0.0, 0.15, 0.3)]
    symmetric = run(pair, config(fisher="variational"), context).value
    assert values[0] == symmetric > values[1]
    assert values[0] - values[1] == pytest.approx(values[1] - values[2])


def test_a_probe_of_the_zoo_takes_its_weights_from_a_file(
    pair: Pair, context: Context, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{seed}.safetensors" for seed in (0, 1)]
    for seed, path in enumerate(paths):
        network = zoo.build("wrn-10-1", in_channels=1, n_classes=7, seed=seed)
        save_file(network.state_dict(), path)
    first, other = (
        run(pair, config(probe="wrn-10-1", weights=str(path)), context) for path in paths
    )
    assert first.figures["probe"].startswith("wrn-10-1/")
    assert first.figures["probe"] != other.figures["probe"]
    assert first.value != other.value


def test_a_probe_with_its_own_weights_sees_grey_images_in_three_channels(
    pair: Pair, context: Context
) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    few = replace(pair, source=_first(pair.source, 2), target=_first(pair.target, 2))
    score = run(few, config(probe="efficientnet-lite0", head_steps=2), context)
    assert 0 < score.value < 1
    assert score.figures["probe"].startswith("efficientnet-lite0/")


def _first(task, n: int):
    part = task.train
    chosen = [int((part.labels == c).argmax()) for c in range(n)]
    train = replace(part, images=part.images[chosen], labels=part.labels[chosen])
    return replace(task, classes=task.classes[:n], train=train)


def test_two_images_of_two_classes_are_a_task(pair: Pair, context: Context) -> None:
    few = replace(pair, target=_first(pair.target, 2))
    assert 0 < run(few, config(), context).value < 1


@for_each("fisher", ["auto", "exact", "montecarlo"])
def test_one_class_has_no_distance(fisher: str, pair: Pair, context: Context) -> None:
    one = _first(pair.target, 1)
    message = "task 'digits-high' has one class.* its distance to any task is undefined; give it"
    for few in (replace(pair, target=one), replace(pair, source=one, target=one)):
        with pytest.raises(InputError, match=message):
            run(few, config(fisher=fisher), context)


def test_one_class_of_the_robust_estimate_is_said_to_be_without_information(
    pair: Pair, context: Context
) -> None:
    few = replace(pair, target=_first(pair.target, 1))
    score = run(few, config(fisher="variational"), context)
    assert 0 < score.value < 1
    (said,) = score.warnings
    assert "'digits-high' has one class" in said


def test_a_probe_whose_filters_are_told_nothing_has_no_distance(
    pair: Pair, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A head that is never trained predicts the same for every image, whatever the filters do.
    monkeypatch.setattr(embedding, "fit_head", _zero_head)
    with pytest.raises(InputError, match=r"no filter of the probe has information on task 'digits"):
        run(pair, config(), context)


def _zero_head(features, labels, *, n_classes: int, **_: object) -> torch.nn.Linear:
    head = torch.nn.Linear(features.shape[1], n_classes)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    return head.requires_grad_(False)


def test_the_default_is_exact_and_drawn_labels_say_how_wrong_they_are(
    pair: Pair, context: Context
) -> None:
    settings = {"head_steps": 500}
    exact = run(pair, config(**settings), context)
    assert exact.value == run(pair, config(**settings, fisher="exact"), context).value
    assert (exact.figures["drawn_error"], exact.warnings) == (0.0, ())
    classes = len(pair.source.classes)
    assert (exact.figures["source_gradients"], exact.figures["target_gradients"]) == (classes, 5)
    drawn = run(
        pair, config(**settings, fisher="montecarlo", passes=10, montecarlo_batch=8), context
    )
    error = drawn.figures["drawn_error"]
    assert drawn.value > 1.1 * exact.value
    # The jackknife sees two orders of the noise of heavy tails; they are of its size.
    assert 0.2 * (drawn.value - exact.value) < error < 5 * (drawn.value - exact.value)
    assert f"drawn labels leave an error of about {error:.2g}" in drawn.warnings[0]
    assert "set task2vec.fisher: exact" in drawn.warnings[0]


def test_draws_for_many_classes_give_the_distance_within_the_error(context: Context) -> None:
    pair = Pair(many_classes(0), many_classes(100), "cnn8-narrow", seed=3)
    exact = run(pair, config(fisher="exact"), context)
    drawn, again = (run(pair, config(error=0.25), context) for _ in range(2))
    assert drawn == again
    assert 0 < drawn.figures["drawn_error"] < 0.25 * drawn.value
    assert drawn.value == pytest.approx(exact.value, rel=0.25)
    assert drawn.figures["source_gradients"] < exact.figures["source_gradients"] == 40
    few = run(pair, config(error=1e-3), context)
    assert (few.value, few.figures["drawn_error"]) == (exact.value, 0)


def many_classes(start: int) -> Task:
    """80 digits in 40 classes that mean nothing."""
    digits = small_task("digits", train=300)
    chosen = np.arange(start, start + 80)
    names = tuple(str(i) for i in range(40))
    train = replace(digits.train, images=digits.train.images[chosen], labels=chosen % 40)
    return replace(digits, classes=names, train=train)


def test_a_single_pass_of_drawn_labels_says_that_its_error_is_unknown(
    pair: Pair, context: Context
) -> None:
    score = run(pair, config(fisher="montecarlo", passes=1), context)
    assert score.figures["drawn_error"] is None
    assert "one pass of drawn labels does not tell the error" in score.warnings[0]


def test_distances_are_those_of_explicit_gradients_of_every_label(context: Context) -> None:
    names = ("digits-low", "digits-high", "digits-even", "digits-odd", "digits")
    tasks = [*(small_task(n, train=20) for n in names), round_digits()]
    settings = config(head_steps=100)
    probe = make_probe(
        Pair(tasks[0], tasks[1], "cnn8-narrow", 3), context, name="source", weights=None
    )
    embeddings = [
        embedding.embedding_of(t, probe, settings, seed=3, folder=None, threads=1) for t in tasks
    ]
    explicit = [_explicit(t, probe, settings) for t in tasks]
    pairs = list(combinations(range(len(tasks)), 2))
    found = [normalised_cosine(embeddings[i].fisher, embeddings[j].fisher) for i, j in pairs]
    expected = [normalised_cosine(explicit[i], explicit[j]) for i, j in pairs]
    np.testing.assert_allclose(found, expected, rtol=1e-4)  # float32 gradients
    assert spearmanr(found, expected).statistic >= 0.99


def round_digits() -> Task:
    spec = TaskSpec(name="round", dataset="digits", classes=tuple("03689"), train=20, val=10)
    return make_task(spec, datasets.read("digits", Path("unused")))


def _explicit(task, probe, settings) -> torch.Tensor:
    """Σ_y p(y|x) (∂ log p(y|x) / ∂w)² by automatic differentiation of one image and label."""
    labels = torch.tensor(task.train.labels)
    everything = torch.arange(len(labels))
    with torch.no_grad():
        features = probe.features(probe.inputs(task, everything))
    head = fit_head(
        features,
        labels,
        n_classes=len(task.classes),
        steps=settings.head_steps,
        batch_size=settings.batch_size,
        lr=settings.head_lr,
        weight_decay=settings.head_weight_decay,
        generator=generator(3, "task2vec head"),
    )
    network = probe.network.requires_grad_(True)
    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
    weights = [m.weight for m in network.modules() if isinstance(m, kinds)]
    totals = [torch.zeros(len(w), dtype=torch.float64) for w in weights]
    for image in torch.split(everything, 1):
        log_p = head(probe.features(probe.inputs(task, image)))[0].log_softmax(dim=0)
        for y in range(len(log_p)):
            gradients = torch.autograd.grad(log_p[y], weights, retain_graph=True)
            for total, g in zip(totals, gradients, strict=True):
                squares = log_p[y].detach().double().exp() * g.double() ** 2
                total += squares.flatten(1).mean(1) if g.ndim > 1 else squares
    return torch.cat(totals) / len(labels)


def test_a_target_of_another_shape_is_refused(pair: Pair, context: Context) -> None:
    images = pair.target.train.images.repeat(3, axis=1)
    other = replace(pair.target, train=replace(pair.target.train, images=images))
    with pytest.raises(InputError, match=r"'digits-high' has images of shape \(3, 8, 8\)"):
        run(replace(pair, target=other), config(), context)


@for_each(
    ("settings", "message"),
    [
        ({"probe": "pixels"}, "have no filters"),
        ({"probe": "cnn9"}, "unknown model 'cnn9'.* source and efficientnet-lite0"),
        ({"probe": "cnn8"}, "untrained without weights"),
        ({"probe": "torchvision:resnet81"}, "no classifier 'resnet81'"),
        ({"weights": "a.pt"}, "'source' has its own"),
        ({"asymmetric": True}, "asymmetric needs fisher: variational"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        task2vec.Task2VecConfig(**settings)


def test_settings_of_the_other_estimate_are_idle() -> None:
    sampling, fitting = {"montecarlo_batch", "passes"}, {"steps", "lr", "beta"}
    assert set(config().idle()) == sampling | fitting | {"alpha"}
    assert set(config(fisher="exact").idle()) == sampling | fitting | {"alpha", "error"}
    assert set(config(fisher="montecarlo").idle()) == fitting | {"alpha", "error"}
    assert set(config(fisher="variational").idle()) == sampling | {"alpha", "error"}


def test_global_randomness_is_left_as_it_was(pair: Pair, context: Context) -> None:
    before = torch.random.get_rng_state()
    run(pair, config(fisher="variational"), context)
    run(pair, config(fisher="montecarlo"), context)
    run(pair, config(), context)
    assert torch.equal(torch.random.get_rng_state(), before)
