import io
import itertools
import re

import numpy as np
from rich.console import Console

from raytd.report import distance_matrices, matrix_tables, results_table
from raytd.report.terminal import legend, notes, plain_table
from tests.cases import for_each


def printed(table, width=160):
    console = Console(file=io.StringIO(), width=width)
    console.print(table, crop=False)
    return console.file.getvalue()


def headings(table):
    return [str(column.header).replace("-\n", "-").replace("\n", " ") for column in table.columns]


def line_of(text, word):
    return next(line for line in text.splitlines() if word in line)


def test_every_trial_is_a_line_of_numbers(row):
    text = printed(results_table([row("low", "high", 0.123456)]))
    assert line_of(text, "low").split() == [
        *("low", "high", "0.1235", "2", "1.8", "10.0", "%", "95.0", "%", "4.25")
    ]


def test_columns_are_those_that_are_needed(row):
    always = ["source", "target"]
    numbers = [
        *(
            "distance (rad)",
            "Fisher-Rao length (rad)",
            "noise-free length (rad)",
            "noise share",
            "target accuracy",
            "partners",
        )
    ]
    rows = [row("a", "b")]
    assert headings(results_table(rows)) == always + numbers
    rows.append(row("a", "b", seed=1, model="wrn-16-4", method="uncoupled", arrived=False))
    varying = ["method", "model", "seed"]
    assert headings(results_table(rows)) == [*always, *varying, *numbers, "notes"]


def test_protocols_are_shown_when_several_stand_in_one_table(row):
    rows = [row("a", "b"), row("b", "a", None, status="failed", protocol=None)]
    assert "protocol" not in headings(results_table(rows))
    assert "protocol" in headings(results_table([*rows, row("a", "b", protocol="p2")]))


def test_compact_fits_eighty_columns(row):
    rows = [row("digits-low", "digits-high", 0.123456, method="uncoupled", seed=i) for i in (0, 1)]
    text = printed(results_table(rows, compact=True), width=80)
    assert [len(line.split()) for line in text.splitlines() if "digits-low" in line] == [6, 6]
    assert "0.1235" in text


@for_each(
    ("differs", "words"),
    [
        ({}, []),
        ({"arrived": False}, ["did not arrive"]),
        (
            {"source_accuracy": 0.2, "source_val_images": 50, "source_chance": 0.2},
            ["source at chance (0.20, guessing 0.20, n = 50)"],
        ),
        ({"same_weights_as": "b"}, ["same weights as source b"]),
        ({"coupling_converged": False}, ["coupling not converged"]),
        ({"distance_converged": False}, ["still moving"]),
        ({"arrived": None, "coupling_converged": None, "distance_converged": None}, []),
        (
            {"arrived": False, "distance_converged": False},
            ["did not arrive", "still moving"],
        ),
        (
            {"status": "failed", "error": "out of memory\nTraceback", "arrived": False},
            ["failed: out of memory"],
        ),
        ({"status": "failed", "error": None}, ["failed: no message"]),
        ({"status": "failed", "error": " \n"}, ["failed: no message"]),
        ({"arrived": np.bool_(False)}, ["did not arrive"]),
        (
            {"distance_converged": False, "warnings": "the source model is weak"},
            ["still moving", "the source model is weak"],
        ),
    ],
)
def test_notes_say_in_words_what_to_doubt(row, differs, words):
    assert notes(row("a", "b", **differs)) == words


def test_a_failed_trial_has_dashes_and_its_error(row):
    failed = row("low", "high", None, status="failed", error="[red]no[/red] space\nmore")
    line = line_of(printed(results_table([failed])), "low")
    assert line.split()[2:8] == ["-"] * 6
    assert "failed: [red]no[/red] space" in line
    assert "more" not in line


def test_a_matrix_has_sources_as_rows(row):
    (matrix,) = distance_matrices([row("low", "odd", 1.25), row("odd", "low", 2.5)])
    (table,) = matrix_tables(matrix, 160)
    text = printed(table)
    assert "coupled, cnn8: distance (rad), 1 seed" in text
    assert line_of(text, "source").split() == ["source", "\\", "target", "low", "odd"]
    assert [line.split() for line in text.splitlines()[-3:-1]] == [
        ["low", "-", "1.25"],
        ["odd", "2.5", "-"],
    ]


