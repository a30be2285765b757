import numpy as np
import pytest
from numpy.testing import assert_allclose

from raytd.report.figures.task_map import place, task_map
from raytd.report.matrices import distance_matrices

POINTS = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [2.0, 1.0]])


def distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_points_of_a_plane_are_found_again():
    found, stress = place(distances(POINTS))
    # Torgerson's start is already exact, so SMACOF has nothing to move
    assert_allclose(distances(found), distances(POINTS), atol=1e-6)
    assert stress == pytest.approx(0, abs=1e-6)


def test_rotation_and_reflection_are_fixed():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    found, _ = place(distances(POINTS))
    for other in (POINTS @ turn, POINTS * [-1, 1], POINTS + 7):
        assert_allclose(place(distances(other))[0], found, atol=1e-6)


def test_what_no_plane_can_hold_has_stress():
    _, stress = place(1 - np.eye(4))  # a tetrahedron
    assert 0.1 < stress < 0.5


def rows_of(row, there=1.0, back=1.0):
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    return [row(*p, there) for p in pairs] + [row(p[1], p[0], back) for p in pairs]


def the_map(rows):
    (matrix,) = distance_matrices(rows, tasks=["a", "b", "c"])
    return task_map(matrix)


def test_arrows_point_where_the_way_is_shorter(row):
    figure = the_map(rows_of(row, there=1.0, back=3.0))
    arrows = [d for d in figure.data if d["kind"] == "shorter"]
    assert [(d["source"], d["target"]) for d in arrows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [d["asymmetry"] for d in arrows] == [1.0, 1.0, 1.0]  # (3 − 1) / 2


def test_symmetric_distances_have_no_arrows(row):
    figure = the_map(rows_of(row))
    assert {d["kind"] for d in figure.data} == {"task"}
    assert "stress 0 is a faithful map" in figure.kind.reading


def test_tasks_are_drawn_where_the_data_say(row):
    figure = the_map(rows_of(row, back=2.0))
    (dots,) = figure.draw().axes[0].collections
    wanted = [[d["x"], d["y"]] for d in figure.data if d["kind"] == "task"]
    assert_allclose(dots.get_offsets(), wanted, rtol=1e-12)


def test_holes_and_two_tasks_make_no_map(row):
    assert the_map(rows_of(row)[:-1]) is None
    (two,) = distance_matrices([row("a", "b"), row("b", "a")])
    assert task_map(two) is None


def test_tasks_of_which_none_is_apart_make_no_map_and_no_warning(row):
    """As seen: NumPy warned of 0 / 0. A warning fails the test."""
    assert the_map(rows_of(row, there=0.0, back=0.0)) is None
    assert the_map([row("a", "b", 1.0), *rows_of(row, there=0.0, back=0.0)[1:]]) is not None


def test_ways_that_differ_by_rounding_have_no_arrow_and_no_nearest_pair(row):
    figure = the_map(rows_of(row, there=0.3, back=0.1 + 0.2))
    assert {d["kind"] for d in figure.data} == {"task"}
    assert "a and b and 2 more that tie (0.3), farthest" in figure.alt


def test_a_score_that_is_larger_where_tasks_are_closer_has_no_map(row):
    assert the_map([r | {"smaller_is_closer": False} for r in rows_of(row)]) is None


def test_doubtful_distances_are_named(row):
    rows = rows_of(row)
    rows[0]["arrived"] = False
    assert the_map(rows).caption.endswith("Doubtful: a → b (did not arrive).")


def test_arrows_of_few_tasks_are_written_on_and_those_of_many_are_not(row):
    def written(tasks):
        pairs = [(a, b) for i, a in enumerate(tasks) for b in tasks[i + 1 :]]
        rows = [r for a, b in pairs for r in (row(a, b, 1.0), row(b, a, 1.2))]
        (matrix,) = distance_matrices(rows, tasks=[*tasks])
        texts = [text.get_text() for text in task_map(matrix).draw().axes[0].texts]
        return [text for text in texts if "%" in text]

    assert written("abcd") == ["18 %"] * 6  # (1.2 − 1) / 1.1
    assert written("abcde") == []
