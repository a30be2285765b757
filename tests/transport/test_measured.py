import pytest
import torch

from raytd.errors import InputError
from raytd.transport.measured import MeasuredCosts
from raytd.transport.tiles import deal_tiles, tiles_in_order


def test_what_was_measured_is_remembered_with_its_age() -> None:
    first = tiles_in_order(torch.arange(4), torch.arange(4), n_tiles=2)
    second = tiles_in_order(torch.arange(4), torch.tensor([2, 3, 0, 1]), n_tiles=2)
    nothing = MeasuredCosts.nothing(4)
    once = nothing.remember(first, torch.full((2, 2, 2), 1.0), 0)
    twice = once.remember(second, torch.full((2, 2, 2), 2.0), 1)
    assert twice.index.tolist() == list(range(16))
    blocks = torch.tensor([[1.0, 1, 2, 2]] * 2 + [[2.0, 2, 1, 1]] * 2).double()
    assert torch.equal(twice.cost.view(4, 4), blocks)
    assert torch.equal(twice.iteration.view(4, 4), blocks.long() - 1)


def test_the_newest_measurement_replaces_an_older_one() -> None:
    tiles = deal_tiles(6, 6, tile_size=3)
    measured = MeasuredCosts.nothing(6)
    for iteration in range(3):
        measured = measured.remember(tiles, torch.full((2, 3, 3), float(iteration)), iteration)
    assert len(measured.index) == 18
    assert bool((measured.cost == 2).all())
    assert bool((measured.iteration == 2).all())


def test_padding_is_not_remembered_and_boundary_pairs_only_once() -> None:
    tiles = deal_tiles(7, 3, tile_size=2)
    cost = torch.where(tiles.has_mass, 1.0, torch.nan)
    measured = MeasuredCosts.nothing(3).remember(tiles, cost, 0)
    assert measured.index.tolist() == tiles.pairs[tiles.has_mass].unique().tolist()
    assert bool((measured.cost == 1).all())


def test_bad_costs_are_named() -> None:
    tiles = deal_tiles(6, 6, tile_size=3)
    with pytest.raises(InputError, match=r"cost has shape \(2, 2\), not \(2, 3, 3\)"):
        MeasuredCosts.nothing(6).remember(tiles, torch.ones(2, 2), 0)
    cost = torch.ones(2, 3, 3)
    cost[1, 0, 2] = torch.nan
    with pytest.raises(InputError, match=r"cost\[1, 0, 2\] is nan"):
        MeasuredCosts.nothing(6).remember(tiles, cost, 0)


def test_tiles_of_another_number_of_targets_are_refused() -> None:
    tiles = deal_tiles(6, 6, tile_size=3)
    with pytest.raises(InputError, match="the tiles have 6 targets, not 5"):
        MeasuredCosts.nothing(5).remember(tiles, torch.ones(2, 3, 3), 0)
