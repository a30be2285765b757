"""Which folders of a data set are its parts, and which are classes.

Sub-folders that are called train, validation or test and hold folders are parts. What could be
read in two ways is refused with both.
"""

from pathlib import Path

from raytd.errors import DataError
from raytd.tasks.readers.encoded import is_image_name
from raytd.tasks.readers.left_out import shown
from raytd.tasks.readers.parts import is_part_name, parts_in
from raytd.tasks.readers.walk import Walk
from raytd.words import listed


def part_folders(walk: Walk) -> tuple[dict[str, Path], list[str]]:
    """The folder of each part, none where the folder itself holds the classes; and notes.

    Raises:
        DataError: with both readings, if there are two.
    """
    inside = {path.name: path for path in walk.folders(walk.root)}
    named = [name for name in inside if parts_in(name)]
    deep = [name for name in named if _holds_classes(walk, inside[name])]
    flat = [n for n, path in inside.items() if n not in deep and _holds_images(walk, path)]
    if not deep:
        return {}, _notes_on_classes(walk, inside, flat)
    parts: dict[str, str] = {}
    for name in deep:
        _add(walk, parts, name)
    if "train" not in parts:
        raise DataError(_no_train(walk, parts, [n for n in named if n not in deep]))
    unlabelled = [name for name in flat if name in named]
    empty = [name for name in named if is_part_name(name) and name not in (*deep, *unlabelled)]
    others = [name for name in inside if name not in (*deep, *unlabelled, *empty)]
    if len(parts) == 1:
        _require_no_other_class(walk, parts["train"], [inside[name] for name in others])
    notes = [
        f"{what}: {listed(names, 5)}."
        for what, names in (
            ("Part folders without class folders are left out", unlabelled),
            ("Part folders without any image are left out", empty),
            ("Folders beside the parts are left out", others),
        )
        if names
    ]
    return {part: inside[name] for part, name in parts.items()}, notes


def require_one_reading(
    walk: Walk, top: Path, files: dict[str, list[Path]], *, is_part: bool
) -> None:
    """Refuses class folders whose sub-folders could be the classes, or the parts.

    Args:
        walk: of the data set.
        top: folder of the class folders.
        files: of each class.
        is_part: whether `top` is a part of the data set.

    Raises:
        DataError: with both readings.
    """
    inner = {name: _first_folders(top / name, paths) for name, paths in files.items()}
    transposed = {n: f for n, f in inner.items() if len(set().union(*map(parts_in, f))) > 1}
    only_folders = [n for n, paths in files.items() if paths and "" not in inner[n]]
    there = [n for n, paths in files.items() if paths]
    if len(there) == 1 == len(only_folders):
        raise DataError(_one_too_high(walk, top, there[0], is_part=is_part))
    if transposed and not is_part:
        name, folders = next(iter(transposed.items()))
        examples = [f"{name}/{f}" for f in sorted(folders) if parts_in(f)]
        raise DataError(
            f"{top}: folders inside '{name}' are named after parts ({listed(examples)}); "
            f"if {listed(there)} are classes, put the parts above them (train/{name}); "
            f"if '{name}' is the data set, write folder:{top / name}"
        )
    names = {frozenset(inner[n]) for n in there}
    if only_folders == there and len(names) == 1 and len(next(iter(names))) > 1:
        same = listed(sorted(next(iter(names))))
        raise DataError(
            f"{top}: every folder holds the same folders ({same}); if {listed(there)} are "
            f"the classes, put the images of each into its folder directly; if {same} are, gather "
            f"the images of each, or write folder:{top / there[0]} for one of them"
        )


def merged_note(folders: dict[str, Path], files: dict[str, list[Path]]) -> list[str]:
    """A sentence on class folders whose sub-folders are read as parts of the class."""
    inner = [
        f"{name}/{folder}"
        for name, paths in files.items()
        for folder in sorted(_first_folders(folders[name], paths) - {""})
    ]
    if not inner:
        return []
    return [f"Folders inside class folders belong to the class: {listed(inner)}."]


