"""Colours that can be told from their ground, in light and in dark."""

from raytd.report.figures.style import COLOURS, FAINT, INK, PAPER
from raytd.report.page.schemes import DARK, LIGHT, PICTURE_DARK, in_both
from raytd.report.page.style import STYLE
from tests.report.contrast import contrast

TEXT, MARK = 4.5, 3.0
"""What WCAG 2.1 asks at level AA of text and of what is drawn."""

GROUNDS = ("paper", "card", "note")


def test_texts_can_be_read_on_every_ground_of_both_schemes():
    for scheme in (LIGHT, DARK):
        found = {(word, ground): contrast(scheme[word], scheme[ground])
                 for word in ("ink", "soft", "near") for ground in GROUNDS}  # fmt: skip
        assert min(found.values()) >= TEXT, found


def test_bars_can_be_seen_and_near_is_told_from_the_rest():
    for scheme in (LIGHT, DARK):
        assert min(contrast(scheme[bar], scheme["card"]) for bar in ("near", "rest")) >= MARK
        assert contrast(scheme["edge"], scheme["paper"]) >= MARK
        assert contrast(scheme["near"], scheme["rest"]) >= 1.5


def test_curves_can_be_seen_in_both_schemes():
    light = {colour: contrast(colour, PAPER) for colour in (*COLOURS, FAINT, INK)}
    dark = {c: contrast(PICTURE_DARK[c], PICTURE_DARK[PAPER]) for c in (*COLOURS, FAINT, INK)}
    assert min(light.values()) >= MARK, light
    assert min(dark.values()) >= MARK, dark


def test_every_colour_of_the_style_sheet_has_a_value_for_light_and_for_dark():
    assert LIGHT.keys() == DARK.keys()
    rules = STYLE.split("@media (prefers-color-scheme: dark)")[1].split("} }", 1)[1]
    assert "#" not in rules.replace("#sources", "")  # no colour stands in a rule itself
    used = {part.split(")")[0] for part in rules.split("var(--")[1:]} - {"own"}
    assert used <= LIGHT.keys()
    assert LIGHT.keys() <= used | {"paper"}


def test_a_picture_follows_the_scheme_and_keeps_the_numbers_in_its_cells():
    svg = b'<svg width="9pt"><defs></defs><path style="fill: #1b1b1b"/><path fill="#101010"/></svg>'
    shown = in_both(svg).decode()
    assert 'style="fill: var(--c1b1b1b)"' in shown
    assert f"--c1b1b1b: {DARK['ink']}" in shown.split("prefers-color-scheme: dark")[1]
    assert 'fill="#101010"' in shown  # stands on a colour that both schemes have
