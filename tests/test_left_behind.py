"""A run that leaves a file in the working tree fails and names it."""

import pytest

pytest_plugins = ["pytester"]

LEAVING = "def test_it(): open('mlflow.db', 'w').close()"
CLEAN = "def test_it(tmp_path): (tmp_path / 'mlflow.db').touch()"


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["one process", "a worker"])
def test_a_file_that_a_test_leaves_fails_the_run_that_passed(
    pytester: pytest.Pytester, workers: list[str]
) -> None:
    pytester.makepyfile(LEAVING)
    ran = pytester.runpytest_inprocess("-p", "tests.left_behind", *workers)
    ran.assert_outcomes(passed=1)
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = [line for line in ran.outlines if "appeared in the working tree" in line]
    assert line.startswith("mlflow.db appeared")


def test_a_run_that_leaves_nothing_but_caches_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CLEAN)
    (pytester.path / "mlflow.db").touch()
    ran = pytester.runpytest_inprocess("-p", "tests.left_behind", "-p", "cacheprovider")
    assert ran.ret == pytest.ExitCode.OK
    assert (pytester.path / ".pytest_cache").exists()
    assert "appeared" not in ran.stdout.str()
