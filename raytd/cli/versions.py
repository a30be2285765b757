"""`raytd --version`: of raytd and of what it stands on; none of that is imported."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import click

_PACKAGES = {"torch": "torch", "Ray": "ray", "MLflow": "mlflow"}
"""What is told beside Python: how it is called, and its package."""


def _tell(context: click.Context, _: click.Parameter, asked: bool) -> Any:
    if not asked or context.resilient_parsing:
        return
    click.echo(f"raytd, version {version('raytd')}")
    found = {title: package_version(name) for title, name in _PACKAGES.items()}
    for title, text in {"Python": platform.python_version(), **found}.items():
        click.echo(f"  {title:<7} {text}")
    context.exit()


def package_version(name: str) -> str:
    """The version of a package, or what is the matter with it.

    Args:
        name: of the package, which is the same to pip and to Python.
    """
    spec = find_spec(name)
    is_there = spec is not None and spec.origin is not None  # a folder without code has no origin
    try:
        found: str | None = version(name)
    except PackageNotFoundError:
        return "of unknown version: pip does not know it" if is_there else "not installed"
    except (KeyError, FileNotFoundError):  # so says importlib_metadata, once it is imported
        found = None
    if not found:
        return "broken: its version is missing; install it again"
    return found if is_there else f"{found}, broken: its code is missing; install it again"


version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_tell,
    help="Show the versions of raytd, Python, torch, Ray and MLflow, and exit.",
)
"""`--version`."""
