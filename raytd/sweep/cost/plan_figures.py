"""The plan of a sweep in figures, as one JSON document."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from raytd.sweep.cluster.connection import Node
from raytd.sweep.cost.estimate import Machine, estimate, memory_bytes, speed_key
from raytd.sweep.cost.speed import Speed
from raytd.sweep.cost.timing import Timings, cache_file, kind_in_words, timings
from raytd.sweep.trials.placement import bundles
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial, sgd_steps_of
from raytd.tasks.account import accounts_of


def outlook(
    plan: SweepPlan,
    *,
    nodes: Sequence[Node],
    max_concurrent: int | None = None,
    price: float | None = None,
    quick: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Counts what there is, times the networks of what is missing, and adds up.

    Args:
        plan: the sweep.
        nodes: of the cluster.
        max_concurrent: bound on trials at once.
        price: dollars an hour of a GPU, or of a machine where no trial uses one.
        quick: times nothing; what depends on a network that was never timed is None.
        tell: called with what is being timed.
    """
    timed = Timings(0.0, {})
    if plan.missing:
        wanted, beside = [*plan.missing, *plan.ahead], _side_by_side(plan, nodes)
        timed = timings(wanted, side_by_side=beside, quick=quick, tell=tell)
    speeds, machine = timed.speeds, Machine(nodes, timed.start_s)
    expected = estimate(plan, speeds, machine, max_concurrent=max_concurrent)
    missing, works = plan.missing, {t.key: t.work for t in plan.trials}
    to_run = [*missing, *plan.ahead]
    found = [work for t in to_run if (work := t.work) is not None]
    others = [t for t in to_run if t.work is None]
    return {
        "sweep": plan.spec.name,
        "folder": str(plan.folder),
        "summary": plan.summary(),
        "data": accounts_of(plan.tasks),
        "shortfalls": plan.shortfalls(),
        "shared_images": plan.shared_images(),
        "n_trials": len(plan.trials) + plan.n_ahead,
        "done": len(plan.done),
        "to_run": len(to_run),
        "failed": len(plan.failed),
        "left": len(plan.left),
        "axes": by_axis(plan),
        "per_trial": _needs(missing, speeds),
        "at_once": expected.at_once,
        "sgd_steps": sum(w.all_sgd_steps for w in found)
        + sum(sgd_steps_of(t) or 0 for t in others),
        "forward_images": sum(work.forward_images for work in found),
        "not_reckoned": _not_reckoned(others),
        "gpu_kinds": _gpu_kinds(to_run, nodes),
        "duration_s": expected.duration_s,
        "training_s": expected.training_s,
        "assumption": _assumption(timed),
        "untimed": list(dict.fromkeys(map(kind_in_words, timed.untimed))),
        "gpu_hours": expected.gpu_hours,
        "cost": None
        if price is None or expected.duration_s is None
        else _cost(price, expected.duration_s, nodes, missing),
        "trials": [
            {
                "trial_key": t.key,
                "name": t.config.name,
                "status": plan.status(t.key),
                "actors": t.config.n_actors,
                "gpus_per_actor": t.config.resources.gpus,
                "sgd_steps": sgd_steps_of(t),
                "forward_images": None if (w := works[t.key]) is None else w.forward_images,
                "expected_s": expected.trial_s.get(t.key),
            }
            for t in plan.trials
        ],
    }


def _assumption(timed: Timings) -> str:
    """What the expected duration rests on."""
    when = "as busy as it is now"
    if timed.n_kept == len(timed.speeds):
        when = f"before; remove {cache_file()} to time it again"
    elif timed.n_kept:
        when = f"partly before; remove {cache_file()} to time all of it again"
    return f"timed on this machine {when}; early stops would shorten it"


def _gpu_kinds(to_run: Sequence[Trial], nodes: Sequence[Node]) -> list[str]:
    """The kinds of GPU that the cluster has now, where a trial wants any; Ray names them."""
    if not any(t.config.resources.use_gpu for t in to_run):
        return []
    prefix = "accelerator_type:"
    names = (name for node in nodes if node.get("GPU") for name in node)
    return sorted({name.removeprefix(prefix) for name in names if name.startswith(prefix)})


