"""The rooms of raytd: each has one question, and few enough files to see them all."""

import ast
from pathlib import Path

RAYTD = Path(__file__).parents[1] / "raytd"
ROOMS = sorted(p.parent for p in RAYTD.glob("*/**/__init__.py"))
MOST_FILES = 16


def test_every_room_says_its_one_question() -> None:
    said = {r: ast.get_docstring(ast.parse((r / "__init__.py").read_text())) or "" for r in ROOMS}
    assert len(ROOMS) > 20
    assert [
        str(room) for room, text in said.items() if text.partition("\n")[0].count("?") != 1
    ] == []


def test_no_room_holds_more_files_than_can_be_seen_at_once() -> None:
    own = {room: len(list(room.glob("*.py"))) for room in (RAYTD, *ROOMS)}
    assert {str(room): n for room, n in own.items() if n > MOST_FILES} == {}


def test_every_folder_with_code_is_a_room() -> None:
    assert {p.parent for p in RAYTD.rglob("*.py")} == {RAYTD, *ROOMS}
