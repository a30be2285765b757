"""How fast is our Sinkhorn beside POT, on the same problems at the same error?

    python tests/benchmarks/sinkhorn.py [--sizes 500 2000 4000] [--limit 20] [--threads 1]

Costs are squared distances between two clouds of features plus noise; epsilon is in spreads of the
cost. Every solver returns the coupling, in float64, with a total variation of at most TOLERANCE
between wanted and reached marginals; POT's stopping rules are set so that they imply it, and the
error that was reached is computed from the coupling. A solver that does not get there within the
limit, or returns no numbers, counts as not converged, and ratios with it are lower bounds.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import ot
import ot.batch
import torch
from machine import machine
from threadpoolctl import threadpool_limits
from torch import Tensor

from raytd.transport.solvers.kernel import DenseKernel
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.sinkhorn import sinkhorn
from raytd.transport.spread import cost_spread

TOLERANCE = 1e-6
EPSILONS = (0.1, 0.02, 0.005)
MOST_ITERATIONS = 100_000
PROBES = (5, 25)  # iterations of the runs that tell what one costs

Solve = Callable[[LinearProblem, float, int], Tensor]


@dataclass(frozen=True)
class Run:
    """One solver on one problem."""

    seconds: float
    converged: bool


def problem_of(n: int, tiles: int | None = None) -> LinearProblem:
    """Squared distances of 16 features, with noise of a tenth of their spread."""
    generator = torch.Generator().manual_seed(0)
    shape = (n,) if tiles is None else (tiles, n)
    x, y = (torch.randn(*shape, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    noise = torch.randn(*shape, n, generator=generator, dtype=torch.float64)
    mass = torch.full(shape, 1 / n, dtype=torch.float64)
    return LinearProblem(torch.cdist(x, y) ** 2 + noise, mass, mass.clone())


def error_of(problem: LinearProblem, coupling: Tensor) -> float:
    """Largest total variation of rows or columns over tiles, or inf if there are no numbers."""
    rows = (coupling.sum(-1) - problem.a).abs().sum(-1)
    columns = (coupling.sum(-2) - problem.b).abs().sum(-1)
    return float(torch.nan_to_num(torch.maximum(rows, columns) / 2, nan=torch.inf).max())


def ours(dtype: torch.dtype) -> Solve:
    def solve(problem: LinearProblem, epsilon: float, most: int) -> Tensor:
        cast = LinearProblem(*(x.to(dtype) for x in (problem.cost, problem.a, problem.b)))
        return sinkhorn(cast, epsilon, tolerance=TOLERANCE, max_iterations=most).coupling

    return solve


def pots(method: str) -> Solve:
    """POT's dense solvers stop by the Euclidean norm, which bounds the total variation."""

    def solve(problem: LinearProblem, epsilon: float, most: int) -> Tensor:
        a, b, cost = (x.numpy() for x in (problem.a, problem.b, problem.cost))
        stop = 2 * TOLERANCE / len(b) ** 0.5
        coupling = ot.sinkhorn(a, b, cost, epsilon, method, numItermax=most, stopThr=stop)
        return torch.from_numpy(np.asarray(coupling))

    return solve


def pots_batched(method: str) -> Solve:
    def solve(problem: LinearProblem, epsilon: float, most: int) -> Tensor:
        stop = 2 * TOLERANCE / problem.cost.shape[-1] ** 0.5
        return ot.batch.solve_batch(
            problem.cost, epsilon, problem.a, problem.b, max_iter=most, tol=stop, method=method
        ).plan

    return solve


def pots_looped(problem: LinearProblem, epsilon: float, most: int) -> Tensor:
    """POT's plain solver, tile after tile."""
    tiles = zip(problem.cost, problem.a, problem.b, strict=True)
    return torch.stack([pots("sinkhorn")(LinearProblem(*tile), epsilon, most) for tile in tiles])


DENSE = {name: pots(name) for name in ("sinkhorn", "sinkhorn_log", "sinkhorn_stabilized")}
BATCHED = {
    "batch sinkhorn": pots_batched("sinkhorn"),
    "batch log_sinkhorn": pots_batched("log_sinkhorn"),
    "loop of sinkhorn": pots_looped,
}


def once(solve: Solve, problem: LinearProblem, epsilon: float, most: int) -> tuple[float, Tensor]:
    """Seconds of a solve, and its coupling."""
    start = clock()
    coupling = solve(problem, epsilon, most)
    return clock() - start, coupling


