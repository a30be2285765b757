"""A comparison in words, in the terminal, and as plain data."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from raytd.report.compare import Comparison, PairComparison
from raytd.report.doubts import MARKS
from raytd.report.naming import label, setting
from raytd.report.statistics.intervals import LEVEL, Interval
from raytd.words import counted

HOW = {
    "difference": "right minus left, mean over seeds; Student's t interval of the differences that "
    "seeds with the same number make",
    "ratio": "right over left, geometric mean over seeds; t interval of its logarithm",
    "share": "pairs of tasks that are smaller on the right, of those that differ by more than "
    "rounding; exact interval of Clopper and Pearson, as if pairs were independent (those that "
    "share a task are not)",
    "test": "Wilcoxon signed-rank over the pairs of tasks, two-sided",
}
"""How each figure of a comparison is made."""

_PERCENT = f"{100 * LEVEL:.0f} %"


def compared(comparison: Comparison) -> str:
    """What is compared, in one line."""
    sides = f"{comparison.by} {setting(comparison.left)} → {setting(comparison.right)}"
    fixed = [f"{v}" if c in ("method", "model") else f"{c} {setting(v)}"
             for c, v in comparison.fixed.items() if v is not None]  # fmt: skip
    return ": ".join([", ".join([*fixed, sides]), label(comparison.quantity, comparison.unit)])


_LONGEST = 24


def _sides(comparison: Comparison) -> tuple[str, str]:
    """The two settings; what is too long to be repeated goes by its place in the heading."""
    names = str(comparison.left), str(comparison.right)
    return names if max(map(len, names)) <= _LONGEST else ("the left one", "the right one")


def summary(comparison: Comparison) -> list[str]:
    """The comparison in a few lines: share, ratio, test, and what is to be doubted of all."""
    (left, right), n = _sides(comparison), len(comparison.pairs)
    if not n:
        return [f"{right} and {left} have no pair in common"]
    share, test = comparison.share_interval, comparison.signed_rank
    lines = [f"{right} is smaller than {left} in {comparison.n_smaller} of {counted(n, 'pair')}"]
    if comparison.n_equal:
        lines[0] += f" and equal in {comparison.n_equal}"
    if share is None:
        lines[0] += ": no evidence for either"
    else:
        of = " of those that differ" if comparison.n_equal else ""
        lines[0] += f" ({_PERCENT} interval{of} {100 * share.low:.0f}–{100 * share.high:.0f} %)"
    if not math.isnan(comparison.median_ratio):
        lines[0] += f"; median ratio {comparison.median_ratio:.3g}"
    if test is not None:
        lines.append(
            f"Wilcoxon signed-rank p = {test.p_value:.2g} over {counted(test.n, 'pair')}"
            f"{'' if test.exact else ' (normal limit)'}; {counted(test.n, 'pair')} cannot give "
            f"less than {test.least_p:.2g}"
        )
    if comparison.by != "seed":
        lines.append(_about_seeds(comparison))
    if (gaps := comparison.median_tracking_gaps) is not None:
        lines.append(
            f"median tracking gap {gaps[0]:.2g} nats under {left}, {gaps[1]:.2g} under {right}"
        )
    lines += _about_doubts(comparison, left, right)
    if comparison.unmatched:
        lines.append(f"{comparison.unmatched} results without a partner are left out")
    return lines


def _about_doubts(comparison: Comparison, left: str, right: str) -> list[str]:
    """How many pairs may be small for a wrong reason, and what is left without them."""
    doubtful = [pair for pair in comparison.pairs if pair.is_doubtful]
    if not doubtful:
        return []
    met = {doubt.mark for pair in doubtful for doubt in pair.doubts if doubt.is_serious}
    kept = [pair for pair in comparison.pairs if not pair.is_doubtful]
    without = (
        f"without them {right} is smaller than {left} in {sum(p.order < 0 for p in kept)} of "
        f"{len(kept)}" if kept else "no other pair is left"
    )  # fmt: skip
    are = f"{counted(len(doubtful), 'pair')} {'is' if len(doubtful) == 1 else 'are'}"
    meaning = "; ".join(MARKS[mark] for mark in MARKS if mark in met)
    return [f"{are} doubtful ({meaning}); {without}"]


def _about_seeds(comparison: Comparison) -> str:
    counts = sorted({len(pair.seeds) for pair in comparison.pairs})
    if counts[-1] < 2:
        return "one seed: no interval for a pair, and nothing known of its scatter"
    seeds = "–".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    return (
        f"in the table: {_PERCENT} t intervals over {seeds} seeds, of paired differences and of "
        "the logarithm of ratios"
    )


def doubt_lines(comparison: Comparison) -> list[str]:
    """The legend of the marks, each with the pairs that it concerns."""
    lines = []
    for mark, meaning in MARKS.items():
        where = [
            f"{pair.source} → {pair.target}: {doubt.text}"
            for pair in comparison.pairs
            for doubt in pair.doubts
            if doubt.mark == mark
        ]
        if where:
            lines += [f"{mark}  {meaning}", *(f"   {each}" for each in where)]
    return lines


def marks(*pairs: PairComparison) -> str:
    """The marks of pairs, each once."""
    found = {doubt.mark for pair in pairs for doubt in pair.doubts}
    return " ".join(mark for mark in MARKS if mark in found)


def pairs_table(comparison: Comparison) -> Table:
    """One line per pair of tasks, readable at 80 columns."""
    table = Table(
        title=Text(compared(comparison)),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("source → target", overflow="fold")
    for name in _sides(comparison):
        table.add_column(Text(_folded(name)), justify="right", no_wrap=True)
    for name in ("difference", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    doubted = any(pair.doubts for pair in comparison.pairs)
    if doubted:
        table.add_column("!", no_wrap=True)
    for pair in comparison.pairs:
        cells = [f"{pair.source} → {pair.target}", digits(pair.left), digits(pair.right)]
        cells += [with_margin(pair), with_range(pair.ratio, pair.ratio_interval)]
        table.add_row(*map(Text, [*cells, *([marks(pair)] if doubted else [])]))
    return table


def overview_table(comparisons: Sequence[Comparison]) -> Table:
    """One line per comparison."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("compared", overflow="fold")
    ties = any(one.n_equal for one in comparisons)
    counts = ("smaller", "equal") if ties else ("smaller",)
    for name in ("pairs", *counts, f"({_PERCENT})", "median\nratio", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    doubted = any(marks(*one.pairs) for one in comparisons)
    if doubted:
        table.add_column("!", no_wrap=True)
    for one in comparisons:
        share, test = one.share_interval, one.signed_rank
        table.add_row(
            Text(compared(one)),
            str(len(one.pairs)),
            str(one.n_smaller),
            *([str(one.n_equal)] if ties else []),
            "-" if share is None else f"{100 * share.low:.0f}–{100 * share.high:.0f} %",
            digits(one.median_ratio),
            "-" if test is None else f"{test.p_value:.2g}",
            *([marks(*one.pairs)] if doubted else []),
        )
    return table


def overview_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """What the marks of an overview mean."""
    found = marks(*(pair for one in comparisons for pair in one.pairs)).split()
    return [f"{mark}  {MARKS[mark]}, in one pair of tasks or more" for mark in found]


def document(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Comparisons as JSON-able data; what is not defined is None."""
    return {"confidence": LEVEL, "how": HOW, "comparisons": [_plain(one) for one in comparisons]}


def pair_rows(comparisons: Sequence[Comparison]) -> Iterator[dict[str, Any]]:
    """One flat row for every pair of every comparison."""
    for one in comparisons:
        for pair in one.pairs:
            numbers = {k: v for k, v in _plain_pair(pair).items() if k not in _NESTED}
            low, high = _ends(pair.difference_interval)
            ratio_low, ratio_high = _ends(pair.ratio_interval)
            yield {
                **one.fixed,
                "by": one.by,
                "left": one.left,
                "right": one.right,
                "value": one.value,
                "unit": one.unit,
                **numbers,
                "difference_low": low,
                "difference_high": high,
                "ratio_low": ratio_low,
                "ratio_high": ratio_high,
                "notes": "; ".join(doubt.text for doubt in pair.doubts) or None,
            }


_NESTED = ("seeds", "lefts", "rights", "difference_interval", "ratio_interval", "notes")


def _plain(one: Comparison) -> dict[str, Any]:
    test = one.signed_rank
    return {
        "by": one.by,
        "left": one.left,
        "right": one.right,
        "value": one.value,
        "unit": one.unit,
        "fixed": dict(one.fixed),
        "n_pairs": len(one.pairs),
        "n_smaller": one.n_smaller,
        "n_equal": one.n_equal,
        "n_doubtful": sum(pair.is_doubtful for pair in one.pairs),
        "share_smaller": _finite(one.share_smaller),
        "share_interval": _ends(one.share_interval),
        "median_ratio": _finite(one.median_ratio),
        "median_tracking_gaps": one.median_tracking_gaps,
        "wilcoxon": None if test is None else vars(test) | {"least_p": test.least_p},
        "unmatched": one.unmatched,
        "pairs": [_plain_pair(pair) for pair in one.pairs],
    }


def _plain_pair(pair: PairComparison) -> dict[str, Any]:
    return {
        "source": pair.source,
        "target": pair.target,
        "n_seeds": len(pair.seeds),
        "seeds": list(pair.seeds),
        "lefts": list(pair.lefts),
        "rights": list(pair.rights),
        "left_mean": pair.left,
        "right_mean": pair.right,
        "difference": pair.difference,
        "equal": pair.order == 0,
        "difference_interval": _ends(pair.difference_interval),
        "ratio": _finite(pair.ratio),
        "ratio_interval": _ends(pair.ratio_interval),
        "notes": [doubt.text for doubt in pair.doubts],
    }


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def with_margin(pair: PairComparison) -> str:
    """The difference, and half of its interval's length."""
    interval = pair.difference_interval
    margin = "" if interval is None else f" ± {(interval.high - interval.low) / 2:.2g}"
    difference = pair.difference if pair.order else 0.0
    return f"{difference:+.3g}{margin}"


def with_range(value: float, interval: Interval | None) -> str:
    """A ratio with its interval."""
    ends = "" if interval is None else f" ({interval.low:.2f}–{interval.high:.2f})"
    return f"{digits(value)}{ends}"


def digits(value: float) -> str:
    """Three digits, zeros at the end too; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:#.3g}".removesuffix(".")


def _folded(name: str, width: int = 9) -> str:
    """A long name over several lines, broken behind dashes, dots and slashes."""
    lines = [""]
    for letter in name:
        lines[-1] += letter
        if letter in "-./_: " and len(lines[-1]) >= width // 2 and len(name) > width:
            lines.append("")
    return "\n".join(line for line in lines if line)
