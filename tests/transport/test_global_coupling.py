from dataclasses import dataclass, replace

import pytest
import torch

from raytd.errors import InputError
from raytd.transport import global_coupling
from raytd.transport.completion import complete
from raytd.transport.global_coupling import GlobalCoupling, spread_of
from raytd.transport.measured import MeasuredCosts
from raytd.transport.pairs import PairFunction, PairSpace
from raytd.transport.proximal import coupling_step, effective_partners, first_coupling
from raytd.transport.solvers.problem import LinearProblem
from raytd.transport.spread import cost_spread
from raytd.transport.tiles import Tiles, deal_tiles
from tests.cases import for_each

N, M = 40, 30


def space(n: int = N, m: int = M) -> PairSpace:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(k, 4, generator=generator, dtype=torch.float64) for k in (n, m))
    return PairSpace(x, y, torch.arange(n) % 3, torch.arange(m) % 2)


def random_cost() -> PairFunction:
    """Costs with an exception at every pair, so that they are as general as a matrix."""
    generator = torch.Generator().manual_seed(3)
    exceptions = torch.randn(N * M, generator=generator, dtype=torch.float64)
    smooth = PairFunction.distances(space(), 0.2)
    return PairFunction(
        smooth.space, smooth.f, smooth.g, smooth.table, 0.2, torch.arange(N * M), exceptions
    )


def dense_problem(cost: torch.Tensor) -> LinearProblem:
    n, m = cost.shape
    a, b = (torch.full((k,), 1 / k, dtype=torch.float64) for k in (n, m))
    return LinearProblem(cost, a, b)


@for_each("unit", ["spread", "absolute"])
def test_the_first_coupling_is_that_of_the_dense_problem(unit: str) -> None:
    settings = {"epsilon": 0.2, "epsilon_unit": unit, "tolerance": 1e-12}
    ours = GlobalCoupling.from_features(space(), **settings)
    theirs = first_coupling(dense_problem(space().squared_distances(slice(0, N))), **settings)
    torch.testing.assert_close(ours.rows(0, N), theirs.coupling, rtol=0, atol=1e-10)
    assert ours.report.primal == pytest.approx(theirs.report.primal, abs=1e-9)


@for_each("unit", ["spread", "absolute"])
@for_each("proximal", ["kl", "none"])
def test_steps_are_those_of_the_dense_coupling(proximal: str, unit: str) -> None:
    ours = GlobalCoupling.from_features(space(), epsilon=0.3, tolerance=1e-12)
    dense = ours.rows(0, N)
    settings = {"epsilon": 0.1, "lam": 5.0, "proximal": proximal, "tolerance": 1e-12}
    settings["epsilon_unit"] = unit
    for scale in (1.0, 0.7, 1.3):
        cost = random_cost() * scale
        problem = dense_problem(cost.rows(0, N))
        step = coupling_step(problem, dense, **settings)
        ours = ours.step(cost, spread=cost_spread(problem), **settings)
        dense = step.coupling
        torch.testing.assert_close(ours.rows(0, N), dense, rtol=0, atol=1e-9)
        assert ours.report.primal == pytest.approx(step.report.primal, abs=1e-8)
        assert ours.report.dual == pytest.approx(step.report.dual, abs=1e-8)


def test_row_chunks_give_the_dense_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything() -> tuple[torch.Tensor, Tiles]:
        first = GlobalCoupling.from_features(space(), epsilon=0.3, tolerance=1e-12)
        coupling = first.step(random_cost(), spread=1.0, epsilon=0.1, lam=5.0, tolerance=1e-12)
        return coupling.rows(0, N), coupling.deal(6)

    dense, tiles = everything()
    monkeypatch.setattr(global_coupling, "DENSE_PAIRS", 0)
    monkeypatch.setattr(global_coupling, "CHUNK_PAIRS", 7 * M)
    chunked, same_tiles = everything()
    torch.testing.assert_close(chunked, dense, rtol=0, atol=1e-10)
    assert torch.equal(same_tiles.rows, tiles.rows)
    assert torch.equal(same_tiles.cols, tiles.cols)


