"""How long a sweep takes, what it needs at once, and what it costs; from counts and speeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raytd.learning.pretrain import Recipe
from raytd.methods.registry import METHODS
from raytd.methods.work import Work
from raytd.sweep.cluster.connection import Node
from raytd.sweep.cost.speed import Speed
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.networks import Network, missing_networks
from raytd.sweep.trials.placement import places, trials_at_once
from raytd.sweep.trials.plan import SweepPlan
from raytd.sweep.trials.trial import Trial, sgd_steps_of
from raytd.transfer.averaging import reach
from raytd.transfer.lengths import strides

CALL_S = 0.004
"""Seconds of a call to an actor with what it carries, at 2 cores."""

SOLVE_S = 3e-6
"""Seconds per coupled pair of a coupling step."""

TRIAL_S = 0.8
"""Seconds between two trials: Tune, tracking, files; see tests/benchmarks/overhead.py."""

DRIVER_S = 6.0
"""Seconds until Ray runs and, at the end, until tables and figures are written."""

PROCESS_BYTES = 400_000_000
"""Of a process that has imported torch and Ray, before it holds anything."""


@dataclass(frozen=True)
class Machine:
    """Where it runs, as far as durations depend on it.

    Attributes:
        nodes: of the cluster.
        start_s: until a process has imported what a worker needs.
    """

    nodes: Sequence[Node]
    start_s: float

    @property
    def cores(self) -> float:
        """CPUs of all nodes together."""
        return max(1.0, sum(node.get("CPU", 0.0) for node in self.nodes))


@dataclass(frozen=True)
class Estimate:
    """What a sweep takes from now to its end.

    Attributes:
        trial_s: of each missing trial whose network has been timed, by key.
        training_s: of networks that are not there; None as long as a network has not been timed.
        at_once: trials side by side.
        duration_s: from the command to its end; None likewise.
        gpu_hours: that trials and training hold; None likewise.
    """

    trial_s: Mapping[str, float]
    training_s: float | None
    at_once: int
    duration_s: float | None
    gpu_hours: float | None


def speed_key(trial: Trial) -> str:
    """Trials with one key are as fast as one another, up to the number of classes."""
    config = trial.config
    tiling = f"{config.tiling.tile_size} {config.resources.chunk}"
    return f"{network_key(trial)} {tiling}"


def network_key(trial: Trial) -> str:
    """Steps of trials with one key are as fast as one another, whatever the tiles are."""
    config, resources = trial.config, trial.config.resources
    parts = (
        config.model,
        trial.source.image_shape,
        config.batch,
        config.trajectory.augment,
        config.pretrain.batch_size,
        resources.threads,
        resources.use_gpu,
    )
    return " ".join(map(str, parts))


def estimate(
    plan: SweepPlan,
    speeds: Mapping[str, Speed],
    machine: Machine,
    *,
    max_concurrent: int | None = None,
) -> Estimate:
    """Adds everything up that is to be run.

    Args:
        plan: the sweep.
        speeds: by `speed_key`, of missing trials, and of those that searches will add.
        machine: where it runs.
        max_concurrent: bound on trials at once.
    """
    missing = plan.missing
    if not missing:
        return Estimate({}, 0.0, 0, 0.0, 0.0)
    at_once = {t.key: _at_once(t, machine, max_concurrent, len(missing)) for t in missing}
    trial_s = {
        t.key: trial_seconds(t, speeds[speed_key(t)], _crowding(t, at_once[t.key], machine))
        for t in missing
        if speed_key(t) in speeds
    }
    most = max(at_once.values())
    if any(speed_key(t) not in speeds for t in (*missing, *plan.ahead)):
        return Estimate(trial_s, None, most, None, None)
    started_s = max(_starting(t, at_once[t.key], machine) for t in missing)
    networks = missing_networks(missing, plan.sources)
    training_s, training_gpu_s = _training(networks, speeds, machine)
    to_come_s = [
        trial_seconds(t, speeds[speed_key(t)], _crowding(t, most, machine)) for t in plan.ahead
    ]
    spread = sum(s / at_once[key] for key, s in trial_s.items())
    spread += sum(s / most for s in to_come_s)
    gpu_s = sum(_gpus(t) * trial_s[t.key] for t in missing) + training_gpu_s
    gpu_s += sum(_gpus(t) * s for t, s in zip(plan.ahead, to_come_s, strict=True))
    total = DRIVER_S + training_s + started_s + max(spread, *trial_s.values())
    return Estimate(trial_s, training_s, most, total, gpu_s / 3600)


def trial_seconds(trial: Trial, speed: Speed, crowding: float) -> float:
    """Seconds of a trial whose processes are there, if no iteration ends it early.

    Of a method that does not count its work only SGD steps count, where they are known.
    """
    work, config = trial.work, trial.config
    if work is None:
        return TRIAL_S + crowding * (sgd_steps_of(trial) or 0) * speed.step_s
    n_actors = config.n_workers
    share, turns = (
        math.ceil(work.blocks / n_actors) / work.blocks,
        math.ceil(work.movers / n_actors),
    )
    moving, measuring = _iteration(work, speed)
    compute = moving * turns + measuring * share
    extra = work.extra_steps * speed.step_s * turns
    extra += work.extra_passes * work.pairs * share * speed.longer_s
    calls = work.blocks * (work.measures + 2 * work.segments)
    talk = calls * CALL_S + SOLVE_S * work.coupled
    return TRIAL_S + crowding * (work.iterations * compute + extra) + work.iterations * talk


def memory_bytes(trial: Trial, speed: Speed) -> int:
    """Bytes of the processes of a trial: its actors, coordinator and itself, on the CPU.

    Averaged knots take two copies of the weights for each segment in reach, at the coordinator.
    """
    work, config = trial.work, trial.config
    n_actors = config.n_workers
    classes = len(set(trial.source.classes) | set(trial.target.classes))
    image = 4 * math.prod(trial.source.image_shape)
    ends = (trial.source, trial.target)
    images = image * sum(len(t.train.labels) + len(t.val.labels) for t in ends)
    stepping = config.batch * speed.activation_bytes * 2
    weights = 4 * speed.parameters * 8
    means = 4 * speed.parameters * _copies_for_averaging(config)
    if work is None:
        return PROCESS_BYTES + images + stepping + weights + means
    passing = config.resources.chunk * config.tiling.tile_size**2
    knots = len(strides(work.segments)) + 4  # of which a worker holds log probabilities, at most
    held = knots * 8 * classes * work.pairs
    forward = passing * (image + speed.widest_bytes)
    workers = held + images + n_actors * (max(stepping, forward) + weights)
    return int((n_actors + 2) * PROCESS_BYTES + workers + 24 * work.pairs + means)


def _copies_for_averaging(config: TrialConfig) -> int:
    """Copies of the weights that one process keeps for what is measured at the next knots."""
    paths = METHODS[config.method].paths(config.settings, config.trajectory)
    return sum(2 * reach(path.averaging, path.segments) for path in paths)


def _iteration(work: Work, speed: Speed) -> tuple[float, float]:
    """Seconds of one mover along the path, and of measuring all pairs along it."""
    moving = work.segments * speed.move_s + work.sgd_steps * speed.step_s
    longer = work.measures - work.segments
    measuring = work.pairs * (work.segments * speed.measure_s + longer * speed.longer_s)
    return moving, measuring + (work.segments + 1) * work.probes * speed.probe_s


def _at_once(trial: Trial, machine: Machine, bound: int | None, n_trials: int) -> int:
    placed = trials_at_once(trial.config, machine.nodes)
    return min(placed, n_trials, bound or placed)


def _crowding(trial: Trial, at_once: int, machine: Machine) -> float:
    """How many threads want each core, or processes each GPU, which computes for one at a time."""
    resources, processes = trial.config.resources, at_once * trial.config.n_workers
    if resources.use_gpu:
        return max(1.0, min(int(1 / resources.gpus), processes))
    threads = processes * resources.threads
    return max(1.0, threads / machine.cores)


def _starting(trial: Trial, at_once: int, machine: Machine) -> float:
    """Seconds until the processes of the first trials are there: driver's, trial's, actors'."""
    crowd = max(1.0, at_once * (trial.config.n_workers + 1) / machine.cores)
    return machine.start_s * (2 + crowd)


