"""One fact that many cases prove is one test, which names every case in which it does not hold."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

Test = Callable[..., None]


def for_each(names: str | tuple[str, ...], cases: Iterable[object]) -> Callable[[Test], Test]:
    """Calls the test with each case, and fails once, with all cases whose assertions are wrong.

    Another error than that of an assertion ends it at once, with a note of its case.

    It takes what `pytest.mark.parametrize` takes. That is for cases that differ in kind, which
    have a name of their own in the list of tests; this is for the values in which a fact holds.
    Fixtures are made once for all cases, but for `tmp_path`: each case has a folder of its own.
    """
    named = (names,) if isinstance(names, str) else names
    values = [dict(zip(named, (c,) if isinstance(names, str) else c, strict=True)) for c in cases]
    assert values, "a test without cases proves nothing"

    def of_all(test: Test) -> Test:
        @functools.wraps(test)
        def every_case(**fixtures: object) -> None:
            wrong = []
            for number, case in enumerate(values):
                try:
                    test(**case, **fixtures | _own_folder(fixtures, number))
                except (AssertionError, pytest.fail.Exception) as error:
                    wrong.append((case, error))
                except Exception as error:
                    error.add_note(f"in the case {case}")
                    raise
            if wrong:
                told = "\n\n".join(f"{case}:\n{error}" for case, error in wrong)
                raise AssertionError(
                    f"{len(wrong)} of {len(values)} cases are wrong:\n\n{told}"
                ) from wrong[0][1]

        parameters = inspect.signature(test).parameters
        every_case.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p for name, p in parameters.items() if name not in named]
        )
        return every_case

    return of_all


def _own_folder(fixtures: dict[str, object], number: int) -> dict[str, object]:
    if "tmp_path" not in fixtures:
        return {}
    folder = Path(str(fixtures["tmp_path"])) / f"case{number}"
    folder.mkdir()
    return {"tmp_path": folder}
