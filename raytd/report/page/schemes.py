"""The colours of the page and of its pictures, in light and in dark."""

from collections.abc import Mapping

from raytd.report.figures.style import COLOURS, FAINT, GRID, INK, PAPER

LIGHT = {
    "paper": "#ffffff", "ink": "#1b1b1b", "soft": "#555a60", "line": "#d3d6da", "card": "#f5f6f8",
    "near": "#0b4a8f", "rest": "#767b83", "note": "#fff4e8", "edge": "#b34700",
}  # fmt: skip
"""What the page is made of, by its name in the style sheet."""

DARK = {
    "paper": "#15181c", "ink": "#ececec", "soft": "#b3b8bf", "line": "#40454c", "card": "#1f2329",
    "near": "#7fb5ff", "rest": "#8b919a", "note": "#2c2217", "edge": "#ffb070",
}  # fmt: skip
"""The same in the dark."""

_CURVES = (
    "#7cc0f5", "#ff8a3d", "#2fc08f", "#e39ac2", "#2f86bd", "#c4a04a", "#ffc04d", "#ececec",
)  # fmt: skip

PICTURE_DARK: Mapping[str, str] = {
    **dict(zip(COLOURS, _CURVES, strict=True)),
    INK: DARK["ink"],
    "#000000": DARK["ink"],
    PAPER: DARK["paper"],
    FAINT: DARK["rest"],
    GRID: DARK["line"],
}
"""What each colour of a picture becomes in the dark; cells of maps keep their colours."""


def properties(colours: Mapping[str, str]) -> str:
    """Colours as properties of a style sheet."""
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def in_both(svg: bytes) -> bytes:
    """A picture that follows the scheme of its reader; where that is not known, it is light."""
    text = svg.decode()
    for colour in PICTURE_DARK:
        text = text.replace(colour, f"var(--c{colour[1:]})")
    light, dark = (
        properties({f"c{own[1:]}": shown for own, shown in pairs})
        for pairs in (((own, own) for own in PICTURE_DARK), PICTURE_DARK.items())
    )
    head, body = text.split("<defs>", 1)
    rules = (
        f"<style>:root {{ {light} fill: var(--c000000); }} "
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}</style>"
    )
    return f"{head}{rules}<defs>{body}".encode()