def _gpus(trial: Trial) -> float:
    resources = trial.config.resources
    return resources.gpus * trial.config.n_workers


def training_seconds(network: Network, speed: Speed) -> float:
    """Seconds of a training whose process is there, if nothing ends it early."""
    pretrain = network.trial.config.pretrain
    recipe = network.origin
    same = isinstance(recipe, Recipe) and recipe.descent.batch_size == pretrain.batch_size
    return network.steps * (speed.pretrain_step_s if same else speed.step_s)


def trainings_at_once(networks: Sequence[Network], nodes: Sequence[Node]) -> int:
    """How many networks the cluster can train side by side; at least one."""
    if not networks:
        return 1
    gpus = networks[-1].trial.config.resources.gpus
    wanted = {"GPU": gpus} if gpus else {"CPU": networks[-1].cpus}
    return max(1, min(sum(places(wanted, node) for node in nodes), len(networks)))


def _training(
    networks: Sequence[Network], speeds: Mapping[str, Speed], machine: Machine
) -> tuple[float, float]:
    """Seconds until all networks are trained, and the GPU-seconds that this takes."""
    trained = [network for network in networks if isinstance(network.origin, Recipe)]
    each = [training_seconds(n, speeds[speed_key(n.trial)]) for n in trained]
    if not each:
        return 0.0, 0.0
    gpus = (network.trial.config.resources.gpus for network in trained)
    gpu_s = sum(s * n for s, n in zip(each, gpus, strict=True))
    at_once = trainings_at_once(trained, machine.nodes)
    crowd = max(1.0, at_once / machine.cores)
    return crowd * (max(sum(each) / at_once, *each) + machine.start_s), gpu_s
