from dataclasses import replace

import pytest
import torch

from raytd.errors import InputError
from raytd.transport.pairs import PairFunction, PairSpace
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.spread import cost_spread
from tests.cases import for_each

N, M = 12, 9


def space() -> PairSpace:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(k, 4, generator=generator, dtype=torch.float64) for k in (N, M))
    return PairSpace(x, y, torch.arange(N) % 3, torch.arange(M) % 2)


def function(seed: int) -> PairFunction:
    """Every part of it random, exceptions at a third of the pairs."""
    generator = torch.Generator().manual_seed(seed)
    f, g, table = (
        torch.randn(*size, generator=generator, dtype=torch.float64)
        for size in ((N,), (M,), (3, 2))
    )
    index = torch.randperm(N * M, generator=generator)[: N * M // 3].sort()[0]
    exceptions = torch.randn(len(index), generator=generator, dtype=torch.float64)
    return PairFunction(space(), f, g, table, 0.3 + seed, index, exceptions)


def dense(function: PairFunction) -> torch.Tensor:
    """The definition, entry by entry."""
    s = function.space
    values = torch.zeros(N, M, dtype=torch.float64)
    for i in range(N):
        for j in range(M):
            distance = ((s.source_features[i] - s.target_features[j]) ** 2).sum()
            values[i, j] = function.f[i] + function.g[j] + function.slope * distance
            values[i, j] += function.table[s.source_classes[i], s.target_classes[j]]
    values.view(-1)[function.index] += function.exceptions
    return values


@for_each(("start", "stop"), [(0, N), (0, 1), (5, 8), (N - 1, N)])
def test_rows_are_what_the_definition_says(start: int, stop: int) -> None:
    one = function(0)
    torch.testing.assert_close(one.rows(start, stop), dense(one)[start:stop])


def test_pairs_are_what_the_definition_says() -> None:
    one, index = function(0), torch.tensor([0, 5, 17, 17, N * M - 1, 40])
    torch.testing.assert_close(one.at(index), dense(one).view(-1)[index])
    without = PairFunction.distances(space(), 2.0)
    torch.testing.assert_close(without.at(index), dense(without).view(-1)[index])


def test_sums_and_multiples_are_those_of_the_values() -> None:
    one, other = function(0), function(1)
    combined = one * 2.0 + other * -0.5
    torch.testing.assert_close(combined.rows(0, N), 2 * dense(one) - 0.5 * dense(other))
    assert bool((combined.index[1:] > combined.index[:-1]).all())


def test_the_spread_of_distances_has_its_closed_form() -> None:
    a, b = torch.full((N,), 1 / N).double(), torch.full((M,), 1 / M).double()
    problem = LinearProblem(space().squared_distances(slice(0, N)), a / a.sum(), b / b.sum())
    assert space().spread() == pytest.approx(cost_spread(problem), rel=1e-6)


@for_each(
    ("changes", "message"),
    [
        ({"source_features": torch.zeros(N, 3).double()}, "both must be as wide"),
        ({"source_classes": torch.zeros(3, dtype=torch.int64)}, r"source_classes has shape \(3,\)"),
        ({"target_classes": torch.full((M,), -1)}, r"target_classes\[0\] is -1"),
        (
            {"target_features": torch.full((M, 4), torch.inf).double()},
            r"target_features\[0, 0\] is inf",
        ),
        ({"source_features": torch.zeros(N, 4)}, "source_features is torch.float32"),
        ({"source_features": torch.zeros(N).double()}, r"source_features has shape \(12,\)"),
        ({"target_features": torch.zeros(0, 4).double()}, r"target_features has shape \(0, 4\)"),
        ({"source_classes": torch.zeros(N)}, "source_classes is torch.float32"),
    ],
)
def test_bad_input_is_named(changes: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PairSpace(**(vars(space()) | changes))


@for_each(
    ("changes", "message"),
    [
        ({"f": torch.zeros(1).double()}, r"f has shape \(1,\), not \(12,\)"),
        ({"g": torch.full((M,), torch.nan).double()}, r"g\[0\] is nan"),
        ({"table": torch.zeros(2, 2).double()}, r"table has shape \(2, 2\), not \(3, 2\)"),
        ({"slope": float("inf")}, "slope is inf"),
        ({"exceptions": torch.zeros(2).double()}, r"exceptions has shape \(2,\), not \(36,\)"),
        ({"index": torch.arange(36).flip(0)}, r"index\[1\] is 34; it must be above"),
        ({"index": torch.zeros(36, dtype=torch.int64)}, r"index\[1\] is 0; it must be above"),
        ({"index": torch.arange(36) + 90}, r"index\[18\] is 108; pairs are from 0 to 107"),
    ],
)
def test_bad_parts_of_a_function_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(function(0), **changes)


def test_functions_of_other_examples_are_not_added() -> None:
    other = replace(space(), source_features=space().source_features + 1)
    with pytest.raises(InputError, match="not of the same examples"):
        function(0) + PairFunction.distances(other, 1.0)
