"""One of a thing is written in the singular, whatever kind of number counts it."""

import pytest

from raytd.words import counted


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
