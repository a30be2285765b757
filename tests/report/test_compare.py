import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from raytd.errors import InputError
from raytd.report.compare import compare
from raytd.report.comparison_text import overview_lines, overview_table, summary, with_margin
from raytd.report.statistics.ties import order
from tests.cases import for_each


def both(row, pair, left, right, **other):
    return [
        row(*pair, left, method="uncoupled", **other),
        row(*pair, right, method="coupled", **other),
    ]


def methods(rows, **options):
    return compare(rows, "method", "uncoupled", "coupled", **options)


def marks(comparison):
    return [[doubt.mark for doubt in pair.doubts] for pair in comparison.pairs]


def test_pairs_are_matched_with_difference_and_ratio(row):
    (result,) = methods([*both(row, "ab", 2.0, 1.0), *both(row, "ba", 4.0, 5.0)])
    first, second = result.pairs
    assert (first.source, first.target, first.left, first.right) == ("a", "b", 2.0, 1.0)
    assert (first.difference, second.difference) == (-1.0, 1.0)
    assert_allclose([first.ratio, second.ratio], [0.5, 1.25], rtol=1e-12)  # through a logarithm
    assert result.unit == "rad"


def test_share_and_median_are_of_the_right_side(row):
    rows = [*both(row, "ab", 2.0, 1.0), *both(row, "ba", 4.0, 5.0), *both(row, "ac", 4.0, 3.0)]
    (result,) = methods(rows)
    assert result.n_smaller == 2
    assert result.share_smaller == 2 / 3
    assert_allclose(result.median_ratio, 0.75, rtol=1e-12)


def test_seeds_are_paired_and_pairs_are_the_units(row):
    lefts, rights = [2.0, 3.0, 2.5], [1.5, 2.9, 1.8]
    rows = [r for s in range(3) for r in both(row, "ab", lefts[s], rights[s], seed=s)]
    (result,) = methods(rows)
    (pair,) = result.pairs
    assert pair.seeds == (0, 1, 2)
    wanted = stats.ttest_rel(rights, lefts).confidence_interval(0.95)
    found = pair.difference_interval
    assert_allclose([found.low, found.high], [wanted.low, wanted.high], rtol=1e-9)
    assert result.signed_rank.n == 1
    assert result.share_interval.low == pytest.approx(0.025)


def test_one_seed_has_no_interval(row):
    (result,) = methods(both(row, "ab", 2.0, 1.0))
    assert result.n_seeds == 1
    assert result.pairs[0].difference_interval is None
    assert result.pairs[0].ratio_interval is None


numbers = st.floats(0.01, 100)


# An exact test of up to 2^8 signs is drawn twice in each example; ties and orders are all there is.
@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_swapping_the_sides_turns_the_result_around(values):
    rows = [
        {"method": method, "source": "a", "target": str(i), "value": value}
        for i, sides in enumerate(values)
        for method, value in zip(("x", "y"), sides, strict=True)
    ]
    ((there,), (back,)) = (compare(rows, "method", *s) for s in (("x", "y"), ("y", "x")))
    ties = sum(order(a, b) == 0 for a, b in values)
    assert there.n_equal == back.n_equal == ties
    assert there.n_smaller + back.n_smaller + ties == len(values)
    assert [p.difference for p in there.pairs] == [-p.difference for p in back.pairs]
    assert (there.signed_rank is None) == (back.signed_rank is None)
    if there.signed_rank is not None:
        # the permutations are the same, turned around
        assert_allclose(there.signed_rank.p_value, back.signed_rank.p_value, rtol=1e-9)


def test_models_and_seeds_are_not_matched_with_others(row):
    rows = [
        row("a", "b", 2.0, method="uncoupled", seed=0),
        row("a", "b", 1.0, method="coupled", seed=1),
        row("a", "b", 1.0, method="coupled", seed=0, model="wrn-16-4"),
    ]
    (result,) = methods(rows)
    assert result.pairs == ()
    assert result.unmatched == 2
    assert math.isnan(result.share_smaller)
    assert math.isnan(result.median_ratio)


def test_each_setting_of_the_other_axes_is_a_comparison_of_its_own(row):
    rows = [
        r
        for lam in (5, 20)
        for model in ("x", "y")
        for r in both(row, "ab", 2.0, 1.0, model=model, **{"coupled.lam": lam})
    ]
    found = compare(rows, "model", "x", "y", axes=["coupled.lam"])
    assert [c.fixed for c in found] == [
        {"method": method, "coupled.lam": lam}
        for lam in (5, 20)
        for method in ("uncoupled", "coupled")
    ]


def test_an_axis_that_one_side_does_not_have_does_not_keep_them_apart(row):
    rows = [row("a", "b", 2.0, method="uncoupled")]
    rows += [row("a", "b", 1.0, **{"coupled.lam": lam}) for lam in (5, 20)]
    found = methods(rows, axes=["coupled.lam"])
    assert [(c.fixed["coupled.lam"], len(c.pairs)) for c in found] == [(5, 1), (20, 1)]


