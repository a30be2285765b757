"""What a shell is offered to complete a word, without a cluster and without torch."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from raytd.errors import RaytdError
from raytd.storage.path import StoragePath, storage_path


def complete_sweep(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The names of the sweeps of the storage, and files and folders, which name sweeps, too."""
    names: list[str] = []
    with suppress(RaytdError, OSError):
        names = sorted(plan.parent.name for plan in _storage(context).glob("*/plan.json"))
    # Files come first: bash forgets what came before them, and offers them where no name fits.
    return [CompletionItem(begun, type="file"), *_beginning(begun, names)]


def complete_task(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The names of the tasks of the sweep that the command line names so far."""
    from raytd.sweep.folder.find import sweep_folder
    from raytd.sweep.folder.plan_file import read_plan

    tasks: list[Any] = []
    # An option that still lacks its value keeps click from naming the arguments before it.
    sweep = context.params.get("sweep") or next(iter(context.args), "")
    with suppress(RaytdError, OSError):
        folder = sweep_folder(sweep, _storage(context))
        tasks = read_plan(folder).asked.get("tasks", [])
    return _beginning(begun, [str(task.get("name")) for task in tasks if isinstance(task, dict)])


def complete_method(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The names of all methods."""
    from raytd.methods.registry import METHODS

    return _beginning(begun, METHODS)


def _storage(context: click.Context) -> StoragePath:
    return storage_path(context.params.get("storage") or "runs")


def _beginning(begun: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]
