"""Which source, with which network, for a target: the candidates in the order of a method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from raytd.errors import RequestError
from raytd.report.judge.contestants import Contestant, contestants
from raytd.report.naming import row_error, task_order, unit_of
from raytd.report.statistics.margins import Known, margins, ranks
from raytd.report.unknown import unknown_choice, without_results
from raytd.rows.grouping import holds
from raytd.rows.row import Row, number
from raytd.sweep.folder.doubts import Doubt

Floats = npt.NDArray[np.float64]

_SHARED_SCALES = frozenset({"rad", "accuracy", "nats"})
"""Units in which numbers of several networks stand on one scale, if their protocol is the same."""


@dataclass(frozen=True)
class Candidate:
    """A source with a network, and how near it is called.

    Attributes:
        source: the task to transfer from.
        contestant: method, network and settings that say so.
        values: the numbers, in the unit of the method, by seed.
        errors: their standard errors within a run, by seed; NaN where a row carries none.
        doubts: what is doubtful about these numbers, in any seed.
        rank: from 1; candidates that tie share one.
    """

    source: str
    contestant: Contestant
    values: Mapping[Any, float]
    errors: Mapping[Any, float]
    doubts: tuple[Doubt, ...]
    rank: int = 0

    @property
    def model(self) -> Any:
        """The network."""
        return self.contestant.fixed["model"]

    @property
    def value(self) -> float:
        """Mean over seeds."""
        return float(np.mean([*self.values.values()]))

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds (n − 1); None for one seed."""
        return float(np.std([*self.values.values()], ddof=1)) if len(self.values) > 1 else None

    @property
    def error(self) -> float | None:
        """Standard error of the mean: over seeds, or of the one run, if its row says; else None."""
        if self.spread is not None:
            return self.spread / float(np.sqrt(len(self.values)))
        (error,) = self.errors.values()
        return error if np.isfinite(error) else None

    @property
    def arrived(self) -> bool:
        """Whether the network followed to the end in every seed."""
        return not any(doubt.mark == "A" for doubt in self.doubts)

    @property
    def is_doubtful(self) -> bool:
        """Whether the number may be small for a wrong reason, so that it ranks last."""
        return any(doubt.is_serious for doubt in self.doubts)


@dataclass(frozen=True)
class Ranking:
    """Candidates whose numbers stand on one scale, nearest first.

    Attributes:
        method: that says how near they are.
        column: of its results.
        protocol: of all of them.
        unit: of the numbers; None for pure numbers.
        smaller_is_closer: how to read them.
        settings: of further axes, that all candidates share.
        candidates: with their ranks, the doubtful ones last.
        known: what the errors of the differences are from.
    """

    method: str
    column: str
    protocol: Any
    unit: str | None
    smaller_is_closer: bool
    settings: Mapping[str, Any]
    candidates: tuple[Candidate, ...]
    known: Known = "nothing"
    models: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", tuple(dict.fromkeys(c.model for c in self.candidates)))

    @property
    def first(self) -> tuple[Candidate, ...]:
        """The candidates of the first rank, if they are not doubtful."""
        return tuple(c for c in self.candidates if c.rank == 1 and not c.is_doubtful)

    @property
    def mixes_settings(self) -> bool:
        """Whether candidates of one network differ in settings, as after a search."""
        return len({c.contestant.title for c in self.candidates}) > len(self.models)

    def ties(self, candidate: Candidate) -> int:
        """How many candidates have this one's rank."""
        return sum(other.rank == candidate.rank for other in self.candidates)


def rankings(
    rows: Sequence[Row],
    target: str,
    *,
    method: str,
    column: str = "value",
    axes: Sequence[str] = (),
) -> list[Ranking]:
    """Every source with every network that the method has a number for, nearest first.

    There is one ranking for each scale: numbers of different protocols or settings are not ranked
    against one another, nor are those of different networks, except lengths, accuracies and
    log-likelihoods under one protocol. Numbers that tie share a rank. A candidate whose number may
    be small for a wrong reason comes after all others, whatever its number is: one that starts from
    a source at chance or from the weights of another source, or whose model did not arrive.

    Args:
        rows: rows of results.parquet.
        target: the task to transfer to.
        method: that ranks.
        column: of its results.
        axes: further columns whose settings must not be mixed.

    Raises:
        RequestError: if the method has no number for that target.
    """
    ours = [row for row in rows if row["method"] == method]
    if not any(number(row, column) is not None for row in ours):
        options = {"option": "--method", "column_option": "--value"}
        raise RequestError(without_results(rows, method, column, **options))
    scales: dict[tuple[Any, ...], list[Candidate]] = {}
    for contestant in contestants(ours, axes=axes, columns=(column,)):
        found = _candidates(contestant, target, ours)
        scales.setdefault(_scale(contestant, ours), []).extend(found)
    listed = [_ranking(own, ours) for own in _joined(scales) if own]
    if not listed:
        what = f"no result of {method} with a {column} has this target"
        raise no_target(target, [row for row in ours if number(row, column) is not None], what)
    return listed


