"""Small data sets, written in the formats in which they are found."""

import gzip
import hashlib
import io
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torchvision.datasets
from PIL import Image

from raytd.tasks.datasets import Dataset
from raytd.tasks.readers.arrays import ArrayImages
from raytd.tasks.readers.contract import Split


@dataclass(frozen=True)
class Made:
    """Images (n, height, width, channels) with labels, in rows that are not sorted by class."""

    names: tuple[str, ...]
    train: tuple[np.ndarray, np.ndarray]
    val: tuple[np.ndarray, np.ndarray]


def made(
    names: Sequence[str], shape: tuple[int, int, int], *, per_class: int = 6, seed: int = 0
) -> Made:
    """Random images, all different."""
    generator = np.random.default_rng(seed)

    def part() -> tuple[np.ndarray, np.ndarray]:
        labels = generator.permutation(np.repeat(np.arange(len(names)), per_class))
        return generator.integers(0, 256, (len(labels), *shape), dtype=np.uint8), labels

    return Made(tuple(names), part(), part())


def in_memory(
    name: str,
    class_names: tuple[str, ...],
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray] | None = None,
) -> Dataset:
    """A data set of images (n, channels, height, width) and labels that no file holds."""

    def split(images: np.ndarray, labels: np.ndarray) -> Split:
        return Split(labels, ArrayImages(name, images.transpose(0, 2, 3, 1)))

    return Dataset(name, class_names, split(*train), None if val is None else split(*val))


def encoded(image: np.ndarray, kind: str = "PNG") -> bytes:
    """An image (height, width, channels) as a file."""
    out = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(out, kind)
    return out.getvalue()


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


def write_pickle(path: Path, content: dict[str, object]) -> str:
    """Writes a file as the data set has them and returns its MD5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x80\x02" + python2(content) + b".")
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar(name: str, root: Path, content: Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data set's folder; its checksums become those that torchvision expects."""
    return {"cifar10": _cifar10, "cifar100": _cifar100}[name](root, content, monkeypatch)


def _flat(images: np.ndarray) -> np.ndarray:
    """Rows of 1,024 red, 1,024 green and 1,024 blue bytes."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), 3072)


def _cifar10(root: Path, content: Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, kind = root / "cifar-10-batches-py", torchvision.datasets.CIFAR10

    def batch(file: str, data: np.ndarray, labels: np.ndarray) -> list[str]:
        body = {"batch_label": file, "labels": labels.tolist(), "data": _flat(data)}
        return [file, write_pickle(folder / file, body)]

    images, labels = content.train
    shares = [np.arange(len(labels))[i * len(labels) // 5 :][: len(labels) // 5] for i in range(5)]
    sums = [batch(f"data_batch_{i + 1}", images[s], labels[s]) for i, s in enumerate(shares)]
    monkeypatch.setattr(kind, "train_list", sums)
    monkeypatch.setattr(kind, "test_list", [batch("test_batch", *content.val)])
    meta = {"label_names": list(content.names), "num_vis": 3072}
    checked = kind.meta | {"md5": write_pickle(folder / "batches.meta", meta)}
    monkeypatch.setattr(kind, "meta", checked)
    return folder


def _cifar100(root: Path, content: Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, kind = root / "cifar-100-python", torchvision.datasets.CIFAR100
    for attribute, file, (images, labels) in (
        ("train_list", "train", content.train),
        ("test_list", "test", content.val),
    ):
        coarse = (labels // 5).tolist()
        body = {"fine_labels": labels.tolist(), "coarse_labels": coarse, "data": _flat(images)}
        monkeypatch.setattr(kind, attribute, [[file, write_pickle(folder / file, body)]])
    meta = {"fine_label_names": list(content.names), "coarse_label_names": ["fish"]}
    checked = kind.meta | {"md5": write_pickle(folder / "meta", meta)}
    monkeypatch.setattr(kind, "meta", checked)
    return folder


def write_idx(
    folder: Path, content: Made, *, opener: Callable[..., object] = open, suffix: str = ""
) -> None:
    """The four files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, (images, labels) in (("train", content.train), ("t10k", content.val)):
        shape = images.shape[:3]
        with opener(folder / f"{part}-images-idx3-ubyte{suffix}", "wb") as file:
            file.write(bytes((0, 0, 8, 3)) + struct.pack(">3I", *shape) + images.tobytes())
        with opener(folder / f"{part}-labels-idx1-ubyte{suffix}", "wb") as file:
            head = bytes((0, 0, 8, 1)) + struct.pack(">I", len(labels))
            file.write(head + labels.astype(np.uint8).tobytes())


def write_idx_gz(folder: Path, content: Made) -> None:
    """The same, packed."""
    write_idx(folder, content, opener=gzip.open, suffix=".gz")


def write_parquet(
    path: Path,
    images: Sequence[bytes | None],
    labels: pa.Array,
    *,
    names: Sequence[str] = (),
    plain: bool = False,
    row_group_size: int = 5,
) -> None:
    """A file as the hub has it; `plain` bytes without metadata otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = pa.array(images, pa.binary())
    if not plain:
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        cells = pa.array([{"bytes": b, "path": f"{i}.png"} for i, b in enumerate(images)], kind)
    table = pa.table({"image": cells, "label": labels})
    if names:
        label = {"names": list(names), "_type": "ClassLabel"}
        features = {"image": {"_type": "Image"}, "label": label}
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    pq.write_table(table, path, row_group_size=row_group_size)


def write_hub(folder: Path, content: Made, *, train: Sequence[str], val: str) -> None:
    """A folder of the hub: names in the metadata, the training part in several files."""
    images, labels = content.train
    for file, rows in zip(train, np.array_split(np.arange(len(labels)), len(train)), strict=True):
        cells = [encoded(images[row]) for row in rows]
        write_parquet(folder / file, cells, pa.array(labels[rows]), names=content.names)
    images, labels = content.val
    cells = [encoded(image) for image in images]
    write_parquet(folder / val, cells, pa.array(labels), names=content.names)


def write_folder(folder: Path, content: Made, parts: Sequence[str]) -> None:
    """One folder for each class below each part; the last files first, as a disk may list them."""
    for part, (images, labels) in zip(parts, (content.train, content.val), strict=False):
        for row in reversed(range(len(labels))):
            path = folder / part / content.names[labels[row]] / f"{row:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(images[row]))


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """An archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def by_class(content: Made) -> Made:
    """The same with rows class by class, as folders give them."""

    def part(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(labels, kind="stable")
        return images[order], labels[order]

    return Made(content.names, part(*content.train), part(*content.val))
