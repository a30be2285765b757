"""What a shell is offered to complete a word, without a cluster and without torch."""

from collections.abc import Mapping
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
    names = [
        CompletionItem(plan.parent.name)
        for plan in _found(_storage(context.params), "*/plan.json")
        if plan.parent.name.startswith(begun)
    ]
    # Files come first: bash forgets what came before them, and offers them where no name fits.
    return [CompletionItem(begun, type="file"), *sorted(names, key=lambda item: str(item.value))]


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
        folder = sweep_folder(sweep, _storage(context.params))
        tasks = read_plan(folder).asked.get("tasks", [])
    names = [str(task.get("name")) for task in tasks if isinstance(task, dict)]
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def complete_method(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The names of all methods."""
    from raytd.methods.registry import METHODS

    return [CompletionItem(name) for name in METHODS if name.startswith(begun)]


def complete_command(commands: Mapping[str, str], begun: str) -> list[CompletionItem]:
    """The commands, each with what it does; none of them is imported."""
    return [
        CompletionItem(name, help=text) for name, text in commands.items() if name.startswith(begun)
    ]


def _storage(given: Mapping[str, Any]) -> StoragePath:
    return storage_path(given.get("storage") or "runs")


def _found(storage: StoragePath, pattern: str) -> list[StoragePath]:
    with suppress(RaytdError, OSError):
        return list(storage.glob(pattern))
    return []
