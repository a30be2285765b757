"""Files that are numbered as pieces of one whole, as in `train-00000-of-00003.parquet`."""

import re
from collections.abc import Iterable
from pathlib import Path

from raytd.errors import DataError
from raytd.tasks.readers.left_out import shown
from raytd.words import counted, listed

_SHARD = re.compile(r"^(?P<head>.*?)(?P<number>\d+)-of-(?P<total>\d+)")
_MOST = 100_000
"""More pieces than any data set has; a larger total is no number of files."""


def require_all_shards(root: Path, files: Iterable[Path]) -> None:
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