def _holds_images(walk: Walk, path: Path) -> bool:
    return walk.holds(path, is_image_name)


def _holds_classes(walk: Walk, path: Path) -> bool:
    """Whether folders with images lie in a folder: two or more, or one and no image beside it."""
    full = [f for f in walk.folders(path) if walk.holds(f, is_image_name, below=True)]
    return len(full) > 1 or (len(full) == 1 and not _holds_images(walk, path))


def _first_folders(folder: Path, paths: list[Path]) -> set[str]:
    """The sub-folders of a class that hold its images; '' for the class folder itself."""
    depth = len(folder.parts)
    return {p.parts[depth] if len(p.parts) > depth + 1 else "" for p in paths}


def _notes_on_classes(walk: Walk, inside: dict[str, Path], flat: list[str]) -> list[str]:
    """What is said of classes that are called like parts.

    Raises:
        DataError: if they are parts in all likelihood, and only their class folders are missing.
    """
    alike = [name for name in flat if is_part_name(name)]
    parts = set().union(*map(parts_in, alike))
    if len(parts) > 1 or (alike and len(alike) == len(flat)):
        raise DataError(
            f"{walk.root}: {listed(alike)} hold images and no class folders; if they are parts, "
            "put the images of each class into a folder (train/cat); if they are classes, put "
            "them below a folder train (train/" + alike[0] + ")"
        )
    return [f"'{name}' is read as a class: it holds images itself." for name in alike]


def _add(walk: Walk, parts: dict[str, str], name: str) -> None:
    found = parts_in(name)
    if len(found) > 1:
        first, second, *_ = sorted(found)
        raise DataError(
            f"{walk.root / name}: the folder could be the {first} or the {second} part; give it "
            f"the name of one, or write folder:{walk.root / name} to read it alone"
        )
    part = next(iter(found))
    if part in parts:
        raise DataError(
            f"{walk.root}: '{parts[part]}' and '{name}' could both be the {part} part; move one "
            f"away, or write folder:{walk.root / name} to read it alone"
        )
    parts[part] = name


def _no_train(walk: Walk, parts: dict[str, str], others: list[str]) -> str:
    name = next(iter(parts.values()))
    there = listed(sorted(parts.values()))
    bare = [other for other in others if "train" in parts_in(other)]
    if bare:
        return (
            f"{walk.root}: '{bare[0]}' has no class folders with images, but {there} has; put the "
            f"training images there, or write folder:{walk.root / name} to read '{name}' alone"
        )
    return (
        f"{walk.root}: no folder for training beside {there}; call it train; to read '{name}' "
        f"alone, write folder:{walk.root / name}; if '{name}' is a class, "
        "put the class folders below a folder train"
    )


def _require_no_other_class(walk: Walk, train: str, others: list[Path]) -> None:
    """Refuses `train` beside folders of images: it may be the training part, or a class."""
    full = [shown(p, walk.root) for p in others if walk.holds(p, is_image_name, below=True)]
    if full:
        raise DataError(
            f"{walk.root}: '{train}' could be the training part or a class beside "
            f"{listed(full)}; for the part, write folder:{walk.root / train}; for a class, put "
            "all class folders below a folder train"
        )


def _one_too_high(walk: Walk, top: Path, name: str, *, is_part: bool) -> str:
    """The message on a single folder that holds folders, with the first one that holds several."""
    path = top / name
    while len(inside := walk.folders(path)) == 1 and not _holds_images(walk, inside[0]):
        path = inside[0]
    below = listed([folder.name for folder in inside])
    if is_part:
        what = f"the classes are inside ({below}), move them up into '{top.name}', in every part"
        what += f"; to read these alone, write folder:{path}"
    else:
        what = f"the data set is inside ({below}), write folder:{path}"
    return (
        f"{top}: the only folder with images is '{name}', which holds folders; if {what}; "
        f"if '{name}' is the only class, put its images into it directly"
    )
