"""A recommendation as plain data, and as tables and lines for the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raytd.report.judge.judging import Verdict
from raytd.report.naming import setting, words
from raytd.report.recommend.answer import answer
from raytd.report.recommend.measured import Measured
from raytd.report.recommend.ranking import Candidate, Ranking
from raytd.report.recommend.recommendation import Recommendation
from raytd.report.statistics.agreement import SourceChoice
from raytd.rows.row import Row
from raytd.words import counted, part_of

if TYPE_CHECKING:
    from rich.table import Table

_Measured = Mapping[tuple[str, Any], Measured]

KNOWN = {
    "seeds": "A tie: two numbers differ by less than the 95 % margin of their difference, from the "
    "scatter over seeds (Student's t, pooled over candidates).",
    "rows": "A tie: two numbers differ by less than the 95 % margin of their difference, from the "
    "standard errors within one run.",
    "nothing": "One seed and no standard error: only numbers that differ by rounding are ties.",
}
"""How ties are found, by what is known of the errors."""

RULE = "Candidates share a rank if they tie with its first."


def document(found: Recommendation, evidence: Sequence[str]) -> dict[str, Any]:
    """The recommendation as JSON-able data; what is not known is None."""
    chosen, measured = found.predictor, _by_ends(found)
    return {
        "target": found.target,
        "method": chosen.method,
        "column": chosen.column,
        "why": chosen.why,
        "doubt": chosen.doubt,
        "truth": found.truth,
        "rankings": [_head(found.target, n, r) for n, r in enumerate(found.rankings, 1)],
        "candidates": [
            _row(n, ranking, candidate, measured.get((candidate.source, candidate.model)))
            for n, ranking in enumerate(found.rankings, 1)
            for candidate in ranking.candidates
        ],
        "measured": [{**vars(one), "doubts": list(one.doubts)} for one in found.measured],
        "notes": order_lines(found),
        "evidence": list(evidence),
        "answer": str(answer(found)),
    }


def _by_ends(found: Recommendation) -> _Measured:
    return {(one.source, one.model): one for one in found.measured}


def _head(target: str, n: int, ranking: Ranking) -> dict[str, Any]:
    return {
        "ranking": n,
        "heading": heading(target, ranking),
        "method": ranking.method,
        "column": ranking.column,
        "protocol": ranking.protocol,
        "unit": ranking.unit,
        "smaller_is_closer": ranking.smaller_is_closer,
        "models": list(ranking.models),
        "settings": dict(ranking.settings),
        "errors_from": ranking.known,
    }


def _row(
    n: int, ranking: Ranking, candidate: Candidate, measured: Measured | None
) -> dict[str, Any]:
    return {
        "ranking": n,
        "rank": candidate.rank,
        "ties": ranking.ties(candidate) - 1,
        "source": candidate.source,
        "model": candidate.model,
        "by": candidate.contestant.title,
        "value": candidate.value,
        "error": candidate.error,
        "spread": candidate.spread,
        "n_seeds": len(candidate.values),
        "accuracy": measured and measured.accuracy,
        "accuracy_error": measured and measured.accuracy_error,
        "gain": measured and measured.gain,
        "gain_error": measured and measured.gain_error,
        "arrived": candidate.arrived,
        "doubts": "; ".join(doubt.text for doubt in candidate.doubts) or None,
    }


def heading(target: str, ranking: Ranking) -> str:
    """What is ranked by what, and which numbers stand on its scale."""
    unit = f"{ranking.unit}, " if ranking.unit else ""
    own = "" if ranking.column == "value" else f", {words(ranking.column)}"
    closer = "smaller" if ranking.smaller_is_closer else "larger"
    models = (
        f"network{'' if len(ranking.models) == 1 else 's'} {', '.join(map(str, ranking.models))}"
    )
    settings = [f"{axis} {setting(value)}" for axis, value in ranking.settings.items()]
    return ", ".join([
        f"Sources for {target} by {ranking.method}{own} ({unit}{closer} is closer)",
        f"protocol {ranking.protocol}", *settings, models,
    ])  # fmt: skip


def table(found: Recommendation, ranking: Ranking) -> "Table":
    """One ranking; measured transfer stands beside, where any of its candidates has some."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    measured = _by_ends(found)
    columns = _columns(ranking, measured)
    for name in columns:
        is_number = name in _NUMBERS
        made.add_column(name, justify="right" if is_number else "left", no_wrap=is_number,
                        overflow="fold")  # fmt: skip
    for candidate in ranking.candidates:
        one = measured.get((candidate.source, candidate.model))
        cells = _cells(ranking, candidate, one)
        made.add_row(*(Text(cells[name]) for name in columns))
    return made


_NUMBERS = ("rank", "value", "±", "accuracy", "gain")


def _columns(ranking: Ranking, measured: _Measured) -> list[str]:
    """Those that have something to say."""
    ends = [(c.source, c.model) for c in ranking.candidates]
    found = [measured[end] for end in ends if end in measured]
    return [
        "rank", "source", *(["network"] if len(ranking.models) > 1 else []),
        *(["by"] if ranking.mixes_settings else []), "value", "±",
        *(["accuracy"] if found else []),
        *(["gain"] if any(one.gain is not None for one in found) else []),
        *(["note"] if any(_notes(ranking, c) for c in ranking.candidates) else []),
    ]  # fmt: skip


