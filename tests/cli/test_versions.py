"""`raytd --version` says what it stands on, also where some of it is broken."""

from importlib.metadata import version
from pathlib import Path

import pytest

from raytd.cli.versions import package_version
from tests.cli.commands import run_here


def test_python_torch_ray_and_mlflow_are_told_below_raytd(tmp_path: Path) -> None:
    said = run_here(tmp_path, "--version").stdout.splitlines()
    assert said[0] == f"raytd, version {version('raytd')}"
    told = [line.split() for line in said[1:]]
    assert [name for name, _ in told] == ["Python", "torch", "Ray", "MLflow"]
    assert [found for _, found in told[1:]] == [version(n) for n in ("torch", "ray", "mlflow")]


def test_what_is_missing_or_half_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib_metadata  # noqa: F401 - libraries import it, and it answers from then on

    monkeypatch.syspath_prepend(str(tmp_path))
    assert package_version("bare") == "not installed"
    facts = tmp_path / "bare-1.2.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.2\n")
    assert package_version("bare") == "1.2, broken: its code is missing; install it again"
    (tmp_path / "bare").mkdir()  # what is left of a package that was removed
    assert package_version("bare").startswith("1.2, broken")
    (tmp_path / "bare/__init__.py").touch()
    assert package_version("bare") == "1.2"
    (facts / "METADATA").write_text("")
    assert package_version("bare") == "broken: its version is missing; install it again"
    (tmp_path / "loose.py").touch()
    assert package_version("loose") == "of unknown version: pip does not know it"
