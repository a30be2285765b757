"""What `auto` stands for: as many actors as the cluster has room for, and its GPUs among them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from raytd.engine.config import ResourcesConfig
from raytd.methods.registry import METHODS
from raytd.sweep.cluster.connection import Node
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.placement import Shape, room, shape_of
from raytd.sweep.trials.refusals import lacking
from raytd.words import counted

CanAdd = Callable[[Sequence[dict[str, float]]], bool]

MOST_ON_A_GPU = 8
"""Actors that `auto` lets share a GPU: each keeps a CUDA context of its own in the GPU's memory."""

SHARES = tuple(int(10_000 / n) / 10_000 for n in range(1, MOST_ON_A_GPU + 1))
"""Shares of a GPU, the largest first; Ray counts in ten-thousandths, so they are rounded down."""


class Wish(NamedTuple):
    """What a trial would like to have.

    Attributes:
        n: processes that compute.
        fewer: whether fewer of them will do.
        gpus: of each of them; None leaves them to the cluster.
        cpus: of each of them.
        beside: CPUs of the trial itself.
    """

    n: int
    fewer: bool
    gpus: float | None
    cpus: float
    beside: float

    def shape(self, n: int, gpus: float) -> Shape:
        """The wish with numbers in place of what it leaves open."""
        return Shape(n, gpus, self.cpus, self.beside)

    def is_met(self, shape: Shape | None) -> bool:
        """Whether nothing larger is wished for."""
        return shape == self.shape(self.n, 1.0 if self.gpus is None else self.gpus)


def best_shape(wish: Wish, nodes: Sequence[Node]) -> Shape | None:
    """The most that nodes have room for: processes first, then GPUs; None if a wish cannot be met.

    Where GPUs are left to the cluster, processes have none only if no node with a GPU has room for
    any of them.
    """
    if wish.gpus is not None:
        return _largest(wish, (wish.gpus,), nodes)
    return _largest(wish, SHARES if _has_room_on_gpus(wish, nodes) else (0.0,), nodes)


def _has_room_on_gpus(wish: Wish, nodes: Sequence[Node]) -> bool:
    return room(wish.shape(1, SHARES[-1]), nodes) > 0


def _largest(wish: Wish, choices: Sequence[float], nodes: Sequence[Node]) -> Shape | None:
    """The shape with most processes, each with the first of those GPUs that allows so many."""
    by_gpus = [wish.shape(min(wish.n, room(wish.shape(1, g), nodes)), g) for g in choices]
    best = max(by_gpus, key=lambda shape: shape.n)
    return best if best.n == wish.n or (wish.fewer and best.n) else None


