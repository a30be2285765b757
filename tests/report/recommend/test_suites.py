"""What the package says of the shipped suites is what stands in their results."""

import json

from raytd.methods.registry import METHODS
from raytd.report.recommend.suites import spoken_for, suite_figures
from tests.suite_figures import CARRIED, made


def test_the_figures_are_those_of_the_committed_results() -> None:
    """If not: `python -m tests.suite_figures`."""
    found = made()
    assert len(found) >= 2
    assert json.loads(CARRIED.read_text()) == found


def test_they_speak_for_a_method_that_there_is_and_that_no_other_beats() -> None:
    best = spoken_for()
    assert best is not None
    assert best.method in METHODS
    assert set(best.spearman) == set(made())
    means = [sum(f.spearman.values()) for f in suite_figures() if f.clear == best.clear]
    assert sum(best.spearman.values()) == max(means)


def test_no_control_is_spoken_for() -> None:
    assert not {"random", "transfer"} & {figures.method for figures in suite_figures()}


def test_of_given_methods_the_best_one_is_named() -> None:
    last = suite_figures()[-1]
    assert spoken_for([(last.method, last.column)]) is last
    assert spoken_for([("a-method-of-mine", "value")]) is None
