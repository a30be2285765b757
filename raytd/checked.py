"""Frozen objects of checked values, and the ranges that numbers in them may have."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Checked(BaseModel):
    """Frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def part_of(cls, whole: BaseModel, **changes: Any) -> Self:
        """The values that another object has for the keys of this class, with changes."""
        return cls(**{key: getattr(whole, key) for key in cls.model_fields} | changes)
