import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raytd.errors import InputError
from raytd.transport.tiles import Tiles, deal_tiles, n_tiles
from tests.cases import for_each

SIZES = [(251, 250, 25), (7, 3, 2), (3, 7, 2), (1, 1, 25), (100, 100, 25), (2500, 2500, 25)]


def marginal(indices: torch.Tensor, masses: torch.Tensor, n: int) -> torch.Tensor:
    return torch.zeros(n, dtype=torch.float64).index_add(0, indices.flatten(), masses.flatten())


def assert_exact(tiles: Tiles) -> None:
    """Marginals and tile masses are what they should be, up to the rounding of these sums."""
    for indices, masses, n in (
        (tiles.rows, tiles.a, tiles.n_source),
        (tiles.cols, tiles.b, tiles.n_target),
    ):
        whole = torch.full((n,), 1 / n, dtype=torch.float64)
        torch.testing.assert_close(marginal(indices, masses, n), whole, rtol=1e-13, atol=0)
        share = torch.full((tiles.n_tiles,), 1 / tiles.n_tiles, dtype=torch.float64)
        torch.testing.assert_close(masses.sum(1), share, rtol=1e-13, atol=0)


@for_each("sizes", SIZES)
@for_each("dealing", ["index", "random"])
def test_marginals_are_exact(sizes: tuple[int, int, int], dealing: str) -> None:
    n_source, n_target, tile_size = sizes
    generator = torch.Generator().manual_seed(1)
    tiles = deal_tiles(
        n_source, n_target, tile_size=tile_size, dealing=dealing, generator=generator
    )
    assert tiles.n_tiles == n_tiles(n_source, n_target, tile_size)
    assert_exact(tiles)


@given(n_source=st.integers(1, 80), n_target=st.integers(1, 80), tile_size=st.integers(1, 30))
def test_marginals_are_exact_for_any_sizes(n_source: int, n_target: int, tile_size: int) -> None:
    assert_exact(deal_tiles(n_source, n_target, tile_size=tile_size))


def test_sides_are_no_larger_than_needed() -> None:
    tiles = deal_tiles(251, 250, tile_size=25)
    assert tiles.n_tiles == 11
    assert (tiles.a > 0).sum(1).max() == tiles.a.shape[1] == 24
    assert (tiles.b > 0).sum(1).max() == tiles.b.shape[1] == 24
    even = deal_tiles(100, 100, tile_size=25)
    assert even.a.shape == even.b.shape == (4, 25)


def test_padding_has_index_and_mass_zero() -> None:
    tiles = deal_tiles(7, 3, tile_size=2)
    for indices, masses in ((tiles.rows, tiles.a), (tiles.cols, tiles.b)):
        assert bool((indices[masses == 0] == 0).all())


def test_index_keeps_the_order_of_the_data() -> None:
    tiles = deal_tiles(6, 6, tile_size=3)
    assert tiles.rows.tolist() == tiles.cols.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_random_is_fixed_by_its_generator() -> None:
    one, same, other = (
        deal_tiles(
            50, 40, tile_size=9, dealing="random", generator=torch.Generator().manual_seed(seed)
        )
        for seed in (0, 0, 1)
    )
    assert torch.equal(one.rows, same.rows)
    assert torch.equal(one.cols, same.cols)
    assert not torch.equal(one.rows, other.rows)
    assert not torch.equal(one.rows, one.cols)


@given(size=st.integers(1, 60), data=st.data())
def test_blocks_are_contiguous_and_cover_every_tile_once(size: int, data: st.DataObject) -> None:
    tiles = deal_tiles(size, size, tile_size=3)
    n_blocks = data.draw(st.integers(1, tiles.n_tiles))
    blocks = [tiles.block(index, n_blocks) for index in range(n_blocks)]
    assert [t for block in blocks for t in range(tiles.n_tiles)[block]] == list(
        range(tiles.n_tiles)
    )
    sizes = [block.stop - block.start for block in blocks]
    assert max(sizes) - min(sizes) <= 1
    masses = [tiles.block_mass(index, n_blocks) for index in range(n_blocks)]
    assert sum(masses) == pytest.approx(1)


@for_each(("index", "n_blocks"), [(0, 0), (0, 5), (2, 2), (-1, 2)])
def test_a_block_that_is_not_there_is_refused(index: int, n_blocks: int) -> None:
    with pytest.raises(InputError, match="must be from"):
        deal_tiles(8, 8, tile_size=2).block(index, n_blocks)


@for_each(
    ("settings", "message"),
    [
        ({"n_source": 0, "n_target": 1, "tile_size": 1}, "n_source is 0"),
        ({"n_source": 1, "n_target": 1, "tile_size": 0}, "tile_size is 0"),
        ({"n_source": 1, "n_target": 1, "tile_size": 1, "dealing": "random"}, "generator"),
        ({"n_source": 1, "n_target": 1, "tile_size": 1, "dealing": "best"}, "dealing is 'best'"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        deal_tiles(**settings)
