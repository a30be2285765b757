from numpy.testing import assert_allclose

from raytd.report.figures.lambda_map import EPSILON, LAM, lambda_maps
from raytd.report.saved import read_sweep

GRID = {EPSILON: [0.1, 1.0], LAM: [5.0, 20.0]}


def rows_of(row):
    return [
        row(s, t, 1 + e + lam, distance=1 + e + lam, distance_converged=s == "a",
            **{EPSILON: e, LAM: lam})
        for e in GRID[EPSILON] for lam in GRID[LAM] for s, t in ("ab", "ba")
    ]  # fmt: skip


def maps(rows, keep):
    return lambda_maps(read_sweep(keep(rows, grid=GRID)))


def test_cells_are_the_data_and_the_share_that_converged(row, keep):
    (figure,) = maps(rows_of(row), keep)
    assert [(c[EPSILON], c[LAM], c["distance"]) for c in figure.data] == [
        (e, lam, 1 + e + lam) for e in (0.1, 1.0) for lam in (5.0, 20.0)
    ]
    left, right = figure.draw().axes
    assert_allclose(left.images[0].get_array(), [[6.1, 21.1], [7, 22]], rtol=1e-12)
    assert {text.get_text() for text in right.texts} == {"50 %"}
    colours = [axes.images[0].get_cmap().name for axes in (left, right)]
    assert colours == ["cividis", "Greys"]  # a share is neither near nor far


def test_a_pair_that_one_setting_lacks_enters_no_mean(row, keep):
    (figure,) = maps(rows_of(row)[:-1], keep)
    assert {cell["n_results"] for cell in figure.data} == {1}
    assert {cell["share_converged"] for cell in figure.data} == {1.0}


def test_one_axis_alone_makes_no_map(row, keep):
    assert maps([r for r in rows_of(row) if r[LAM] == 5.0], keep) == []


def test_the_smallest_is_named(row, keep):
    assert "6.1, is at ε 0.1 and λ 5" in maps(rows_of(row), keep)[0].alt


def test_settings_without_a_pair_in_common_make_no_map(row, keep):
    first, second = rows_of(row)[:2]
    others = [r for r in rows_of(row)[2:] if r["source"] == second["source"]]
    assert maps([first, *others], keep) == []


def test_a_setting_that_was_not_run_is_a_dash_in_both_panels(row, keep):
    lacking = [r for r in rows_of(row) if (r[EPSILON], r[LAM]) != (1.0, 20.0)]
    (figure,) = maps(lacking, keep)
    left, right = figure.draw().axes
    assert [text.get_text() for text in left.texts] == ["6.10", "21.1", "7.00", "–"]
    assert [text.get_text() for text in right.texts] == ["50 %", "50 %", "50 %", "–"]
