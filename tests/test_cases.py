"""Many cases in one test hide nothing: every wrong one is told, and fixtures are passed on."""

from pathlib import Path

import pytest

from tests.cases import for_each


def test_every_wrong_case_is_told_and_the_right_ones_are_not() -> None:
    @for_each("n", [1, 2, 3, 4])
    def even(n: int) -> None:
        assert n % 2 == 0

    with pytest.raises(AssertionError) as error:
        even()
    told = str(error.value)
    assert told.startswith("2 of 4 cases are wrong:")
    assert "{'n': 1}:" in told
    assert "{'n': 3}:" in told
    assert "{'n': 2}" not in told


def test_an_error_that_is_expected_and_does_not_come_is_a_wrong_case() -> None:
    @for_each("n", [0, 1])
    def refused(n: int) -> None:
        with pytest.raises(ZeroDivisionError):
            1 / n

    with pytest.raises(AssertionError, match=r"1 of 2 cases are wrong:\n\n\{'n': 1\}:"):
        refused()


def test_an_error_of_another_kind_says_in_which_case() -> None:
    @for_each("n", [1, 0])
    def inverse(n: int) -> None:
        assert 1 / n

    with pytest.raises(ZeroDivisionError) as error:
        inverse()
    assert error.value.__notes__ == ["in the case {'n': 0}"]


SEEN: list[tuple[int, str]] = []


@for_each("n", [1, 2])
@for_each(("word", "length"), [("a", 1), ("bc", 2)])
def test_cases_multiply_and_fixtures_are_passed_on(
    n: int, word: str, length: int, request: pytest.FixtureRequest
) -> None:
    assert len(word) == length
    assert request.node.name == "test_cases_multiply_and_fixtures_are_passed_on"
    SEEN.append((n, word))
    assert [(1, "a"), (1, "bc"), (2, "a"), (2, "bc")][: len(SEEN)] == SEEN


@for_each("n", [1, 2])
@for_each("name", ["a", "b"])
def test_each_case_has_a_folder_of_its_own(n: int, name: str, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "same").touch()


def test_a_test_without_cases_is_none() -> None:
    with pytest.raises(AssertionError, match="a test without cases proves nothing"):
        for_each("n", [])
