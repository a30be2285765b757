"""What the images of a task say against it, once they are read: some refuse it, others are notes.

Refused is what leaves nothing to learn, or almost surely was read on a wrong scale: all images
within few levels, a class whose images show nothing or are one image. Of a class with few images
that may be chance, and is said. Single blank images, a channel without content, and copies are
usual in good data sets, so they are said with their number.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8, UInt64

from raytd.errors import DataError
from raytd.tasks.datasets import Part
from raytd.tasks.pixels.form import INVISIBLE, TRANSPARENT, Form
from raytd.tasks.pixels.levels import OUTSIDE
from raytd.tasks.readers.contract import Indices
from raytd.words import counted, listed

_FEWEST_LEVELS = 20
"""Numbers of 12 bits that are taken for 16 fill 16 or 17, and no photograph so few."""

_ENOUGH = 5
"""Images of a class that rule out chance. Where even a quarter of a class is blank, as tiles of a
slide or a map are, five drawn at random are all blank once in a thousand draws, but two are once in
sixteen."""

_EVEN = 2
"""Levels by which JPEG's rounding lets the pixels of an even surface differ."""

_NO_DEVIATION = 1e-3
"""Of pixels in [0, 1]; a quarter of a level. What is divided by less is noise made large."""


@dataclass(frozen=True)
class Shown:
    """One part of a task, with its words.

    Attributes:
        use: what it is for: training or validation.
        part: its images.
        place: where the n-th of them lies.
    """

    use: str
    part: Part
    place: Callable[[int], str]

    def blank(self, even: int) -> Bool[np.ndarray, " n"]:
        """Which images have a single colour, to some levels; none where it is a single pixel."""
        n, channels, height, width = self.part.images.shape
        if height * width == 1:
            return np.zeros(n, bool)
        pixels = self.part.images.reshape(n, channels, -1)
        spread = pixels.max(axis=2).astype(np.int64) - pixels.min(axis=2)
        return np.asarray(spread.max(axis=1) <= even)


def scrutinise(
    classes: Sequence[str],
    parts: tuple[Shown, Shown],
    *,
    form: Form,
    std: Sequence[float],
    count: Counter[str],
) -> list[str]:
    """Notes on the images of a task, in sentences.

    Args:
        classes: names of the classes.
        parts: images for training and for validation.
        form: in which they were read.
        std: deviation of each channel over the data set, of pixels in [0, 1].
        count: what was counted while they were read.

    Raises:
        DataError: if nothing can be learned from them.
    """
    train, val = parts
    _check_visible(train, form, count)
    _check_contrast(train, form, is_laid=count[TRANSPARENT] > 0)
    even = 0 if form.levels.kind is None else _EVEN  # on a stated scale, a level may be all
    blank = {shown.use: shown.blank(even) for shown in (train, val)}
    notes = [form.levels.note] if form.levels.note else []
    if count[TRANSPARENT]:
        images = counted(count[TRANSPARENT], "image")
        notes.append(f"Transparent pixels of {images} were laid on {_colour(form)} (background).")
    for shown in (train, val):
        notes += _empty_classes(classes, shown, blank[shown.use], form, count)
        notes += _classes_of_copies(classes, shown)
    notes += _cut_by_range(form, count)
    notes += _flat_channels(train, val, std)
    for shown in (train, val):
        notes += _blank_images(classes, shown, blank[shown.use])
    return [*notes, *_copies(train, val), *_contradictions(classes, train)]


def _check_visible(train: Shown, form: Form, count: Counter[str]) -> None:
    """Refuses training images that no background shows."""
    images = train.part.images
    if count[INVISIBLE] >= len(images) and bool((images == images[:1, :, :1, :1]).all()):
        raise DataError(
            f"the training images show {_colour(form)} (background) alone: all pixels of "
            f"{counted(count[INVISIBLE], 'image')} are transparent (alpha 0), and no background "
            "shows what is in them; store them without alpha, or take other images"
        )


