"""The sweeps of a storage on the terminal, or one of them in detail."""

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from raytd.cli.terminal import open_console, open_table
from raytd.cli.views.standing import duration
from raytd.errors import RequestError
from raytd.storage.path import StoragePath, require_storage
from raytd.sweep.folder.find import sweep_folder
from raytd.sweep.folder.progress import SweepProgress, storage_progress, sweep_progress
from raytd.sweep.folder.trial_states import Checkpointed, TrialState
from raytd.words import counted

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"running": "green", "failed": "red", "damaged": "red"}


def show_sweeps(storage: StoragePath, *, as_json: bool) -> None:
    """Prints a line for each sweep of a storage, and says what was looked at.

    Raises:
        RequestError: in one line, if the storage cannot be used.
    """
    require_storage(storage)
    found = storage_progress(storage)
    if as_json:
        document = {"storage": str(storage), "sweeps": [_facts(each) for each in found]}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(_looked_at(storage, len(found)), err=True)
    if found:
        _print_list(found)
    for line in (line for each in found for line in _hints(each)):
        click.echo(line, err=True)


def show_sweep(name: str, storage: StoragePath, *, as_json: bool) -> int:
    """Prints what is known of one sweep; the exit code, 1 if a trial of it failed.

    Raises:
        RequestError: in one line, if no such sweep is in the storage.
    """
    try:
        found = sweep_progress(sweep_folder(name, storage))
    except RequestError as error:
        raise RequestError(f"{error}; for a job of a Ray cluster name its --address") from error
    if as_json:
        click.echo(json.dumps(_facts(found) | _details(found), indent=2))
    else:
        _print_one(found)
    return 1 if found.failures else 0


def _looked_at(storage: StoragePath, n: int) -> str:
    if n:
        return f"{storage}: {counted(n, 'sweep')} (--address URL asks a Ray cluster for its jobs)"
    return (
        f"{storage}: no sweeps are there; raytd sweep makes one, --storage names another folder, "
        "and --address URL asks a Ray cluster for its jobs"
    )


def _print_list(found: list[SweepProgress]) -> None:
    table = open_table("sweep", "state", pad_edge=False, collapse_padding=True)
    for heading in ("done", "failed", "missing", "of", "an hour", "left", "last sign"):
        table.add_column(heading, justify="right", no_wrap=True)
    now = time.time()
    for each in found:
        pace = each.pace if each.condition.endswith("running") else None
        counts = ["?"] * 4 if each.condition == "damaged" else _counts(each)
        table.add_row(
            each.name,
            each.condition,
            *counts,
            "-" if pace is None else _rate(pace.per_hour),
            "-" if each.left_s is None else duration(each.left_s),
            _ago(now, each.last_sign_at).removesuffix(" ago"),
            style=_STYLES.get(each.condition),
        )
    open_console().print(table)


def _counts(each: SweepProgress) -> list[str]:
    counts = (each.n_done, len(each.failures), each.n_missing, each.n_planned)
    return [f"{n:,}" for n in counts]


def _hints(each: SweepProgress) -> list[str]:
    lines = list(each.damages)
    if each.failures:
        n = len(each.failures)
        lines.append(
            f"{each.name}: {counted(n, 'trial')} failed; raytd status {each.name} says why"
        )
    if each.holder is not None and each.holder.is_alive is False:
        lines.append(f"{each.name}: {each.holder.name} ran it and ended without saying so")
    return lines


def _print_one(found: SweepProgress) -> None:
    console, now = open_console(), time.time()
    console.print(_headline(found), style=_STYLES.get(found.condition))
    if found.condition != "damaged":
        done, failed, missing, _ = _counts(found)
        most = "at most " if found.n_to_come else ""
        trials = counted(found.n_planned, "trial")
        console.print(f"{most}{trials}: {done} done, {failed} failed, {missing} missing")
    for line in _speed_lines(found):
        console.print(line)
    console.print(f"last sign of life {_ago(now, found.last_sign_at)}")
    console.print(f"folder  {found.folder}", soft_wrap=True)
    _print_checkpoints(console, found, now)
    _print_failures(console, found)
    for line in found.damages:
        console.print(f"damaged, and counted as missing: {line}", soft_wrap=True)


