import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raytd.errors import InputError
from raytd.transfer.interpolation import draw_pairs, mix, mixing_coefficients
from raytd.transfer.settings import Mixing
from tests.cases import for_each

LAWS: list[Mixing] = ["beta", "linear", "bernoulli"]

MASSES = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 1), st.floats(0, 1e-300)), min_size=1, max_size=30
).filter(any)
UNIFORMS = st.one_of(
    st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 5e-324, 0.5, 1 - 2**-53])
)


def tensor(values: object) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


@settings(deadline=None)
@given(masses=MASSES, uniforms=st.lists(UNIFORMS, min_size=1, max_size=20))
def test_a_pair_without_mass_is_never_drawn(masses: list[float], uniforms: list[float]) -> None:
    drawn = draw_pairs(tensor(masses), tensor(uniforms))
    assert all(masses[index] > 0 for index in drawn.tolist())


@for_each("uniform", [0.0, 0.3, 1 - 2**-53])
def test_rows_and_ends_without_mass_are_never_drawn(uniform: float) -> None:
    coupling = torch.zeros(5, 4, dtype=torch.float64)
    coupling[1, 2], coupling[3, 1] = 0.1, 0.2
    assert draw_pairs(coupling.flatten(), tensor([uniform])).item() in (6, 13)


def test_no_end_without_mass_is_drawn_where_the_total_mass_is_subnormal() -> None:
    # The product of a uniform and the smallest positive number rounds up to that number.
    assert draw_pairs(tensor([0.0, 5e-324, 0.0]), tensor([0.1, 0.9])).tolist() == [1, 1]


