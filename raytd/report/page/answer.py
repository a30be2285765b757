"""The first section: what to do about each target, and how near its sources are called."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from raytd.report.figures.near_far import number_format
from raytd.report.naming import words
from raytd.report.page.words import name, names, prose
from raytd.report.recommend.answer import answer, in_lines
from raytd.report.recommend.measured import METHOD, Measured
from raytd.report.recommend.ranking import Candidate, Ranking
from raytd.report.recommend.recommendation import Recommendation
from raytd.report.recommend.text import heading

_MOST_SOURCES, _MOST_RANKINGS = 8, 2
_Scale = tuple[float, float]


def answer_section(found: Sequence[Recommendation], known: Sequence[str]) -> str:
    """A card for each target with its advice and its sources, nearest first.

    Args:
        found: the recommendation for each target.
        known: names of tasks and methods.
    """
    if not found:
        return (
            '<p class="text">Nothing is recommended: no target has several sources with a result.'
            "</p>"
        )
    lines = in_lines([answer(one) for one in found])
    scales = _scales(found)
    cards = "".join(
        _card(one, line, scales, known) for one, line in zip(found, lines, strict=False)
    )
    why = dict.fromkeys(one.predictor.why for one in found)
    said = "".join(f"<p>{prose(line, known)}</p>" for line in lines[len(found) :])
    return (
        f'<p class="soft">{" ".join(prose(text, known) for text in why)}</p>'
        f'<div class="cards">{cards}</div>{said}<p class="soft text">{_key(found)}</p>'
    )


def _key(found: Sequence[Recommendation]) -> str:
    """How the bars are read."""
    rankings = [ranking for one in found for ranking in one.rankings]
    by = {r.method: "smaller" if r.smaller_is_closer else "larger" for r in rankings}
    ways = "; ".join(f"{name(method)}: {way} is closer" for method, way in by.items())
    candidates = [candidate for ranking in rankings for candidate in ranking.candidates]
    said = [f"Nearest first ({ways}). Blue: nearest, with what ties with it."]
    if any(candidate.error is not None for candidate in candidates):
        said.append("±, and the line across: standard error.")
    if any(candidate.is_doubtful for candidate in candidates):
        said.append("Hatched: doubtful, so it comes last whatever its number is.")
    if not all(ranking.smaller_is_closer for ranking in rankings):
        said.append("A score is a point between the lowest and the highest one.")
    return " ".join(said)


def _card(
    found: Recommendation, advice: str, scales: Mapping[Any, _Scale], known: Sequence[str]
) -> str:
    measured = {(one.source, one.model): one for one in found.measured}
    tables = [
        _bars(found.target, ranking, scales[_scale_of(ranking)], measured)
        for ranking in found.rankings[:_MOST_RANKINGS]
    ]
    more = len(found.rankings) - _MOST_RANKINGS
    left_out = f'<p class="soft">{more} more in the matrices.</p>' if more > 0 else ""
    return (
        f"<article><h3>{name(found.target)}</h3>{''.join(tables)}{left_out}"
        f"<p>{prose(advice, known)}</p></article>"
    )


def _bars(
    target: str,
    ranking: Ranking,
    scale: _Scale,
    measured: Mapping[tuple[str, Any], Measured],
) -> str:
    """A ranking as a table with a bar in each row."""
    shown = ranking.candidates[:_MOST_SOURCES]
    beside = ranking.method != METHOD and any((c.source, c.model) in measured for c in shown)
    quantity = ranking.method if ranking.column == "value" else words(ranking.column)
    heads = f'<th scope="col">source</th><th scope="col" colspan="2">{names([quantity])}' + (
        "</th>" if ranking.unit is None else f" ({escape(ranking.unit)})</th>"
    )
    heads += '<th scope="col" class="n">accuracy</th>' if beside else ""
    several, form = len(ranking.models) > 1, number_format(scale)
    rows = "".join(
        f'<tr><th scope="row">{_who(candidate, several=several)}</th>'
        f'<td class="bar">{_bar(candidate, scale, ranking)}</td>'
        f'<td class="n">{_number(candidate, form)}</td>'
        + (_accuracy(measured.get((candidate.source, candidate.model))) if beside else "")
        + "</tr>"
        for candidate in shown
    )
    more = len(ranking.candidates) - len(shown)
    rest = f'<p class="soft">and {more} more</p>' if more > 0 else ""
    return (
        f'<div class="wide" tabindex="0"><table><caption class="hidden">'
        f"{escape(heading(target, ranking))}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{rest}"
    )


def _who(candidate: Candidate, *, several: bool) -> str:
    """Source, network where there are several, and the marks of what is doubtful."""
    marks = "".join(doubt.mark for doubt in candidate.doubts)
    told = escape("; ".join(doubt.text for doubt in candidate.doubts))
    shown = f'<sup title="{told}">{marks}</sup>' if marks else ""
    return name(candidate.source) + shown + (f", {name(candidate.model)}" if several else "")


def _bar(candidate: Candidate, scale: _Scale, ranking: Ranking) -> str:
    """Distances as bars from 0, scores as points; the error as a line across the end."""
    low, high = scale
    value, error = candidate.value, candidate.error or 0.0

    def place(number: float) -> float:
        return 100 * (number - low) / (high - low or 1)

    is_near = candidate.rank == 1 and not candidate.is_doubtful
    look = "doubtful" if candidate.is_doubtful else "near" if is_near else ""
    if ranking.smaller_is_closer:
        mark = f'<i class="{look}" style="width:{place(value):.1f}%"></i>'
    else:
        mark = f'<i class="point {look}" style="left:{place(value):.1f}%"></i>'
    left, right = place(value - error), place(value + error)
    line = f'<b style="left:{left:.1f}%;width:{right - left:.1f}%"></b>' if error else ""
    rail = "" if ranking.smaller_is_closer else " rail"
    return f'<span class="track{rail}" aria-hidden="true">{line}{mark}</span>'


def _scales(found: Sequence[Recommendation]) -> dict[Any, _Scale]:
    """The ends of the bars, one for all rankings whose numbers mean the same."""
    spans: dict[Any, list[float]] = {}
    for ranking in (ranking for one in found for ranking in one.rankings):
        own = spans.setdefault(_scale_of(ranking), [0.0] if ranking.smaller_is_closer else [])
        for candidate in ranking.candidates:
            error = candidate.error or 0.0
            own += [candidate.value - error, candidate.value + error]
    return {key: (min(own), max(own)) for key, own in spans.items()}


def _scale_of(ranking: Ranking) -> Any:
    return ranking.method, ranking.column, ranking.protocol, ranking.unit


def _number(candidate: Candidate, form: str) -> str:
    error = "" if candidate.error is None else f" ± {candidate.error:.2g}"
    return f"{candidate.value:{form}}{error}"


def _accuracy(one: Measured | None) -> str:
    """What transfer was measured to reach; the best, with what ties with it, in bold."""
    if one is None:
        return '<td class="n">–</td>'
    text = f"{one.accuracy:.3f}"
    return f'<td class="n">{f"<strong>{text}</strong>" if one.rank == 1 else text}</td>'
