"""Task2Vec from tasks to the number: probes, cache, both estimates."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from raytd.engine.context import Context, Pair
from raytd.engine.sources import SourceCache
from raytd.errors import InputError, StorageError
from raytd.methods import task2vec
from raytd.methods.fisher import embedding
from raytd.methods.task2vec import Task2VecConfig, run
from raytd.models import zoo

QUICK = {"head_steps": 20, "passes": 1, "steps": 3, "montecarlo_batch": 15}


def config(**settings) -> Task2VecConfig:
    return Task2VecConfig(**QUICK | settings)


@pytest.mark.parametrize("fisher", ["montecarlo", "variational"])
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
        config(fisher="variational"),
        config(passes=2),
        config(montecarlo_batch=5),
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


def test_a_damaged_embedding_is_named(pair: Pair, context: Context, tmp_path: Path) -> None:
    kept = replace(context, sources=SourceCache(tmp_path))
    run(pair, config(), kept)
    for path in tmp_path.glob("embedding-*.safetensors"):
        path.write_bytes(b"{}")
    with pytest.raises(StorageError, match=r"embedding-\w+.safetensors: cannot be read .* remove"):
        run(pair, config(), kept)


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


@pytest.mark.parametrize("n", [1, 2])
def test_one_class_is_embedded_like_any_other(n: int, pair: Pair, context: Context) -> None:
    few = replace(pair, target=_first(pair.target, n))
    assert 0 <= run(few, config(), context).value <= 1


def test_a_target_of_another_shape_is_refused(pair: Pair, context: Context) -> None:
    images = pair.target.train.images.repeat(3, axis=1)
    other = replace(pair.target, train=replace(pair.target.train, images=images))
    with pytest.raises(InputError, match=r"'digits-high' has images of shape \(3, 8, 8\)"):
        run(replace(pair, target=other), config(), context)


@pytest.mark.parametrize(
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
    assert config().idle() == {"steps", "lr", "beta", "alpha"}
    assert config(fisher="variational").idle() == {"montecarlo_batch", "passes", "alpha"}


def test_global_randomness_is_left_as_it_was(pair: Pair, context: Context) -> None:
    before = torch.random.get_rng_state()
    run(pair, config(fisher="variational"), context)
    run(pair, config(), context)
    assert torch.equal(torch.random.get_rng_state(), before)