def test_a_numeric_axis_can_be_compared(row):
    rows = [row("a", "b", 2.0, **{"coupled.epsilon": 0.5})]
    rows += [row("a", "b", 3.0, **{"coupled.epsilon": 1.0})]
    (result,) = compare(rows, "coupled.epsilon", 0.5, 1.0, axes=["coupled.epsilon"])
    assert [p.difference for p in result.pairs] == [1.0]
    assert result.fixed == {"method": "coupled", "model": "cnn8"}


def test_seeds_can_be_compared_with_one_another(row):
    rows = [row("a", "b", 2.0, seed=0), row("a", "b", 3.0, seed=1)]
    (result,) = compare(rows, "seed", 0, 1)
    assert [p.difference for p in result.pairs] == [1.0]


def test_the_same_protocol_is_matched_first(row):
    rows = [
        row("a", "b", 1.0, method="coupled", protocol="p2"),
        *both(row, "ab", 4.0, 3.0, protocol="p1"),
    ]
    (result,) = methods(rows)
    assert [(p.left, p.right) for p in result.pairs] == [(4.0, 3.0)]
    assert marks(result) == [[]]
    assert result.unmatched == 1


def test_an_axis_that_is_not_named_is_an_error(row):
    rows = [row("a", "b", lam=5), row("a", "b", lam=20)]
    with pytest.raises(InputError, match="two results at source a, target b, .*name the axis"):
        methods(rows)


def test_trials_without_result_are_left_out(row):
    rows = [*both(row, "ab", 2.0, 1.0), row("a", "c", 2.0, method="uncoupled")]
    rows += [row("a", "c", None, method="coupled", status="failed")]
    (result,) = methods(rows)
    assert len(result.pairs) == 1
    assert result.unmatched == 1


def test_a_zero_on_the_left_has_no_ratio(row):
    (result,) = methods([*both(row, "ab", 0.0, 1.0), *both(row, "ba", 2.0, 1.0)])
    assert math.isnan(result.pairs[0].ratio)
    assert_allclose(result.median_ratio, 0.5, rtol=1e-12)
    assert "; median ratio 0.5" in summary(result)[0]
    (zeros,) = methods([*both(row, "ab", 0.0, 1.0), *both(row, "ba", 0.0, 1.0)])
    assert math.isnan(zeros.median_ratio)
    assert "median ratio" not in summary(zeros)[0]


def test_a_comparison_says_how_far_each_side_lagged_behind(row):
    gaps = {"uncoupled": [0.1, 0.3, 0.2], "coupled": [0.01, 0.02, 0.06]}
    rows = [
        row(source, "z", 1.0, method=method, tracking_gap=gap)
        for method, values in gaps.items()
        for source, gap in zip("abc", values, strict=True)
    ]
    assert methods(rows)[0].median_tracking_gaps == (0.2, 0.02)
    without = [r | {"tracking_gap": None} for r in rows[:3]] + rows[3:]
    assert methods(without)[0].median_tracking_gaps is None


def test_a_model_that_did_not_arrive_is_marked_with_its_seeds(row):
    rows = [r for s in (0, 1) for r in both(row, "ab", 2.0, 1.0, seed=s)]
    rows[1]["arrived"] = False
    (result,) = methods(rows)
    assert [d for p in result.pairs for d in p.doubts] == [("A", "coupled did not arrive (seed 0)")]


def test_different_protocols_are_marked(row):
    rows = [
        row("a", "b", 2.0, method="uncoupled", protocol="p1"),
        row("a", "b", 1.0, method="coupled", protocol="p2"),
    ]
    (result,) = methods(rows)
    assert [d.text for p in result.pairs for d in p.doubts] == ["protocols p1 and p2"]
    assert marks(result) == [["P"]]


def test_different_units_are_marked_where_they_are_compared(row):
    rows = both(row, "ab", 2.0, 1.0)
    rows[1]["unit"] = "nats"
    assert marks(methods(rows)[0]) == [["U"]]
    assert overview_lines(methods(rows)) == [
        "U  the numbers have different units, in one pair of tasks or more"
    ]
    assert overview_table(methods(rows)).columns[-1].header == "!"
    assert marks(methods(rows, value="noise_share")[0]) == [[]]


@for_each(("rights", "marked"), [([1.9, 2.2], True), ([1.8, 1.9], False)])
def test_seeds_that_scatter_more_than_they_differ_are_marked(row, rights, marked):
    rows = [r for s in (0, 1) for r in both(row, "ab", 2.0, rights[s], seed=s)]
    assert marks(methods(rows)[0]) == [["N"] if marked else []]


@for_each(("error", "marked"), [(0.5, True), (0.2, False)])
def test_the_noise_of_sgd_is_held_against_noise_free_differences(row, error, marked):
    rows = both(row, "ab", 2.0, 1.0, noise_free_error=error)
    rows[0]["noise_free_length"], rows[1]["noise_free_length"] = (
        1.0,
        1.5,
    )  # √2 · 0.5 > 0.5 > √2 · 0.2
    assert marks(methods(rows, value="noise_free_length")[0]) == [["N"] if marked else []]
    assert marks(methods(rows)[0]) == [[]]


