"""Which columns of a Parquet file hold the image and its label."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raytd.errors import DataError
from raytd.tasks.readers.contract import one_line

if TYPE_CHECKING:
    import pyarrow as pa

_LABELS = ("label", "labels", "fine_label", "class", "class_name", "category", "target", "y")
_IMAGES = ("image", "img", "images", "pixels", "bytes")


@dataclass(frozen=True)
class Columns:
    """The two columns.

    Attributes:
        image: name of the column of images.
        leaf: name of the part of it that holds the bytes.
        label: name of the column of labels.
        class_names: from the metadata; None where they say nothing.
    """

    image: str
    leaf: str
    label: str
    class_names: tuple[str, ...] | None


def find_columns(path: Path) -> Columns:
    """Image and label column of a file, by metadata, else by type and name.

    Raises:
        DataError: if it is not a Parquet file, or has not one of each.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet file ({one_line(error)})") from error
    features = _features(schema)
    image = _choose(path, "image", _IMAGES, [f.name for f in schema if _is_image(f.type)], schema)
    marked = [name for name, kind in features.items() if kind.get("_type") == "ClassLabel"]
    possible = [f.name for f in schema if _is_label(f.type)]
    known = [name for name in possible if name in marked or name in _LABELS]
    label = _choose(path, "label", _LABELS, known or possible, schema)
    names = features.get(label, {}).get("names")
    struct = pa.types.is_struct(schema.field(image).type)
    leaf = f"{image}.bytes" if struct else image
    return Columns(image, leaf, label, tuple(map(str, names)) if names else None)


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
    return bool(
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    )


def _choose(
    path: Path, what: str, names: tuple[str, ...], found: list[str], schema: "pa.Schema"
) -> str:
    """The only column found, else the one with the most usual name."""
    usual = [name for name in names if name in found]
    if len(found) == 1 or usual:
        return (usual or found)[0]
    columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
    which = "several columns could be" if found else "no column is"
    raise DataError(f"{path}: {which} the {what}; there are {columns}; call it '{names[0]}'")
