"""What a report says of a sweep as a whole: its facts, and what to know before believing it."""

from collections.abc import Iterable

from raytd.report.rows import Row, denied, number
from raytd.report.saved import SavedSweep

_MOST_NAMED = 5


def key_facts(saved: SavedSweep) -> list[tuple[str, str]]:
    """Name and text of each fact."""
    rows = saved.rows
    done = sum(row.get("status") == "done" for row in rows)
    counts = f"{done} of {saved.n_trials} done"
    if failed := sum(row.get("status") == "failed" for row in rows):
        counts += f", {failed} failed"
    if saved.n_missing:
        counts += f", {saved.n_missing} not ended"
    named = ("method", "model", "seed", "protocol", *saved.axes)
    settings = [(axis, _listed(row.get(axis) for row in rows)) for axis in named]
    plural = {"method": "methods", "model": "models", "seed": "seeds", "protocol": "protocols"}
    facts = [("trials", counts), ("tasks", ", ".join(saved.tasks))]
    return facts + [(plural.get(axis, axis), text) for axis, text in settings if text]


def findings(saved: SavedSweep) -> list[str]:
    """What to know before believing a number of the sweep, one line each."""
    rows = [row for row in saved.rows if row.get("status") == "done"]
    failed = [row for row in saved.rows if row.get("status") == "failed"]
    lines = [
        _count(failed, "failed"),
        _count([row for row in rows if denied(row, "arrived")],
               "did not arrive: the path may be short because the network stopped following"),
        _count([row for row in rows if denied(row, "coupling_converged")],
               "have a coupling that did not converge"),
        _count([row for row in rows if denied(row, "distance_converged")],
               "were still moving: their last iteration changed the distance by more than the "
               "tolerance"),
    ]  # fmt: skip
    if saved.n_missing:
        lines.append(f"{saved.n_missing} of {saved.n_trials} trials have not ended; the figures "
                     "show what there is")  # fmt: skip
    protocols = {row.get("protocol") for row in rows if number(row, "distance") is not None}
    if len(protocols) > 1:
        lines.append(
            f"{len(protocols)} protocols ({_listed(protocols)}): their raw lengths are "
            "on different scales, stand in different figures, and must not be compared; "
            "noise-free lengths move less"
        )
    if rows and len({row.get("seed") for row in rows}) == 1:
        lines.append("one seed: nothing is known of how much the numbers scatter")
    said = dict.fromkeys(str(row["warnings"]) for row in rows if row.get("warnings"))
    return [line for line in lines if line] + list(said)


def _count(rows: list[Row], what: str) -> str:
    """How many trials, and the first of them by name."""
    if not rows:
        return ""
    names = [
        f"{row['source']} → {row['target']} ({row['model']}, seed {row['seed']})" for row in rows
    ]
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{len(rows)} trials {what}: {', '.join(names[:_MOST_NAMED])}{more}"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None))