def _headline(found: SweepProgress) -> str:
    text = f"{found.name}: {found.condition}"
    holder = found.holder
    if holder is None:
        return text
    if holder.is_alive is False:
        return f"{text}; {holder.name} ran it and ended without saying so"
    doubt = "" if holder.is_alive else " (whether it still runs cannot be told there)"
    return f"{text} by {holder.name} since {_clock(holder.since)}{doubt}"


def _speed_lines(found: SweepProgress) -> list[str]:
    pace = found.pace
    if pace is None:
        return []
    ended = f"{counted(pace.n_ended, 'trial')} ended since {_clock(found.begun_at)}"
    lines = [f"{ended}: {_rate(pace.per_hour)} an hour, {pace.at_once:.1f} at once"]
    if found.left_s:
        end = _clock(found.looked_at + found.left_s)
        lines.append(f"about {duration(found.left_s)} left, until {end}")
    return lines


def _rate(per_hour: float) -> str:
    return f"{per_hour:,.0f}" if per_hour >= 100 else f"{per_hour:.2g}"


def _print_checkpoints(console: "Console", found: SweepProgress, now: float) -> None:
    runs = found.condition.endswith("running")
    if not found.checkpointed:
        if runs:
            console.print(_why_no_place(found))
        return
    names = {t.key: t.name for t in found.trials}
    title = (
        "under way, by their last checkpoints:" if runs else "to be continued from a checkpoint:"
    )
    table = open_table(
        "trial", "iteration", "segment", "written", title=title, title_justify="left"
    )
    for each in found.checkpointed:
        place = (str(each.iteration), str(each.segment))
        table.add_row(names.get(each.key, each.key), *place, _ago(now, each.at))
    console.print(table)


def _why_no_place(found: SweepProgress) -> str:
    """Why a sweep that runs shows no trial under way."""
    if not found.trials_left and not found.n_to_come:
        return "All trials have ended. The results and the report are being written."
    if found.pace is None:
        return "No trial has written anything yet. Source networks are trained before any trial."
    return "No trial under way has left a checkpoint yet."


def _print_failures(console: "Console", found: SweepProgress) -> None:
    for trial in found.failures:
        log = found.folder / "trials" / trial.key / "log.txt"
        again = "" if not trial.transient else "; it is run again"
        console.print(f"failed: {trial.name}: {trial.error}{again} ({log})", soft_wrap=True)


def _ago(now: float, at: float | None) -> str:
    if at is None:
        return "-"
    passed_s = max(0.0, now - at)
    if passed_s < 86_400:
        return f"{duration(passed_s)} ago"
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"


def _clock(at: float | None) -> str:
    if at is None:
        return "-"
    then = datetime.fromtimestamp(at)
    is_today = then.date() == datetime.now().date()
    return f"{then:%H:%M}" if is_today else f"{then:%Y-%m-%d %H:%M}"


def _facts(each: SweepProgress) -> dict[str, Any]:
    """What there is to know of a sweep; times in seconds."""
    pace, holder = each.pace, each.holder
    is_known = each.condition != "damaged"
    return {
        "sweep": each.name,
        "folder": str(each.folder),
        "condition": each.condition,
        "planned": each.n_planned if is_known else None,
        "done": each.n_done if is_known else None,
        "failed": len(each.failures) if is_known else None,
        "missing": each.n_missing if is_known else None,
        "to_come": each.n_to_come,
        "begun": each.begun_at,
        "per_hour": None if pace is None else pace.per_hour,
        "at_once": None if pace is None else pace.at_once,
        "left_s": each.left_s,
        "last_sign": each.last_sign_at,
        "process": None if holder is None else holder.name,
        "damaged": each.damages,
    }


def _details(found: SweepProgress) -> dict[str, Any]:
    names = {t.key: t.name for t in found.trials}
    return {
        "under_way": [_place(each, names) for each in found.checkpointed],
        "failures": [_failure(trial) for trial in found.failures],
    }


def _place(each: Checkpointed, names: dict[str, str]) -> dict[str, Any]:
    place = {"iteration": each.iteration, "segment": each.segment, "written": each.at}
    return {"trial_key": each.key, "trial": names.get(each.key), **place}


def _failure(trial: TrialState) -> dict[str, Any]:
    again = {"transient": trial.transient, "ended": trial.ended_at}
    return {"trial_key": trial.key, "trial": trial.name, "error": trial.error, **again}
