"""Data sets: what raytd reads of them beside what another program reads of the same bytes."""

import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from raytd.tasks.datasets import Dataset, read
from raytd.tasks.readers.contract import Split
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
from tests.fuzz.kind import Files, Kind
from tests.fuzz.mutate import of_bytes, of_npz
from tests.fuzz.watch import Coerced
from tests.tasks.formats import encoded, made, write_folder, write_idx, write_idx_gz, write_npz

from tests.tasks.formats import write_hub, write_parquet  # isort: skip

CONTENT = made(["ant", "bee", "cat"], (8, 8, 3), per_class=4)
GREY = made(["ant", "bee"], (8, 8, 1), per_class=4)


def written(write: Callable[[Path], None]) -> Files:
    """What a function leaves in a folder."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _task(reference: str, folder: Path) -> Dataset:
    dataset = read(reference, folder)
    make_task(TaskSpec(name="all", dataset=reference), dataset)
    return dataset


def _names(dataset: Dataset, split: Split) -> list[str]:
    return [dataset.class_names[label] for label in split.labels]


def _require_same(what: str, found: Sequence[object], wanted: Sequence[object]) -> None:
    if list(found) != list(wanted):
        raise Coerced(f"{what}: {list(found)[:8]} for {list(wanted)[:8]}")


def _use_npz(folder: Path) -> None:
    dataset = _task("npz:./data.npz".replace("./", f"{folder}/"), folder)
    try:
        arrays = np.load(folder / "data.npz")
        names = arrays.get("class_names")
        labels = arrays["y_train"].ravel().tolist()
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        RuntimeError,
        SystemError,
    ):  # NumPy reads less than raytd
        return
    wanted = [
        str(label if isinstance(label, str) or names is None else names.ravel()[label])
        if isinstance(label, str) or names is not None
        else str(int(label))
        for label in labels
    ]
    _require_same("labels", _names(dataset, dataset.train), wanted)


def _npz(**arrays: np.ndarray) -> Files:
    return written(lambda folder: write_npz(folder / "data.npz", **arrays))


_TRAIN = {"x_train": CONTENT.train[0], "y_train": CONTENT.train[1]}

NPZ = Kind(
    "npz",
    [
        _npz(**_TRAIN, x_test=CONTENT.val[0], y_test=CONTENT.val[1]),
        _npz(**_TRAIN, class_names=np.array(CONTENT.names)),
        _npz(x_train=GREY.train[0][..., 0].astype(np.uint16) * 200, y_train=GREY.train[1] * 1.0),
        _npz(x_train=CONTENT.train[0], y_train=np.array(CONTENT.names)[CONTENT.train[1]]),
    ],
    _use_npz,
    {".npz": of_npz},
)


def _use_parquet(folder: Path) -> None:
    dataset = _task(f"parquet:{folder}/data", folder)
    try:
        tables = [pq.read_table(path) for path in sorted((folder / "data").glob("*train*"))]
        labels = [value for table in tables for value in table["label"].to_pylist()]
    except (pa.ArrowException, OSError, KeyError):
        return
    if len(dataset.train.labels) != len(labels):
        raise Coerced(f"{len(dataset.train.labels)} images for {len(labels)} labels")
    if all(isinstance(label, str) for label in labels):
        _require_same("labels", _names(dataset, dataset.train), labels)


def _words(folder: Path) -> None:
    images, labels = CONTENT.train
    words = pa.array([CONTENT.names[label] for label in labels])
    write_parquet(folder / "data/train.parquet", [encoded(i) for i in images], words, plain=True)


PARQUET = Kind(
    "parquet",
    [
        written(lambda f: write_hub(f / "data", CONTENT, train=["train-0.parquet"],
                                    val="test.parquet")),
        written(_words),
    ],
    _use_parquet,
    {".parquet": of_bytes},
)  # fmt: skip


def _use_idx(folder: Path) -> None:
    dataset = _task(f"idx:{folder}", folder)
    path = next(folder.glob("train-labels*"))
    content = (gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes())
    _require_same("labels", _names(dataset, dataset.train), [str(label) for label in content[8:]])


IDX = Kind(
    "idx",
    [written(lambda f: write_idx(f, GREY)), written(lambda f: write_idx_gz(f, GREY))],
    _use_idx,
    {"-ubyte": of_bytes, ".gz": of_bytes},
)


def _use_images(folder: Path) -> None:
    dataset = _task(f"folder:{folder}/data", folder)
    files = sorted((folder / "data").rglob("*.*"))
    _require_same("files", [len(dataset.train.labels)], [len(files)])
    images = dataset.train.images.decode(np.arange(len(files)))
    for row, image in enumerate(images):
        path = Path(dataset.train.images.place(row))
        pixels = _pixels(path)
        if pixels is not None and len(image) in (1, 3) and image.dtype == np.uint8:
            _require_same(path.name, image.ravel().tolist(), pixels.ravel().tolist())


def _pixels(path: Path) -> np.ndarray | None:
    """The pixels of a plain image that is not turned, channels first; None of any other."""
    with Image.open(path) as image:
        is_plain = image.mode in ("L", "RGB") and not image.has_transparency_data
        if not is_plain or image.getexif().get(0x0112, 1) != 1:
            return None
        pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)


def _of_kind(kind: str) -> Files:
    """The images of a folder in one format, a fraction of them."""
    files = written(lambda folder: write_folder(folder / "data", CONTENT, ["train"]))
    buffers = {}
    for name, content in files.items():
        buffer = io.BytesIO()
        Image.open(io.BytesIO(content)).save(buffer, kind)
        place = name.replace("train/", "").replace(".png", f".{kind.lower()}")
        buffers[place] = buffer.getvalue()
    return buffers


_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")

IMAGES = Kind(
    "images",
    [_of_kind(kind) for kind in _FORMATS],
    _use_images,
    {f".{kind.lower()}": of_bytes for kind in _FORMATS},
)
