"""Which figures a sweep is given."""

from raytd.report.figures.choice import model_comparisons, sweep_figures
from raytd.report.saved import read_sweep


def scatters(folder):
    return [f.name for f in sweep_figures(read_sweep(folder)) if "Scatter" in f.alt]


def test_networks_are_drawn_against_one_another_where_they_share_two_pairs_or_more(row, keep):
    pairs = ("ab", "ba")
    two = keep([row(*p, model=m) for p in pairs for m in "xy"])
    assert len(scatters(two)) == 2  # of the distance, and of the noise-free length
    one = keep([row("a", "b", model=m) for m in "xy"], name="one")
    assert len(model_comparisons(read_sweep(one), "value")) == 1
    assert scatters(one) == []