def clock() -> float:
    """Seconds of this process on one thread, of the wall on more; so that neighbours count less."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def timed(solve: Solve, problem: LinearProblem, epsilon: float, limit: float) -> Run:
    """Best of three runs if they are short, else one, with the iterations that the limit allows."""
    few, many = (min(once(solve, problem, epsilon, most)[0] for _ in range(2)) for most in PROBES)
    each = max((many - few) / (PROBES[1] - PROBES[0]), 1e-6)
    most = int(min(MOST_ITERATIONS, limit / each))
    seconds: list[float] = []
    while len(seconds) < 3 and sum(seconds) < 5:
        elapsed, coupling = once(solve, problem, epsilon, most)
        seconds.append(elapsed)
    rounding = 10 * torch.finfo(coupling.dtype).eps  # that float32 adds to the error
    return Run(min(seconds), error_of(problem, coupling) <= 1.01 * TOLERANCE + rounding)


def row_of(label: str, problem: LinearProblem, epsilon: float, limit: float) -> str:
    """A line of the table: milliseconds, and POT's over ours in float64."""
    solvers = DENSE if problem.cost.ndim == 2 else BATCHED
    unit = cost_spread(problem)
    mine, single, *runs = (
        timed(solve, problem, epsilon * unit, limit)
        for solve in (ours(torch.float64), ours(torch.float32), *solvers.values())
    )
    fastest = min((run.seconds for run in runs if run.converged), default=None)
    ratio = "none converges" if fastest is None else f"{fastest / mine.seconds:.1f}"
    log = ("" if runs[1].converged else "> ") + f"{runs[1].seconds / mine.seconds:.0f}"
    times = [f"{1e3 * r.seconds:.0f}" + ("" if r.converged else "*") for r in (mine, single, *runs)]
    return "| " + " | ".join([label, f"{epsilon:g}", *times, ratio, log]) + " |"


def heading(solvers: dict[str, Solve]) -> str:
    names = [
        "problem",
        "epsilon",
        "ours",
        "ours, float32",
        *solvers,
        "fastest / ours",
        "log / ours",
    ]
    return f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}"


def share_of_kernel(problem: LinearProblem, epsilon: float) -> str:
    """What a solve consists of: exponentials of all pairs now and then, two products each time."""
    spent = {"anchor": [0.0, 0], "products": [0.0, 0]}

    def watched(kind: str, method: str) -> None:
        original = getattr(DenseKernel, method)

        def call(self: DenseKernel, *args: Tensor) -> Tensor:
            start = clock()
            result = original(self, *args)
            spent[kind][0] += clock() - start
            spent[kind][1] += 1
            return result

        setattr(DenseKernel, method, call)
        undo.append(lambda: setattr(DenseKernel, method, original))

    undo: list[Callable[[], None]] = []
    for kind, method in (
        ("anchor", "anchor"),
        ("products", "row_sums"),
        ("products", "column_sums"),
    ):
        watched(kind, method)
    start = clock()
    sinkhorn(problem, epsilon * cost_spread(problem), tolerance=TOLERANCE)
    whole = clock() - start
    for each in undo:
        each()
    parts = ", ".join(f"{n} {kind} {s / whole:.0%}" for kind, (s, n) in spent.items())
    n = problem.cost.shape[-1]
    return f"n = {n}, epsilon = {epsilon:g}: {1e3 * whole:.0f} ms, of which {parts}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[500, 2000, 4000])
    parser.add_argument("--limit", type=float, default=20.0, help="seconds of one solve")
    parser.add_argument("--threads", type=int, default=1, help="of torch and of the BLAS")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    threadpool_limits(options.threads)
    warnings.simplefilter("ignore")  # POT's, about solvers that do not converge
    print(f"{machine()}, POT {ot.__version__}")
    print(f"milliseconds at a marginal error of {TOLERANCE:g}; * did not converge")
    print(heading(DENSE))
    for n in options.sizes:
        for epsilon in EPSILONS:
            print(row_of(f"{n} x {n}", problem_of(n), epsilon, options.limit), flush=True)
    print(heading(BATCHED))
    for epsilon in EPSILONS:
        print(
            row_of("100 x 25 x 25", problem_of(25, tiles=100), epsilon, options.limit), flush=True
        )
    print()
    for epsilon in EPSILONS:
        print(share_of_kernel(problem_of(max(options.sizes)), epsilon), flush=True)


if __name__ == "__main__":
    main()
