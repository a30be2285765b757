"""Which Parquet files a data set has, and which part each of them is.

Folders and names say it as Hugging Face's `datasets` reads them. Files that say nothing are left
out where others speak; where none does, all are one pool.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from raytd.errors import DataError
from raytd.tasks.readers.left_out import NO_PART, shown
from raytd.tasks.readers.parts import in_order, part_words, parts_in, unused
from raytd.tasks.readers.walk import Walk
from raytd.words import counted, listed

Files = dict[str, list[Path]]
"""The files of each part; '' is a pool of which some images are held back for validation."""

_SHARD = re.compile(r"^(?P<head>.*?)(?P<number>\d+)-of-(?P<total>\d+)")
_MOST = 100_000
"""More pieces than any data set has; a larger total is no number of files."""


def is_parquet_name(name: str) -> bool:
    """Whether a file is called like one."""
    return name.lower().endswith(".parquet")


def find_files(path: Path) -> tuple[Files, list[str]]:
    """The files of each part that is read, in the order of their names, and notes.

    Raises:
        DataError: if there is none for training, or names can be read in two ways.
    """
    if path.is_file():
        return {"": [path]}, []
    walk, found = Walk(path), list[Path]()
    for file in walk.below(path):
        if is_parquet_name(file.name):
            found.append(file)
        else:
            walk.left.add_ending(file)
    walk.require_open()
    parts: Files = {}
    for file in in_order(found, path):
        parts.setdefault(_part_of(file, path), []).append(file)
    if set(parts) == {""}:
        _require_all_shards(path, parts[""])
        notes = [f"No name says train, validation or test: all {len(found)} files are one pool."]
        return parts, [*(notes if len(found) > 1 else []), *walk.left.notes()]
    nameless = parts.pop("", [])
    for file in nameless:
        walk.left.add(NO_PART, file)
    if "train" not in parts:
        raise DataError(_no_train(path, parts, nameless))
    notes = [*_of_prefixes(path, parts), *unused(parts)]
    chosen = ["train", "validation" if "validation" in parts else "test"]
    read = {p: parts[p] for p in chosen if p in parts}
    _require_all_shards(path, [file for part in read.values() for file in part])
    return read, [*notes, *walk.left.notes()]


def _part_of(file: Path, root: Path) -> str:
    """The part that a file's path below the data set's folder speaks of; '' if none."""
    name = shown(file.with_suffix(""), root)
    found = parts_in(name)
    if len(found) > 1:
        one, other, *_ = sorted(found)
        raise DataError(
            f"{file}: its path says both {one} and {other}; give it the name of one part, or "
            f"write parquet:{file} to read this file alone"
        )
    return next(iter(found), "")


def _no_train(path: Path, parts: Files, nameless: list[Path]) -> str:
    there = ", ".join(parts) or "none"
    text = f"{path}: no Parquet file for training (found: {there})"
    if nameless:
        names = listed([shown(file, path) for file in nameless])
        return f"{text}; if {names} is for training, give it a name such as train-0.parquet"
    if parts:
        first = next(iter(parts.values()))[0]
        return f"{text}; to hold validation images back from one file, write parquet:{first}"
    return text


def _of_prefixes(path: Path, parts: Files) -> list[str]:
    """A sentence on files that are taken together though their names begin differently.

    Raises:
        DataError: if they are several data sets, each with parts of its own.
    """
    found: dict[str, dict[str, None]] = {}
    for part, files in parts.items():
        for file in files:
            name = shown(file, path)
            found.setdefault(name[: part_words(name)[0][1]], {})[part] = None
    several = [prefix for prefix, its in found.items() if "train" in its and len(its) > 1]
    if len(several) > 1:
        folder, slash, _ = several[0].rpartition("/")
        one = f"write parquet:{path / folder}" if slash else "put the files of each into a folder"
        raise DataError(
            f"{path}: several data sets, each with parts of its own ({listed(several)}); {one} to "
            "read one of them, or put the files of all into folders train and test"
        )
    if len(found) == 1:
        return []
    beginnings = listed([prefix or "./" for prefix in found])
    return [f"Files whose paths begin differently are taken together: {beginnings}."]


def _require_all_shards(root: Path, files: Iterable[Path]) -> None:
    """Refuses files that say of themselves that others belong to them, which are not there.

    Raises:
        DataError: with the names of those that are missing.
    """
    found: dict[tuple[Path, str, str], dict[int, str]] = {}
    for file in files:
        match = _SHARD.match(file.stem)
        if match and 0 < int(match["total"]) <= _MOST:
            key = (file.parent, match["head"], match["total"])
            found.setdefault(key, {})[int(match["number"])] = match["number"]
    missing = [
        shown(folder / f"{head}{number:0{len(next(iter(there.values())))}}-of-{total}", root)
        for (folder, head, total), there in found.items()
        for number in _numbers(int(total), there)
        if number not in there
    ]
    if missing:
        raise DataError(
            f"{root}: {counted(len(missing), 'file')} missing of those that the other names "
            f"count ({listed(missing)}); complete the download; if these files are all there is, "
            "rename them without '-of-'"
        )


def _numbers(total: int, there: Iterable[int]) -> range:
    """The numbers of all pieces, which begin at 0, or at 1 where the last one has the total."""
    first = int(total in there)
    return range(first, total + first)
