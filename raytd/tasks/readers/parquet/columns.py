"""Which columns of a Parquet file hold the image and its label, and what others say of its rows."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytd.errors import DataError, first_line
from raytd.tasks.readers.class_numbers import note_on_kind
from raytd.tasks.readers.parts import parts_in
from raytd.words import listed

if TYPE_CHECKING:
    import pyarrow as pa

_LABELS = ("label", "labels", "fine_label", "class", "class_name", "category", "target", "y")
_PARTS = ("split", "partition", "subset", "fold")
_IMAGES = ("image", "img", "images", "pixels", "bytes")


@dataclass(frozen=True)
class Columns:
    """The two columns.

    Attributes:
        image: name of the column of images.
        leaf: name of the part of it that holds the bytes.
        label: name of the column of labels.
        class_names: from the metadata; None where they say nothing.
        notes: on columns that could be meant, too, and on those that are not read.
        parts: names of columns of text that may say which part a row belongs to.
    """

    image: str
    leaf: str
    label: str
    class_names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def find_columns(path: Path) -> Columns:
    """Image and label column of a file, by metadata, else by type and name.

    Raises:
        DataError: if it is not a Parquet file, or has not one of each.
    """
    import pyarrow.parquet as pq

    with damage_told(f"{path}: not a Parquet file"):
        return _columns_of(path, pq.read_schema(path))


def _columns_of(path: Path, schema: "pa.Schema") -> Columns:
    import pyarrow as pa

    _require_different_names(path, schema)
    features = _features(schema)
    image, of_image = _image_column(path, schema)
    marked = [name for name, kind in features.items() if kind.get("_type") == "ClassLabel"]
    label, of_label = _label_column(path, schema, marked)
    names = _class_names(path, features.get(label, {}).get("names"))
    struct = pa.types.is_struct(schema.field(image).type)
    leaf = f"{image}.bytes" if struct else image
    left = [name for name in schema.names if name not in (image, label)]
    notes = [f"Columns that are not read: {listed(left, 6)}."] if left else []
    parts = [n for n in left if n.lower() in _PARTS and _is_text(schema.field(n).type)]
    return Columns(image, leaf, label, names, (*of_image, *of_label, *notes), tuple(parts))


def read_column(path: Path, name: str) -> "pa.ChunkedArray":
    """One column of a file.

    Raises:
        DataError: if it is damaged.
    """
    import pyarrow.parquet as pq

    with damage_told(f"{path}: column '{name}' is damaged"):
        column: pa.ChunkedArray = pq.ParquetFile(path).read(columns=[name]).column(0)
        return column


@contextmanager
def damage_told(what: str) -> Iterator[None]:
    """What the library has against a file becomes one line.

    Raises:
        DataError: in place of the library's exception.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{what} ({first_line(error)})") from error


def require_one_part(files: Sequence[Path], columns: Mapping[Path, Columns]) -> None:
    """Refuses files, read as one part or one pool, whose rows are said to be of several parts.

    Raises:
        DataError: with both readings.
    """
    words: dict[str, str] = {}
    for file in files:
        for name in columns[file].parts:
            for word in read_column(file, name).unique().drop_null().to_pylist():
                words |= dict.fromkeys(parts_in(word), word)
            if len(words) > 1:
                said = listed(list(words.values()))
                raise DataError(
                    f"{file}: column '{name}' names several parts ({said}); "
                    "to read them as parts, write a file for each, such as train.parquet and "
                    "test.parquet; to read all rows as one, drop the column"
                )


def _require_different_names(path: Path, schema: "pa.Schema") -> None:
    twice = [name for name, n in Counter(schema.names).items() if n > 1]
    if twice:
        raise DataError(f"{path}: two columns are called '{twice[0]}'; rename one")


def _class_names(path: Path, names: Any) -> tuple[str, ...] | None:
    if names is None or names == []:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: the class names in its metadata are not a list of texts")
    return tuple(names)


def _features(schema: "pa.Schema") -> dict[str, dict[str, Any]]:
    """What the hub's metadata say of each column; nothing where they are absent or unreadable."""
    try:
        text = (schema.metadata or {}).get(b"huggingface", b"{}")
        features = json.loads(text)["info"]["features"]
        return {name: kind for name, kind in features.items() if isinstance(kind, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_bytes(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_image(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    return _is_bytes(kind)


def _is_label(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_label(kind.value_type)
    return bool(_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _image_column(path: Path, schema: "pa.Schema") -> tuple[str, list[str]]:
    """The only column of images, else the one with the most usual name; and notes."""
    found = [field.name for field in schema if _is_image(field.type)]
    usual = [name for name in _IMAGES if name in found]
    if len(found) != 1 and not usual:
        raise DataError(_undecided(path, "image", found, schema))
    image = (usual or found)[0]
    return image, _notes("image", image, found, [n for n in _IMAGES if n in schema.names], schema)


def _label_column(path: Path, schema: "pa.Schema", marked: list[str]) -> tuple[str, list[str]]:
    """The column with the most usual name, else the marked one, else the only one; and notes.

    A number with fractions is a label by its name alone.
    """
    import pyarrow as pa

    possible = [field.name for field in schema if _is_label(field.type)]
    fractions = [field.name for field in schema if pa.types.is_floating(field.type)]
    called = [name for name in _LABELS if name in schema.names]
    known = [name for name in called if name in (*possible, *fractions)]
    known += [name for name in marked if name in possible and name not in known]
    if known:
        notes = _notes("label", known[0], known, called, schema)
        return known[0], [
            *notes,
            *note_on_kind(f"Column '{known[0]}'", str(schema.field(known[0]).type)),
        ]
    if called:
        kind = schema.field(called[0]).type
        raise DataError(
            f"{path}: column '{called[0]}' is {kind}, which cannot be a label; rename it, and "
            "call the column of labels 'label'"
        )
    if len(possible) != 1:
        raise DataError(_undecided(path, "label", possible, schema))
    name = possible[0]
    return name, [f"No column is called label: '{name}' is read, the only one that could be it."]


def _notes(
    what: str, chosen: str, found: list[str], called: list[str], schema: "pa.Schema"
) -> list[str]:
    """Sentences on other columns that could be meant, and on one whose type cannot be."""
    notes = []
    if len(found) > 1:
        notes.append(f"Columns {', '.join(found)} could be the {what}: '{chosen}' is read.")
    before = called[: called.index(chosen)] if chosen in called else called
    other = [name for name in before if name not in found]
    if other:
        kind = schema.field(other[0]).type
        notes.append(f"Column '{other[0]}' is {kind}, not the {what}: '{chosen}' is read.")
    return notes


def _undecided(path: Path, what: str, found: list[str], schema: "pa.Schema") -> str:
    columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
    which = "several columns could be" if found else "no column is"
    return f"{path}: {which} the {what}; there are {columns}; call it '{what}'"
