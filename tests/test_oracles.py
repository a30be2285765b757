"""The page that says which test proves what names only tests that are there."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE / "ORACLES.md").read_text(encoding="utf-8")
NAME = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows(page: str) -> list[tuple[str, str, str]]:
    """The cells of every line of the tables, without their heads."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return [row for row in cells if row[1] not in ("tests", "---")]


def collected(source: str) -> set[str]:
    """Names of the test functions that pytest would collect from a file's text."""
    return {
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    }


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(NAME.findall(PAGE))
    there = {
        (path, name)
        for path in {path for path, _ in named}
        if (HERE / path).is_file()
        for name in collected((HERE / path).read_text(encoding="utf-8"))
    }
    assert len(named) > 200
    assert sorted(named - there) == []


def test_the_tests_that_the_record_of_faults_names_are_there() -> None:
    record = (HERE / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", record))
    files = [f for room in ("cli", "engine", "sweep") for f in HERE.glob(f"{room}/**/test_*.py")]
    assert len(named) >= 7
    assert named <= set.union(*(collected(f.read_text(encoding="utf-8")) for f in files))


def test_every_line_names_a_test_or_says_that_there_is_none() -> None:
    assert len(rows(PAGE)) > 50
    wrong = [
        tests
        for _, tests, _ in rows(PAGE)
        if tests != "no test" and not all(NAME.fullmatch(each) for each in tests.split(", "))
    ]
    assert wrong == []


def test_every_exact_oracle_has_a_test() -> None:
    exact = PAGE.split("## ")[1]
    assert exact.startswith("Exact oracles")
    assert len(rows(exact)) >= 15
    assert "no test" not in exact


def test_only_functions_at_the_top_of_a_file_count_as_tests() -> None:
    source = (
        "def test_here(): ...\ndef helper():\n    def test_inside(): ...\n# def test_gone(): ..."
    )
    assert collected(source) == {"test_here"}
