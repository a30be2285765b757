"""How counts and examples are put into words."""

from collections.abc import Sequence

_SHOWN = 3


def counted(number: float, noun: str) -> str:
    """A number with its noun, as in `1 file`, `0.5 CPUs` and `1,200 classes`."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    shown = f"{number:,}" if isinstance(number, int) else f"{number:,g}"
    return f"{shown} {noun}{ending}"


def part_of(n: int, whole: int, noun: str, *, one: str, more: str) -> str:
    """How many of all do something, as in `1 of 6 pairs is doubtful`.

    Args:
        n: how many.
        whole: of how many.
        noun: what they are.
        one: the words that follow one of them, such as `is doubtful`.
        more: the words that follow any other number.
    """
    return f"{n:,} of {counted(whole, noun)} {one if n == 1 else more}"


def listed(items: Sequence[object], shown: int = _SHOWN) -> str:
    """The first of some items and the number of the others, as in `a, b, c and 7 more`."""
    more = len(items) - shown
    text = ", ".join(map(str, items[:shown]))
    return f"{text} and {more:,} more" if more > 0 else text
