"""Bad files give one line that names the file and the row, and nothing of them is taken."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from raytd.errors import DataError
from raytd.tasks.datasets import read
from raytd.tasks.readers.contract import MAX_ROWS
from raytd.tasks.readers.encoded import MAX_PIXELS, decode_image
from raytd.tasks.readers.streamed import StreamedImages
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
from tests.cases import for_each
from tests.tasks.formats import (
    Made,
    encoded,
    made,
    write_folder,
    write_hub,
    write_idx,
    write_idx_gz,
    write_npz,
    write_parquet,
)

CONTENT = made(("ant", "bee"), (10, 10, 3), per_class=4)
GREY = made(("ant", "bee"), (10, 10, 1), per_class=4)
IMAGES, LABELS = CONTENT.train
GOOD = [encoded(image) for image in IMAGES]


def png_header(width: int, height: int) -> bytes:
    """A picture that claims a size and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0"))


def with_cell(cell: bytes | None) -> Callable[[Path], str]:
    """A Parquet file whose row 5 holds this image."""

    def write(root: Path) -> str:
        cells: list[bytes | None] = [*GOOD]
        cells[5] = cell
        write_parquet(root / "data", cells, pa.array(LABELS))
        return "parquet:data"

    return write


def with_table(**columns: object) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        pq.write_table(pa.table(columns), root / "data")
        return "parquet:data"

    return write


def with_labels(labels: pa.Array) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        write_parquet(root / "data", GOOD, labels, names=CONTENT.names)
        return "parquet:data"

    return write


def cut_parquet(root: Path) -> str:
    write_parquet(root / "data", GOOD, pa.array(LABELS))
    content = (root / "data").read_bytes()
    (root / "data").write_bytes(content[: len(content) // 2])
    return "parquet:data"


def scribbled_parquet(root: Path) -> str:
    """A page of images is overwritten."""
    write_parquet(root / "data", GOOD, pa.array(LABELS))
    column = pq.ParquetFile(root / "data").metadata.row_group(1).column(0)
    assert column.path_in_schema == "image.bytes"
    content = bytearray((root / "data").read_bytes())
    start = column.data_page_offset
    content[start : start + 200] = bytes(range(200))
    (root / "data").write_bytes(content)
    return "parquet:data"


def validation_only(root: Path) -> str:
    write_hub(root / "data", CONTENT, train=["test-a.parquet"], val="test-b.parquet")
    return "parquet:data"


def file_in_folder(name: str, content: bytes) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        write_folder(root / "data", CONTENT, [""])
        (root / "data" / "bee" / name).write_bytes(content)
        return "folder:data"

    return write


def no_parquet(root: Path) -> str:
    (root / "data").mkdir()
    return "parquet:data"


def folder_for_an_archive(root: Path) -> str:
    (root / "data").mkdir()
    return "npz:data"


def file_for_a_folder(root: Path) -> str:
    (root / "data").write_bytes(GOOD[0])
    return "folder:data"


def no_classes(root: Path) -> str:
    (root / "data").mkdir()
    (root / "data" / "a.png").write_bytes(GOOD[0])
    return "folder:data"


def empty_class(root: Path) -> str:
    write_folder(root / "data", CONTENT, [""])
    (root / "data" / "cow").mkdir()
    return "folder:data"


def class_for_validation_alone(root: Path) -> str:
    write_folder(root / "data", CONTENT, ["train", "val"])
    (root / "data" / "val" / "cow").mkdir()
    return "folder:data"


def idx_with(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        write_idx(root / "data", GREY)
        path = root / "data" / name
        path.write_bytes(change(path.read_bytes()))
        return "idx:data"

    return write


def cut_gz(root: Path) -> str:
    write_idx_gz(root / "data", GREY)
    path = root / "data" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-200])
    return "idx:data"


def short_gz(root: Path) -> str:
    """Whole as a gzip file, but with fewer images than its header says."""
    write_idx_gz(root / "data", GREY)
    path = root / "data" / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[: 16 + 650]))
    return "idx:data"


def lost_idx(root: Path) -> str:
    write_idx(root / "data", GREY)
    (root / "data" / "t10k-labels-idx1-ubyte").unlink()
    return "idx:data"


def npz_with(**arrays: np.ndarray) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        write_npz(root / "data.npz", **arrays)
        return "npz:data.npz"

    return write


def two_names_alike(root: Path) -> str:
    write_parquet(root / "data", GOOD, pa.array([0, 1] * 4), names=("ant", "ant"))
    return "parquet:data"


