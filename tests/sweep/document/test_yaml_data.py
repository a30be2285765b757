from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.document.yaml_data import Document, read_document, read_override

QUOTES = "; put text that begins with such a sign in quotes"

TEXT = """\
name: study
tasks: [low, {name: mine,
               classes: [0, 1]}]
coupled:
  lam: 3
  epsilon: 8e-4
coupled.blocks: 2
"""


def document(folder: Path, text: str) -> Document:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return read_document(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(RequestError) as caught:
        document(folder, text)
    (line,) = caught.value.problems
    return line.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "1:1"),
        (("name",), "1:1"),
        (("tasks",), "2:1"),
        (("tasks", 0), "2:9"),
        (("tasks", 1, "name"), "2:15"),
        (("tasks", 1, "classes", 1), "3:29"),
        (("coupled", "epsilon"), "6:3"),
        (("coupled", "blocks"), "7:1"),
    ],
)
def test_every_value_knows_where_it_stands(
    tmp_path: Path, path: tuple[str | int, ...], place: str
) -> None:
    assert document(tmp_path, TEXT).root.position(path).text == f"{tmp_path}/s.yaml:{place}"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("absent",), "1:1"),
        (("coupled", "absent", "deeper"), "4:1"),
        (("tasks", 7), "2:1"),
        (("name", "below"), "1:1"),
    ],
)
def test_what_is_absent_stands_where_its_parent_does(
    tmp_path: Path, path: tuple[str | int, ...], place: str
) -> None:
    assert document(tmp_path, TEXT).root.position(path).text.endswith(f":{place}")


def test_dotted_keys_are_nested_keys(tmp_path: Path) -> None:
    nested = document(tmp_path, "a: {b: {c: 1, d: 2}}").root.plain()
    assert document(tmp_path, "a.b.c: 1\na: {b.d: 2}").root.plain() == nested


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8e-4", 8e-4),
        ("1_000", 1000),
        ("0x1F", 31),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("true", True),
        ("'3'", "3"),
        ("2024-01-01", "2024-01-01"),
        ("[1, [2.5, x]]", [1, [2.5, "x"]]),
        ("{}", {}),
        ('"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
    ],
)
def test_values_are_plain(tmp_path: Path, text: str, value: object) -> None:
    plain = document(tmp_path, f"key: {text}").root.plain()["key"]
    assert plain == value
    assert type(plain) is type(value)


def test_an_alias_repeats_a_value(tmp_path: Path) -> None:
    read = document(tmp_path, "a: &x {k: 1}\nb: *x\n")
    assert read.root.plain() == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1", "s.yaml:1:6  not YAML: while parsing a flow sequence: expected ',' or ']'"),
        ("a: b: c", "s.yaml:1:5  not YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2", "s.yaml:2:1  not YAML: while scanning for the next token"),
        ("a: *x", "s.yaml:1:4  not YAML: found undefined alias 'x'" + QUOTES),
        (
            "a: [@x]",
            "s.yaml:1:5  not YAML: while scanning for the next token: found character '@' that "
            "cannot start any token" + QUOTES,
        ),
        ("--- a\n--- b", "s.yaml:2:1  not YAML: expected a single document in the stream"),
        ("a: 1 # \x07", "s.yaml:1:8  not YAML: a character that is not allowed"),
        ("[" * 40, "s.yaml:1:31  nested deeper than 30 levels"),
        ("a: &x [*x]", "s.yaml:1:4  aliases expand to more than a sweep can hold"),
    ],
)
def test_text_that_is_not_yaml_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text).startswith(line)


def test_aliases_of_aliases_do_not_expand_without_end(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 25)
    )
    assert "aliases expand to more" in refusal(tmp_path, bomb)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(RequestError, match=f"{path.name}  cannot be read: {reason}"):
            read_document(path)
    (tmp_path / "s.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(RequestError, match="is not a text file in UTF-8"):
        read_document(tmp_path / "s.yaml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3", ["3:1 a given twice"]),
        ("a: {b: 1, b: 2, b: 3}", ["1:11 a.b given twice", "1:17 a.b given twice"]),
        ("a: {b: 1}\na.b: 2", ["2:1 a.b given twice"]),
        ("a: 1\na.b: 2", ["2:1 a.b given twice"]),
        ("a: !thing 1", ["1:4 a the tag !thing is not understood" + QUOTES]),
        ("a: !!set {x}", ["1:4 a the tag tag:yaml.org,2002:set is not understood" + QUOTES]),
        ("a: !!int ten", ["1:4 a not a value of the kind int"]),
        ("[1]: 2", ["1:1  a key must be a word, not a list or a mapping"]),
        (f"a: {10**30}", ["1:4 a a whole number beyond all that could be meant"]),
    ],
)
def test_every_problem_of_the_text_is_found_with_its_place(
    tmp_path: Path, text: str, found: list[str]
) -> None:
    findings = document(tmp_path, text).findings
    lines = [f"{f.at.text} {'.'.join(map(str, f.path))} {f.message}" for f in findings if f.at]
    assert [line.removeprefix(f"{tmp_path}/s.yaml:") for line in lines] == found


def test_an_overlay_merges_mappings_and_replaces_all_else(tmp_path: Path) -> None:
    below = document(tmp_path, "a: {b: 1, c: [1, 2]}\nd: x").root
    above = document(tmp_path, "\n\na: {c: [3], e: 4}\nd: {f: 5}").root
    merged = below.overlaid(above)
    assert merged.plain() == {"a": {"b": 1, "c": [3], "e": 4}, "d": {"f": 5}}
    assert merged.position(("a", "b")).text.endswith(":1:5")
    assert merged.position(("a", "c", 0)).text.endswith(":3:9")
    assert below.plain() == {"a": {"b": 1, "c": [1, 2]}, "d": "x"}


def test_an_override_is_yaml_and_stands_in_its_option() -> None:
    read = read_override("coupled.epsilon = 8e-4", 0)
    assert read.root.plain() == {"coupled": {"epsilon": 8e-4}}
    assert read.root.position(("coupled", "epsilon")).text == "--set coupled.epsilon"
    assert read_override("grid.model=[a, b]", 0).root.plain() == {"grid": {"model": ["a", "b"]}}
    assert read_override("a=b=c", 0).root.plain() == {"a": "b=c"}
    assert read_override("a=", 0).root.plain() == {"a": None}


@pytest.mark.parametrize("text", ["a", "=1", "a..b=1", ".a=1", "a=[1", "a={b: 1, b: 2}"])
def test_an_override_that_is_wrong_says_so(text: str) -> None:
    (finding,) = read_override(text, 0).findings
    assert finding.at is not None
    assert finding.at.text.startswith("--set")
