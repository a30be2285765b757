import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.transfer.randomness import derive_seed, generator, layers_seeded
from tests.cases import for_each

PARTS = st.one_of(st.integers(0, 1000), st.text(st.sampled_from("abc -"), min_size=1, max_size=4))
PATHS = st.lists(PARTS, max_size=4).map(tuple)
CPU = torch.device("cpu")


def numbers(run_seed: int, *path: str | int) -> list[float]:
    return torch.rand(4, dtype=torch.float64, generator=generator(run_seed, *path)).tolist()


@settings(deadline=None)
@given(one=st.tuples(st.integers(0, 2**63), PATHS), other=st.tuples(st.integers(0, 2**63), PATHS))
def test_streams_differ_exactly_where_their_paths_do(
    one: tuple[int, tuple[str | int, ...]], other: tuple[int, tuple[str | int, ...]]
) -> None:
    seeds = [derive_seed(run_seed, *path) for run_seed, path in (one, other)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert (seeds[0] == seeds[1]) == (one == other)


@for_each(
    ("one", "other"),
    [
        ((0, "draws", 1, 23), (0, "draws", 12, 3)),
        ((0, "draws", 1), (0, "layers", 1)),
        ((0, "draws", 1), (1, "draws", 0)),
        ((1, 2), (12,)),
        ((0,), (1,)),
    ],
)
def test_neighbouring_paths_give_other_numbers(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    assert not set(numbers(*one)) & set(numbers(*other))


def test_the_same_path_gives_the_same_numbers() -> None:
    assert numbers(5, "draws", 2, 7) == numbers(5, "draws", 2, 7)


def test_seeds_are_the_same_on_every_machine() -> None:
    # A number on record, because results are only comparable while the streams stay these.
    assert derive_seed(0, "draws", 1, 2) == 1821704489192778121


def test_streams_of_many_blocks_and_segments_are_all_different() -> None:
    seeds = {
        derive_seed(0, "draws", block, segment) for block in range(50) for segment in range(50)
    }
    assert len(seeds) == 2500


def test_streams_leave_the_global_state_alone() -> None:
    before = torch.random.get_rng_state()
    numbers(1, "draws")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_layers_draw_from_the_seed_inside_and_the_global_state_is_restored_after() -> None:
    before = torch.random.get_rng_state()
    drawn = []
    for seed in (3, 3, 4):
        with layers_seeded(seed, CPU):
            drawn.append(torch.nn.functional.dropout(torch.ones(64)))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def fail_among_layers() -> None:
    with layers_seeded(3, CPU):
        torch.rand(1)
        raise ArithmeticError


def test_the_global_state_is_restored_after_an_error() -> None:
    before = torch.random.get_rng_state()
    with pytest.raises(ArithmeticError):
        fail_among_layers()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_was_drawn_before_does_not_matter_inside() -> None:
    with layers_seeded(3, CPU):
        first = torch.rand(3)
    with torch.random.fork_rng(devices=[]):
        torch.rand(17)
        with layers_seeded(3, CPU):
            assert torch.equal(torch.rand(3), first)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_layers_on_a_gpu_draw_from_the_seed_and_its_state_is_restored_after() -> None:
    device = torch.device("cuda")
    before = torch.cuda.get_rng_state(device)
    drawn = []
    for seed in (3, 3, 4):
        with layers_seeded(seed, device):
            drawn.append(torch.nn.functional.dropout(torch.ones(64, device=device)))
        assert torch.equal(torch.cuda.get_rng_state(device), before)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
