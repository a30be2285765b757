"""What is kept is found under the address of what decides it; what is damaged is made again."""

import json
from pathlib import Path

import pytest

from raytd.errors import StorageError
from raytd.storage.cache import Kind, address
from raytd.storage.files import write_json

NUMBERS: Kind[list[int]] = Kind(
    "numbers-{}.json",
    write=lambda path, numbers: write_json(path, {"numbers": numbers}),
    read=lambda path: [int(n) for n in json.loads(path.read_text())["numbers"]],
)


def test_an_address_is_that_of_the_content_in_any_order() -> None:
    assert address({"a": 1, "b": [2]}) == address({"b": [2], "a": 1}) == "ae8a9a5052464275"
    assert address({"a": 1, "b": [3]}) != address({"a": 1, "b": [2]})


def test_a_result_is_made_once_for_each_address_and_nothing_is_kept_without_a_folder(
    tmp_path: Path,
) -> None:
    made: list[list[int]] = []

    def make() -> list[int]:
        made.append([len(made)])
        return made[-1]

    def get(folder: Path | None, key: str) -> list[int]:
        return NUMBERS.get(folder, key, make, what="numbers")

    assert [get(tmp_path, key) for key in ("one", "two", "one")] == [[0], [1], [0]]
    assert [get(None, "one") for _ in range(2)] == [[2], [3]]
    assert json.loads(NUMBERS.path(tmp_path, "two").read_text()) == {"numbers": [1]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Expecting property name"),
        ("{}", "no 'numbers'"),
        ('{"numbers": 3}', "'int' object is not iterable"),
        ('{"numbers": ["three"]}', "invalid literal for int"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason_and_made_again(
    tmp_path: Path, content: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = NUMBERS.path(tmp_path, "one")
    path.write_text(content)
    assert [NUMBERS.get(tmp_path, "one", lambda: [1], what="numbers") for _ in range(2)] == [
        [1]
    ] * 2
    (line,) = caplog.messages
    assert line.startswith(f"{path}: cannot be read ({said}")
    assert line.endswith("). It counts as missing, and is made again.")
    assert json.loads(path.read_text()) == {"numbers": [1]}


def test_a_file_that_may_not_be_opened_is_left_as_it_is(tmp_path: Path) -> None:
    NUMBERS.path(tmp_path, "one").mkdir()
    with pytest.raises(StorageError, match=r"numbers-one.json: cannot be read \(is a directory\)"):
        NUMBERS.get(tmp_path, "one", lambda: [1], what="numbers")
    assert NUMBERS.path(tmp_path, "one").is_dir()
