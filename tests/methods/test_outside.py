"""A method that another distribution brings is a method like any other."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.commands import run_each_in

METHOD = '''
"""Brightness: how far apart two tasks are in their mean pixel."""

from typing import Annotated, TypedDict

from raytd.checked import Positive
from raytd.engine.config import Settings
from raytd.methods.method import Method
from raytd.methods.score import Score
from raytd.rows.column import Column


class BrightnessConfig(Settings):
    """Settings of the brightness.

    Attributes:
        power: to which the difference is raised.
    """

    power: Positive = 1.0


class Figures(TypedDict, total=False):
    source_brightness: Annotated[float, Column("mean pixel of the source", "levels")]


def run(pair, config, context):
    source, target = (float(task.train.images.mean()) for task in (pair.source, pair.target))
    return Score(
        value=abs(source - target) ** config.power,
        sgd_steps=0,
        forward_images=0,
        figures={"source_brightness": source},
    )


METHOD = Method(
    name="brightness",
    unit="1",
    smaller_is_closer=True,
    settings=BrightnessConfig,
    section="brightness",
    run=run,
    costs="a look at every image",
    obeys=(),
    needs=(),
    figures=Figures,
)
'''

SWEEP = """\
name: bright
tasks: [digits-low, digits-high, digits-even]
data: {train: 20, val: 10}
pairs: [[digits-low, digits-high], [digits-low, digits-even], [digits-high, digits-even]]
methods: [brightness, shared-classes]
grid: {brightness.power: [1.0, 2.0]}
resources: {cpus_per_actor: 1, threads: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "bright.yaml").write_text(SWEEP)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installer leaves of a distribution with one method."""
    site = tmp_path_factory.mktemp("site")
    (site / "brightness_method.py").write_text(METHOD)
    facts = site / "brightness_method-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: brightness-method\nVersion: 1.0\n"
    )
    (facts / "entry_points.txt").write_text(
        "[raytd.methods]\nbrightness = brightness_method:METHOD\n"
    )
    return site


def installed(site: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))}


def test_it_is_listed_described_and_known_to_editors(folder: Path, site: Path) -> None:
    asked = (("methods", "--json"), ("methods", "brightness"), ("schema",))
    listed, described, schema = run_each_in(folder, *asked, **installed(site))
    (own,) = [m for m in json.loads(listed.stdout)["methods"] if m["name"] == "brightness"]
    assert own["summary"] == "Brightness: how far apart two tasks are in their mean pixel."
    assert (own["unit"], own["reads"], own["networks"]) == ("1", ["brightness"], [])
    assert "brightness.power  [default: 1.0]\n    to which the difference is raised." in (
        described.stdout
    )
    known = json.loads(schema.stdout)
    assert "brightness.power" in known["definitions"]
    assert "brightness" in known["properties"]["methods"]["items"]["enum"]


@pytest.mark.ray
@pytest.mark.slow
def test_it_is_planned_swept_resumed_and_judged(folder: Path, site: Path) -> None:
    sweep = ("sweep", "bright.yaml", "--tracking-uri", "none", "--json")
    planned, first, again, judged = run_each_in(
        folder,
        ("plan", "bright.yaml", "--json"),
        sweep,
        sweep,
        ("judge", "bright", "--truth", "shared-classes"),
        **installed(site),
    )
    assert [t["status"] for t in json.loads(planned.stdout)["trials"]] == ["missing"] * 9
    assert first.returncode == again.returncode == 0, first.stderr
    trials = json.loads(first.stdout)["trials"]
    assert len(trials) == 3 * 3
    assert {t["status"] for t in trials} == {"done"}
    bright = [t for t in trials if t["method"] == "brightness"]
    assert {t["brightness.power"] for t in bright} == {1.0, 2.0}
    assert all(t["value"] > 0 and t["source_brightness"] > 0 for t in bright)
    assert "9 done, 0 to run" in again.stderr
    assert json.loads(again.stdout)["trials"] == trials
    assert judged.returncode == 0, judged.stderr
    assert "brightness" in judged.stdout


def test_one_that_cannot_be_used_is_named_in_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(METHOD.replace('"brightness",', '"otdd",'))
    facts = tmp_path / "other-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[raytd.methods]\notdd = bare:METHOD\n")
    asked = (("methods",), ("plan", "bright.yaml"))
    for ran in run_each_in(folder, *asked, **installed(tmp_path)):
        assert ran.returncode == 2
        (line,) = ran.stderr.splitlines()
        assert line.endswith(
            "the method 'otdd' of other: there are two methods 'otdd'; its section 'otdd' is that "
            "of the method 'otdd', which has no key power: mend or uninstall that distribution"
        )
