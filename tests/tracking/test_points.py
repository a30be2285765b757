import math

from hypothesis import given
from hypothesis import strategies as st

from raytd.tracking.points import Point, iteration_points, knot_points


def test_an_iteration_is_the_step_of_its_metrics():
    points = iteration_points(3, {"distance": 1.5, "gap": 0.5})
    assert points == [Point("distance", 3, 1.5), Point("gap", 3, 0.5)]


def test_what_a_curve_cannot_show_is_left_out():
    metrics = {"a": math.nan, "b": math.inf, "c": None, "d": 2.0}
    assert iteration_points(0, metrics) == [Point("d", 0, 2.0)]


def test_an_iteration_starts_at_a_multiple_of_the_knots():
    knots = [{"knot": m, "iteration": 2, "segment_length": m / 10} for m in range(4)]
    assert knot_points(2, knots) == [Point("knots.segment_length", 8 + m, m / 10) for m in range(4)]


def test_no_knots_give_no_points():
    assert knot_points(2, []) == []


@given(n_knots=st.integers(1, 9), n_iterations=st.integers(1, 5))
def test_steps_grow_without_gap_from_iteration_to_iteration(n_knots, n_iterations):
    rows = [{"knot": m, "loss": 1.0} for m in range(n_knots)]
    steps = [p.step for k in range(n_iterations) for p in knot_points(k, rows)]
    assert steps == list(range(n_knots * n_iterations))
