"""What the suites that come with raytd found: which method agrees best with measured transfer.

`suites.json` holds the figures, since an installed package does not carry the suites' results.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean

from raytd.report.statistics.evidence import UNFIT, is_clear

_Key = tuple[str, str]


@dataclass(frozen=True)
class SuiteFigures:
    """What the suites say of one method.

    Attributes:
        method: its name.
        column: of its results.
        title: both in words.
        spearman: with measured transfer, by suite.
        clear: whether no suite leaves it to chance.
    """

    method: str
    column: str
    title: str
    spearman: dict[str, float]
    clear: bool

    @property
    def words(self) -> str:
        """The figures by suite."""
        return ", ".join(f"{value:+.2f} on {name}" for name, value in self.spearman.items())


@cache
def suite_figures() -> tuple[SuiteFigures, ...]:
    """Every method that all suites judged, the best first: those that are clear before others."""
    suites = json.loads(files("raytd.report.recommend").joinpath("suites.json").read_text())
    found: dict[_Key, dict[str, dict[str, object]]] = {}
    for name, verdicts in suites.items():
        for verdict in verdicts:  # of several settings the first, which is the best one
            own = found.setdefault((verdict["method"], verdict["column"]), {})
            own.setdefault(name, verdict)
    listed = [_figures(own) for (method, _), own in found.items()
              if method not in UNFIT and len(own) == len(suites)]  # fmt: skip
    return tuple(sorted(listed, key=lambda f: (not f.clear, -fmean(f.spearman.values()))))


def spoken_for(among: Sequence[_Key] | None = None) -> SuiteFigures | None:
    """The method that the suites speak for, of those with such a method and column."""
    return next(
        (f for f in suite_figures() if among is None or (f.method, f.column) in among), None
    )


def _figures(own: Mapping[str, dict[str, object]]) -> SuiteFigures:
    first = next(iter(own.values()))
    return SuiteFigures(
        method=str(first["method"]),
        column=str(first["column"]),
        title=str(first["contestant"]),
        spearman={name: float(str(verdict["spearman"])) for name, verdict in own.items()},
        clear=all(is_clear(_number(v, "spearman_low"), _number(v, "mantel_spearman_p"))
                  for v in own.values()),
    )  # fmt: skip


def _number(verdict: dict[str, object], name: str) -> float | None:
    value = verdict[name]
    return None if value is None else float(str(value))
