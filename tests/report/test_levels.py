import pytest

from raytd.errors import RequestError
from raytd.report.levels import chosen_pairs, levels


def test_settings_come_as_they_appear_and_numbers_in_order(row):
    rows = [row("a", "b", model=m, eps=e) for m, e in (("y", 2.0), ("x", 0.5), ("y", None))]
    assert levels(rows, "model") == ["y", "x"]
    assert levels(rows, "eps", axes=["eps"]) == [0.5, 2.0]


def test_methods_are_held_against_the_uncoupled_one(row):
    rows = [row("a", "b", method=m) for m in ("coupled", "uncoupled", "finetune")]
    assert levels(rows, "method") == ["uncoupled", "coupled", "finetune"]


def test_an_unknown_axis_is_one_line_with_those_that_vary(row):
    rows = [row("a", "b", seed=0), row("a", "b", seed=1)]
    with pytest.raises(RequestError, match=r"--by sed: not an axis; .*seed; did you mean 'seed'"):
        levels(rows, "sed")


def test_an_axis_with_one_setting_says_so(row):
    with pytest.raises(RequestError, match="model has one setting .cnn8. in the results"):
        levels([row("a", "b")], "model")


def test_all_are_held_against_the_first_unless_each_pair_is_asked_for():
    assert chosen_pairs([1, 2, 3]) == [(1, 2), (1, 3)]
    assert chosen_pairs([1, 2, 3], every=True) == [(1, 2), (1, 3), (2, 3)]
    assert chosen_pairs([0.5, 20.0], named=["20", "0.5"]) == [(20.0, 0.5)]


def test_unknown_settings_are_told_all_at_once():
    with pytest.raises(RequestError) as raised:
        chosen_pairs(["cnn8", "wrn-16-4"], named=["cnn", "foo"])
    assert len(raised.value.problems) == 2
    assert "did you mean 'cnn8'?" in raised.value.problems[0]


def test_one_setting_alone_is_refused():
    with pytest.raises(RequestError, match="one setting, a; a comparison needs two"):
        chosen_pairs(["a", "b"], named=["a"])
