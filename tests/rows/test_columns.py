"""The columns of the results: what they declare is what rows hold and files say."""

import dataclasses
import typing
from typing import Annotated, TypedDict

import pytest

from raytd.errors import InputError, RequestError
from raytd.methods import registry
from raytd.methods.paths.result import DistanceResult
from raytd.methods.registry import COLUMNS, METHODS
from raytd.rows.column import Column, declared
from raytd.rows.row import COMMON
from raytd.sweep.folder.ledger import as_table
from tests.cases import for_each


def test_name_type_and_words_come_from_the_key() -> None:
    class Figures(TypedDict, total=False):
        half_life: Annotated[float | None, Column("how long", "s")]
        runs: Annotated[int, Column("how many", words="runs so far")]

    half_life, runs = declared(Figures).values()
    assert (half_life.name, half_life.type, half_life.unit) == ("half_life", float, "s")
    assert (half_life.words, runs.words) == ("half life", "runs so far")


@for_each(
    ("kind", "value", "holds"),
    [(float, 1, True), (float, True, False), (int, 1.5, False), (bool, 1, False), (str, "a", True)],
)
def test_a_fact_is_no_number_and_a_whole_number_is_one(kind, value, holds) -> None:
    assert dataclasses.replace(Column(""), type=kind).holds(value) == holds


def test_a_person_reads_counts_whole_shares_in_percent_and_numbers_with_four_digits() -> None:
    shown = {"forward_images": 95460, "noise_share": 0.2154, "distance": 1.15271}
    assert [COLUMNS[name].show(value) for name, value in shown.items()] == [
        *("95460", "21.5 %", "1.153")
    ]
    assert COLUMNS["distance"].show(float("nan")) == COLUMNS["distance"].show(None) == "-"
    assert (COLUMNS["arrived"].show(False), COLUMNS["device"].show("cpu")) == ("no", "cpu")


def test_every_column_says_what_it_means_and_every_error_is_a_column() -> None:
    assert [name for name, column in COLUMNS.items() if len(column.meaning) < 10] == []
    errors = {column.error for column in COLUMNS.values() if column.error is not None}
    assert errors <= set(COLUMNS)


def test_a_result_has_the_types_of_its_columns() -> None:
    apart = {"iterations", "coupling", "warnings", "label_matching"}
    hints = typing.get_type_hints(DistanceResult)
    for field in dataclasses.fields(DistanceResult):
        if field.name not in apart:
            kinds = set(typing.get_args(hints[field.name]) or (hints[field.name],)) - {type(None)}
            assert kinds == {COMMON[field.name].type}, field.name


def test_a_file_says_unit_and_meaning_of_each_column() -> None:
    schema = as_table([{"distance": 1.0, "accuracy": 0.5, "coupled.lam": 3.0}]).schema
    assert schema.field("distance").metadata[b"unit"] == b"rad"
    assert b"budget" in schema.field("accuracy").metadata[b"meaning"]
    assert b"unit" not in (schema.field("accuracy").metadata or {})
    assert not schema.field("coupled.lam").metadata


def test_a_column_that_nobody_fills_keeps_its_type() -> None:
    schema = as_table([{"gain_error": None, "n_repeats": None}]).schema
    assert [str(schema.field(name).type) for name in ("gain_error", "n_repeats")] == [
        *("double", "int64")
    ]


def test_a_figure_that_is_not_declared_is_refused_by_name() -> None:
    method = METHODS["shared-classes"]
    method._check({"shared_classes": 2, "source_accuracy": 0.5})
    with pytest.raises(InputError, match="gives shared_classes = 1.5, others = 2, which"):
        method._check({"shared_classes": 1.5, "others": 2})


def test_two_methods_cannot_mean_two_things_by_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Figures(TypedDict, total=False):
        accuracy: Annotated[float, Column("how long it takes", "s")]

    other = dataclasses.replace(METHODS["random"], name="other", figures=Figures)
    monkeypatch.setitem(METHODS, "other", other)
    with pytest.raises(RequestError, match=r"'other' has a column 'accuracy' of float \(s\), and"):
        registry._columns()