def _check_contrast(train: Shown, form: Form, *, is_laid: bool) -> None:
    lowest, highest = int(train.part.images.min()), int(train.part.images.max())
    if form.levels.kind is None:
        _check_window(form, lowest, highest)
        return
    highest, n_bright = (highest, 0) if is_laid else _without_bright(train.part.images)
    if highest - lowest >= _FEWEST_LEVELS:
        return
    low, high = (f"{value:.7g}" for value in form.levels.between(lowest, highest))
    span = f"between {low} and {high}" if low != high else f"all {low}"
    if n_bright:
        span += f" but for {n_bright / train.part.images.size:.2g} of them"
    if is_laid:
        raise DataError(
            f"the pixels of the training images are {span}, where transparent ones show "
            f"{_colour(form)}, so the images are almost blank; set {_another(form)}"
        )
    way_out = "range: [low, high] names the values that become black and white, and "
    if low != high:
        way_out = f"range: [{low}, {high}] makes these black and white, and "
    whole = f"[{form.levels.low:.7g}, {form.levels.high:.7g}]"
    raise DataError(
        f"the pixels of the training images are {span} on a scale of {whole}, "
        f"so the images are almost blank; state the scale: {way_out}range: {whole} leaves them "
        "as they are"
    )


def _without_bright(images: UInt8[np.ndarray, "n channels height width"]) -> tuple[int, int]:
    """The highest level but for bright marks, and the number of pixels that are marks.

    Marks, such as hot pixels and borders, have one level far above all others, and are fewer than
    the pixels that differ within those. A drawing in white is not, for its black is even.
    """
    counts = np.zeros(256, np.int64)
    for image in images:  # one at a time: counting takes eight times the memory of an image
        counts += np.bincount(image.ravel(), minlength=256)
    *others, highest = np.flatnonzero(counts).tolist()
    if others and highest - others[-1] >= _FEWEST_LEVELS:
        n_differing = int(counts[others].sum() - counts[others].max())
        if counts[highest] < n_differing:
            return others[-1], int(counts[highest])
    return highest, 0


def _check_window(form: Form, lowest: int, highest: int) -> None:
    """Refuses a stated range in which all pixels are black, or all of them white."""
    if lowest == highest and lowest in (0, 255):
        low, high = form.levels.low, form.levels.high
        raise DataError(
            f"all pixels of the training images are {'white' if lowest else 'black'} in the range "
            f"[{low:.7g}, {high:.7g}]; state another range: [low, high]"
        )


def _cut_by_range(form: Form, count: Counter[str]) -> Iterator[str]:
    if count[OUTSIDE]:
        first = next(key for key in count if key.startswith(f"{OUTSIDE} "))
        yield (
            f"In {counted(count[OUTSIDE], 'image')}, such as {first.removeprefix(f'{OUTSIDE} ')}, "
            f"values below the range [{form.levels.low:.7g}, {form.levels.high:.7g}] became black, "
            "and those above it white."
        )


def _empty_classes(
    classes: Sequence[str],
    shown: Shown,
    blank: Bool[np.ndarray, " n"],
    form: Form,
    count: Counter[str],
) -> Iterator[str]:
    """Classes whose images are all blank: refused, or told where that may be chance."""
    labels = shown.part.labels
    counts = np.bincount(labels, minlength=len(classes))
    n_blank = np.bincount(labels, weights=blank, minlength=len(classes))
    sure, possible = _by_chance(np.flatnonzero((n_blank == counts) & (counts > 0)), counts)
    for empty in filter(None, (sure, possible)):
        first = shown.place(int(np.flatnonzero(labels == empty[0])[0]))
        told = (
            f"very {shown.use} image of {_named(classes, empty)} has a single colour (the first "
            f"is {first})"
        )
        if empty is sure:
            hint = f"transparent pixels show {_colour(form)}; set {_another(form)}, or "
            may_help = count[TRANSPARENT] > count[INVISIBLE]
            raise DataError(f"e{told}; {hint if may_help else ''}leave the class out")
        yield f"E{told}."


