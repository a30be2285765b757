from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg

from raytd.report import distance_matrices
from raytd.report.figures.drawing import distance_figure
from raytd.report.figures.near_far import colour_scale, readable_on
from tests.cases import for_each
from tests.report.contrast import contrast, luminance


def shades(n):
    rows = [
        {"method": "m", "source": "a", "target": str(i), "seed": 0, "value": i} for i in range(n)
    ]
    scale = colour_scale(distance_matrices(rows))
    return [scale.to_rgba(i) for i in range(n)]


def test_numbers_can_be_read_on_every_shade():
    # 4.5 is WCAG's AA; the worst shade of any map, between black and white, has 4.58 at best.
    assert min(contrast(readable_on(shade), shade) for shade in shades(101)) > 4.0


def test_near_has_one_colour_whether_smaller_or_larger_is_closer(row):
    """Dark is near, so that a map of scores and one of distances are read alike."""
    pairs = [row("a", "b", 1.0), row("b", "a", 2.0), row("a", "c", 4.0)]
    scores = [r | {"value": 5 - r["value"], "smaller_is_closer": False} for r in pairs]
    for rows in (pairs, scores):
        matrices = distance_matrices(rows)
        scale = colour_scale(matrices)
        near, middle, far = (luminance(scale.to_rgba(r["value"])) for r in rows)
        assert near < middle < far
        bar = distance_figure(matrices).axes[-1]
        words = {text.get_text(): text.get_position()[1] for text in bar.texts}
        assert (words["near"] < words["far"]) == (rows is pairs)


def test_larger_is_lighter_so_that_grey_prints_keep_the_order():
    lightness = [luminance(shade) for shade in shades(51)]
    assert lightness == sorted(lightness)


def test_cells_hold_the_values_and_their_errors(row):
    rows = [row("a", "b", 1.0), row("a", "b", 3.0, seed=1), row("b", "a", 0.5, distance_error=0.1)]
    figure = distance_figure(distance_matrices(rows))
    texts = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in figure.axes[0].texts}
    assert texts == {(0.5, 1.5): "2.00\n±1", (1.5, 0.5): "0.50\n±0.1†"}


@for_each(
    ("value", "text"), [(0.01234, "0.0123"), (12.34, "12.3"), (12345.6, "12346"), (1e-6, "1.0e-06")]
)
def test_numbers_have_three_digits_and_fit_the_cell(row, value, text):
    (written,) = distance_figure(distance_matrices([row("a", "b", value)])).axes[0].texts
    assert written.get_text() == text


def test_a_missing_result_is_hatched_and_the_diagonal_is_not(row):
    rows = [row("a", "b"), row("b", "a", None, status="failed")]
    axes = distance_figure(distance_matrices(rows)).axes[0]
    hatched = [bool(patch.get_hatch()) for patch in axes.patches]
    assert hatched == [False, False, True, False]


def test_models_share_one_scale(row):
    values = {
        ("cnn8", "b"): 1.0,
        ("cnn8", "c"): 2.0,
        ("wrn-16-4", "b"): 2.0,
        ("wrn-16-4", "c"): 5.0,
    }
    rows = [row("a", t, v, model=m) for (m, t), v in values.items()]
    figure = distance_figure(distance_matrices(rows))
    left, right, bar = figure.axes
    assert left.get_title() == "cnn8, 1 seed"
    assert right.get_title() == "wrn-16-4, 1 seed"
    assert left.patches[1].get_facecolor() == right.patches[0].get_facecolor()
    assert left.patches[0].get_facecolor() != left.patches[1].get_facecolor()
    assert bar.get_ylabel() == "distance (rad)"
    assert bar.get_ylim() == (1.0, 5.0)


def test_source_names_stand_left_and_target_names_below(row):
    figure = distance_figure(distance_matrices([row("here", "there", model=m) for m in "xy"]))
    left, right, _ = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["here"]
    assert [label.get_text() for label in right.get_yticklabels()] == [""]
    assert [label.get_text() for label in right.get_xticklabels()] == ["there"]


def test_panels_stand_in_lines_and_none_covers_another(row):
    name = "a-task-with-a-very-long-name"
    rows = [row(name, f"{name}-{t}", i, model=f"m{i}") for i in range(4) for t in "xy"]
    figure = distance_figure(distance_matrices(rows))
    FigureCanvasAgg(figure)  # measures text
    *panels, _ = figure.axes
    areas = [panel.get_position() for panel in panels]
    assert not any(one.overlaps(other) for one, other in combinations(areas, 2))
    first, *_, last = [panel.get_tightbbox() for panel in panels]
    assert last.y1 < first.y0


def test_equal_values_do_not_break_the_scale(row):
    figure = distance_figure(distance_matrices([row("a", "b", 0.0), row("b", "a", 0.0)]))
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "0"]
