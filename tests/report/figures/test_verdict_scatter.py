import numpy as np
from numpy.testing import assert_array_equal

from raytd.report.figures.verdict_scatter import verdict_scatter
from raytd.report.judge.judging import judge

PAIRS = [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]


def figure_of(row, said, gained):
    rows = [row(*pair, value) for pair, value in zip(PAIRS, said, strict=True)]
    rows += [
        row(*pair, value, method="transfer", smaller_is_closer=False, noise_free_length=None)
        for pair, value in zip(PAIRS, gained, strict=True)
    ]
    found = judge(rows)
    return verdict_scatter(next(v for v in found if v.contestant.column == "value"))


def test_a_point_is_what_a_method_says_of_a_pair_and_what_is_true(row):
    said, gained = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    figure = figure_of(row, said, gained)
    assert [(p["source"], p["target"]) for p in figure.data] == PAIRS
    drawn = np.concatenate([line.get_xydata() for line in figure.draw().axes[0].get_lines()])
    assert_array_equal(drawn[np.argsort(drawn[:, 0])], np.column_stack([said, gained]))
    assert "rank correlation: 1.00" in figure.alt


def test_a_pair_without_a_number_has_no_point(row):
    figure = figure_of(row, [1.0, 2.0, 3.0, 4.0, 5.0, None], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert len(figure.data) == 5


def test_what_is_all_alike_has_no_correlation(row):
    assert "rank correlation: no evidence" in figure_of(row, [1.0] * 6, [0.5] * 6).alt


def test_numbers_that_differ_by_rounding_are_drawn_at_one_place(row):
    figure = figure_of(row, [4 + k * 8e-16 for k in range(6)], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    drawn = np.concatenate([line.get_xydata() for line in figure.draw().axes[0].get_lines()])
    assert set(drawn[:, 0]) == {4.0}
    assert "equal, but for rounding" in figure.caption


def test_without_a_pair_with_both_numbers_there_are_axes_and_no_legend(row):
    figure = figure_of(row, [None, None, None, 4.0, 5.0, 6.0], [0.6, 0.5, 0.4, None, None, None])
    axes = figure.draw().axes[0]
    assert figure.alt.startswith("Scatter plot of 0 pairs, ")
    assert (axes.get_legend(), axes.get_title()) == (None, "ρ = no evidence")
    full = figure_of(row, [1.0] * 6, [0.5] * 6).draw().axes[0]
    assert [text.get_text() for text in full.get_legend().get_texts()] == ["to b", "to c", "to a"]
