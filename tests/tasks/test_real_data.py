"""The real data sets, where RAYTD_DATA or the machine has them.

RAYTD_DATA is a data root. Looked for are `fashion-mnist` (Debian's package `dataset-fashion-mnist`
will do), `cifar10` (torchvision's folder, or Parquet) and `cifar10-mini` (Parquet as on the hub,
with 1,000 training and 300 test images a class).
"""

import hashlib

import numpy as np
import pytest

from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.datasets import Dataset, read
from raytd.tasks.pixels.normalisation import moments, normalisation
from raytd.tasks.references import data_root, find
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.cases import for_each
from tests.tasks.formats import Made, write_cifar

MINI = "parquet:cifar10-mini"


def real(reference: str, known_as: str | None = None) -> Dataset:
    """The data set, or a skipped test that says what is missing."""
    if find(reference, data_root()) is None:
        pytest.skip(f"{reference} is not under {data_root()}; set RAYTD_DATA to a root that has it")
    return read(reference, data_root(), known_as=known_as)


def cut(name: str, dataset: Dataset, **counts: int) -> Task:
    return make_task(CATALOGUE[name].model_copy(update=counts), dataset)


@for_each(
    ("counts", "digest"),
    [({}, "1ddefe7a0f2d15e0"), ({"train": 30, "val": 20}, "ab3cda2c3e2ce6a7")],
)
def test_a_task_of_digits_has_the_digest_that_it_always_had(
    counts: dict[str, int], digest: str
) -> None:
    assert cut("digits-low", real("digits"), **counts).digest == digest


def test_fashion_mnist_is_the_published_one() -> None:
    dataset = real("fashion-mnist")
    assert dataset.val is not None
    assert [len(p.labels) for p in (dataset.train, dataset.val)] == [60_000, 10_000]
    for part, n in ((dataset.train, 6000), (dataset.val, 1000)):
        assert np.bincount(part.labels).tolist() == [n] * 10
    assert dataset.class_names == CLASS_NAMES["fashion-mnist"]
    # The figures that torchvision's and Keras' users know; the first image is an ankle boot.
    form = dataset.form(None, None)
    assert form.shape == (1, 28, 28)
    np.testing.assert_allclose(dataset.constants(form), [[0.2860], [0.3530]], atol=5e-5)
    assert dataset.class_names[dataset.train.labels[0]] == "Ankle boot"


@pytest.mark.parametrize("reference", ["fashion-mnist", "cifar10"])
def test_the_constants_of_a_known_data_set_are_those_of_its_pixels(reference: str) -> None:
    dataset = real(reference)
    form = dataset.form(None, None)
    every = np.arange(len(dataset.train.labels))
    exact = moments(form.stream(dataset.train, every), form.shape[0]).constants()
    assert normalisation(reference, dataset.train, form) == exact


def test_a_sample_of_the_images_has_nearly_the_constants_of_all() -> None:
    dataset = real("fashion-mnist")
    form = dataset.form(None, None)
    sampled = normalisation("another name", dataset.train, form)
    # The mean of one image has a standard deviation of .13: of 2,000 images it has .003.
    np.testing.assert_allclose(sampled, dataset.constants(form), atol=0.012)


def test_tasks_of_fashion_mnist_have_these_digests() -> None:
    dataset = real("fashion-mnist")
    digests = {
        name: cut(name, dataset, train=300, val=120).digest
        for name in ("fashion-tops", "fashion-footwear")
    }
    assert digests == {"fashion-tops": "c04f952a673a7ff8", "fashion-footwear": "d04c42657f0dd16a"}


def test_cifar10_in_parquet_is_read_and_known_as_cifar10() -> None:
    dataset = real(MINI, known_as="cifar10")
    task = cut("cifar10-animals", dataset, train=60, val=30)
    assert task.image_shape == (3, 32, 32)
    assert task.classes[0] == "cifar10/bird"
    np.testing.assert_allclose(task.mean, [0.4914, 0.4822, 0.4465], atol=5e-5)
    np.testing.assert_allclose(task.std, [0.2470, 0.2435, 0.2616], atol=5e-5)
    assert task.digest == "7a74d398e94bf417"


def test_real_images_make_the_same_task_through_parquet_and_torchvisions_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = real(MINI, known_as="cifar10")
    root = tmp_path_factory.mktemp("torchvision")
    assert dataset.val is not None
    parts = [
        (np.stack(list(p.images.decode(np.arange(len(p.labels))))).transpose(0, 2, 3, 1), p.labels)
        for p in (dataset.train, dataset.val)
    ]
    write_cifar("cifar10", root, Made(dataset.class_names, *parts), monkeypatch)
    other = read("cifar10", root)
    for name in ("cifar10", "cifar10-vehicles", "cifar10-animals"):
        one, same = (cut(name, d, train=120, val=60) for d in (dataset, other))
        assert one.digest == same.digest
        assert one.classes == same.classes


def test_resized_images_have_this_digest_on_every_machine() -> None:
    dataset = real(MINI, known_as="cifar10")
    spec = TaskSpec(name="a", dataset=MINI, classes=("cat",), train=9, val=9, size=16, channels=1)
    task = make_task(spec, dataset)
    assert task.image_shape == (1, 16, 16)
    assert hashlib.sha256(task.train.images.tobytes()).hexdigest()[:16] == "69e827318ea96bd1"
