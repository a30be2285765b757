"""What to do about a target, in one line of words, with ties and doubts in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raytd.report.recommend.measured import METHOD, Measured
from raytd.report.recommend.ranking import Candidate, Ranking
from raytd.report.recommend.recommendation import Recommendation, court, recommendations
from raytd.report.statistics.ties import order
from raytd.rows.row import Row

_MOST_NAMED = 3
_End = tuple[str, Any]


@dataclass(frozen=True)
class Answer:
    """What to do about one target.

    Attributes:
        advice: what to do and by what evidence.
        doubts: what to know before following it, a sentence each.
    """

    advice: str
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """All of it in one line."""
        return " ".join((self.advice, *self.doubts))


def in_lines(answers: Sequence[Answer]) -> list[str]:
    """A line for each answer, and one for the doubts that all of several share."""
    if len(answers) < 2:
        return [str(one) for one in answers]
    shared = [d for d in answers[0].doubts if all(d in one.doubts for one in answers)]
    lines = [" ".join((one.advice, *(d for d in one.doubts if d not in shared))) for one in answers]
    return [*lines, f"Of all {len(answers)}: {' '.join(shared)}"] if shared else lines


def answer(found: Recommendation) -> Answer:
    """What was measured goes before what was predicted."""
    best = [one for one in found.measured if one.rank == 1]
    if len(found.measured) > 1 and len(best) < len(found.measured):
        return _by_measurement(found, best)
    said = _by_prediction(found)
    if len(found.measured) > 1:
        low, high = (f(m.accuracy for m in best) for f in (min, max))
        top = _several([_end(found, m.source, m.model) for m in best if m.accuracy == high])
        more = (f"Measured transfer does not tell the {len(best)} apart: accuracy {low:.3g} to "
                f"{high:.3g}, highest from {top}, within the error.")  # fmt: skip
        return Answer(said.advice, (*said.doubts, more))
    return said


def answers(rows: Sequence[Row], axes: Sequence[str] = ()) -> list[Answer]:
    """That of every target that has several sources, in the order of the tasks."""
    return [answer(found) for found in recommendations(court(rows, axes))]


def _by_measurement(found: Recommendation, best: Sequence[Measured]) -> Answer:
    """Of the measured best, one that is also called nearest of the measured, if there is one."""
    nearest = _nearest_measured(found)
    agreed = [one for one in best if (one.source, one.model) in nearest]
    chosen = (agreed or best)[0]
    others = [_end(found, m.source, m.model) for m in best if m is not chosen]
    tied = f"; {_several(others)} {'ties' if len(others) == 1 else 'tie'} with it" if others else ""
    figures = f"accuracy {_with_error(chosen.accuracy, chosen.accuracy_error)}"
    if chosen.gain is not None:
        figures += f", gain {_with_error(chosen.gain, chosen.gain_error, '+.3g')}"
    said = (
        f"Transfer to {found.target} from {chosen.source} with network {chosen.model}: measured "
        f"transfer is best there ({figures}; {len(found.measured)} measured{tied})"
    )
    measured_doubts = _of_measurement(found, chosen)
    if found.predictor.method == METHOD:
        return Answer(f"{said}.", measured_doubts)
    said += f", {_beside_prediction(found, nearest, agrees=bool(agreed))}"
    return Answer(said, (*measured_doubts, *_doubts(found)))


def _of_measurement(found: Recommendation, chosen: Measured) -> tuple[str, ...]:
    """What to know of the measured transfer that is followed."""
    said = []
    if chosen.n_seeds == 1:
        said.append("Transfer was measured with one seed.")
    if chosen.may_gain_nothing:
        said.append(
            f"Training {found.target} from scratch may do as well: the gain is not above two "
            "standard errors."
        )
    if chosen.doubts:
        end = _end(found, chosen.source, chosen.model)
        said.append(f"Doubtful of {end}: {'; '.join(chosen.doubts)}.")
    return tuple(said)


def _beside_prediction(found: Recommendation, nearest: Sequence[_End], *, agrees: bool) -> str:
    """Whether the prediction agrees with what was measured, and what it names that was not."""
    name, n = _name(found), len(nearest)
    known = {(m.source, m.model): m.accuracy for m in found.measured}
    if not nearest:
        said = f"and {name} says nothing of them."
    elif n == len(known) > 1:
        said = f"and {name} tells none of them apart."
    elif agrees:
        tie = f", in a tie with {n - 1} other{'s' if n > 2 else ''}" if n > 1 else ""
        said = f"and {name} calls it nearest of them{tie}."
    else:
        calls = [f"{_end(found, *end)} (accuracy {known[end]:.3g})" for end in nearest]
        said = f"although {name} calls {_several(calls)} nearest of them."
    firsts = [(c.source, c.model) for ranking in found.rankings for c in ranking.first]
    others = [_end(found, *end) for end in firsts if end not in known]
    was = "was" if len(others) == 1 else "were"
    return said + (f" Called nearest of all, but not measured, {was} {_several(others)}."
                   if others else "")  # fmt: skip


def _nearest_measured(found: Recommendation) -> list[_End]:
    """Of each ranking, the candidates that rank first among those that were measured."""
    known = {(one.source, one.model) for one in found.measured}
    nearest: list[_End] = []
    for ranking in found.rankings:
        own = [c for c in ranking.candidates if (c.source, c.model) in known and not c.is_doubtful]
        nearest += [(c.source, c.model) for c in own if c.rank == own[0].rank]
    return nearest


def _end(found: Recommendation, source: str, model: Any) -> str:
    """A source, with its network where there are several."""
    models = {m.model for m in found.measured} | {m for r in found.rankings for m in r.models}
    return source if len(models) == 1 else f"{source} with {model}"


def _by_prediction(found: Recommendation) -> Answer:
    target, name = found.target, _name(found)
    if found.predictor.is_worthless:
        return Answer(
            f"Nothing here tells the sources of {target} apart: {name} ranks them, and it does "
            f"not agree with {found.truth} where it was judged."
        )
    chosen = [(r, r.first) for r in found.rankings if r.first]
    if not chosen:
        return Answer(f"Nothing here names a source for {target}: every candidate is doubtful.")
    choices = [_choice(found, ranking, first) for ranking, first in chosen]
    telling = [choice for choice in choices if choice is not None]
    if not telling:
        return Answer(_no_difference(found), _doubts(found))
    said = f"Transfer to {target} {'; or '.join(telling)}: {name} calls that nearest."
    if len(found.rankings) > 1:
        said += " The rankings are not on one scale, so nothing here chooses between them."
    if any(len(ranking.models) > 1 for ranking, _ in chosen):
        said += " Of networks it says little: one that moves faster has longer paths."
    n, of = len(found.rankings) - len(telling), len(found.rankings)
    if n:
        said += f" {n} of {of} rankings name no source."
    return Answer(said, _doubts(found))


def _no_difference(found: Recommendation) -> str:
    """Why no ranking names a source."""
    firsts = [ranking.first for ranking in found.rankings if ranking.first]
    sources = list(dict.fromkeys(c.source for first in firsts for c in first))
    if len(sources) == 1:
        return (
            f"Transfer to {found.target} from {sources[0]}, the only source here: there is nothing "
            "to choose between."
        )
    if all(len(first) == 1 for first in firsts):
        return f"Nothing here tells the sources of {found.target} apart: no two are on one scale."
    return (
        f"Nothing here tells the sources of {found.target} apart: {_several(sources)} tie by "
        f"{_name(found)}."
    )


def _choice(found: Recommendation, ranking: Ranking, first: Sequence[Candidate]) -> str | None:
    """Source and network of a ranking; None where it tells no two sources apart."""
    n_sound = sum(not candidate.is_doubtful for candidate in ranking.candidates)
    n_sources = len({candidate.source for candidate in first})
    if len(ranking.candidates) == 1 or (len(first) == n_sound and n_sources > 1):
        return None
    others = [_end(found, c.source, c.model) for c in first[1:]]
    tied = f" (a tie with {_several(others)})" if others else ""
    return f"from {first[0].source} with network {first[0].model}{tied}"


def _doubts(found: Recommendation) -> tuple[str, ...]:
    """What to know before following it."""
    said = []
    if found.predictor.doubt is not None:
        said.append(f"The order by {_name(found)} may be chance: {found.predictor.doubt}.")
    if found.truth is None:
        said.append("Nothing was measured here to judge it by.")
    n = sum(c.is_doubtful for ranking in found.rankings for c in ranking.candidates)
    if n:
        said.append(f"{n} doubtful {'candidate is' if n == 1 else 'candidates are'} left aside.")
    several = [ranking for ranking in found.rankings if len(ranking.candidates) > 1]
    if several and all(ranking.known == "nothing" for ranking in several):
        said.append("One seed without an error does not say which differences are real.")
    return tuple(said)


def _name(found: Recommendation) -> str:
    chosen = found.predictor
    return chosen.method if chosen.column == "value" else f"{chosen.method} ({chosen.column})"


def _several(names: Sequence[str]) -> str:
    """Names in a row, the first few."""
    more = len(names) - _MOST_NAMED
    shown = [*names[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _with_error(value: float, error: float | None, form: str = ".3g") -> str:
    shown = "" if error is None else f" ± {error if order(error, 0) else 0:.2g}"
    return format(value, form) + shown
