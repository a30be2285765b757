"""One picture of a task: a row of images for each class."""

import io
from typing import TYPE_CHECKING

import numpy as np

from raytd.tasks.datasets import Part
from raytd.tasks.task import Task

if TYPE_CHECKING:
    from PIL import Image

MOST_CLASSES = 200
"""Rows of a sheet; with more it would be too high for most viewers."""

_TRAIN, _VAL = 12, 4
"""Images of a class that are shown of each part."""

_SIDE, _GAP, _HEADER = 48, 4, 20
_CHARACTER = 7
"""Pixels; a character's width is that of the widest at the font's size."""


def contact_sheet(task: Task) -> bytes:
    """The first images of every class, for training at the left and for validation at the right.

    Of more than `MOST_CLASSES` classes the first are shown. Small images are enlarged by a whole
    number without smoothing, so that each pixel is seen.

    Returns:
        A PNG file.
    """
    from PIL import Image, ImageDraw

    names = [identity.split("/", 1)[1] for identity in task.classes[:MOST_CLASSES]]
    margin = _GAP + _CHARACTER * max(map(len, names))
    height, width = _cell(*task.image_shape[1:])
    enlarged = height >= task.image_shape[1]
    smoothing = Image.Resampling.NEAREST if enlarged else Image.Resampling.BILINEAR
    columns = [(task.train, c, c) for c in range(_TRAIN)]
    columns += [(task.val, c, _TRAIN + c) for c in range(_VAL)]
    left = [margin + (width + _GAP) * c + 2 * _GAP * (c >= _TRAIN) for c in range(_TRAIN + _VAL)]
    size = (left[-1] + width + _GAP, _HEADER + (height + _GAP) * len(names))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((margin, 4), f"{task.name}: training", fill="black")
    draw.text((left[_TRAIN], 4), "validation", fill="black")
    for label, name in enumerate(names):
        top = _HEADER + (height + _GAP) * label
        draw.text((_GAP, top + height // 2 - 6), name, fill="black")
        for part, nth, column in columns:
            image = _nth_image(part, label, nth)
            if image is not None:
                sheet.paste(image.resize((width, height), smoothing), (left[column], top))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _cell(height: int, width: int) -> tuple[int, int]:
    """Height and width of an image on the sheet."""
    longest = max(height, width)
    if longest >= 2 * _SIDE:
        return max(1, height * 2 * _SIDE // longest), max(1, width * 2 * _SIDE // longest)
    factor = max(1, round(_SIDE / longest))
    return height * factor, width * factor


def _nth_image(part: Part, label: int, nth: int) -> "Image.Image | None":
    from PIL import Image

    rows = np.flatnonzero(part.labels == label)
    if nth >= len(rows):
        return None
    pixels = part.images[rows[nth]]
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
