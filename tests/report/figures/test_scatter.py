from numpy.testing import assert_allclose

from raytd.report.compare import compare
from raytd.report.figures.scatter import scatter
from raytd.report.figures.style import PAPER


def figure_of(row, arrived=True):
    rows = [
        row("a", "b", value, model=model, seed=seed, arrived=arrived or model == "x")
        for model, values in (("x", (2.0, 4.0)), ("y", (1.0, 2.0)))
        for seed, value in enumerate(values)
    ]
    rows += [row("b", "a", v, model=m) for m, v in (("x", 5.0), ("y", 6.0))]
    (one,) = compare(rows, "model", "x", "y")
    return scatter(one)


def test_points_are_the_means_of_both_sides(row):
    figure = figure_of(row)
    drawn = [line.get_xydata()[0] for line in figure.draw().axes[0].get_lines()[:2]]
    assert_allclose(drawn, [[3.0, 1.5], [5.0, 6.0]], rtol=1e-12)  # means of two numbers
    assert [(p["left_mean"], p["right_mean"]) for p in figure.data] == [(3.0, 1.5), (5.0, 6.0)]


def test_bars_are_deviations_over_seeds_and_one_seed_has_none(row):
    first, second = figure_of(row).data
    assert_allclose(first["left_deviation"], 2**0.5, rtol=1e-12)
    assert second["left_deviation"] is None


def test_the_diagonal_runs_through_a_square(row):
    axes = figure_of(row).draw().axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    xs, ys = axes.get_lines()[-1].get_data()
    assert list(xs) == list(ys) == list(axes.get_xlim())


def test_what_lies_below_the_diagonal_is_counted(row):
    assert "1 of 2 pairs lie below it" in figure_of(row).alt


def test_a_model_that_did_not_arrive_leaves_its_mark_empty(row):
    lines = figure_of(row, arrived=False).draw().axes[0].get_lines()
    assert [line.get_markerfacecolor() for line in lines[:2]] == [PAPER, "#0072b2"]


def test_few_pairs_are_numbered_with_a_key_and_many_are_not(row):
    assert [text.get_text() for text in figure_of(row).draw().axes[0].texts] == [
        *("1", "2", " 1  a → b\n 2  b → a")
    ]
    rows = [row("a", f"t{n:02}", 1.0 + n, model=m) for n in range(25) for m in "xy"]
    (one,) = compare(rows, "model", "x", "y")
    many = scatter(one)
    assert len(many.data) == 25
    assert len(many.draw().axes[0].get_lines()) == 26  # and the diagonal
    assert [text.get_text() for text in many.draw().axes[0].texts] == []
