import pyarrow as pa
import pyarrow.parquet as pq

from raytd.report.figures.curves import convergence, losses
from raytd.report.saved import read_sweep


def lines(figure):
    return [
        (line.get_xdata().tolist(), line.get_ydata().tolist())
        for axes in figure.draw().axes
        for line in axes.get_lines()
        if len(line.get_xdata())
    ]


def test_the_lines_of_convergence_are_the_data(row, keep):
    (figure,) = convergence(read_sweep(keep([row("a", "b", 2.0), row("b", "a", 3.0)])))
    assert lines(figure) == [([0, 1], [4.0, 2.0]), ([0, 1], [6.0, 3.0])]
    assert [(p["source"], p["iteration"], p["distance"]) for p in figure.data] == [
        ("a", 0, 4.0),
        ("a", 1, 2.0),
        ("b", 0, 6.0),
        ("b", 1, 3.0),
    ]


def test_seeds_are_averaged(row, keep):
    (figure,) = convergence(read_sweep(keep([row("a", "b", v, seed=int(v)) for v in (1.0, 3.0)])))
    assert [(p["distance"], p["n_seeds"]) for p in figure.data] == [(4.0, 2), (2.0, 2)]


def test_a_trial_that_stopped_early_keeps_its_last_distance_in_the_mean(row, keep):
    folder = keep([row("a", "b", v, seed=int(v)) for v in (1.0, 3.0)])
    short = pa.Table.from_pylist([{"iteration": 0, "distance": 8.0}])
    pq.write_table(short, folder / "trials" / "k00" / "iterations.parquet")
    (figure,) = convergence(read_sweep(folder))
    assert [(p["distance"], p["n_seeds"]) for p in figure.data] == [(7.0, 2), (5.5, 2)]


def test_methods_of_one_iteration_have_no_convergence(row, keep):
    folder = keep([row("a", "b")])
    one = pa.Table.from_pylist([{"iteration": 0, "distance": 8.0}])
    pq.write_table(one, folder / "trials" / "k00" / "iterations.parquet")
    assert convergence(read_sweep(folder)) == []


def test_settings_get_panels_of_their_own(row, keep):
    rows = [row("a", "b", model=model) for model in ("cnn8", "wrn-16-4")]
    (figure,) = convergence(read_sweep(keep(rows)))
    assert [axes.get_title() for axes in figure.draw().axes] == ["cnn8", "wrn-16-4"]


def test_losses_are_those_of_the_last_iteration(row, keep):
    (figure,) = losses(read_sweep(keep([row("a", "b")])))
    assert lines(figure) == [
        ([0.0, 0.5, 1.0], [1.0, 1.5, 2.0]),
        ([0.0, 0.5, 1.0], [1.25, 1.75, 2.25]),
    ]
    assert "2 nats on training and 2.2 on validation" in figure.alt


def test_models_share_the_panel_of_a_pair(row, keep):
    rows = [row("a", t, model=model) for t in "bc" for model in ("cnn8", "wrn-16-4")]
    (figure,) = losses(read_sweep(keep(rows)))
    drawn = figure.draw()
    assert [axes.get_title() for axes in drawn.axes] == ["a → b", "a → c"]
    assert [len(axes.get_lines()) for axes in drawn.axes] == [4, 4]


def test_what_is_not_shown_is_said(row, keep):
    rows = [row("a", f"t{i:02}") for i in range(15)]
    (figure,) = losses(read_sweep(keep(rows)))
    assert "The first 12 of 15 pairs are shown." in figure.caption
    assert len({p["target"] for p in figure.data}) == 12


def test_sweeps_without_curves_have_no_figures(row, keep):
    saved = read_sweep(keep([row("a", "b", None, status="failed")]))
    assert convergence(saved) == losses(saved) == []


def test_paths_that_were_not_measured_to_their_end_have_no_loss_there(row, keep):
    folder = keep([row("a", "b")])
    short = [{"iteration": 0, "knot": 1, "tau": 0.5, "train_loss": 1.0, "val_loss": 1.5}]
    pq.write_table(pa.Table.from_pylist(short), folder / "trials" / "k00" / "knots.parquet")
    (figure,) = losses(read_sweep(folder))
    assert figure.alt == "Line charts of training and validation loss along the path."
    assert lines(figure) == [([0.5], [1.0]), ([0.5], [1.5])]
