"""How counts and examples are put into words."""

import unicodedata
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


def one_line(text: str) -> str:
    """A text with what would break the line, or cannot be seen, escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def harmless(text: str) -> str:
    """Lines for a screen: what would steer a terminal, or turn its text around, is escaped.

    Signs that scripts need between letters stay, such as the one that joins parts of an emoji.
    """
    return "".join(ascii(c)[1:-1] if c != "\n" and steers(c) else c for c in text)


def steers(character: str) -> bool:
    """Whether a character is none to read.

    Such are control codes, halves of characters, ends of lines, and those that turn a text around.
    """
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in _TURNS


_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
