"""What a task is made of, before its images are read."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _class_names(value: Any) -> Any:
    """YAML reads the class `3` as a number; class names are strings."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value)


class TaskSpec(BaseModel):
    """A task by its data set and classes.

    Attributes:
        name: what reports call it.
        dataset: the data set whose images it takes.
        classes: class names, in the order of the task's own labels.
        train: training images in all, stratified over the classes; None is every one there is.
        val: validation images in all, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    dataset: str
    classes: Annotated[tuple[str, ...], BeforeValidator(_class_names), Field(min_length=1)]
    train: Annotated[int, Field(ge=1)] | None = None
    val: Annotated[int, Field(ge=1)] | None = None
