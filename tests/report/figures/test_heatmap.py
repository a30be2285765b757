import pytest

from raytd.report.errors import meanings
from raytd.report.figures.heatmap import heatmaps, scales
from raytd.report.matrices import distance_matrices


def figures(rows, comparable=("coupled", "uncoupled"), **options):
    return heatmaps(scales(distance_matrices(rows, **options), comparable=comparable))


def panels(figure):
    return [axes.get_title() for axes in figure.draw().axes[:-1]]


def test_comparable_methods_stand_in_one_figure_and_others_on_their_own(row):
    rows = [row("a", "b", method=m) for m in ("coupled", "task2vec", "uncoupled")]
    found = figures(rows)
    assert [f.name for f in found] == ["distances-coupled-uncoupled", "distances-task2vec"]
    assert panels(found[0]) == ["coupled, cnn8, 1 seed", "uncoupled, cnn8, 1 seed"]


def test_a_method_begins_a_line_where_there_are_several_models(row):
    rows = [
        row("a", "b", method=method, model=model)
        for model in ("cnn8", "wrn-16-4")
        for method in ("coupled", "uncoupled")
    ]
    (figure,) = figures(rows)
    *drawn, _ = figure.draw().axes
    lines = [axes.get_position().y0 for axes in drawn]
    assert [axes.get_title().split(",")[0] for axes in drawn] == ["coupled"] * 2 + ["uncoupled"] * 2
    assert lines[0] == lines[1] > lines[2] == lines[3]


def test_protocols_get_figures_of_their_own(row):
    rows = [row("a", "b", protocol="p1"), row("a", "b", protocol="p2")]
    assert [f.name for f in figures(rows)] == ["distances-coupled-p1", "distances-coupled-p2"]


def test_quantities_do_not_overwrite_one_another(row):
    matrices = [
        *distance_matrices([row("a", "b")]),
        *distance_matrices([row("a", "b")], "fisher_rao_length"),
    ]
    names = [figure.name for figure in heatmaps(scales(matrices, comparable=["coupled"]))]
    assert names == ["distances-coupled", "fisher-rao-length-coupled"]


def test_the_data_are_exact_numbers_with_their_axes(row):
    rows = [
        row("a", "b", 0.1, seed=0, **{"coupled.lam": 5}),
        row("a", "b", 0.3, seed=1, **{"coupled.lam": 5}),
        row("b", "a", 1 / 3, **{"coupled.lam": 5}),
    ]
    (figure,) = figures(rows, axes=["coupled.lam"])
    first, second = figure.data
    assert (first["source"], first["target"], first["n_seeds"]) == ("a", "b", 2)
    assert (first["coupled.lam"], first["unit"], first["mean"]) == (5, "rad", 0.2)
    assert (second["spread"], second["mean"]) == (None, 1 / 3)
    assert (first["error"], second["error"]) == (pytest.approx(0.1), None)


def test_a_sign_says_where_the_errors_are_from_and_a_mark_tells_those_of_one_seed_apart(row):
    """As printed before: `±¹0.11`, which reads as 10.11."""
    rows = [row("a", "b", 1.0, distance_error=0.1), row("b", "a", 1.0)]
    one, several, neither = (
        distance_matrices(found) for found in (rows, [*rows, row("b", "a", 2.0, seed=1)], rows[1:])
    )
    assert meanings(one) == {"±": "one seed: the error that its run states of itself"}
    assert list(meanings(several)) == ["±", "†"]
    assert "is 12.7 times as wide on either side" in meanings(several)["±"]
    assert "one seed" in meanings(several)["†"]
    assert meanings(neither) == {}
    both = meanings([*one, *distance_matrices([row("a", "b", v, seed=v) for v in (0, 1)])])
    assert both["±"].endswith("on either side; or, of one seed: the error that its run states of "
                              "itself")  # fmt: skip


def test_the_text_names_the_nearest_and_the_farthest_pair(row):
    (figure,) = figures([row("a", "b", 1.0), row("b", "a", 2.0)])
    assert figure.alt == "Heat map. Smallest: a to b, 1; largest: b to a, 2."


def test_many_settings_are_cut_and_the_caption_says_so(row):
    rows = [row("a", "b", **{"coupled.lam": i}) for i in range(20)]
    (figure,) = figures(rows, axes=["coupled.lam"])
    assert len(panels(figure)) == len(figure.data) == 12
    assert figure.caption == "The first 12 of 20 matrices are shown."


def test_a_doubtful_cell_has_its_marks_and_its_reason_stands_in_the_data(row):
    (figure,) = figures([row("a", "b", 2.0, arrived=False), row("b", "a", 1.0)])
    texts = [text.get_text() for text in figure.draw().axes[0].texts]
    assert texts == ["2.00 A", "1.00"]
    assert [cell["doubts"] for cell in figure.data] == ["did not arrive", None]


def test_ends_that_tie_are_counted_and_not_chosen_by_rounding(row):
    (figure,) = figures([row("a", "b", 0.3), row("b", "a", 0.1 + 0.2)])
    assert "Smallest: a to b and 1 more that tie, 0.3" in figure.alt


def test_numbers_that_differ_by_rounding_have_one_colour(row):
    rows = [row(s, t, 4 + k * 8e-16) for k, (s, t) in enumerate([("a", "b"), ("b", "a")])]
    (figure,) = figures(rows)
    tiles = [patch.get_facecolor() for patch in figure.draw().axes[0].patches]
    # the diagonal stands around them; one of 256 steps of the map, which the middle may fall on
    assert tiles[1] == pytest.approx(tiles[2], abs=0.01)