def test_the_projection_is_the_nearest_coupling_on_the_tiles() -> None:
    """Its ratio to the global one is a row times a column factor, and its marginals fit."""
    coupling = GlobalCoupling.from_features(space(), epsilon=0.2)
    tiles = deal_tiles(N, M, tile_size=10)
    projection = coupling.project(tiles, tolerance=1e-12)
    torch.testing.assert_close(projection.coupling.sum(2), tiles.a, rtol=0, atol=1e-12)
    torch.testing.assert_close(projection.coupling.sum(1), tiles.b, rtol=0, atol=1e-11)
    whole = coupling.rows(0, N).view(-1)[tiles.pairs]
    log_ratio = torch.where(tiles.has_mass, (projection.coupling / whole).log(), 0)
    problem = LinearProblem(log_ratio, tiles.a, tiles.b)
    assert cost_spread(problem) == pytest.approx(0, abs=1e-9)
    expected = coupling.rows(0, N).view(-1)[tiles.pairs[tiles.has_mass].unique()].sum()
    assert projection.captured == pytest.approx(float(expected))


def test_tiles_that_hold_everything_capture_everything() -> None:
    coupling = GlobalCoupling.from_features(space(), epsilon=0.2, tolerance=1e-10)
    projection = coupling.project(deal_tiles(N, M, tile_size=N))
    assert projection.captured == pytest.approx(1)
    torch.testing.assert_close(projection.coupling[0], coupling.rows(0, N), rtol=0, atol=1e-6)


def test_tiles_dealt_from_a_coupling_capture_most_of_it() -> None:
    coupling = GlobalCoupling.from_features(space(200, 180), epsilon=0.02)
    random = deal_tiles(
        200, 180, tile_size=20, dealing="random", generator=torch.Generator().manual_seed(0)
    )
    by_chance = coupling.project(random).captured
    assert by_chance == pytest.approx(0.1, abs=0.05)
    assert coupling.project(coupling.deal(20)).captured > 0.5


@dataclass(frozen=True)
class Round:
    """How much of the coupling that was used lies on the best partners, and its cost."""

    best: float
    cost: float
    captured: float


def play(cost: torch.Tensor, where: PairSpace, first: Tiles, rounds: int) -> list[Round]:
    """Measure on tiles, complete, step, project on new tiles, and again."""
    n = len(cost)
    best = cost.argmin(1)[:, None] == torch.arange(n)
    coupling = GlobalCoupling.from_features(where, epsilon=100.0)  # knows nothing yet
    memory, tiles, played = MeasuredCosts.nothing(n), first, []
    for iteration in range(rounds):
        projection = coupling.project(tiles)
        seen = cost.view(-1)[tiles.pairs]
        on_best = projection.coupling[best.view(-1)[tiles.pairs]].sum()
        paid = (projection.coupling * seen).sum()
        played.append(Round(float(on_best), float(paid), projection.captured))
        memory = memory.remember(tiles, seen, iteration)
        spread = cost_spread(LinearProblem(seen, tiles.a, tiles.b))
        completed = complete(memory, where).cost
        coupling = coupling.step(completed, spread=spread, epsilon=0.05, lam=50.0)
        tiles = coupling.deal(10)
    return played


def test_partners_in_another_block_are_found_and_blocks_cannot_find_them() -> None:
    """Source i is cheap with target i + 30 alone, which is in the next of four blocks."""
    n = 120
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=generator, dtype=torch.float64)
    y = x.roll(30, 0) + 0.05 * torch.randn(n, 6, generator=generator, dtype=torch.float64)
    one_class = torch.zeros(n, dtype=torch.int64)
    where = PairSpace(x, y, one_class, one_class)
    levels = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, n, generator=generator, dtype=torch.float64)
    cost = 3 + 0.3 * where.squared_distances(slice(0, n)) + levels + 0.02 * noise
    assert cost.argmin(1).tolist() == torch.arange(n).roll(-30).tolist()
    first = deal_tiles(n, n, tile_size=10)
    played = play(cost, where, first, 4)
    assert played[0].best == 0
    assert played[2].best > 0.5
    assert played[3].captured > 5 * played[0].captured
    assert played[3].cost < played[0].cost - 0.5

    seen = cost.view(-1)[first.pairs]
    problem = LinearProblem(seen, first.a, first.b)
    blocks = problem.independent
    for _ in range(4):
        blocks = coupling_step(problem, blocks, epsilon=0.05, lam=50.0).coupling
    assert float((blocks * seen).sum()) > played[3].cost + 0.3