class Fitting:
    """Decides what each trial of a sweep asks for.

    Args:
        written: resources as the sweep file has them; numbers in them are obeyed.
        nodes: what the living nodes have.
    """

    def __init__(self, written: ResourcesConfig, nodes: Sequence[Node]) -> None:
        self._written, self._nodes = written, nodes
        self._added: list[Shape] = []

    def settle(self, configs: Iterable[TrialConfig], can_add: CanAdd | None = None) -> list[str]:
        """Finds out what can never be placed, in words.

        Args:
            configs: of the trials.
            can_add: whether the cluster can grow until some bundles fit; asked for each wish that
                the living nodes do not meet. None: it cannot.
        """
        problems: dict[str, None] = {}
        for wish in sorted({self.wish(config) for config in configs}, reverse=True):
            if can_add is not None and not wish.is_met(self._shape(wish)):
                self._grow(wish, can_add)
            if self._shape(wish) is None:
                problems |= dict.fromkeys(lacking(self._least(wish), self._nodes, self._written))
        return list(problems)

    def fit(self, config: TrialConfig) -> TrialConfig:
        """The same trial with numbers for what the file leaves open, where it can be placed."""
        wish = self.wish(config)
        shape = self._shape(wish)
        if shape is None:
            return config
        found = {"actors": shape.n} if wish.fewer else {}
        resources = config.resources.model_copy(update=found | {"gpus_per_actor": shape.gpus})
        return config.model_copy(update={"resources": resources})

    def wish(self, config: TrialConfig) -> Wish:
        """What a trial asks for by the file, whether or not it has been fitted."""
        written, method = self._written, METHODS[config.method]
        gpus = None if written.gpus_per_actor == "auto" else float(written.gpus_per_actor)
        wished = shape_of(config.model_copy(update={"resources": written}))
        on_blocks = method.processes(config.settings, written).coordinator
        fewer = on_blocks and written.actors == "auto"
        return Wish(wished.n, fewer, gpus, wished.cpus, wished.beside)

    def note(self, configs: Iterable[TrialConfig]) -> str | None:
        """What was found for trials where it is not simply what there would be, in half a line."""
        found = [(self.wish(config), shape_of(config)) for config in configs]
        parts = [*_on_actors(found), *self._on_gpus(found)]
        return "; ".join(parts) or None

    def _shape(self, wish: Wish) -> Shape | None:
        """The best of what the living nodes and those to be added have room for."""
        added = [
            wish.shape(min(there.n, wish.n), there.gpus)
            for there in self._added
            if there.cpus == wish.cpus
            and there.beside >= wish.beside
            and wish.gpus in (None, there.gpus)
            and (wish.fewer or there.n >= wish.n)
        ]
        here = best_shape(wish, self._nodes)
        return max(added if here is None else [here, *added], key=_rank, default=None)

    def _grow(self, wish: Wish, can_add: CanAdd) -> None:
        """Asks for nodes for a wish, for less and less of it, until the answer is yes."""
        known = self._shape(wish)
        for shape in self._smaller_and_smaller(wish, can_add):
            if known is not None and _rank(shape) <= _rank(known):
                return
            if can_add(shape.bundles):
                self._added.append(shape)
                return

    def _smaller_and_smaller(self, wish: Wish, can_add: CanAdd) -> Iterator[Shape]:
        """A wish in whole, then with halves of GPUs and of actors, as far as it allows."""
        numbers = [wish.n]
        while wish.fewer and numbers[-1] > 1:
            numbers.append(-(-numbers[-1] // 2))
        if wish.gpus is not None:
            yield from (wish.shape(n, wish.gpus) for n in numbers)
            return
        if self._has_gpus or can_add([wish.shape(1, 1.0).worker]):
            yield from (wish.shape(n, share) for n in numbers for share in (1.0, 0.5, 0.25, 0.125))
        yield from (wish.shape(n, 0.0) for n in numbers)

    def _least(self, wish: Wish) -> Shape:
        """What would do, but does not fit either."""
        gpus = wish.gpus
        if gpus is None:
            gpus = SHARES[-1] if _has_room_on_gpus(wish, self._nodes) else 0.0
        return wish.shape(1 if wish.fewer else wish.n, gpus)

    @property
    def _has_gpus(self) -> bool:
        return any(node.get("GPU", 0.0) > 0 for node in self._nodes)

    def _on_gpus(self, found: Sequence[tuple[Wish, Shape]]) -> list[str]:
        """What the trials have of GPUs, if those are left to the cluster and there are any."""
        gpus = {shape.gpus for wish, shape in found if wish.gpus is None}
        if not gpus or not (self._has_gpus or any(gpus)):
            return []
        least = min(gpus)
        if not least:
            return ["trials run on CPUs where no node with a GPU has room for them"]
        if least == 1:
            return ["each process has a GPU of its own"]
        return [f"up to {int(1 / least)} processes share a GPU"]


def _rank(shape: Shape) -> tuple[bool, int, float]:
    """GPUs are worth more than processes, and processes more than whole GPUs."""
    return shape.gpus > 0, shape.n, shape.gpus


def _on_actors(found: Sequence[tuple[Wish, Shape]]) -> list[str]:
    """Where trials have fewer actors than blocks because there is no room for more."""
    fewer = [(shape.n, wish.n) for wish, shape in found if shape.n < wish.n]
    if not fewer:
        return []
    most, wanted = max(n for n, _ in fewer), max(n for _, n in fewer)
    actors = counted(most, "actor")
    return [f"the cluster has room for {actors} a trial instead of {wanted} (same answer, slower)"]
