"""The trial that `raytd distance` is asked for: between named tasks, or a user's own data."""

from functools import cache
from pathlib import Path
from typing import Any

from raytd.cli import options
from raytd.cli.drafting import drafted, shorter
from raytd.cli.views.events import View
from raytd.cli.views.standing import duration
from raytd.errors import RequestError
from raytd.methods.registry import METHODS
from raytd.sweep.cluster.connection import local_nodes
from raytd.sweep.cost.forecast import Forecast, forecast_of
from raytd.sweep.cost.timing import kept_speeds
from raytd.sweep.draft.asked import Asked
from raytd.sweep.draft.ends import find_ends, is_path
from raytd.sweep.draft.settings import definition
from raytd.sweep.draft.sized import BUDGET_S, QUICK
from raytd.sweep.draft.smaller import as_settings, smaller
from raytd.sweep.draft.text import Draft
from raytd.sweep.file.catalogue_file import load_catalogue
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.spec import SweepSpec
from raytd.sweep.trials.networks import Network, missing_networks
from raytd.sweep.trials.single import TaskLike, single_spec, single_trial
from raytd.sweep.trials.trial import Trial
from raytd.tasks import datasets
from raytd.tasks.references import data_root

_CALLER = "raytd distance"
_MODEL = "cnn8-narrow"


def asked_trial(
    words: tuple[str, str], settings: dict[str, Any], given: dict[str, Any], view: View
) -> Trial:
    """The trial that is asked for: between tasks that have names, or data of the user's own.

    Args:
        words: source and target, as the user wrote them.
        settings: the method and, where they are given, model and seed.
        given: the other options of the command.
        view: is told what was read, and which settings were taken.

    Raises:
        RequestError: with everything that is wrong.
    """
    if not any(is_path(word) for word in words):
        return _named_trial(words, settings, given, view)
    known = load_catalogue(given["catalogue"])
    if given["config"]:
        tasks = load_sweep(given["config"], has_gpu=lambda: False).spec.tasks
        known = {**known, **{task.name: task for task in tasks}}
    if words[0] == words[1] and words[0] in known:
        return _named_trial(words, settings, given, view)
    source, target = words
    ends, problems = find_ends(
        (source,), (target,), known, data_root(given["data"]), ("SOURCE", "TARGET")
    )
    if problems:
        raise RequestError(problems)
    if given["config"] is None and not all(end.by_name for end in ends.all):
        return _sized_trial(words, settings, given, view)
    meant = {e.written: e.written if e.by_name else definition(e.spec) for e in ends.all}
    return _named_trial((meant[source], meant[target]), settings, given, view)


def _named_trial(
    ends: tuple[TaskLike, TaskLike], settings: dict[str, Any], given: dict[str, Any], view: View
) -> Trial:
    """The trial with the settings as they are written, and a word on those that take long."""
    asked = options.settings_of(catalogue=given["catalogue"], download=given["download"])
    overrides = given["overrides"] + asked
    config, data, read = given["config"], given["data"], cache(datasets.read)

    def trial_with(more: tuple[str, ...]) -> Trial:
        every = overrides + more
        return single_trial(
            ends, settings, config=config, data=data, overrides=every, caller=_CALLER, read=read
        )

    trial = trial_with(())
    seconds = forecast_of_one(trial, None)[1].left_s()
    if seconds is not None and seconds > BUDGET_S:
        spec = single_spec(ends, settings, config=config, overrides=overrides, caller=_CALLER)
        less = smaller(
            spec, BUDGET_S, lambda more: forecast_of_one(trial_with(more), None)[1].left_s()
        )
        parts = (f"this takes about {duration(seconds)} on this machine", shorter(less, BUDGET_S))
        view.show("warning", {"message": "; ".join(part for part in parts if part)})
    return trial


def _sized_trial(
    words: tuple[str, str], settings: dict[str, Any], given: dict[str, Any], view: View
) -> Trial:
    """The trial with settings that fit this machine, which are shown."""
    settings, (source, target) = {"model": _MODEL, **settings}, words
    (method,) = settings["methods"]

    def spec_of(draft: Draft, file: Path) -> SweepSpec:
        names = draft.sources[0], draft.targets[0]
        overrides = given["overrides"]
        return single_spec(
            names, settings, config=file, profile=QUICK, overrides=overrides, caller=_CALLER
        )

    places = {key: given[key] for key in ("data", "catalogue", "download")}
    asked = Asked((source,), (target,), (settings["model"],), writes=False, **places)
    _, _, found = drafted(asked, view, local_nodes(), spec_of)
    spec = found.plan.spec
    taken = {
        key: getattr(getattr(spec, section), name)
        for section, names in found.settings.items()
        for name in names
        if METHODS[method].reads(key := f"{section}.{name}") or section == "data"
    }
    which = "that fit this machine" if found.fits else "with the least that is sensible"
    line = f"settings {which} ({found.summary}): {' '.join(as_settings(taken))}"
    view.show("data" if found.fits else "warning", {"message": line})
    return found.plan.trials[0]


def forecast_of_one(trial: Trial, sources: Path | None) -> tuple[dict[str, Network], Forecast]:
    """The networks that the trial needs trained, and when it ends."""
    networks = {network.key: network for network in missing_networks([trial], sources)}
    ahead = list(networks.values())
    return networks, forecast_of([trial], kept_speeds(), at_once=1, networks=ahead)