def test_a_doubtful_number_in_a_matrix_has_its_marks_and_they_are_explained(row):
    rows = [row("low", "odd", 1.25, arrived=False), row("odd", "low", 2.5, same_weights_as="low")]
    (matrix,) = distance_matrices(rows)
    text = "".join(printed(table) for table in matrix_tables(matrix, 120))
    assert line_of(text, "1.25").split() == ["low", "-", "1.25", "A"]
    assert line_of(text, "2.5").split() == ["odd", "2.5", "W", "-"]
    assert [line[:27] for line in legend([matrix])] == [
        "A  a model did not arrive, ",
        "W  two sources have the sam",
    ]
    narrow = "".join(printed(table, width=60) for table in matrix_tables(matrix, 60))
    assert max(map(len, narrow.splitlines())) <= 60


def test_no_doubt_is_hidden_by_another(row):
    chance = {"source_accuracy": 0.2, "source_val_images": 100, "source_chance": 0.2}
    doubted = row("low", "high", arrived=False, same_weights_as="odd", **chance)
    text = printed(results_table([doubted | {"warnings": "a long story " * 20}]), width=200)
    said = "did not arrive; source at chance (0.20, guessing 0.20, n = 100); same weights as source"
    assert said in " ".join(text.split())
    assert 0 < text.count("a long story") < 6


LONG = [f"task-number-{n}-of-a-collection-with-a-long-name" for n in range(7)]


def test_a_matrix_that_is_wider_than_the_window_is_dealt_over_tables(row):
    rows = [row(s, t, 1.0625 + i / 8) for i, s in enumerate(LONG) for t in LONG if s != t]
    (matrix,) = distance_matrices(rows)
    for width in (40, 80, 120):
        tables = matrix_tables(matrix, width)
        assert len(tables) > 1
        shown = [column.header for table in tables for column in table.columns[1:]]
        assert shown == list(matrix.targets)
        lines = "".join(printed(table, width) for table in tables).splitlines()
        assert max(map(len, lines)) <= width
        assert not any("…" in line for line in lines)
        numbers = [
            word for line in lines for word in line.split() if re.fullmatch(r"[12]\.\d+", word)
        ]
        assert len(numbers) == 42


def test_columns_without_room_beside_one_another_stand_below_one_another(row):
    rows = [row("low", LONG[0], 1.25), row("odd", LONG[1], 2.5)]
    names = ["source", "target", "value"]
    beside = printed(plain_table(rows, names, 80), 80)
    assert line_of(beside, "low").split()[0] == "low"
    below = printed(plain_table(rows, names * 4, 80), 80).splitlines()
    assert [line.split() for line in below[:3]] == [
        ["source", "low"],
        ["target", LONG[0]],
        ["value", "1.25"],
    ]
    assert len(below) == 2 * (12 + 1)


def test_a_number_in_a_matrix_has_its_error_and_the_legend_says_from_what(row):
    rows = [row("low", "odd", v, seed=s, distance_error=0.5) for s, v in enumerate((1, 2, 6))]
    (matrix,) = distance_matrices([*rows, row("odd", "low", 2.5, distance_error=0.125)])
    text = "".join(printed(table) for table in matrix_tables(matrix, 120))
    assert line_of(text, "†").split() == ["odd", "2.5", "±", "0.12†", "-"]
    assert [line.split() for line in text.splitlines()[-3:-2]] == [["low", "-", "3", "±", "1.5"]]
    assert legend([matrix]) == [
        "±  standard error of the mean over seeds, from their scatter; with 3 seeds, the 95 % "
        "interval is 4.3 times as wide on either side",
        "†  one seed: the error that its run states of itself",
    ]


def test_a_number_and_its_error_stay_on_one_line(row):
    rows = [
        row(s, t, 1.0625, distance_error=0.03125, arrived=False)
        for s, t in itertools.permutations("abcdefg", 2)
    ]
    (matrix,) = distance_matrices(rows)
    for width in (60, 80, 120):
        text = "".join(printed(table, width) for table in matrix_tables(matrix, width))
        assert text.count("1.062 ± 0.031 A") == 42
        assert max(map(len, text.splitlines())) <= width


def test_the_table_of_trials_shows_the_error_of_each_trial(row):
    rows = [row("low", "odd", 1.25, seed=s, distance_error=0.0312) for s in (0, 1)]
    text = printed(results_table(rows, compact=True), width=80)
    assert line_of(text, "low").split()[3:5] == ["1.25", "0.031"]
    assert "±" not in headings(results_table([row("low", "odd", distance_error=None)]))


def test_the_error_beside_a_value_is_that_of_the_figure_which_it_repeats(row):
    measured = {"distance": None, "distance_error": None, "method": "transfer"}
    accuracy = {"accuracy": 0.75, "accuracy_error": 0.012, "gain": 0.1, "gain_error": 0.03}
    rows = [row("low", "odd", 0.75, **measured, **accuracy)]
    table = results_table(rows, compact=True)
    assert "±" in headings(table)
    assert line_of(printed(table), "low").split()[2:4] == ["0.75", "0.012"]
