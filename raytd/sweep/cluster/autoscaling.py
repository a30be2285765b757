"""Clusters that grow: whether their autoscaler can add what is missing, it is asked itself."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from raytd.sweep.cluster.waiting import status_line

Bundles = Sequence[dict[str, float]]
"""What has to fit at the same time, each on one node."""

ANSWER_S = 60.0
"""How long an answer may take; the autoscaler looks every five seconds."""

LOOK_EVERY_S = 0.5


def can_add(bundles: Bundles, tell: Callable[[str], None], *, answer_s: float = ANSWER_S) -> bool:
    """Whether the autoscaler can make the cluster large enough; if so, it starts the nodes.

    Ray tells nobody which nodes an autoscaler may start. But one of version 2, which `ray up` and
    KubeRay start, says of a standing request whether it can be met, whoever uses the cluster at
    the time. The request is withdrawn once that is known: what is placed then keeps the nodes.

    Args:
        bundles: what has to fit, beside nothing else.
        tell: called with a line for the user when nodes are on their way.
        answer_s: without an answer for so long, there is no autoscaler.
    """
    from ray.autoscaler.sdk import request_resources

    if not is_autoscaling():
        return False
    try:
        request_resources(bundles=[{k: n for k, n in b.items() if n} for b in bundles])
        answer = _answer(answer_s)
        if answer:
            tell(status_line(_total(bundles)))
    finally:
        request_resources(bundles=[])
    return answer


def _answer(answer_s: float) -> bool:
    """What the autoscaler says of the request once it has seen it."""
    asked, deadline = None, time.monotonic() + answer_s
    while time.monotonic() < deadline:
        reply = _status()
        if reply is None:
            return False
        state = reply.autoscaling_state
        if asked is None:
            asked = reply.cluster_resource_state.cluster_resource_state_version
        elif state.last_seen_cluster_resource_state_version > asked:
            return not state.infeasible_cluster_resource_constraints
        time.sleep(LOOK_EVERY_S)
    return False


def is_autoscaling() -> bool:
    """Whether the connected cluster has an autoscaler of version 2."""
    with suppress(Exception):  # no public interface says so; without it nothing can be added
        from ray.autoscaler.v2.utils import is_autoscaler_v2

        return bool(is_autoscaler_v2(fetch_from_server=True))
    return False


def _status() -> Any:
    """The state of cluster and autoscaler; `get_cluster_status` leaves out what is infeasible."""
    import ray

    with suppress(Exception):  # as above
        from ray._raylet import GcsClient  # type: ignore[attr-defined]
        from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply

        client = GcsClient(ray.get_runtime_context().gcs_address)
        return GetClusterStatusReply.FromString(client.get_cluster_status(timeout_s=10))
    return None


def _total(bundles: Bundles) -> dict[str, float]:
    kinds = [k for k in ("GPU", "CPU") if any(b.get(k) for b in bundles)]
    return {kind: sum(bundle.get(kind, 0.0) for bundle in bundles) for kind in kinds}
