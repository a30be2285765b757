"""Bars of label part and excess are the numbers of the rows, whatever the sign of the excess."""

from numpy.testing import assert_allclose

from raytd.report.figures.parts import parts
from raytd.report.saved import read_sweep


def figures_of(rows, keep):
    return parts(read_sweep(keep(rows)))


def lengths(row, source, target, distance, label_part, **other):
    return row(
        source, target, distance, distance=distance, label_part=label_part,
        excess=distance - label_part, **other,
    )  # fmt: skip


def test_bars_are_means_over_seeds_and_the_nearest_pair_comes_first(row, keep):
    rows = [lengths(row, "a", "b", 4.0 + seed, 3.0, seed=seed) for seed in (0, 1)]
    (figure,) = figures_of([*rows, lengths(row, "b", "a", 2.0, 1.5)], keep)
    near, far = figure.data
    assert (near["source"], near["distance"], near["excess"]) == ("b", 2.0, 0.5)
    assert (near["standard_error"], near["n_seeds"]) == (None, 1)
    assert (far["source"], far["distance"], far["label_part"], far["excess"]) == ("a", 4.5, 3, 1.5)
    assert_allclose(far["standard_error"], 0.5, rtol=1e-12)  # of 4 and 5
    assert "from b → a (2 rad, 1.5 of it labels) to a → b (4.5 rad, 3 of it labels)" in figure.alt


def test_what_is_drawn_is_the_data(row, keep):
    rows = [lengths(row, "a", "b", 4.0, 3.0), lengths(row, "b", "a", 2.0, 2.5)]
    (figure,) = figures_of(rows, keep)
    axes = figure.draw().axes[0]
    drawn = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert drawn == [(0, 2.5), (0, 3.0), (3.0, 1.0), (2.5, -0.5)]
    assert [bar.get_hatch() for bar in axes.patches] == [None, None, None, "////"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b → a", "a → b"]


def test_settings_have_figures_of_their_own_and_scores_have_none(row, keep):
    rows = [lengths(row, "a", "b", 4.0, 3.0, model=m) for m in ("cnn8", "wrn-16-4")]
    found = figures_of([*rows, row("a", "b", 0.5, method="otdd")], keep)
    assert [figure.name for figure in found] == ["parts-coupled-cnn8", "parts-coupled-wrn-16-4"]