def test_classes_that_belong_together_find_each_other() -> None:
    """Source class c is cheap with target class c + 1; features say nothing."""
    n = 150
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, n, 3, generator=generator, dtype=torch.float64)
    classes = torch.arange(n) % 3
    where = PairSpace(features[0], features[1], classes, classes)
    apart = ((classes[:, None] + 1) % 3 != classes).double()
    cost = 2 + apart + 0.1 * torch.randn(n, n, generator=generator, dtype=torch.float64)
    played = play(cost, where, deal_tiles(n, n, tile_size=10), 3)
    assert played[0].cost == pytest.approx(2 + 2 / 3, abs=0.1)
    assert played[2].cost < 2.1


def test_costs_that_are_alike_move_the_coupling_towards_independence_only() -> None:
    """As the dense step does: the cost says nothing, the entropy still spreads."""
    ours = GlobalCoupling.from_features(space(), epsilon=0.3, tolerance=1e-12)
    settings = {"epsilon": 0.1, "lam": 5.0, "tolerance": 1e-12}
    dense = coupling_step(
        dense_problem(torch.full((N, M), 2.0).double()), ours.rows(0, N), **settings
    )
    alike = PairFunction.distances(space(), 0.0)
    alike = PairFunction(
        alike.space, alike.f + 2, alike.g, alike.table, 0.0, alike.index, alike.exceptions
    )
    step = ours.step(alike, spread=dense.spread, **settings)
    torch.testing.assert_close(step.rows(0, N), dense.coupling, rtol=0, atol=1e-10)
    assert effective_partners(step.rows(0, N)) > effective_partners(ours.rows(0, N))


@for_each(
    ("changes", "message"),
    [
        ({"epsilon": 0.0}, "epsilon is 0.0"),
        ({"lam": -1.0}, "lam is -1.0"),
        ({"proximal": "linear"}, "proximal is 'linear'; a global coupling takes kl or none"),
        ({"spread": float("nan")}, "spread is nan; it must be finite and not negative"),
        ({"spread": -1.0}, "spread is -1.0"),
        ({"cost": PairFunction.distances(space(N + 1), 1.0)}, "not of the same examples"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, object], message: str) -> None:
    coupling = GlobalCoupling.from_features(space(), epsilon=0.2)
    with pytest.raises(InputError, match=message):
        coupling.step(
            **({"cost": random_cost(), "spread": 1.0, "epsilon": 0.1, "lam": 1.0} | changes)
        )


def test_a_coupling_is_not_projected_on_tiles_of_other_examples() -> None:
    coupling = GlobalCoupling.from_features(space(), epsilon=0.2)
    with pytest.raises(InputError, match=r"tiles are of \(39, 30\) pairs, not \(40, 30\)"):
        coupling.project(deal_tiles(N - 1, M, tile_size=10))


@for_each("chunk", [10, 10**6])
def test_the_spread_over_all_pairs_is_that_of_one_dense_tile(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(global_coupling, "CHUNK_PAIRS", chunk)
    generator = torch.Generator().manual_seed(0)
    features = [torch.randn(n, 3, dtype=torch.float64, generator=generator) for n in (7, 9)]
    classes = [torch.arange(n) % 3 for n in (7, 9)]
    cost = PairFunction.distances(PairSpace(*features, *classes), 0.3)
    level = torch.randn(7, dtype=torch.float64, generator=generator) + 1e4
    cost = replace(cost, f=level, index=torch.tensor([3, 20]), exceptions=torch.ones(2).double())
    a, b = (torch.full((n,), 1 / n, dtype=torch.float64) for n in (7, 9))
    expected = cost_spread(LinearProblem(cost.rows(0, 7), a, b))
    # Squares of 1e4 lose 8 of 16 digits in the expected value itself.
    assert spread_of(cost) == pytest.approx(expected, rel=1e-6)
