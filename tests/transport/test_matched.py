import ot
import pytest
import torch

from raytd.errors import InputError
from raytd.transport.tiles import Tiles, deal_tiles
from tests.cases import for_each


def clouds(n: int, m: int, d: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Five classes of unequal size, the target's moved by a constant."""
    generator = torch.Generator().manual_seed(0)
    centres = 2 * torch.randn(5, d, generator=generator, dtype=torch.float64)

    def cloud(size: int) -> torch.Tensor:
        classes = (5 * torch.rand(size, generator=generator) ** 2).long()
        noise = torch.randn(size, d, generator=generator, dtype=torch.float64)
        return centres[classes] + 0.7 * noise

    return cloud(n), cloud(m) + 1


def mean_cost(tiles: Tiles, x: torch.Tensor, y: torch.Tensor) -> float:
    """Mean squared distance of the pairs that share a tile."""
    weights = tiles.a.unsqueeze(-1) * tiles.b.unsqueeze(-2) * tiles.n_tiles
    squares = ((x[tiles.rows].unsqueeze(2) - y[tiles.cols].unsqueeze(1)) ** 2).sum(-1)
    return float((weights * squares).sum())


def test_matched_tiles_hold_what_is_close() -> None:
    x, y = clouds(500, 430)
    matched, random = (
        deal_tiles(
            500,
            430,
            tile_size=25,
            dealing=dealing,
            generator=torch.Generator().manual_seed(0),
            features=(x, y),
        )
        for dealing in ("matched", "random")
    )
    least = ot.emd2([], [], torch.cdist(x, y) ** 2, numItermax=10**6)
    gain = (mean_cost(random, x, y) - mean_cost(matched, x, y)) / (mean_cost(random, x, y) - least)
    assert gain > 0.8


def test_partners_share_a_tile() -> None:
    x = clouds(100, 1)[0]
    shuffle = torch.randperm(100, generator=torch.Generator().manual_seed(1))
    tiles = deal_tiles(100, 100, tile_size=25, dealing="matched", features=(x, x[shuffle]))
    for rows, cols in zip(tiles.rows, tiles.cols, strict=True):
        assert set(rows.tolist()) == set(shuffle[cols].tolist())


@for_each(("n", "m"), [(251, 250), (7, 3), (3, 7), (1, 1), (1, 9)])
def test_every_example_is_dealt_with_its_exact_mass(n: int, m: int) -> None:
    tiles = deal_tiles(n, m, tile_size=2, dealing="matched", features=clouds(n, m))
    for indices, masses, size in ((tiles.rows, tiles.a, n), (tiles.cols, tiles.b, m)):
        total = torch.zeros(size, dtype=torch.float64)
        total.index_add_(0, indices.flatten(), masses.flatten())
        torch.testing.assert_close(total, torch.full_like(total, 1 / size), rtol=1e-13, atol=0)


def test_features_that_are_all_alike_are_dealt_too() -> None:
    tiles = deal_tiles(9, 9, tile_size=3, dealing="matched", features=(torch.ones(9, 2),) * 2)
    assert sorted(tiles.rows.flatten().tolist()) == list(range(9))


def test_dealing_is_the_same_every_time() -> None:
    one, other = (
        deal_tiles(60, 50, tile_size=9, dealing="matched", features=clouds(60, 50))
        for _ in range(2)
    )
    assert torch.equal(one.rows, other.rows)
    assert torch.equal(one.cols, other.cols)


@for_each(
    ("features", "message"),
    [
        (None, "give the features"),
        ((torch.ones(3, 2), torch.ones(4, 2)), r"\(3, 2\) and \(4, 2\); they must be \(4, d\)"),
        ((torch.ones(4, 2), torch.ones(4, 3)), r"\(4, 2\) and \(4, 3\)"),
        ((torch.full((4, 2), torch.nan), torch.ones(4, 2)), r"features\[0, 0\] is nan"),
    ],
)
def test_bad_features_are_named(
    features: tuple[torch.Tensor, torch.Tensor] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        deal_tiles(4, 4, tile_size=2, dealing="matched", features=features)