def _not_reckoned(others: Sequence[Trial]) -> dict[str, list[str]]:
    """Methods whose forward passes are not counted before they run, by what is counted of them."""
    methods: dict[str, dict[str, None]] = {"but_sgd_steps": {}, "at_all": {}}
    for trial in others:
        counted = "at_all" if sgd_steps_of(trial) is None else "but_sgd_steps"
        methods[counted][trial.config.method] = None
    return {counted: list(names) for counted, names in methods.items()}


def by_axis(plan: SweepPlan) -> list[dict[str, Any]]:
    """For each value of each axis: its trials, and how many are done, to be run and failed.

    What is searched has no values to count by.
    """
    searched = set() if plan.spec.search is None else plan.spec.search.space.keys()
    to_run = {t.key for t in plan.missing}
    lines: dict[tuple[str, str], Counter[str]] = {}
    for trial in plan.trials:
        for axis, value in _axes(trial).items():
            if axis in searched:
                continue
            counts = lines.setdefault((axis, str(value)), Counter())
            counts.update(
                {"trials": 1, plan.status(trial.key): 1, "to_run": int(trial.key in to_run)}
            )
    return [
        {
            "axis": axis,
            "value": value,
            **{c: counts[c] for c in ("trials", "done", "to_run", "failed")},
        }
        for (axis, value), counts in sorted(lines.items(), key=lambda line: _rank(plan, line[0][0]))
    ]


def _axes(trial: Trial) -> dict[str, Any]:
    config = trial.config
    own = {"method": config.method, "model": config.model, "seed": config.seed}
    ends = {"source": config.source.name, "target": config.target.name}
    return own | ends | config.axes


def _rank(plan: SweepPlan, axis: str) -> int:
    fixed = ("method", "model", "seed", "source", "target")
    order = [*fixed, *(a for a in plan.spec.grid if a not in fixed)]
    return order.index(axis) if axis in order else len(order)


def _needs(missing: Sequence[Trial], speeds: Mapping[str, Speed]) -> list[dict[str, Any]]:
    """What a trial asks of the cluster, once for all trials that ask the same."""
    needs: dict[tuple[int, float, float, int | None], int] = {}
    for trial in missing:
        wanted = bundles(trial.config)
        cpus, gpus = (sum(b.get(kind, 0.0) for b in wanted) for kind in ("CPU", "GPU"))
        n = len(wanted) - 1  # what is beside the trial's own process
        speed = speeds.get(speed_key(trial))
        memory = None if speed is None else memory_bytes(trial, speed)
        key = (n, cpus, gpus, memory and math.ceil(memory / 1e8) * 10**8)
        needs[key] = needs.get(key, 0) + 1
    names = ("actors", "cpus", "gpus", "memory_bytes")
    return [dict(zip(names, key, strict=True)) | {"trials": n} for key, n in needs.items()]


def _side_by_side(plan: SweepPlan, nodes: Sequence[Node]) -> int:
    """Processes that will compute at once on a node: one for each core, or as many as one trial."""
    cores = max(int(node.get("CPU", 1)) for node in nodes)
    threads = [t.config.resources.threads for t in plan.missing]
    on_gpu = any(t.config.resources.use_gpu for t in plan.missing)
    actors = [t.config.n_workers for t in plan.missing]
    return 1 if on_gpu else max(1, min(cores // max(threads), max(actors) * len(plan.missing)))


def _cost(
    price: float, duration_s: float, nodes: Sequence[Node], missing: Sequence[Trial]
) -> dict[str, Any]:
    """Dollars, and what they are counted for."""
    kind, number = "machine", float(len(nodes))
    if any(t.config.resources.use_gpu for t in missing):
        kind, number = "GPU", sum(node.get("GPU", 0.0) for node in nodes)
    each = f"each of {number:g} {kind}s" if number != 1 else f"one {kind}"
    return {
        "dollars": price * number * duration_s / 3600,
        "price": price,
        "assumption": (
            f"${price:g} an hour for {each} of the cluster, from start to end, busy or not; "
            "storage and traffic are not counted"
        ),
    }