def npz_member(name: str, content: bytes) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        arrays = {"images": IMAGES, "labels": LABELS}
        npz_with(**{own: array for own, array in arrays.items() if f"{own}.npy" != name})(root)
        with zipfile.ZipFile(root / "data.npz", "a") as archive:
            archive.writestr(name, content)
        return "npz:data.npz"

    return write


def cut_npz(root: Path) -> str:
    npz_with(images=IMAGES, labels=LABELS)(root)
    content = (root / "data.npz").read_bytes()
    (root / "data.npz").write_bytes(content[: len(content) // 2])
    return "npz:data.npz"


def scribbled_npz(root: Path) -> str:
    npz_with(images=IMAGES, labels=LABELS)(root)
    content = bytearray((root / "data.npz").read_bytes())
    content[300:340] = bytes(40)
    (root / "data.npz").write_bytes(content)
    return "npz:data.npz"


def lying_npz(root: Path) -> str:
    """The header of the labels claims more of them than there are bytes."""
    npz_with(images=IMAGES)(root)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<i8", "fortran_order": False, "shape": (2**40,)}
    )
    with zipfile.ZipFile(root / "data.npz", "a") as archive:
        archive.writestr("labels.npy", head.getvalue())
    return "npz:data.npz"


def marked_npz(place: int, value: int) -> Callable[[Path], str]:
    """An archive in whose directory a number of the first member is another one."""

    def write(root: Path) -> str:
        npz_with(images=IMAGES, labels=LABELS)(root)
        content = bytearray((root / "data.npz").read_bytes())
        for signature, shift in ((b"PK\x01\x02", 2), (b"PK\x03\x04", 0)):
            at = content.index(signature) + place + shift
            content[at] = value
        (root / "data.npz").write_bytes(content)
        return "npz:data.npz"

    return write


def member_without_a_name(root: Path) -> str:
    with zipfile.ZipFile(root / "data.npz", "w") as archive:
        archive.writestr(".", b"x")
    return "npz:data.npz"


def labels_cut_in_gz(root: Path) -> str:
    """The size of a packed file says nothing of the labels in it."""
    write_idx_gz(root / "data", GREY)
    path = root / "data" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-2]))
    return "idx:data"


def idx_without_pixels(root: Path) -> str:
    labels = np.arange(8) % 2
    empty = np.zeros((8, 0, 0, 1), np.uint8)
    write_idx(root / "data", Made(("ant", "bee"), (empty, labels), (empty, labels)))
    return "idx:data"


OBJECTS = np.array([{"a": 1}] * 8, dtype=object)
MANY = np.zeros(MAX_ROWS + 1, np.uint8)
BITMAP = encoded(IMAGES[0], "BMP")
JPEG = encoded(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8), "JPEG")

