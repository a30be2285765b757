import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.models import zoo
from raytd.models.heads import extend_head, extension_logit, find_head, penultimate
from tests.cases import for_each

few = settings(deadline=None, max_examples=40)
"""Masses near 0 and 1, logits far apart and all alike: what the shape adds is nothing new."""

MASSES = st.floats(1e-9, 1 - 1e-9)
LOGITS = st.tuples(st.integers(1, 8), st.integers(1, 6)).flatmap(
    lambda shape: st.lists(
        st.lists(st.floats(-50, 50), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def tensor(values: object) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def model(name: str = "cnn8-narrow") -> nn.Module:
    return zoo.build(name, in_channels=1, n_classes=4, seed=0)


def images(n: int = 6) -> Tensor:
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def head_of(weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    return {"head.weight": weight, "head.bias": bias, "stem.weight": torch.ones(2)}


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_the_head_is_the_last_linear_layer(name: str) -> None:
    built = model(name)
    found, head = find_head(built)
    assert found == "head"
    assert head is built.head


def test_the_last_of_several_linear_layers_is_the_head_even_when_nested() -> None:
    inner = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    found, head = find_head(nn.Sequential(nn.Linear(5, 4), inner))
    assert found == "1.2"
    assert head is inner[2]


def test_a_model_without_linear_layer_is_told_to_have_one() -> None:
    with pytest.raises(InputError, match=r"no linear layer .* torch\.nn\.Linear"):
        find_head(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()))


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_features_are_what_the_head_turns_into_logits(name: str) -> None:
    built = model(name).eval()
    features = penultimate(built)(images())
    assert features.shape == (6, built.head.in_features)
    assert torch.equal(built.head(features), built(images()))


@for_each("name", ["cnn8-narrow", "wrn-10-1"])
def test_features_do_not_disturb_the_model(name: str) -> None:
    built = model(name).eval()
    before = {key: value.clone() for key, value in built.state_dict().items()}
    logits = built(images())
    phi = penultimate(built)
    first = phi(images())
    built(images(3))
    assert torch.equal(phi(images()), first)
    assert torch.equal(built(images()), logits)
    assert not built.training
    assert not built.head._forward_pre_hooks
    assert all(torch.equal(value, before[key]) for key, value in built.state_dict().items())


def test_no_hook_stays_after_an_error() -> None:
    built = model().eval()
    with pytest.raises(RuntimeError, match="channels"):
        penultimate(built)(torch.ones(1, 2, 8, 8))
    assert not built.head._forward_pre_hooks


def test_features_follow_the_present_weights() -> None:
    built = model().eval()
    phi = penultimate(built)
    before = phi(images())
    with torch.no_grad():
        built.convolutions[6][1].weight.mul_(2)
    assert not torch.equal(phi(images()), before)


@few
@given(rows=LOGITS, mass=MASSES)
def test_the_new_output_has_the_wanted_mass_on_average(
    rows: list[list[float]], mass: float
) -> None:
    logits = tensor(rows)
    logit = extension_logit(logits, mass=mass)
    extended = torch.cat([logits, torch.full((len(rows), 1), logit, dtype=torch.float64)], dim=1)
    reached = extended.softmax(dim=1)[:, -1].mean().item()
    # A logit of size 100 is rounded to 1e-14, and the odds of the mass with it.
    assert reached == pytest.approx(mass, rel=1e-12, abs=1e-13)


@few
@given(mass=MASSES, logit=st.floats(-50, 50))
def test_the_logit_for_one_image_has_a_closed_form(mass: float, logit: float) -> None:
    found = extension_logit(tensor([[logit, logit]]), mass=mass)
    expected = logit + math.log(2) + math.log(mass) - math.log1p(-mass)
    assert found == pytest.approx(expected, abs=1e-12)  # rounding of numbers up to 100


@for_each("mass", [0.01, 0.5])
def test_float32_logits_are_extended_in_float64(mass: float) -> None:
    logits = 20 * torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    assert extension_logit(logits, mass=mass) == extension_logit(logits.double(), mass=mass)


@few
@given(
    rows=st.integers(1, 5).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=n, max_size=n
        )
    ),
    n_new=st.integers(1, 6),
    mass=st.floats(0.01, 0.9),
)
def test_an_extended_head_keeps_old_ratios_and_shares_the_new_mass_equally(
    rows: list[list[float]], n_new: int, mass: float
) -> None:
    table = tensor(rows)
    before = head_of(table[:, :3], table[:, 3])
    features = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits = features @ before["head.weight"].T + before["head.bias"]
    n_old = len(rows)
    after = extend_head(
        before,
        head="head",
        n_classes=n_old + n_new,
        logit=extension_logit(logits, mass=mass),
    )
    assert torch.equal(after["head.weight"][:n_old], before["head.weight"])
    assert torch.equal(after["head.bias"][:n_old], before["head.bias"])
    extended = (features @ after["head.weight"].T + after["head.bias"]).softmax(dim=1)
    old, new = extended[:, :n_old], extended[:, n_old:]
    # Exponentials of logits up to 60, rounded to 1e-16 of them.
    torch.testing.assert_close(
        old / old.sum(1, keepdim=True), logits.softmax(dim=1), rtol=1e-13, atol=0
    )
    torch.testing.assert_close(new, new[:, :1].expand_as(new), rtol=1e-13, atol=0)
    assert new.sum(1).mean().item() == pytest.approx(mass, rel=1e-12)


def test_an_extended_model_gives_the_old_classes_their_ratios_and_the_new_ones_their_mass() -> None:
    small = model("wrn-10-1").eval()
    large = zoo.build("wrn-10-1", in_channels=1, n_classes=7, seed=1).eval()
    with torch.inference_mode():
        logits = small(images())
        parameters = extend_head(
            dict(small.named_parameters()),
            head="head",
            n_classes=7,
            logit=extension_logit(logits, mass=0.05),
        )
        large.load_state_dict(dict(small.named_buffers()) | parameters)
        extended = large(images()).softmax(dim=1)
    old = extended[:, :4]
    # Float32 exponentials.
    torch.testing.assert_close(
        old / old.sum(1, keepdim=True), logits.softmax(dim=1), rtol=1e-5, atol=0
    )
    assert extended[:, 4:].sum(1).mean().item() == pytest.approx(0.05, rel=1e-5)


def test_extension_leaves_what_it_was_given_and_all_other_layers_alone() -> None:
    before = head_of(torch.ones(2, 3), torch.ones(2))
    after = extend_head(before, head="head", n_classes=5, logit=0.0)
    assert before["head.weight"].shape == (2, 3)
    assert before["head.bias"].shape == (2,)
    assert after.keys() == before.keys()
    assert after["stem.weight"] is before["stem.weight"]
    assert list(after) == list(before)


def test_extension_keeps_the_number_type() -> None:
    for dtype in (torch.float32, torch.float64):
        before = head_of(torch.ones(2, 3, dtype=dtype), torch.ones(2, dtype=dtype))
        after = extend_head(before, head="head", n_classes=3, logit=1 / 3)
        assert after["head.weight"].dtype == after["head.bias"].dtype == dtype


def test_as_many_outputs_as_there_are_need_no_extension() -> None:
    before = head_of(torch.ones(2, 3), torch.ones(2))
    after = extend_head(before, head="head", n_classes=2, logit=0.0)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_fewer_outputs_than_there_are_are_refused() -> None:
    before = head_of(torch.ones(4, 3), torch.ones(4))
    with pytest.raises(InputError, match=r"head: .*\(4, 3\) to 3 outputs$"):
        extend_head(before, head="head", n_classes=3, logit=0.0)


def test_a_head_without_bias_is_refused() -> None:
    with pytest.raises(InputError, match="without a bias"):
        extend_head({"head.weight": torch.ones(2, 3)}, head="head", n_classes=3, logit=0.0)
