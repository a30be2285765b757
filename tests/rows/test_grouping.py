"""Rows that belong together."""

import pytest

from raytd.errors import InputError
from raytd.rows.grouping import PAIR, grouped, holds, single, varying

ROWS = [
    {"source": "a", "target": "b", "seed": 0, "method": "m", "pretrain.milestones": [1, 2]},
    {"source": "b", "target": "a", "seed": 0, "method": "m"},
    {"source": "a", "target": "b", "seed": 1, "method": "m", "pretrain.milestones": [1, 2]},
]


def test_groups_come_in_the_order_of_their_first_rows() -> None:
    found = grouped(ROWS, PAIR)
    assert list(found) == [("a", "b"), ("b", "a")]
    assert found["a", "b"] == [ROWS[0], ROWS[2]]


def test_a_column_that_is_missing_is_none_and_a_list_can_be_told_apart() -> None:
    assert list(grouped(ROWS, ("pretrain.milestones",))) == [((1, 2),), (None,)]
    assert varying(ROWS, ("method", "pretrain.milestones", "seed")) == [
        *("pretrain.milestones", "seed")
    ]


def test_two_rows_at_one_place_are_refused_with_the_place() -> None:
    assert list(single(ROWS, (*PAIR, "seed")).values()) == ROWS
    with pytest.raises(InputError, match="two results at source a, target b, method m; name the"):
        single(ROWS, PAIR)


def test_a_row_holds_what_its_group_was_made_by() -> None:
    for key, rows in grouped(ROWS, (*PAIR, "pretrain.milestones")).items():
        fixed = dict(zip((*PAIR, "pretrain.milestones"), key, strict=True))
        assert [row for row in ROWS if holds(row, fixed)] == rows
