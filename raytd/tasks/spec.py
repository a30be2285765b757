"""What a task is made of, before its images are read."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from raytd.tasks.references import identity_of

_MAX_SIDE = 1024
_MAX_VALUE = 2.0**52
"""Above every value that a pixel has; whole numbers up to it are exact as fractions."""

BACKGROUNDS: dict[str, tuple[int, int, int]] = {"black": (0, 0, 0), "white": (255, 255, 255)}


def _class_names(value: Any) -> Any:
    """YAML reads the class `3` as a number; class names are strings."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value)


def _size(value: Any) -> Any:
    """One number is both sides of a square."""
    sides = (value, value) if isinstance(value, int) else value
    if value is None:
        return None
    if isinstance(sides, list | tuple) and len(sides) == 2 and all(map(_is_side, sides)):
        return tuple(sides)
    raise ValueError(
        f"must be a number of pixels, as 16, or [height, width], each from 1 to {_MAX_SIDE}"
    )


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_SIDE


def _channels(value: Any) -> Any:
    if value is None or (value in (1, 3) and not isinstance(value, bool)):
        return value
    raise ValueError("must be 1 (grey) or 3 (colour)")


def _range(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_value, value)):
        low, high = map(float, value)
        if low < high:
            return low, high
    raise ValueError(
        "must be [low, high], the values that become black and white, such as [0, 4095]"
    )


def _is_value(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= _MAX_VALUE


def _background(value: Any) -> Any:
    if value is None or (isinstance(value, str) and value in BACKGROUNDS):
        return value
    if isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_level, value)):
        return tuple(value)
    raise ValueError("must be black, white, or [red, green, blue], each from 0 to 255")


def _is_level(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255


Side = Annotated[int, Field(ge=1, le=_MAX_SIDE)]
Size = Annotated[
    tuple[int, int], BeforeValidator(_size, json_schema_input_type=Side | tuple[Side, Side])
]
Channels = Annotated[int, BeforeValidator(_channels, json_schema_input_type=Literal[1, 3])]
Range = Annotated[
    tuple[float, float],
    BeforeValidator(_range, json_schema_input_type=tuple[float, float]),
]
Level = Annotated[int, Field(ge=0, le=255)]
Background = Annotated[
    Literal["black", "white"] | tuple[int, int, int],
    BeforeValidator(
        _background,
        json_schema_input_type=Literal["black", "white"] | tuple[Level, Level, Level],
    ),
]
Classes = Annotated[
    tuple[str, ...],
    BeforeValidator(_class_names, json_schema_input_type=tuple[str | int, ...]),
    Field(min_length=1),
]
SubsetSeed = Annotated[int, Field(ge=0, lt=2**32)]


class TaskSpec(BaseModel):
    """A task by its data set and classes.

    Attributes:
        name: what reports call it.
        dataset: a known data set, or `kind:PATH`.
        known_as: the data set that its classes belong to, where that is not `dataset` itself:
            tasks share a class when it has the same name in the same data set.
        classes: class names, in the order of the task's own labels; None is all of them.
        train: training images in all, stratified over the classes; None is every one there is.
        val: validation images in all, likewise.
        size: height and width that images are resized to; None leaves them as they are.
        channels: 1 makes them grey, 3 gives them colour; None leaves them as they are.
        range: the values that become black and white; None finds them in the training images.
        background: what transparent pixels show; None is white.
        seed: which of the data set's images are taken where not all are; None is 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[
        str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    ]
    dataset: str
    known_as: Annotated[str, Field(min_length=1)] | None = None
    classes: Classes | None = None
    train: Annotated[int, Field(ge=1)] | None = None
    val: Annotated[int, Field(ge=1)] | None = None
    size: Size | None = None
    channels: Channels | None = None
    range: Range | None = None
    background: Background | None = None
    seed: SubsetSeed | None = None

    @property
    def identity(self) -> str:
        """The data set that its classes belong to."""
        return self.known_as or identity_of(self.dataset)

    @property
    def background_colour(self) -> tuple[int, int, int] | None:
        """Red, green and blue of the background; None where it is left open."""
        return BACKGROUNDS[self.background] if isinstance(self.background, str) else self.background

    @model_serializer(mode="wrap")
    def _without_what_is_left_open(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A key that says nothing is no part of a trial's identity, so there can be new ones."""
        written: dict[str, Any] = handler(self)
        return {k: v for k, v in written.items() if v is not None or k in ("train", "val")}
