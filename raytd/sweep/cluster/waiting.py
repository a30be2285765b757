"""What the user reads while the cluster has no place for what comes next."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

QUIET_S = 5.0
"""How long a wait lasts before it is worth a line."""

LOOK_EVERY_S = 2.0
AGAIN_S = 60.0
AGAIN = "the same command goes on from here once the cluster has room"


class Waiting:
    """Tells, every minute at most, what is waited for; knows for how long.

    Args:
        tell: called with the line.
        clock: seconds that pass.
    """

    def __init__(
        self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._clock = tell, clock
        self._since: float | None = None
        self._looked = self._told_at = -AGAIN_S
        self._told = ""

    def look_at_groups(self, *, idle: bool) -> float:
        """Looks at placement groups that have no place; seconds since when they are waited for.

        Groups that wait while others of the same sweep hold a place wait for these, and nothing is
        said of them.

        Args:
            idle: nothing runs, so that groups which were never placed matter as well as those
                that lost their nodes.
        """
        if self._clock() - self._looked < LOOK_EVERY_S:
            return 0.0 if self._since is None else self._clock() - self._since
        self._looked = self._clock()
        return self.note(unplaced(idle=idle))

    def look_at_tasks(self, n_left: int, *, alive: bool) -> float:
        """Looks at tasks of which none has ended; seconds since when all of them wait.

        Ray counts queued tasks of the whole cluster, so they may be somebody else's.

        Args:
            n_left: tasks.
            alive: one of them was heard of a short while ago, so the others wait for its end.
        """
        n_queued, wanted = (0, {}) if alive else queued_tasks()
        return self.note(wanted if n_queued >= n_left else {})

    def note(self, wanted: Mapping[str, float]) -> float:
        """Notes what is waited for now, if anything is; seconds since when."""
        if not wanted:
            self._since, self._told = None, ""
            return 0.0
        now = self._clock()
        self._since = now if self._since is None else self._since
        line = None
        if now - self._since >= QUIET_S:
            free = _free()
            lacking = any(free.get(kind, 0.0) < amount for kind, amount in wanted.items())
            # Where there is room, processes are starting, or no single node has enough of it.
            if lacking or now - self._since >= AGAIN_S:
                line = waiting_line(wanted, free, nodes_starting())
        if line and (line != self._told or now - self._told_at >= AGAIN_S):
            self._tell(line)
            self._told, self._told_at = line, now
        return now - self._since


class Silence:
    """Tells, again and again, of what nothing has been heard for a while; it ends nothing.

    Args:
        tell: called with the line.
        what: is waited for of those that are silent, in words.
        every_s: seconds of silence before the first line, and between two lines.
        clock: seconds that pass.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        what: str,
        every_s: float = AGAIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell, self._what, self._every_s, self._clock = tell, what, every_s, clock
        self._heard: dict[str, float] = {}
        self._told_at = -math.inf

    def heard(self, name: str) -> None:
        """Something was heard of it."""
        self._heard[name] = self._clock()

    def look(self, names: Iterable[str]) -> None:
        """Tells of those of these that have been silent for long, counted from the first look."""
        now = self._clock()
        since = {name: self._heard.setdefault(name, now) for name in names}
        silent = sorted(
            (n for n in since if now - since[n] >= self._every_s), key=since.__getitem__
        )
        if not silent or now - self._told_at < self._every_s:
            return
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        minutes = int((now - since[silent[0]]) / 60)
        self._tell(f"waiting for {self._what} {silent[0]}{more}, {minutes} min")
        self._told_at = now


def status_line(wanted: Mapping[str, float]) -> str:
    """`waiting_line` about the cluster as it is now."""
    return waiting_line(wanted, _free(), nodes_starting())


def waiting_line(
    wanted: Mapping[str, float], free: Mapping[str, float], n_starting: int | None
) -> str:
    """One line: what is waited for, what there is, what the autoscaler does.

    Args:
        wanted: amount of each resource.
        free: likewise.
        n_starting: nodes on their way; None where there is no autoscaler.
    """
    if n_starting:
        there = f"autoscaler: {n_starting} node{'' if n_starting == 1 else 's'} starting"
    else:
        there = f"the cluster has {_amounts({k: free.get(k, 0.0) for k in wanted})} free"
        there += "" if n_starting is None else "; autoscaler: 0 nodes starting"
    return f"waiting for {_amounts(wanted)} ({there})"


def unplaced(*, idle: bool) -> dict[str, float]:
    """What placement groups of this sweep ask for, which are without a place.

    A group that was never placed counts only where no other one holds a place.
    """
    groups = _own_groups()
    idle = idle and not any(group["state"] == "CREATED" for group in groups)
    states = {"RESCHEDULING", "PENDING"} if idle else {"RESCHEDULING"}
    wanted: dict[str, float] = {}
    for group in groups:
        if group["state"] not in states:
            continue
        placed = group.get("bundles_to_node_id", {})
        missing = [b for i, b in group["bundles"].items() if not placed.get(i)]
        for bundle in missing:
            for kind in ("CPU", "GPU"):
                if bundle.get(kind):
                    wanted[kind] = wanted.get(kind, 0.0) + bundle[kind]
        if group["state"] == "PENDING":
            break  # the others wait for this one
    return wanted


def _own_groups() -> list[dict[str, Any]]:
    """The placement groups of this job; their identity ends with that of the job."""
    import ray
    from ray.util import placement_group_table

    job = ray.get_runtime_context().get_job_id()
    return [g for g in placement_group_table().values() if g["placement_group_id"].endswith(job)]


def queued_tasks() -> tuple[int, dict[str, float]]:
    """How many tasks and actors have no place, and what one of them asks for."""
    status = _status()
    demands = [] if status is None else status.resource_demands.ray_task_actor_demand
    shapes = [shape for demand in demands for shape in demand.bundles_by_count]
    if not shapes:
        return 0, {}
    wanted = {kind: shapes[0].bundle.get(kind, 0.0) for kind in ("CPU", "GPU")}
    return sum(s.count for s in shapes), {kind: n for kind, n in wanted.items() if n}


def nodes_starting() -> int | None:
    """Nodes that the autoscaler has asked for; None where there is no autoscaler."""
    status = _status()
    if status is None or status.stats.autoscaler_version in (None, "", "0"):
        return None
    n_asked_for: int = sum(launch.count for launch in status.pending_launches)
    return n_asked_for + len(status.pending_nodes)


def _status() -> Any:
    """What Ray says of the cluster; None where it does not say it in this form."""
    import ray

    with suppress(Exception):  # the interface is young, and only a message hangs on it
        from ray.autoscaler.v2.sdk import get_cluster_status

        return get_cluster_status(ray.get_runtime_context().gcs_address)
    return None


def _free() -> dict[str, float]:
    import ray

    available: dict[str, float] = ray.available_resources()
    return available


def _amounts(amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{n:g} {kind}{'' if n == 1 else 's'}" for kind, n in amounts.items())
