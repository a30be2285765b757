"""One of a thing is written in the singular, and nothing of a text steers the screen."""

import pytest

from raytd.words import counted, harmless, one_line


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "trial", "0 trials"),
        (1, "trial", "1 trial"),
        (1.0, "CPU", "1 CPU"),
        (0.5, "CPU", "0.5 CPUs"),
        (2, "class", "2 classes"),
        (1, "class", "1 class"),
        (1_234_567, "image", "1,234,567 images"),
    ],
)
def test_a_number_stands_before_its_noun(number: float, noun: str, said: str) -> None:
    assert counted(number, noun) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb\tc", "a\\rb\\tc"),
        ("\u202eturned", "\\u202eturned"),
        ("\u2028", "\\u2028"),
        ("[/red] é 日本", "[/red] é 日本"),
        ("می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"),
    ],
)
def test_what_would_steer_a_terminal_is_escaped_and_what_scripts_need_stays(
    text: str, said: str
) -> None:
    assert harmless(text) == said
    assert harmless("two\nlines") == "two\nlines"


def test_a_line_stays_one_line() -> None:
    assert one_line("two\nlines\x1b") == "two\\nlines\\x1b"
