import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torchvision.datasets

from raytd.errors import DataError
from raytd.tasks import datasets
from raytd.tasks.datasets import Dataset, data_root
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
from raytd.tasks.vocabulary import CLASS_NAMES

PER_CLASS = 6
"""Images of each class in every part of the files written here."""


def python2(value: object) -> bytes:
    """Pickle opcodes as Python 2 wrote them, in protocol 2, without frame."""
    if isinstance(value, str):
        return b"T" + struct.pack("<i", len(value)) + value.encode("latin1")
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"(" + b"".join(map(python2, value)) + b"l"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(python2, value)) + b"t"
    if isinstance(value, dict):
        return b"(" + b"".join(python2(v) for item in value.items() for v in item) + b"d"
    assert isinstance(value, np.ndarray)
    kind = b"cnumpy\ndtype\n" + python2(("u1", 0, 1)) + b"R"
    kind += b"(" + python2(3) + python2("|") + b"NNN" + python2(-1) * 2 + python2(0) + b"tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
    empty += python2((0,)) + python2("b") + b"tR"
    data = python2(value.tobytes().decode("latin1"))
    return empty + b"(" + python2(1) + python2(value.shape) + kind + b"\x89" + data + b"tb"


def write(path: Path, content: dict[str, object]) -> str:
    """Writes a file as the data set has them and returns its MD5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x80\x02" + python2(content) + b".")
    return hashlib.md5(path.read_bytes()).hexdigest()


def rows(name: str, part: str) -> tuple[np.ndarray, list[int]]:
    """Rows of 1,024 red, 1,024 green and 1,024 blue bytes, and their labels, shuffled."""
    generator = np.random.default_rng(int.from_bytes(f"{name} {part}".encode()))
    labels = np.repeat(np.arange(len(CLASS_NAMES[name])), PER_CLASS)
    generator.shuffle(labels)
    return generator.integers(0, 256, (len(labels), 3072), dtype=np.uint8), labels.tolist()


def write_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, kind = root / "cifar-10-batches-py", torchvision.datasets.CIFAR10

    def batch(file: str, data: np.ndarray, labels: list[int]) -> list[str]:
        content = {"batch_label": file, "labels": labels, "data": data, "filenames": ["a.png"]}
        return [file, write(folder / file, content)]

    train, labels = rows("cifar10", "train")
    n = len(labels) // 5
    shares = [slice(i * n, (i + 1) * n) for i in range(5)]
    sums = [batch(f"data_batch_{i + 1}", train[s], labels[s]) for i, s in enumerate(shares)]
    monkeypatch.setattr(kind, "train_list", sums)
    monkeypatch.setattr(kind, "test_list", [batch("test_batch", *rows("cifar10", "val"))])
    meta = {"label_names": list(CLASS_NAMES["cifar10"]), "num_vis": 3072}
    checked = kind.meta | {"md5": write(folder / "batches.meta", meta)}
    monkeypatch.setattr(kind, "meta", checked)


def write_cifar100(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, kind = root / "cifar-100-python", torchvision.datasets.CIFAR100
    for attribute, file, part in (("train_list", "train", "train"), ("test_list", "test", "val")):
        data, labels = rows("cifar100", part)
        coarse = [label // 5 for label in labels]
        content = {"fine_labels": labels, "coarse_labels": coarse, "data": data}
        monkeypatch.setattr(kind, attribute, [[file, write(folder / file, content)]])
    meta = {"fine_label_names": list(CLASS_NAMES["cifar100"]), "coarse_label_names": ["fish"]}
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": write(folder / "meta", meta)})


CIFAR = {"cifar10": write_cifar10, "cifar100": write_cifar100}


@pytest.mark.parametrize("name", datasets.names())
class TestEveryReader:
    """What a reader promises, whatever the data set."""

    @pytest.fixture
    def dataset(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
        if name in CIFAR:
            CIFAR[name](tmp_path, monkeypatch)
        return datasets.read(name, tmp_path)

    def test_it_gives_bytes_with_one_label_each(self, dataset: Dataset) -> None:
        for part in filter(None, (dataset.train, dataset.val)):
            assert part.images.dtype == np.uint8
            assert part.labels.dtype == np.int64
            assert part.images.ndim == 4
            assert part.images.flags.c_contiguous
            assert part.labels.shape == part.images.shape[:1]

    def test_every_class_has_images_and_a_name_of_its_own(self, dataset: Dataset) -> None:
        every = list(range(len(dataset.class_names)))
        assert len(set(dataset.class_names)) == len(every)
        for part in filter(None, (dataset.train, dataset.val)):
            assert np.unique(part.labels).tolist() == every

    def test_its_class_names_are_those_known_before_reading(
        self, name: str, dataset: Dataset
    ) -> None:
        assert dataset.name == name
        assert dataset.class_names == CLASS_NAMES[name]

    def test_it_reads_the_same_again(self, name: str, dataset: Dataset, tmp_path: Path) -> None:
        again = datasets.read(name, tmp_path)
        np.testing.assert_array_equal(again.train.images, dataset.train.images)
        np.testing.assert_array_equal(again.train.labels, dataset.train.labels)

    def test_a_task_of_all_classes_can_be_cut(self, name: str, dataset: Dataset) -> None:
        n = len(dataset.class_names)
        task = make_task(
            TaskSpec(name="all", dataset=name, classes=CLASS_NAMES[name], train=2 * n, val=n),
            dataset,
        )
        assert np.bincount(task.train.labels).tolist() == [2] * n
        assert np.bincount(task.val.labels).tolist() == [1] * n


@pytest.mark.parametrize("name", CIFAR)
def test_cifar_is_read_pixel_by_pixel_from_its_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CIFAR[name](tmp_path, monkeypatch)
    dataset = datasets.read(name, tmp_path)
    assert dataset.val is not None
    for part, stream in ((dataset.train, "train"), (dataset.val, "val")):
        data, labels = rows(name, stream)
        assert part.labels.tolist() == labels
        assert part.images.shape == (len(labels), 3, 32, 32)
        np.testing.assert_array_equal(part.images.reshape(len(labels), 3072), data)


@pytest.mark.parametrize("name", CIFAR)
def test_an_absent_data_set_is_told_in_one_line_with_its_folder_and_ways_out(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        datasets.read(name, tmp_path / "nowhere")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: ")
    assert str(tmp_path / "nowhere" / "cifar-10") in message
    assert "--data" in message
    assert "RAYTD_DATA" in message
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_damaged_data_set_is_refused_in_one_line(
    file: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar10(tmp_path, monkeypatch)
    path = tmp_path / "cifar-10-batches-py" / file
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="cifar-10-batches-py") as error:
        datasets.read("cifar10", tmp_path)
    assert "\n" not in str(error.value)


def test_an_unknown_data_set_is_told_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'mnist' is unknown.*digits, cifar10, cifar100"):
        datasets.read("mnist", tmp_path)


def test_digits_are_scikit_learns_with_their_sixteen_levels_spread_out(digits: Dataset) -> None:
    bunch = sklearn.datasets.load_digits()
    assert digits.train.images.shape == (1797, 1, 8, 8)
    np.testing.assert_array_equal(digits.train.images[:, 0], bunch.images * 15)
    np.testing.assert_array_equal(digits.train.labels, bunch.target)
    assert digits.train.images.max() == 240
    assert digits.val is None


def test_the_root_is_the_path_then_the_variable_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("RAYTD_DATA", raising=False)
    assert data_root() == tmp_path / "home" / ".cache" / "raytd"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_root() == tmp_path / "cache" / "raytd"
    monkeypatch.setenv("RAYTD_DATA", str(tmp_path / "data"))
    assert data_root() == tmp_path / "data"
    assert data_root(tmp_path / "chosen") == tmp_path / "chosen"
    assert data_root("~/mine") == tmp_path / "home" / "mine"


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_root("images") == tmp_path / "images"
