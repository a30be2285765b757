"""The wheel alone has everything: an installed raytd plans and copies the shipped sweeps."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the wheel, and nothing of the repository."""
    place = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(place), versions=["standard"])
    with ZipFile(wheel) as archive:
        archive.extractall(place / "installed")
    return place / "installed"


def raytd(installed: Path, here: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs the raytd of the wheel in a folder; the first line of its errors says where it lies."""
    program = "import raytd, sys; print(raytd.__file__, file=sys.stderr)\n"
    program += "from raytd.cli import main; main(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", program, *args],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(installed), "HOME": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_the_shipped_sweeps_and_none_of_their_results(installed: Path) -> None:
    packed = {path.name for path in (installed / "raytd/shipped").iterdir()}
    assert packed == {"schema.json", *(path.name for path in (ROOT / "sweeps").glob("*.yaml"))}
    assert len(list(installed.iterdir())) == 2  # the package, and what is known of it
    code = {path.relative_to(ROOT) for path in (ROOT / "raytd").rglob("*.py")}
    assert code == {path.relative_to(installed) for path in installed.rglob("*.py")}
    for data in ("py.typed", "sweep/draft/template.yaml", "report/recommend/suites.json"):
        assert (installed / "raytd" / data).is_file()


def test_an_installed_raytd_plans_and_copies_a_shipped_sweep(
    installed: Path, tmp_path: Path
) -> None:
    planned = raytd(installed, tmp_path, "plan", "quickstart", "--quick", "--json")
    assert planned.returncode == 0, planned.stderr
    assert planned.stderr.startswith(f"{installed}/raytd/")
    assert str(installed / "raytd/shipped/quickstart.yaml") in planned.stderr
    assert json.loads(planned.stdout)["n_trials"] == 24
    copied = raytd(installed, tmp_path, "init", "quickstart")
    assert copied.returncode == 0, copied.stderr
    first = (tmp_path / "quickstart.yaml").read_text().splitlines()[0]
    assert Path(first.partition("$schema=")[2]).is_relative_to(installed)