def test_pairs_that_differ_by_rounding_are_equal_and_counted_apart(row):
    rows = [
        *both(row, "ab", 0.3, 0.1 + 0.2),
        *both(row, "ba", 0.1 + 0.2, 0.3),
        *both(row, "ac", 2.0, 1.0),
        *both(row, "ca", 2.0, 1.5),
    ]
    (result,) = methods(rows)
    assert (result.n_smaller, result.n_equal, result.share_smaller) == (2, 2, 1.0)
    assert result.signed_rank.n == 2
    line = summary(result)[0]
    assert line.startswith("coupled is smaller than uncoupled in 2 of 4 pairs and equal in 2 (95 %")
    assert "interval of those that differ 16–100 %" in line
    assert [with_margin(pair) for pair in result.pairs] == ["+0", "+0", "-1", "-0.5"]


def test_pairs_that_are_all_equal_are_no_evidence(row):
    (result,) = methods([*both(row, "ab", 0.3, 0.1 + 0.2), *both(row, "ba", 2.0, 2.0)])
    assert (result.share_interval, result.signed_rank) == (None, None)
    assert math.isnan(result.share_smaller)
    assert "in 0 of 2 pairs and equal in 2: no evidence for either" in summary(result)[0]


@for_each(
    ("fault", "mark", "text"),
    [
        (
            {"source_accuracy": 0.2, "source_val_images": 100, "source_chance": 0.2},
            "G",
            "coupled has a source at chance (0.20, guessing 0.20, n = 100) (seed 0)",
        ),
        ({"same_weights_as": "c"}, "W", "coupled has the same weights as source c (seed 0)"),
        ({"coupling_converged": False}, "C", "coupled has a coupling not converged (seed 0)"),
        ({"distance_converged": False}, "M", "coupled was still moving (seed 0)"),
    ],
)
def test_what_is_doubtful_about_a_row_marks_its_pair(row, fault, mark, text):
    rows = both(row, "ab", 2.0, 1.0)
    rows[1] |= fault
    (result,) = methods(rows)
    assert [d for p in result.pairs for d in p.doubts] == [(mark, text)]
    assert result.pairs[0].is_doubtful == (mark in "GW")


def test_the_summary_counts_what_is_left_without_doubtful_pairs(row):
    rows = [*both(row, "ab", 2.0, 1.0), *both(row, "ba", 2.0, 1.0), *both(row, "ac", 1.0, 2.0)]
    rows[1]["arrived"] = False
    lines = [line for line in summary(methods(rows)[0]) if "doubtful" in line]
    assert len(lines) == 1
    assert lines[0].startswith("1 pair is doubtful (a model did not arrive")
    assert lines[0].endswith("without them coupled is smaller than uncoupled in 1 of 2")


def test_a_doubt_that_both_sides_share_is_said_once(row):
    rows = [r | {"same_weights_as": "c"} for r in both(row, "ab", 2.0, 1.0)]
    (pair,) = methods(rows)[0].pairs
    assert [d.text for d in pair.doubts] == ["both sides: same weights as source c (seed 0)"]


def test_a_unit_stands_over_its_own_numbers_alone(row):
    """Of methods with several units, whichever row comes first."""
    nats = {"method": "logme", "unit": "nats", "smaller_is_closer": False, "distance": None}
    share = {"method": "transfer", "unit": "accuracy", "smaller_is_closer": False, "accuracy": 1.0}
    rows = [
        row("a", "b", 1.0, model=model, **{"smaller_is_closer": True, **own})
        for own in ({}, nats, share)
        for model in ("small", "large")
    ]
    found = compare(rows, "model", "small", "large")
    assert [(one.quantity, one.unit) for one in found] == [
        *(("distance", "rad"), ("score", "nats"), ("score", "accuracy"))
    ]
    (accuracies,) = compare(rows, "model", "small", "large", value="accuracy")
    assert accuracies.unit is None
    (both,) = compare(rows, "method", "coupled", "logme", axes=["model"])[:1]
    assert (both.quantity, both.unit) == ("value", None)


def test_sides_that_never_met_in_a_pair_are_said_to_have_none_in_common(row):
    (result,) = methods([row("a", "b", method="uncoupled"), row("b", "a", method="coupled")])
    assert (result.pairs, result.unmatched) == ((), 2)
    assert summary(result)[0] == "coupled and uncoupled have no pair in common"


def test_a_table_without_ties_and_doubts_has_no_columns_for_them(row):
    clear = methods([*both(row, "ab", 2.0, 1.0), *both(row, "ba", 2.0, 1.0)])
    assert [str(column.header) for column in overview_table(clear).columns] == [
        *("compared", "pairs", "smaller", "(95 %)", "median\nratio", "p")
    ]
    tied = methods([*both(row, "ab", 2.0, 1.0), *both(row, "ba", 2.0, 2.0)])
    assert [str(column.header) for column in overview_table(tied).columns][2:4] == [
        *("smaller", "equal")
    ]
