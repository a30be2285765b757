"""What there is of a task: how many images can be dealt evenly, and in which form."""

from dataclasses import dataclass, replace
from pathlib import Path

from raytd.errors import DataError
from raytd.sweep.draft.ends import End
from raytd.sweep.trials.plan import Read
from raytd.tasks.account import account_lines
from raytd.tasks.spec import TaskSpec
from raytd.tasks.subset import class_pools
from raytd.tasks.task import make_task
from raytd.tasks.vocabulary import CLASS_NAMES
from raytd.words import counted

_LOOKED_AT = 200
"""Images that are decoded to see whether the task can be read."""

_SIDE = 32
"""Their height and width."""


@dataclass(frozen=True)
class Supply:
    """A task and what there is of it.

    Attributes:
        spec: the task.
        by_name: whether a sweep file may call it by its name.
        n_classes: how many.
        train: the most training images that can be dealt evenly over its classes.
        val: validation images, likewise.
        scarcest: the class with the fewest images, in words.
        shape: channels, height and width of its first image.
        said: what was read, line by line.
    """

    spec: TaskSpec
    by_name: bool
    n_classes: int
    train: int
    val: int
    scarcest: str
    shape: tuple[int, int, int]
    said: tuple[str, ...]


def read_supply(end: End, root: Path, read: Read, *, download: bool) -> Supply:
    """Reads the labels of a task, and a few images of each class.

    A folder that is called like a known data set and has other classes is one of its own.

    Args:
        end: the task.
        root: folder of the data sets.
        read: reads a data set.
        download: whether what is missing may be fetched.

    Raises:
        DataError: with what speaks against the task.
    """
    try:
        return _supply(end, root, read, download=download)
    except DataError:
        spec = end.spec
        if end.by_name or spec.identity not in CLASS_NAMES:
            raise
        own = spec.model_copy(update={"known_as": f"own-{spec.identity}"})
        return _supply(replace(end, spec=own), root, read, download=download)


def _supply(end: End, root: Path, read: Read, *, download: bool) -> Supply:
    spec = end.spec
    dataset = read(spec.dataset, root, known_as=spec.known_as, download=download)
    classes = spec.classes or dataset.classes
    parts = list(zip(*class_pools(dataset, classes, 0), strict=True))
    sizes = [[len(pool) for pool in part] for part in parts]
    train, val = (len(classes) * min(part) for part in sizes)
    shape = dataset.form(None, None).shape
    few = max(_LOOKED_AT, len(classes))
    form = {"size": (_SIDE, _SIDE), "channels": shape[0]}
    looked_at = {"train": min(train, few) or None, "val": min(val, few) or None, **form}
    task = make_task(spec.model_copy(update=looked_at), dataset)
    fewest = min(sizes[0])
    scarcest = classes[sizes[0].index(fewest)]
    return Supply(
        spec=spec,
        by_name=end.by_name,
        n_classes=len(classes),
        train=train,
        val=val,
        scarcest=f"class '{scarcest}' has {counted(fewest, 'image')} for training",
        shape=shape,
        said=tuple(account_lines([task])),
    )
