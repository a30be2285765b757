"""Text of the page: escaped, with names that are not broken at their hyphens."""

import re
from collections.abc import Iterable
from html import escape


def name(text: object) -> str:
    """A name that stays whole where it has room."""
    return f'<span class="name">{escape(str(text))}</span>'


def names(texts: Iterable[object]) -> str:
    """Names in a row."""
    return ", ".join(map(name, texts))


def prose(text: str, known: Iterable[str]) -> str:
    """A text in which the names that are known stay whole."""
    hyphened = sorted((n for n in known if "-" in n), key=len, reverse=True)
    if not hyphened:
        return escape(text)
    found = re.split(rf"(?<![\w-])({'|'.join(map(re.escape, hyphened))})(?![\w-])", text)
    return "".join(name(part) if i % 2 else escape(part) for i, part in enumerate(found))


def items(texts: Iterable[str]) -> str:
    """A list of what is marked up already; empty without any."""
    lines = "".join(f"<li>{text}</li>" for text in texts)
    return f"<ul>{lines}</ul>" if lines else ""


def folded(summary: str, content: str) -> str:
    """What a reader opens."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"
