"""What `raytd sweep` and `raytd plan` are asked alike, and the plan that answers it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from raytd.cli import options
from raytd.cli.views.events import View, doing
from raytd.storage.path import StoragePath, require_storage
from raytd.words import counted

if TYPE_CHECKING:
    from raytd.sweep.cluster.connection import Node
    from raytd.sweep.file.load import LoadedSweep
    from raytd.sweep.trials.fitting import CanAdd
    from raytd.sweep.trials.plan import Read, SweepPlan

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Request:
    """A sweep file, or the name of one that raytd brings, with the options of the command.

    In Python, data may stand in the place of the file.
    """

    file: Path | Mapping[str, Any]
    profile: str | None
    overrides: tuple[str, ...]
    address: str | None
    storage: StoragePath
    data: Path | None
    catalogue: Path | None
    download: bool
    fresh: bool
    retry_failed: bool
    max_concurrent: int | None

    @staticmethod
    def of(given: dict[str, Any]) -> "Request":
        """Takes its own out of the arguments of a command.

        Raises:
            RequestError: if the storage is an object store that cannot be used.
        """
        request = Request(**{field.name: given.pop(field.name) for field in fields(Request)})
        require_storage(request.storage)
        return request

    def nodes(self) -> "AbstractContextManager[list[Node]]":
        """The nodes of the cluster that is asked for; none is started for them."""
        from raytd.sweep.cluster.connection import connect, local_nodes

        return connect(self.address) if self.address else nullcontext(local_nodes())

    def load(self, nodes: "list[Node]", can_add: "CanAdd", view: View) -> "LoadedSweep":
        """The sweep of the file; see `plan`.

        Raises:
            RequestError: with everything that is wrong with the file, or if there is none.
        """
        from raytd.sweep.file.load import load_sweep
        from raytd.sweep.file.shipped import chosen_file

        file = self.file
        if isinstance(file, Path):
            file = chosen_file(file, lambda line: view.show("file", {"message": line}))
        return load_sweep(
            file,
            profile=self.profile,
            overrides=self.overrides
            + options.settings_of(catalogue=self.catalogue, download=self.download),
            has_gpu=lambda: any(n.get("GPU", 0) > 0 for n in nodes) or can_add([{"GPU": 1}]),
        )

    def plan(
        self, nodes: "list[Node]", can_add: "CanAdd", view: View, read: "Read | None" = None
    ) -> "tuple[LoadedSweep, SweepPlan]":
        """The sweep of the file, and its trials beside what is done; nothing is written.

        Args:
            nodes: what the living nodes of the cluster have.
            can_add: whether it can grow until some bundles fit.
            view: is told which sweep it is, and that its data are read.
            read: reads a data set; None reads each anew.

        Raises:
            RequestError: with everything that is wrong with the file, or else with everything that
                data and cluster say against it.
        """
        from raytd.sweep.trials.plan import make_plan
        from raytd.tasks import datasets
        from raytd.tasks.references import data_root

        loaded = self.load(nodes, can_add, view)
        told = {"profile": loaded.profile, "reason": loaded.reason}
        view.show("sweep", {"name": loaded.spec.name, **told})
        doing(view, f"reading the data of {counted(len(loaded.spec.tasks), 'task')}")
        plan = make_plan(
            loaded.spec,
            data=data_root(self.data),
            storage=self.storage.absolute(),
            nodes=nodes,
            can_add=can_add,
            fresh=self.fresh,
            retry=self.retry_failed,
            read=read or datasets.read,
        )
        return loaded, plan


def request_options(function: F) -> F:
    """The options of a `Request`, which has a file as well."""
    decorators = (
        click.option("--profile", help="A profile of the file, 'auto' or 'none'."),
        options.overrides,
        click.option(
            "--address", help="A running Ray cluster.  [default: start one on this machine]"
        ),
        options.storage,
        options.data,
        options.catalogue,
        options.download,
        click.option("--fresh", is_flag=True, help="Run trials that have ended again."),
        click.option(
            "--retry-failed",
            is_flag=True,
            help="Run also those again that failed for a cause of their own, such as NaN.",
        ),
        click.option(
            "--max-concurrent", type=click.IntRange(min=1), help="Trials at once, at most."
        ),
    )
    for decorate in reversed(decorators):
        function = decorate(function)
    return function