def test_frequencies_follow_the_coupling() -> None:
    weights = torch.rand(60, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights[::7] = 0
    # Evenly spaced uniforms count every pair to within one draw, so there is no luck in this.
    uniforms = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    counts = torch.bincount(draw_pairs(weights, uniforms), minlength=60)
    torch.testing.assert_close(
        counts / 100_000, weights / weights.sum(), rtol=0, atol=1.001e-5, check_dtype=False
    )


@settings(deadline=None)
@given(
    tables=st.integers(1, 6).flatmap(
        lambda m: st.lists(
            st.tuples(
                st.lists(st.integers(0, 9), min_size=m, max_size=m).filter(any),
                st.permutations(range(m)),
            ),
            min_size=1,
            max_size=6,
        )
    ),
    uniforms=st.lists(UNIFORMS, min_size=1, max_size=20),
)
def test_one_uniform_picks_the_same_row_under_every_coupling_with_the_same_row_sums(
    tables: list[tuple[list[int], list[int]]], uniforms: list[float]
) -> None:
    # Whole masses, so that row sums are the same to the bit in every order.
    one = tensor([row for row, _ in tables])
    other = tensor([[row[i] for i in order] for row, order in tables])
    rows = [draw_pairs(c.flatten(), tensor(uniforms)) // one.shape[1] for c in (one, other)]
    assert torch.equal(*rows)


def test_draws_do_not_depend_on_the_total_mass() -> None:
    generator = torch.Generator().manual_seed(1)
    coupling = torch.rand(50, dtype=torch.float64, generator=generator)
    uniforms = torch.rand(1000, dtype=torch.float64, generator=generator)
    assert torch.equal(draw_pairs(coupling, uniforms), draw_pairs(coupling / 4, uniforms))


@for_each("law", LAWS)
@for_each("tau", [0.0, 1e-3, 0.05, 0.3, 0.5, 0.81, 0.999, 1.0])
def test_every_law_has_mean_tau(law: Mixing, tau: float) -> None:
    n = 20_000
    uniforms = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    t = mixing_coefficients(law, torch.full_like(uniforms, tau), uniforms)
    # A monotone function between 0 and 1 is integrated to within 1/n by its values at n cells.
    assert t.mean().item() == pytest.approx(tau, abs=1 / n)


@for_each("tau", [0.01, 0.2, 0.5, 0.9, 0.99])
def test_beta_agrees_with_scipys_distribution(tau: float) -> None:
    uniforms = torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    t = mixing_coefficients("beta", torch.full_like(uniforms, tau), uniforms).numpy()
    distribution = scipy.stats.beta(tau, 1 - tau)
    # Two inverses of the same function, each to about 1e-14.
    np.testing.assert_allclose(t, distribution.ppf(uniforms.numpy()), rtol=1e-12, atol=1e-14)
    # Forward again; near t = 1 the density is large, and the rounding of t with it.
    inside = (t > 1e-9) & (t < 1 - 1e-9)
    np.testing.assert_allclose(distribution.cdf(t[inside]), uniforms.numpy()[inside], rtol=1e-6)


def test_beta_at_one_half_is_the_arcsine_law() -> None:
    uniforms = (torch.arange(500, dtype=torch.float64) + 0.5) / 500
    t = mixing_coefficients("beta", torch.full_like(uniforms, 0.5), uniforms)
    torch.testing.assert_close(t, torch.sin(math.pi * uniforms / 2) ** 2, rtol=1e-12, atol=0)


@settings(deadline=None)
@given(tau=st.floats(0, 1), uniform=UNIFORMS, law=st.sampled_from(LAWS))
def test_coefficients_lie_between_the_ends(tau: float, uniform: float, law: Mixing) -> None:
    t = mixing_coefficients(law, tensor([tau]), tensor([uniform])).item()
    assert 0 <= t <= 1


@settings(deadline=None)
@given(uniform=UNIFORMS, law=st.sampled_from(LAWS))
def test_the_ends_of_the_path_are_pure(uniform: float, law: Mixing) -> None:
    t = mixing_coefficients(law, tensor([0.0, 1.0]), tensor([uniform, uniform]))
    assert t.tolist() == [0.0, 1.0]


def test_linear_is_tau_and_bernoulli_is_zero_or_one() -> None:
    tau, uniforms = tensor([0.1, 0.5, 0.7]), tensor([0.2, 0.4, 0.9])
    assert mixing_coefficients("linear", tau, uniforms).tolist() == [0.1, 0.5, 0.7]
    assert mixing_coefficients("bernoulli", tau, uniforms).tolist() == [0.0, 1.0, 0.0]


def test_linear_coefficients_are_a_copy() -> None:
    tau = tensor([0.1, 0.5])
    mixing_coefficients("linear", tau, tau).zero_()
    assert tau.tolist() == [0.1, 0.5]


@for_each("law", LAWS)
def test_a_table_of_steps_gives_the_coefficients_of_its_rows(law: Mixing) -> None:
    tau = tensor([0.25, 0.75])[:, None].expand(2, 3)
    uniforms = torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    table = mixing_coefficients(law, tau, uniforms)
    rows = [mixing_coefficients(law, tau[i], uniforms[i]) for i in range(2)]
    assert torch.equal(table, torch.stack(rows))


def test_mixing_is_exact_at_the_ends() -> None:
    source, target = torch.randn(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(4))
    assert torch.equal(mix(source, target, 0.0), source)
    assert torch.equal(mix(source, target, 1.0), target)
    t = torch.tensor([0.0, 1.0, 0.0])[:, None, None, None]
    mixed = mix(source, target, t)
    assert torch.equal(mixed[::2], source[::2])
    assert torch.equal(mixed[1], target[1])


def test_mixing_meets_every_source_with_every_target() -> None:
    source, target = torch.randn(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(5))
    table = mix(source[:, None], target[None], 0.25)
    assert table.shape == (3, 3, 2, 4, 4)
    expected = 0.75 * source[2] + 0.25 * target[1]
    torch.testing.assert_close(table[2, 1], expected, rtol=1e-6, atol=1e-7)  # float32


@settings(deadline=None)
@given(t=st.floats(0, 1), source=st.floats(-5, 5), target=st.floats(-5, 5))
def test_mixed_pixels_lie_between_the_ends(t: float, source: float, target: float) -> None:
    ends = torch.full((2, 1, 1, 1), source, dtype=torch.float64)
    ends[1] = target
    mixed = mix(ends[0], ends[1], t).item()
    # The two weights are rounded, and products below 1e-300 lose digits.
    slack = 1e-15 * max(abs(source), abs(target)) + 1e-300
    assert min(source, target) - slack <= mixed <= max(source, target) + slack


@for_each(
    ("masses", "uniforms", "message"),
    [
        ([0.5, math.nan], [0.5], r"coupling\[1\] is nan; masses must be finite"),
        ([0.5, math.inf], [0.5], r"coupling\[1\] is inf; masses must be finite"),
        ([0.5, 1.0, -0.5], [0.5], r"coupling\[2\] is -0.5; masses must not be negative"),
        ([0.0, 0.0], [0.5], "coupling is 0 everywhere"),
        ([0.5, 0.5], [0.5, 1.0], r"uniforms\[1\] is 1; it must be in \[0, 1\)"),
        ([0.5, 0.5], [math.nan], r"uniforms\[0\] is nan"),
    ],
)
def test_what_cannot_be_drawn_from_is_named(
    masses: list[float], uniforms: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        draw_pairs(tensor(masses), tensor(uniforms))


@for_each("law", LAWS)
@for_each("tau", [-0.1, 1.5, math.nan])
def test_a_time_outside_the_path_is_named(law: Mixing, tau: float) -> None:
    with pytest.raises(InputError, match=rf"tau\[1\] is {tau:g}; it must be in \[0, 1\]"):
        mixing_coefficients(law, tensor([0.5, tau]), tensor([0.5, 0.5]))


def test_a_law_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="mixing is 'cutmix'; choose from beta, linear, bernoulli"):
        mixing_coefficients("cutmix", tensor([0.5]), tensor([0.5]))