def _classes_of_copies(classes: Sequence[str], shown: Shown) -> Iterator[str]:
    """Classes whose images are all the same: refused, or told where that may be chance."""
    counts = np.bincount(shown.part.labels, minlength=len(classes))
    of_classes = _different(shown.part)[1].astype(np.int64)
    n_different = np.bincount(of_classes, minlength=len(classes))
    sure, possible = _by_chance(np.flatnonzero((n_different == 1) & (counts > 1)), counts)
    for same in filter(None, (sure, possible)):
        told = (
            f"ll {counts[same[0]]} {shown.use} images of {_named(classes, same)} are copies of "
            "one image"
        )
        if same is sure:
            raise DataError(f"a{told}; leave the class out, or give it other images")
        yield f"A{told}."


def _by_chance(numbers: Indices, counts: Indices) -> tuple[list[int], list[int]]:
    """Classes that have images enough to rule out chance, and those that have not."""
    is_sure = counts[numbers] >= _ENOUGH
    return numbers[is_sure].tolist(), numbers[~is_sure].tolist()


def _different(part: Part) -> UInt64[np.ndarray, "2 n"]:
    """Images that differ and their classes; one that stands in several classes is in each."""
    labelled = np.stack([part.prints, part.labels.astype(np.uint64)])
    return np.asarray(np.unique(labelled, axis=1))


def _named(classes: Sequence[str], numbers: Sequence[int]) -> str:
    names = listed([f"'{classes[c]}'" for c in numbers])
    return f"class {names}" if len(numbers) == 1 else f"classes {names}"


def _colour(form: Form) -> str:
    known = {(0, 0, 0): "black", (255, 255, 255): "white"}
    return known.get(form.background, str(list(form.background)))


def _another(form: Form) -> str:
    return f"background: {'black' if _colour(form) == 'white' else 'white'}"


def _flat_channels(train: Shown, val: Shown, std: Sequence[float]) -> Iterator[str]:
    """Channels of colour images that have one level in all training images."""
    names = ("red", "green", "blue") if len(std) == 3 else ()
    for c, name in enumerate(names):
        low, high = _ends(train, c)
        if high - low > _EVEN:
            continue
        other_low, other_high = _ends(val, c)
        differs = other_low < low - _EVEN or other_high > high + _EVEN
        if differs and std[c] < _NO_DEVIATION:
            raise DataError(
                f"the {name} channel has level {low} in all training images, but levels from "
                f"{other_low} to {other_high} in those for validation, which normalisation would "
                "make enormous; set channels: 1, or take other images"
            )
        yield f"The {name} channel is empty: all training images have level {low} there."


def _ends(shown: Shown, channel: int) -> tuple[int, int]:
    levels = shown.part.images[:, channel]
    return int(levels.min()), int(levels.max())


def _blank_images(
    classes: Sequence[str], shown: Shown, blank: Bool[np.ndarray, " n"]
) -> Iterator[str]:
    if blank.any():
        first = int(np.flatnonzero(blank)[0])
        yield (
            f"{int(blank.sum()):,} of {counted(len(blank), f'{shown.use} image')} have a single "
            f"colour, such as {shown.place(first)} (class '{classes[shown.part.labels[first]]}')."
        )


def _copies(train: Shown, val: Shown) -> Iterator[str]:
    copied = np.isin(val.part.prints, train.part.prints)
    if copied.any():
        first = int(np.flatnonzero(copied)[0])
        twin = int(np.flatnonzero(train.part.prints == val.part.prints[first])[0])
        yield (
            f"{int(copied.sum()):,} of {counted(len(copied), 'validation image')} are training "
            f"images, too, such as {val.place(first)}, the same as {train.place(twin)}."
        )


def _contradictions(classes: Sequence[str], train: Shown) -> Iterator[str]:
    """Images that train several classes."""
    images, n_classes = np.unique(_different(train.part)[0], return_counts=True)
    if (n_classes > 1).any():
        image = images[n_classes > 1][0]
        rows = np.flatnonzero(train.part.prints == image)
        labels = [f"'{classes[c]}'" for c in dict.fromkeys(train.part.labels[rows].tolist())]
        yield (
            f"{counted(int((n_classes > 1).sum()), 'training image')} with copies in several "
            f"classes, such as {train.place(int(rows[0]))} (classes {listed(labels)})."
        )