CASES: dict[str, tuple[Callable[[Path], str], str]] = {
    "a PNG cut short": (with_cell(GOOD[5][:-60]), "{data} row 5: the image is damaged ("),
    "a JPEG cut short": (with_cell(JPEG[:-900]), "{data} row 5: the image is damaged ("),
    "a bitmap cut short": (with_cell(BITMAP[:-9]), "{data} row 5: the image is damaged ("),
    "a header alone": (with_cell(GOOD[5][:20]), "{data} row 5: "),
    "another file": (with_cell(b"hello"), "{data} row 5: not an image (PNG, JPEG, GIF, BMP,"),
    "a format that is not read": (
        with_cell(encoded(IMAGES[0], "PCX")),
        "{data} row 5: not an image (PNG, JPEG, GIF, BMP, PPM, TIFF, WEBP are read)",
    ),
    "a program for a printer": (with_cell(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "{data} row 5: not an"),
    "no bytes at all": (with_cell(b""), "{data} row 5: not an image"),
    "an image stored elsewhere": (with_cell(None), "{data} row 5: no bytes in column 'image'"),
    "ten gigapixels": (
        with_cell(png_header(100_000, 100_000)),
        f"{{data}} row 5: an image of 10000000000 pixels; at most {MAX_PIXELS} are decoded",
    ),
    "just too many pixels": (
        with_cell(png_header(2**13 + 1, 2**13)),
        f"{{data}} row 5: an image of 8192×8193 pixels; at most {MAX_PIXELS} are decoded",
    ),
    "another size": (
        with_cell(encoded(np.zeros((9, 10, 3), np.uint8))),
        "{data} row 5: 9×10 pixels, but the first image has 10×10; state the size that all shall",
    ),
    "a label outside the class list": (
        with_labels(pa.array([0, 1, 0, 2, 0, 1, 0, 1])),
        "{data} row 3: label 2 is outside the class list, which has 2 names (0 to 1)",
    ),
    "two classes of one name in Parquet": (two_names_alike, "{data}: two classes are called 'ant'"),
    "no label": (
        with_labels(pa.array([0, 1, 0, None, 0, 1, 0, 1])),
        "{data} row 3: no label in column 'label'",
    ),
    "no image column": (
        with_table(label=[0, 1], name=["a", "b"]),
        "{data}: no column is the image; there are label (int64), name (string); call it 'image'",
    ),
    "several image columns": (
        with_table(left=[b"a"], right=[b"b"], label=[0]),
        "{data}: several columns could be the image; there are left (binary), right (binary), ",
    ),
    "no label column": (
        with_table(image=GOOD, score=[0.5] * 8),
        "{data}: no column is the label; there are image (binary), score (double); call it 'label'",
    ),
    "no rows": (
        with_table(image=pa.array([], pa.binary()), label=pa.array([], pa.int64())),
        "parquet:data: no images for training",
    ),
    "Parquet cut short": (cut_parquet, "{data}: not a Parquet file ("),
    "Parquet scribbled over": (scribbled_parquet, "{data} row "),
    "no file for training": (
        validation_only,
        "{data}: no Parquet file for training (found: test)",
    ),
    "a broken file in a folder": (
        file_in_folder("0000.png", GOOD[0][:70]),
        "{data}/bee/0000.png: ",
    ),
    "a bomb in a folder": (
        file_in_folder("0000.png", png_header(100_000, 100_000)),
        "{data}/bee/0000.png: an image of 10000000000 pixels; at most",
    ),
    "a folder without Parquet": (
        no_parquet,
        "{data}: no Parquet file for training (found: none)",
    ),
    "a folder for an archive": (folder_for_an_archive, "{data}: damaged ([Errno 21] Is a dir"),
    "a file for a folder": (file_for_a_folder, "{data}: cannot be read (Not a directory)"),
    "a folder without classes": (no_classes, "{data}: no folder of a class in it"),
    "a class without images": (
        empty_class,
        "task 'all': class 'cow' of folder:data has no images for train",
    ),
    "a class for validation alone": (
        class_for_validation_alone,
        "{data}/val/cow: there is no class 'cow' for training",
    ),
    "IDX of another kind": (
        idx_with("train-images-idx3-ubyte", lambda b: b"\0\0\x0d" + b[3:]),
        "{data}/train-images-idx3-ubyte: not an IDX file of bytes with 3 dimension(s)",
    ),
    "IDX cut short": (
        idx_with("train-images-idx3-ubyte", lambda b: b[:-1]),
        "{data}/train-images-idx3-ubyte: 815 bytes where its header asks for 816",
    ),
    "IDX cut in its header": (
        idx_with("t10k-labels-idx1-ubyte", lambda b: b[:5]),
        "{data}/t10k-labels-idx1-ubyte: not an IDX file of bytes with 1 dimension(s)",
    ),
    "labels that end before their number": (
        labels_cut_in_gz,
        "{data}/train-labels-idx1-ubyte.gz row 6: the file ends before this label",
    ),
    "fewer labels than images": (
        idx_with("train-labels-idx1-ubyte", lambda b: b[:4] + struct.pack(">I", 7) + b[8:15]),
        "{data}/train-images-idx3-ubyte and train-labels-idx1-ubyte: 8 images, but 7 labels",
    ),
    "gzip cut short": (cut_gz, "{data}/train-images-idx3-ubyte.gz: damaged (Compressed file ended"),
    "too few images in gzip": (
        short_gz,
        "{data}/train-images-idx3-ubyte.gz row 6: the file ends before this image does",
    ),
    "one IDX file too few": (
        lost_idx,
        "{data}: no t10k-labels-idx1-ubyte, with or without .gz",
    ),
    "pickled images": (
        npz_with(images=OBJECTS, labels=LABELS),
        "{data}.npz: images holds pickled objects, which are never loaded",
    ),
    "pickled labels": (
        npz_with(images=IMAGES, labels=OBJECTS),
        "{data}.npz: labels holds pickled objects, which are never loaded",
    ),
    "pickled names": (
        npz_with(images=IMAGES, labels=LABELS, class_names=np.array(["a", "b"], object)),
        "{data}.npz: class_names holds pickled objects, which are never loaded",
    ),
    "a member above its folder": (
        npz_member("../evil.npy", b"x"),
        "{data}.npz: the member '../evil.npy' leaves the archive's folder; not read",
    ),
    "a member from the root": (
        npz_member("/etc/evil.npy", b"x"),
        "{data}.npz: the member '/etc/evil.npy' leaves the archive's folder; not read",
    ),
    "a member on a drive": (
        npz_member("C:\\evil.npy", b"x"),
        "{data}.npz: the member 'C:\\evil.npy' leaves the archive's folder; not read",
    ),
    "a member behind a backslash": (
        npz_member("a\\..\\..\\evil.npy", b"x"),
        "{data}.npz: the member 'a\\..\\..\\evil.npy' leaves the archive's folder; not read",
    ),
    "complex images": (
        npz_with(images=IMAGES * 1j, labels=LABELS),
        "{data}.npz: images holds complex128; numbers wanted",
    ),
    "images of no form": (
        npz_with(images=IMAGES[..., :2], labels=LABELS),
        "{data}.npz: images has shape (8, 10, 10, 2), which is not of grey or RGB images",
    ),
    "a single number": (
        npz_with(images=np.uint8(3), labels=LABELS),
        "{data}.npz: images has shape (), which is not of grey or RGB images",
    ),
    "images in another order": (
        npz_with(images=np.asfortranarray(IMAGES), labels=LABELS),
        "{data}.npz: images is in Fortran order; save np.ascontiguousarray of it",
    ),
    "one-hot labels": (
        npz_with(images=IMAGES, labels=np.eye(8, dtype=np.int64)),
        "{data}.npz: labels has shape (8, 8); one label for each image wanted",
    ),
    "two classes of one name": (
        npz_with(images=IMAGES, labels=LABELS, class_names=np.array(["ant", "ant"])),
        "npz:data.npz: two classes are called 'ant'",
    ),
    "a member that is no array": (
        npz_member("labels.npy", b"0 1 0 1 0 1"),
        "{data}.npz: labels is not an array (",
    ),
    "no labels": (npz_with(images=IMAGES), "{data}.npz: no array labels or y beside images"),
    "no images": (npz_with(a=IMAGES), "{data}.npz: no array x_train or train_images or images or"),
    "more images than there are": (
        npz_with(images=MANY.reshape(-1, 1, 1), labels=MANY),
        f"{{data}}.npz (labels): {MAX_ROWS + 1} images; at most {MAX_ROWS} are read",
    ),
    "more labels than bytes": (lying_npz, "{data}.npz: labels has 128 bytes, not those of shape"),
    "a member without a name": (member_without_a_name, "{data}.npz: no array x_train or train_im"),
    "an encrypted archive": (
        marked_npz(6, 1),
        "{data}.npz: images is encrypted; save the archive without a password",
    ),
    "a packing that is not read": (
        marked_npz(8, 97),
        "{data}.npz: damaged (That compression method is not supported)",
    ),
    "images without pixels": (
        npz_with(images=IMAGES[:, :0, :0], labels=LABELS),
        "{data}.npz (images) row 0: an image of 0×0 pixels",
    ),
    "deep images without pixels": (
        npz_with(images=IMAGES[:, :0, :0].astype(np.uint16), labels=LABELS),
        "{data}.npz (images) row 0: an image of 0×0 pixels",
    ),
    "a class name that steers a terminal": (
        npz_with(images=IMAGES, labels=LABELS, class_names=np.array(["ant", "\x1b[31mbee"])),
        "npz:data.npz: the class name '\\x1b[31mbee' has a control character; rename the class",
    ),
    "IDX without pixels": (
        idx_without_pixels,
        "{data}/train-images-idx3-ubyte row 0: an image of 0×0 pixels",
    ),
    "an archive cut short": (cut_npz, "{data}.npz: damaged (File is not a zip file)"),
    "an archive scribbled over": (scribbled_npz, "{data}.npz"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line_with_its_place(case: str, tmp_path: Path) -> None:
    write, line = CASES[case]
    reference = write(tmp_path)
    with pytest.raises(DataError) as error:
        make_task(TaskSpec(name="all", dataset=reference), read(reference, tmp_path))
    assert str(error.value).startswith(line.format(data=tmp_path / "data"))
    assert "\n" not in str(error.value)
    assert not (tmp_path.parent / "evil.npy").exists()


def test_a_damaged_image_is_no_matter_to_tasks_that_do_not_take_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", CONTENT, ["train", "val"])
    (tmp_path / "data" / "train" / "bee" / "0001.png").write_bytes(b"x")
    dataset = read("folder:data", tmp_path)
    spec = TaskSpec(name="a", dataset="folder:data", classes=("ant",))
    with pytest.raises(DataError, match=r"bee/0001\.png: not an image"):
        make_task(spec, dataset)


DECODABLE = {
    "L": Image.new("L", (3, 2), 200),
    "1": Image.new("1", (3, 2), 1),
    "LA": Image.new("LA", (3, 2), (200, 9)),
    "RGB": Image.new("RGB", (3, 2), (1, 2, 3)),
    "RGBA": Image.new("RGBA", (3, 2), (1, 2, 3, 9)),
    "P": Image.new("RGB", (3, 2), (1, 2, 3)).quantize(4),
    "I;16": Image.fromarray(np.full((2, 3), 200 * 256 + 7, np.uint16)),
}


@for_each("mode", DECODABLE)
def test_every_kind_of_pixel_becomes_grey_or_colour_with_alpha_where_it_is_transparent(
    mode: str,
) -> None:
    out = io.BytesIO()
    DECODABLE[mode].save(out, "PNG")
    image = decode_image(out.getvalue(), "here")
    expected = {
        "L": [200],
        "LA": [200, 9],
        "I;16": [200 * 256 + 7],
        "1": [255],
        "RGBA": [1, 2, 3, 9],
    }.get(mode, [1, 2, 3])
    assert image.shape == (len(expected), 2, 3)
    assert image.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    assert [int(level) for level in image[:, 1, 2]] == expected


def test_a_photo_that_was_taken_sideways_is_turned() -> None:
    sideways = Image.new("RGB", (3, 2))
    exif = sideways.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    sideways.save(out, "JPEG", exif=exif)
    assert decode_image(out.getvalue(), "here").shape == (3, 3, 2)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP"]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    end=st.integers(0, 400) | st.none(),
)
def test_a_scribbled_image_is_decoded_or_refused_but_nothing_else(
    kind: str, changes: list[tuple[int, int]], end: int | None
) -> None:
    content = bytearray(encoded(IMAGES[0], kind))
    for place, value in changes:
        content[place % len(content)] = value
    refused, image = "here: ", np.zeros((1, 1, 1), np.uint8)
    try:
        image = decode_image(bytes(content[:end]), "here")
    except DataError as error:
        refused = str(error)
    assert refused.startswith("here: ")
    assert "\n" not in refused
    assert image.dtype == np.uint8
    assert image.ndim == 3


def test_labels_that_take_more_room_than_any_have_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytd.tasks.readers.npz.MAX_BYTES", 100)
    reference = npz_with(images=IMAGES, labels=np.full(8, "ants"))(tmp_path)
    with pytest.raises(DataError, match=r"labels claims \(8,\) of <U4, too many to read"):
        read(reference, tmp_path)


def test_images_larger_than_any_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(b"")
    images = StreamedImages("x", lambda: path.open("rb"), 0, (2**32 - 1, 2**32 - 1, 1), False)
    with pytest.raises(DataError, match="x: images of 4294967295×4294967295×1 numbers; too large"):
        next(images.decode(np.zeros(1, np.int64)))


def test_labels_whose_checksum_is_wrong_are_not_read(tmp_path: Path) -> None:
    content = made(["ant", "bee"], (8, 8, 1))
    write_idx_gz(tmp_path / "data", content)
    path = tmp_path / "data" / "train-labels-idx1-ubyte.gz"
    packed = path.read_bytes()
    path.write_bytes(packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz: damaged \(CRC check failed"):
        read("idx:data", tmp_path)


def test_text_that_is_none_and_a_header_that_is_no_python_are_told(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    write_npz(path, images=IMAGES, labels=np.full(8, "ants"))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    labels = members["labels.npy"]
    for damaged, said in (
        (labels[:-4] + b"\xff" * 4, "labels holds text with a sign that is none of Unicode"),
        (labels.replace(b"(8,)", b"(8,("), r"labels is not an array \("),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (members | {"labels.npy": damaged}).items():
                archive.writestr(name, content)
        with pytest.raises(DataError, match=f"data.npz: {said}"):
            read("npz:data.npz", tmp_path)


def test_a_column_whose_name_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    write_parquet(path, GOOD, pa.array([0] * len(GOOD)), plain=True)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"label", b"\xffabel"))
    with pytest.raises(DataError, match=r"data.parquet: not a Parquet file \(.*utf-8"):
        read("parquet:data.parquet", tmp_path)


def test_an_archive_whose_names_are_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    write_npz(path, images=IMAGES, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[7] |= 8  # the name of the first member is in UTF-8, says its own header
    content[30] = 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data.npz.*: damaged \('utf-8' codec can't decode"):
        make_task(TaskSpec(name="all", dataset="npz:data.npz"), read("npz:data.npz", tmp_path))
