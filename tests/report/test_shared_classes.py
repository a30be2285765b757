import numpy as np
from numpy.testing import assert_array_equal

from raytd.report.shared_classes import classes_of, lacking_classes

TASKS = [
    {"name": "low", "dataset": "digits", "classes": ["0", "1", "2", "3"]},
    {"name": "high", "dataset": "digits", "classes": ["8", "9"]},
    {"name": "even", "dataset": "digits", "classes": ["0", "2", "4", "6"]},
    {"name": "all", "dataset": "digits", "classes": None},
    {"name": "own", "dataset": "folder:./pictures", "classes": None},
    {"name": "copy", "dataset": "npz:a/b.npz", "known_as": "digits", "classes": ["8", "7"]},
    {"name": "bare"},
]


def test_the_share_of_the_target_that_a_source_lacks_is_counted_from_the_sweep() -> None:
    found = lacking_classes([], classes_of(TASKS), ["low", "high", "even", "all", "copy"])
    assert_array_equal(
        found,
        [
            [0, 1, 0.5, 0.6, 1],
            [1, 0, 1, 0.8, 0.5],
            [0.5, 1, 0, 0.6, 1],
            [0, 0, 0, 0, 0],
            [1, 0.5, 1, 0.8, 0],
        ],
    )


def test_a_task_whose_classes_the_sweep_does_not_say_is_unknown() -> None:
    classes = classes_of(TASKS)
    assert not {"own", "bare"} & classes.keys()
    found = lacking_classes([], classes, ["low", "own"])
    assert_array_equal(found, [[0, np.nan], [np.nan, np.nan]])


def test_what_the_method_found_in_the_data_comes_first() -> None:
    row = {"method": "shared-classes", "source": "low", "target": "own", "value": 0.25}
    other = {"method": "random", "source": "own", "target": "low", "value": 0.5}
    found = lacking_classes([row, other], classes_of(TASKS), ["low", "own"])
    assert_array_equal(found, [[0, 0.25], [np.nan, np.nan]])
