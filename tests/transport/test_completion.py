import pytest
import torch

from raytd.errors import InputError
from raytd.transport.completion import complete
from raytd.transport.measured import MeasuredCosts
from raytd.transport.pairs import PairSpace
from raytd.transport.tiles import deal_tiles
from tests.cases import for_each

N = 200


def space() -> PairSpace:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(N, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    return PairSpace(x, y, torch.arange(N) % 4, torch.arange(N) % 5)


def planted(
    *, slope: float = 0.0, table: float = 0.0, levels: float = 0.0, noise: float = 0.0
) -> torch.Tensor:
    """Costs of all pairs, of parts with these standard deviations or slope."""
    generator = torch.Generator().manual_seed(1)
    s = space()

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    classes = table * normal(4, 5)[s.source_classes][:, s.target_classes]
    distances = slope * s.squared_distances(slice(0, N))
    return 3 + classes + distances + levels * (normal(N, 1) + normal(N)) + noise * normal(N, N)


def measured(cost: torch.Tensor, *, rounds: int = 1) -> MeasuredCosts:
    """What some rounds of random tiles see of the costs."""
    generator = torch.Generator().manual_seed(2)
    memory = MeasuredCosts.nothing(N)
    for iteration in range(rounds):
        tiles = deal_tiles(N, N, tile_size=25, dealing="random", generator=generator)
        memory = memory.remember(tiles, cost.view(-1)[tiles.pairs], iteration)
    return memory


def test_measured_costs_are_kept() -> None:
    cost = planted(slope=0.1, table=1.0, levels=1.0, noise=0.5)
    memory = measured(cost)
    torch.testing.assert_close(complete(memory, space()).cost.at(memory.index), memory.cost)


def test_unmeasured_costs_of_a_planted_model_are_found() -> None:
    cost = planted(slope=0.1, table=1.0, levels=1.0)
    completion = complete(measured(cost, rounds=3), space())
    error = completion.cost.rows(0, N) - cost
    # Shrinkage towards the mean leaves a little of every level.
    assert float(error.square().mean() / (cost - cost.mean()).square().mean()) < 0.01
    assert completion.r_squared > 0.98
    assert completion.cost.slope == pytest.approx(0.1, rel=0.01)


def test_r_squared_says_how_much_of_held_out_costs_is_explained() -> None:
    """The noise has variance 1, and nothing explains it."""
    cost = planted(table=1.0, noise=1.0)
    completion = complete(measured(cost, rounds=4), space())
    assert completion.r_squared == pytest.approx(1 - 1 / float(cost.var()), abs=0.12)


def test_r_squared_of_noise_is_not_above_zero() -> None:
    completion = complete(measured(planted(noise=1.0)), space())
    assert completion.r_squared < 0.05


def test_levels_do_not_make_unmeasured_pairs_look_cheap() -> None:
    """Costs that are levels alone are guessed alike to what was measured beside them."""
    cost = planted(levels=1.0)
    completion = complete(measured(cost, rounds=2), space())
    values = completion.cost.rows(0, N)
    seen = torch.zeros(N * N, dtype=torch.bool)
    seen[measured(cost, rounds=2).index] = True
    bias = [values.view(-1)[side] - cost.view(-1)[side] for side in (seen, ~seen)]
    assert float(bias[1].mean().abs()) < 0.05
    assert (
        float(torch.corrcoef(torch.stack([values.view(-1)[~seen], cost.view(-1)[~seen]]))[0, 1])
        > 0.98
    )


def test_the_slope_is_never_negative() -> None:
    completion = complete(measured(planted(slope=-0.1, noise=0.1)), space())
    assert completion.cost.slope == 0


def test_costs_that_are_all_alike_are_completed_by_themselves() -> None:
    completion = complete(measured(torch.full((N, N), 3.0, dtype=torch.float64)), space())
    torch.testing.assert_close(completion.cost.rows(0, N), torch.full((N, N), 3.0).double())
    assert completion.r_squared == 0


def test_nothing_measured_cannot_be_completed() -> None:
    with pytest.raises(InputError, match="needs at least 2"):
        complete(MeasuredCosts.nothing(N), space())


@for_each(
    ("n_target", "index", "message"),
    [
        (N - 1, [0, 1], f"of {N - 1} targets and the space of {N}"),
        (N, [0, N * N], rf"measured pairs\[1\] is {N * N}; pairs are from 0 to {N * N - 1}"),
        (N, [3, 2], r"measured pairs\[1\] is 2; it must be above the one before it"),
    ],
)
def test_costs_of_other_pairs_cannot_be_completed(
    n_target: int, index: list[int], message: str
) -> None:
    pairs = torch.tensor(index)
    with pytest.raises(InputError, match=message):
        complete(MeasuredCosts(n_target, pairs, pairs.double(), pairs), space())
