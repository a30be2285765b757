import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytd.errors import InputError
from raytd.models import zoo
from raytd.models.factory import Call, parse
from tests.cases import for_each

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner),
    max_leaves=4,
)
KEYWORDS = st.dictionaries(st.sampled_from(["depth", "width", "act", "norm"]), PLAIN)


# Four keys, five kinds of plain values, alone or in lists; the first draw is slow.
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(arguments=KEYWORDS)
def test_a_name_with_arguments_is_read_as_it_is_written(arguments: dict[str, object]) -> None:
    call = Call("their.nets:make", arguments)
    assert parse(str(call)) == call
    assert str(parse(str(call))) == str(call)


def test_the_order_and_spacing_of_arguments_do_not_matter() -> None:
    one, other = "n:f(depth=3, act='relu')", 'n:f( act = "relu",depth=3 )'
    assert zoo.canonical(one) == zoo.canonical(other) == "n:f(act='relu', depth=3)"
    assert zoo.canonical("n:f()") == "n:f"
    assert zoo.canonical("n:f(depth=4)") != zoo.canonical("n:f(depth=3)")


@for_each(
    "name",
    [
        "n:f(3)",
        "n:f(depth=3",
        "n:f(depth=3))",
        "n:f(depth=3)(4)",
        "n:f(depth=three)",
        "n:f(depth=__import__('os'))",
        "n:f(**{'depth': 3})",
        "n:f(depth=3, depth=4)",
        "n:f(depth=)",
        "n:f(depth=3) + 1",
        "n:f(depth=3)(width=4)",
        "n:f(depth=3) # width=4",
        "n:f(depth={1, 2})",
        "n:f(depth=1e999)",
        "n:f(depth=b'3')",
    ],
)
def test_what_is_no_list_of_plain_keyword_arguments_is_refused_in_one_line(name: str) -> None:
    problem = zoo.problem_with(name)
    assert problem is not None
    assert problem.startswith(f"'{name}' cannot be read; write n:f(key=value, …)")
    assert "\n" not in problem


@for_each("key", ["in_channels", "n_classes"])
def test_what_the_task_decides_cannot_be_an_argument(key: str) -> None:
    assert zoo.problem_with(f"n:f({key}=3)") == (
        f"'n:f({key}=3)': {key} comes from the task; leave it out"
    )


def test_a_factory_gets_its_arguments_and_the_task_s_numbers(nets: Path) -> None:
    name = "their_nets:plain(width=5, act='tanh')"
    assert zoo.problem_with(name) is None
    model = zoo.build(name, in_channels=3, n_classes=4, seed=0)
    assert [tuple(p.shape) for p in model.parameters()] == [(5, 192), (5,), (4, 5), (4,)]
    assert isinstance(model[2], torch.nn.Tanh)


def test_the_seed_makes_the_weights_of_a_factory(nets: Path) -> None:
    one, same, other = (
        zoo.build("their_nets:plain", in_channels=1, n_classes=4, seed=s).state_dict()
        for s in (1, 1, 2)
    )
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert not torch.equal(one["1.weight"], other["1.weight"])


@for_each(
    ("name", "message"),
    [
        ("no_such_nets:make", "there is no module 'no_such_nets'; install it, or run raytd in the"),
        ("os.no_such_part:make", "there is no module 'os.no_such_part'; install it"),
        ("their_nets:plian", "their_nets has no 'plian'; did you mean 'plain'?"),
        ("their_nets:zzz", "their_nets has no 'zzz'"),
        ("their_nets:", "their_nets has no ''"),
        ("their_nets:CONSTANT", "is a int, not a function that makes a model"),
    ],
)
def test_a_factory_that_does_not_exist_is_one_line(nets: Path, name: str, message: str) -> None:
    problem = zoo.problem_with(name)
    assert problem is not None
    assert problem.startswith(f"{name}: {message}")
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def make(:\n", "importing bad_nets fails: SyntaxError: "),
        ("import no_such_library\n", "importing bad_nets fails: No module named 'no_such_library'"),
        ("raise ValueError('one\\ntwo')\n", "importing bad_nets fails: ValueError: one"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    (tmp_path / "bad_nets.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    problem = zoo.problem_with("bad_nets:make")
    assert problem is not None
    assert problem.startswith(f"bad_nets:make: {message}")
    assert "\n" not in problem
    with pytest.raises(InputError) as error:
        zoo.build("bad_nets:make", in_channels=1, n_classes=2, seed=0)
    assert str(error.value) == problem


@for_each(
    ("name", "message"),
    [
        ("their_nets:broken", "their_nets:broken: RuntimeError: no such luck"),
        ("their_nets:text", "their_nets:text: gives a str, not a torch.nn.Module"),
        ("their_nets:plain(depth=2)", "their_nets:plain(depth=2): TypeError: plain() got an unexp"),
        ("their_nets:plain(act='x')", "their_nets:plain(act='x'): KeyError: 'x'"),
    ],
)
def test_a_factory_that_fails_is_one_line(nets: Path, name: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        zoo.build(name, in_channels=1, n_classes=2, seed=0)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_module_in_the_current_folder_is_found(
    nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = [p for p in sys.path if p not in ("", str(nets.parent))]
    monkeypatch.setattr(sys, "path", elsewhere)
    monkeypatch.chdir(nets.parent)
    assert zoo.problem_with("their_nets:plain") is None


def test_the_digest_of_the_code_follows_the_code(nets: Path) -> None:
    before = zoo.code_digest("their_nets:plain(width=4)")
    assert before == zoo.code_digest("their_nets:broken")
    nets.write_text(nets.read_text() + "\n# more\n")
    assert zoo.code_digest("their_nets:plain") != before


@for_each("name", ["cnn8", "wrn-16-4", "torchvision:resnet18"])
def test_a_model_that_its_name_describes_has_no_digest_of_code(name: str) -> None:
    assert zoo.code_digest(name) is None


def test_a_module_without_text_has_no_digest_of_code() -> None:
    assert zoo.code_digest("sys:exit") is None


@for_each(
    ("code", "said"),
    [
        ("import sys\nsys.exit(0)\n", "importing ends_here fails: SystemExit: 0"),
        ("def make(**_):\n    raise SystemExit\n", "SystemExit"),
    ],
)
def test_a_module_that_ends_the_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "ends_here.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ends_here", raising=False)
    with pytest.raises(InputError, match=f"^ends_here:make: {said}$"):
        zoo.build("ends_here:make", in_channels=1, n_classes=2, seed=0)
    sys.modules.pop("ends_here", None)
