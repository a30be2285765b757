import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytd.errors import InputError
from raytd.report import paired


def both(row, pair, uncoupled, coupled, **other):
    return [
        row(*pair, uncoupled, method="uncoupled", **other),
        row(*pair, coupled, method="coupled", **other),
    ]


def test_pairs_are_matched_with_difference_and_ratio(row):
    result = paired([*both(row, "ab", 2.0, 1.0), *both(row, "ba", 4.0, 5.0)])
    first, second = result.pairs
    assert (first.source, first.target, first.left, first.right) == ("a", "b", 2.0, 1.0)
    assert (first.difference, first.ratio) == (-1.0, 0.5)
    assert (second.difference, second.ratio) == (1.0, 1.25)
    assert result.unit == "rad"


def test_share_and_median_are_of_the_right_side(row):
    rows = [*both(row, "ab", 2.0, 1.0), *both(row, "ba", 4.0, 5.0), *both(row, "ac", 4.0, 3.0)]
    result = paired(rows)
    assert result.n_smaller == 2
    assert result.share_smaller == 2 / 3
    assert result.median_ratio == 0.75
    assert (
        result.summary() == "coupled is smaller than uncoupled in 2 of 3 pairs; median ratio 0.75"
    )


numbers = st.floats(0.01, 100)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_swapping_the_sides_turns_the_result_around(values):
    rows = [
        {"method": method, "source": "a", "target": str(i), "value": value}
        for i, sides in enumerate(values)
        for method, value in zip(("x", "y"), sides, strict=True)
    ]
    there, back = paired(rows, left="x", right="y"), paired(rows, left="y", right="x")
    ties = sum(a == b for a, b in values)
    assert there.n_smaller + back.n_smaller + ties == len(values)
    assert [p.difference for p in there.pairs] == [-p.difference for p in back.pairs]


def test_models_and_seeds_are_not_matched_with_others(row):
    rows = [
        row("a", "b", 2.0, method="uncoupled", seed=0),
        row("a", "b", 1.0, method="coupled", seed=1),
        row("a", "b", 1.0, method="coupled", seed=0, model="wrn-16-4"),
    ]
    result = paired(rows)
    assert result.pairs == ()
    assert result.unmatched == 3
    assert math.isnan(result.share_smaller)
    assert math.isnan(result.median_ratio)
    assert result.summary() == "coupled and uncoupled have no pair in common"


def test_any_axis_can_be_compared(row):
    rows = [row("a", "b", 2.0, model="cnn8"), row("a", "b", 3.0, model="wrn-16-4")]
    (pair,) = paired(rows, by="model", left="cnn8", right="wrn-16-4").pairs
    assert pair.ratio == 1.5
    assert pair.fixed == {"method": "coupled", "seed": 0}


def test_different_protocols_are_said(row):
    rows = [
        row("a", "b", 2.0, method="uncoupled", protocol="p1"),
        row("a", "b", 1.0, method="coupled", protocol="p2"),
    ]
    result = paired(rows)
    assert result.protocols_differ
    assert not result.pairs[0].same_protocol
    assert "not on one scale" in result.summary()


def test_the_same_protocol_is_matched_first(row):
    rows = [
        row("a", "b", 1.0, method="coupled", protocol="p2"),
        *both(row, "ab", 4.0, 3.0, protocol="p1"),
    ]
    result = paired(rows)
    assert [(p.left, p.right) for p in result.pairs] == [(4.0, 3.0)]
    assert not result.protocols_differ
    assert result.unmatched == 1


def test_an_axis_that_is_not_named_is_an_error(row):
    rows = [row("a", "b", lam=5), row("a", "b", lam=20)]
    with pytest.raises(InputError, match="two results at source a, target b, .*name the axis"):
        paired(rows)
    assert paired(rows, axes=["lam"]).unmatched == 2


def test_trials_without_result_are_left_out(row):
    rows = [*both(row, "ab", 2.0, 1.0), row("a", "c", 2.0, method="uncoupled")]
    rows += [row("a", "c", None, method="coupled", status="failed")]
    result = paired(rows)
    assert len(result.pairs) == 1
    assert result.unmatched == 1


def test_a_zero_on_the_left_has_no_ratio(row):
    result = paired([*both(row, "ab", 0.0, 1.0), *both(row, "ba", 2.0, 1.0)])
    assert math.isnan(result.pairs[0].ratio)
    assert result.median_ratio == 0.5


def test_a_comparison_says_how_far_each_side_lagged_behind(row):
    gaps = {"uncoupled": [0.1, 0.3, 0.2], "coupled": [0.01, 0.02, 0.06]}
    rows = [
        row(source, "z", 1.0, method=method, tracking_gap=gap)
        for method, values in gaps.items()
        for source, gap in zip("abc", values, strict=True)
    ]
    found = paired(rows)
    assert found.median_tracking_gaps == (0.2, 0.02)
    assert "median tracking gap 0.02 against 0.2 nats" in found.summary()
    without = [r | {"tracking_gap": None} for r in rows[:3]] + rows[3:]
    assert paired(without).median_tracking_gaps is None
    assert "tracking gap" not in paired(without).summary()
