"""One distance as a picture: how it converged, and the losses along its path."""

from typing import Any

from raytd.methods.paths.result import DistanceResult
from raytd.report.figures.style import DASHES, colour, dress, marker, new_figure


def draw_result(result: DistanceResult) -> Any:
    """Distance over the iterations, and the losses along the path of the last one.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(6.4, 2.8)
    left, right = figure.subplots(1, 2)
    steps = [iteration.iteration for iteration in result.iterations]
    for index, (label, name) in enumerate(
        (("distance", "distance"), ("noise-free", "noise_free_length"))
    ):
        values = [getattr(iteration.lengths, name) for iteration in result.iterations]
        look = {"color": colour(index), "marker": marker(index), "label": label}
        left.plot(steps, values, **look)
    dress(left, x="iteration k", y="length (rad)")
    left.set_ylim(0, None)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    taus = [knot.tau for knot in result.knots]
    for index, (label, name) in enumerate((("training", "train_loss"), ("validation", "val_loss"))):
        values = [getattr(knot, name) for knot in result.knots]
        right.plot(taus, values, color=colour(index), linestyle=DASHES[index], label=label)
    dress(right, x="τ", y="loss (nats)")
    right.set(xlim=(0, 1), ylim=(0, None))
    for axes in (left, right):
        axes.legend(fontsize=8, frameon=False)
    return figure
