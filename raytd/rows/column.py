"""A column of the results: its name, type and unit, and what it means."""

from dataclasses import dataclass, replace
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

Scalar = float | int | bool | str | None
Form = Literal["digits", "rough", "share"]


@dataclass(frozen=True)
class Column:
    """What stands in one column; a trial that has nothing to say there has None.

    It is declared as the annotation of a key of a `TypedDict`, from which name and type come.

    Attributes:
        meaning: in one sentence, without its end.
        unit: such as `rad`; None for texts, facts, counts, shares and pure numbers.
        words: what it is called in a sentence or at an axis; the name with spaces if empty.
        error: the column that holds its standard error.
        form: how a person reads it: with four digits, with two, or as a percentage.
        is_result: whether it is what the trial found. Settings are not, nor what is worked out
            from several trials.
        name: key in a row.
        type: of its values.
    """

    meaning: str
    unit: str | None = None
    words: str = ""
    error: str | None = None
    form: Form = "digits"
    is_result: bool = True
    name: str = ""
    type: type = str

    @property
    def is_number(self) -> bool:
        """Whether its values can be put in order and averaged."""
        return self.type in (int, float)

    def holds(self, value: Scalar) -> bool:
        """Whether a value is of its type; a whole number is a number, a fact is none."""
        kinds = (int, float) if self.type is float else (self.type,)
        return isinstance(value, kinds) and isinstance(value, bool) == (self.type is bool)

    def show(self, value: Scalar) -> str:
        """A value as a person reads it; a dash for one that is missing."""
        if value is None or value != value:
            return "-"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str):
            return value
        if self.form == "share":
            return f"{100 * value:.1f} %"
        if self.type is int or isinstance(value, int):
            return f"{value:.0f}"
        return f"{value:.2g}" if self.form == "rough" else f"{value:.4g}"


PLAIN = Column("of which nothing more is known")


def declared(keys: type) -> dict[str, Column]:
    """The columns that the keys of a `TypedDict` declare, in their order.

    Raises:
        TypeError: if a key says nothing of its column, or is of no type that a row can hold.
    """
    hints = get_type_hints(keys, include_extras=True)
    return {name: _column(name, hint) for name, hint in hints.items()}


def _column(name: str, hint: Any) -> Column:
    annotated, *said = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    columns = [each for each in said if isinstance(each, Column)]
    among = get_origin(annotated) in (Union, UnionType, Literal)
    parts = get_args(annotated) if among else (annotated,)
    kinds = {part if isinstance(part, type) else type(part) for part in parts} - {type(None)}
    if len(columns) != 1 or len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise TypeError(f"{name} must be declared as in Annotated[float, Column('what it means')]")
    (column,), (kind,) = columns, kinds
    words = column.words or name.replace("_", " ")
    return replace(column, name=name, type=kind, words=words)