def no_target(target: str, rows: Sequence[Row], what: str) -> RequestError:
    """The refusal of a target that these rows do not have."""
    known = {str(row["target"]) for row in rows}
    targets = [task for task in task_order(rows) if task in known]
    return RequestError(
        unknown_choice(target, targets, option="--target", what=what, kind="targets")
    )


def _scale(contestant: Contestant, rows: Sequence[Row]) -> tuple[Any, ...]:
    """What candidates must share to be ranked together: without their settings, and those."""
    fixed = dict(contestant.fixed)
    model = fixed.pop("model")
    protocol = fixed.pop("protocol")
    is_shared = unit_of(rows, contestant.column) in _SHARED_SCALES
    return (protocol, None if is_shared else model), tuple(fixed.items())


def _joined(scales: Mapping[tuple[Any, ...], list[Candidate]]) -> list[list[Candidate]]:
    """The candidates by scale; those that no other has the settings of, as after a search, are one.

    A search ends each pair with settings of its own, so that nothing could be ranked without.
    """
    single: dict[Any, list[Candidate]] = {}
    found = []
    for (scale, _), candidates in scales.items():
        if len({c.source for c in candidates}) != 1:
            found.append(candidates)
            continue
        if scale not in single:
            found.append(single.setdefault(scale, []))
        single[scale] += candidates
    return found


def _ranking(candidates: Sequence[Candidate], rows: Sequence[Row]) -> Ranking:
    some = candidates[0].contestant
    known, ordered = _in_order(candidates)
    fixed = [c.contestant.fixed for c in candidates]
    shared = {
        axis: value
        for axis, value in some.fixed.items()
        if axis not in ("method", "model", "protocol") and value is not None
        and all(other.get(axis) == value for other in fixed)
    }  # fmt: skip
    return Ranking(
        method=str(some.fixed["method"]),
        column=some.column,
        protocol=some.fixed["protocol"],
        unit=unit_of(rows, some.column),
        smaller_is_closer=some.smaller_is_closer,
        settings=shared,
        candidates=tuple(ordered),
        known=known,
    )


def _in_order(candidates: Sequence[Candidate]) -> tuple[Known, list[Candidate]]:
    """With their ranks, the doubtful ones after all others, and what their errors are from."""
    sign = 1 if candidates[0].contestant.smaller_is_closer else -1
    found: list[Candidate] = []
    known: list[Known] = []
    for doubtful in (False, True):
        own = [candidate for candidate in candidates if candidate.is_doubtful == doubtful]
        if not own:
            continue
        seeds = list(dict.fromkeys(seed for c in own for seed in c.values))
        values, errors = (
            np.array([[by.get(seed, np.nan) for by in side] for seed in seeds])
            for side in ([c.values for c in own], [c.errors for c in own])
        )
        apart = margins(values, errors)
        ordered = ranks([sign * c.value for c in own], apart.widths)
        before = len(found)
        found += [replace(own[place], rank=before + rank) for rank, place in ordered]
        known.append(apart.known)
    return next((one for one in known if one != "nothing"), "nothing"), found


def _candidates(contestant: Contestant, target: str, rows: Sequence[Row]) -> list[Candidate]:
    if target not in contestant.tasks:
        return []
    errors = {
        (row["source"], row.get("seed")): row_error(row, contestant.column)
        for row in rows
        if row["target"] == target and number(row, contestant.column) is not None
        and holds(row, contestant.fixed)
    }  # fmt: skip
    column = contestant.values[:, :, contestant.tasks.index(target)]
    found = []
    for source, values in zip(contestant.tasks, column.T, strict=True):
        by_seed = {seed: float(value) for seed, value in zip(contestant.seeds, values, strict=True)
                   if np.isfinite(value)}  # fmt: skip
        if source == target or not by_seed:
            continue
        found.append(
            Candidate(
                source=source,
                contestant=contestant,
                values=by_seed,
                errors={seed: errors[source, seed] for seed in by_seed},
                doubts=contestant.doubts.get((source, target), ()),
            )
        )
    return found
