import torch

from raytd.transport.solvers.kernel import DenseKernel, StreamedKernel
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.solvers.scaling import Scaling
from tests.cases import for_each


@for_each("chunk_rows", [1, 7, 30, 100])
def test_a_streamed_kernel_gives_the_solution_of_a_dense_one(chunk_rows: int) -> None:
    generator = torch.Generator().manual_seed(0)
    cost = torch.rand(30, 20, generator=generator, dtype=torch.float64)
    a, b = (torch.rand(k, generator=generator, dtype=torch.float64) for k in (30, 20))
    problem = LinearProblem(cost, a / a.sum(), b / b.sum())
    solutions = []
    for kernel in (
        DenseKernel(problem),
        StreamedKernel(lambda start, stop: cost[start:stop], 30, chunk_rows),
    ):
        scaling = Scaling(problem.a, problem.b, kernel, 0.01)
        report = scaling.run(tolerance=1e-10, max_iterations=2000)
        assert report.converged
        solutions.append((*scaling.potentials(), torch.tensor(report.primal)))
    for dense, streamed in zip(*solutions, strict=True):
        torch.testing.assert_close(streamed, dense, rtol=0, atol=1e-9)


def test_a_streamed_kernel_never_asks_for_more_rows_than_a_chunk() -> None:
    asked = []

    def rows(start: int, stop: int) -> torch.Tensor:
        asked.append(stop - start)
        return torch.rand(30, 20, generator=torch.Generator().manual_seed(0)).double()[start:stop]

    a, b = torch.full((30,), 1 / 30).double(), torch.full((20,), 1 / 20).double()
    Scaling(a, b, StreamedKernel(rows, 30, 8), 0.1).run(tolerance=1e-6, max_iterations=100)
    assert max(asked) == 8
