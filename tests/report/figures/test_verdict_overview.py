import pytest

from raytd.report.figures.style import PAPER
from raytd.report.figures.verdict_overview import verdict_overview
from raytd.report.judge.judging import judge

PAIRS = [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
SAID = {"good": (1, 2, 3, 4, 5, 6), "bad": (6, 5, 4, 3, 2, 1), "flat": (1, 1, 1, 1, 1, 1)}
LEGS = {"unit": "1", "noise_free_length": None}


@pytest.fixture(scope="module")
def figure(row):
    made = [
        row(*pair, value, method=method, seed=seed, wall_s=wall_s, **LEGS)
        for seed in (0, 1)
        for method, wall_s in (("good", 3.0), ("bad", 0.25), ("flat", 0.0))
        for pair, value in zip(PAIRS, SAID[method], strict=True)
    ]
    made += [
        row(*pair, 1 - n / 10, method="transfer", seed=seed, smaller_is_closer=False, **LEGS)
        for seed in (0, 1)
        for n, pair in enumerate(PAIRS)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raytd.report.judge.judging.RESAMPLES", 100)
        return verdict_overview(judge(made), truth="transfer", column="value")


def test_every_contestant_has_a_line_with_its_correlation_and_cost(figure):
    assert [(r["contestant"], r["spearman"]) for r in figure.data] == [
        ("good", pytest.approx(1)),
        ("bad", pytest.approx(-1)),
        ("flat", None),
    ]
    agreement, cost = figure.draw().axes
    assert [t.get_text() for t in agreement.get_yticklabels()] == ["good", "bad", "flat"]
    dots = [line for line in agreement.get_lines() if line.get_marker() == "o"]
    found = [(*dot.get_xdata(), *dot.get_ydata()) for dot in dots]
    assert found == [(pytest.approx(1), 0), (pytest.approx(-1), 1)]
    (seconds,) = cost.get_lines()
    assert seconds.get_xydata().tolist() == [[3.0, 0.0], [0.25, 1.0]]


def test_a_dot_is_full_where_chance_is_below_one_in_twenty(figure):
    """Three tasks have six orders, so that nothing here is."""
    dots = [line for line in figure.draw().axes[0].get_lines() if line.get_marker() == "o"]
    assert {dot.get_markerfacecolor() for dot in dots} == {PAPER}


def test_it_is_named_after_the_truth_and_its_column(figure):
    assert figure.name == "judge-transfer"
    assert verdict_overview([], truth="transfer", column="gain").name == "judge-transfer-gain"
    assert "the highest is good at 1.00" in figure.alt


def test_without_a_verdict_there_is_an_empty_picture():
    assert verdict_overview([], truth="transfer", column="value").draw().axes


def test_the_ceiling_and_the_pairs_with_disjoint_classes_are_drawn(row):
    made = [row(*pair, n, method="d", **LEGS) for n, pair in enumerate(PAIRS)]
    made += [
        row(*pair, (n + noise) % 6, method="transfer", seed=seed, **LEGS)
        for seed, noise in enumerate((0, 1))
        for n, pair in enumerate(PAIRS)
    ]
    classes = {"a": frozenset("12"), "b": frozenset("23"), "c": frozenset("4")}
    figure = verdict_overview(judge(made, classes=classes), truth="transfer", column="value")
    (data,) = figure.data
    assert 0 < data["truth_ceiling"] < 1
    lines = figure.draw().axes[0].get_lines()
    (ceiling,) = (line for line in lines if line.get_linestyle() == ":")
    assert set(ceiling.get_xdata()) == {data["truth_ceiling"]}
    (cross,) = (line for line in lines if line.get_marker() == "x")
    assert cross.get_xdata().tolist() == [data["disjoint_spearman"]]
    assert "disjoint classes" in figure.kind.reading