def _cells(ranking: Ranking, candidate: Candidate, one: Measured | None) -> dict[str, str]:
    gain = None if one is None or one.gain is None else (one.gain, one.gain_error)
    return {
        "rank": str(candidate.rank),
        "source": candidate.source,
        "network": str(candidate.model),
        "by": candidate.contestant.title,
        "value": f"{candidate.value:.4g}",
        "±": "-" if candidate.error is None else f"{candidate.error:.2g}",
        "accuracy": "-" if one is None else _measured(one.accuracy, one.accuracy_error),
        "gain": "-" if gain is None else _measured(*gain, form="+.3f"),
        "note": "; ".join(_notes(ranking, candidate)),
    }


def _measured(value: float, error: float | None, form: str = ".3f") -> str:
    return format(value, form) + ("" if error is None else f" ± {error:.3f}")


def _notes(ranking: Ranking, candidate: Candidate) -> list[str]:
    most = max(len(c.values) for c in ranking.candidates)
    n = len(candidate.values)
    fewer = [f"{n} of {counted(most, 'seed')}"] if n < most else []
    tied = ["tie"] if ranking.ties(candidate) > 1 else []
    return tied + [doubt.text for doubt in candidate.doubts] + fewer


def order_lines(found: Recommendation) -> list[str]:
    """What the tables do not say: what is a tie, what comes last, what is not on one scale."""
    known = dict.fromkeys(ranking.known for ranking in found.rankings)
    lines = [KNOWN[one] for one in known]
    if any(r.ties(c) > 1 for r in found.rankings for c in r.candidates):
        lines.append(RULE)
    for ranking in found.rankings:
        n, of = sum(c.is_doubtful for c in ranking.candidates), len(ranking.candidates)
        if n == of:
            lines.append("Every candidate is doubtful, as the notes say.")
        elif n:
            lines.append(f"The last {n} of {of} are last whatever their numbers are: the notes say "
                         "why they are doubtful.")  # fmt: skip
    if any(ranking.mixes_settings for ranking in found.rankings):
        lines.append("The candidates differ in settings, each pair having its own, as after a "
                     "search: the order mixes them.")  # fmt: skip
    if len(found.rankings) > 1:
        lines.append("The rankings are not on one scale: compare numbers within one of them only.")
    elif len(found.rankings[0].models) > 1:
        lines.append("The networks share a protocol, so one ranking holds them. A wider network "
                     "still moves faster at one rate: see trajectory.match.")  # fmt: skip
    if found.measured:
        lines.append("accuracy, gain: of measured transfer; ± is a standard error.")
    return [*dict.fromkeys(lines), *found.notes]


def evidence(found: Recommendation, rows: Sequence[Row], silence: str | None) -> list[str]:
    """What was measured here of how well the method chooses, a line for each network."""
    method, truth = found.predictor.method, found.truth
    if truth == method:
        return [f"no evidence: {method} is the truth itself, and nothing else vouches for it"]
    if truth is None:
        return [f"no evidence: {silence}, so nothing says how well {method} chooses; add transfer "
                "to the methods of the sweep"]  # fmt: skip
    unit = next((str(r["unit"]) for r in rows if r["method"] == truth and r.get("unit")), "")
    said = [in_words(verdict, unit) for verdict in found.verdicts]
    return said or [f"no evidence: {truth} does not judge {method} ({found.predictor.column})"]


def in_words(verdict: Verdict, unit: str) -> str:
    """How far a method can be trusted to choose a source, by what was measured here.

    Args:
        verdict: of the method.
        unit: of the truth, such as `accuracy`.
    """
    choice, name = verdict.choice, verdict.contestant.title
    if verdict.no_evidence is not None:
        return f"no evidence about {name}: {verdict.no_evidence}"
    if not choice.n_targets:
        return f"no evidence about {name}: no target has two sources that the truth tells apart"
    short = " ".join([f"{choice.regret:.3g}", *([] if unit in ("", "1") else [unit])])
    lines = (
        f"{name}: its nearest source is the best one {_for_targets(choice)} (a blind choice: "
        f"{choice.share_best_by_chance:.0%}); following it falls short of the best "
        f"source by {short} (a blind choice: {choice.regret_by_chance:.3g})"
    )
    interval = verdict.spearman_interval
    rank = f"; Spearman over all pairs {verdict.ranks.spearman:+.2f}"
    rank += "" if interval is None else f" ({interval[0]:+.2f} … {interval[1]:+.2f} over seeds)"
    chance = verdict.mantel_ranks
    rank += "" if chance is None else f", p = {chance.p_greater:.2g}"
    n, words_of_doubt = verdict.n_doubtful, {"one": "is doubtful", "more": "are doubtful"}
    doubt = part_of(n, verdict.ranks.n_pairs, "pair", **words_of_doubt)
    return lines + rank + (f"; {doubt}" if n else "")


def _for_targets(choice: SourceChoice) -> str:
    """For how many targets; a tie counts in part."""
    if choice.n_targets > 1:
        return f"for {choice.share_best:.0%} of {choice.n_targets} targets"
    if choice.share_best in (0.0, 1.0):
        return f"for {'the' if choice.share_best else 'none, as for the'} one target that counts"
    return f"with a chance of {choice.share_best:.0%} for the one target that counts"
