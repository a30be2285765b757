"""deploy/SCALING.md: its commands exist, its links resolve, its extrapolation is what it says."""

import re
import shlex
import subprocess
import sys

import pytest

from tests.benchmarks.extrapolation import STATE, Asked, Cluster, load
from tests.deploy.conftest import DEPLOY

TEXT = (DEPLOY / "SCALING.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]
ASKED = Asked(n=1_200_000, image=3072, classes=2000, tile=25, segments=100, steps=10_000, batch=100)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(gpus=1000, bytes_per_s=1.25e9, block_s=0.02, images_per_s=10_000)


def test_the_commands_are_scripts_with_these_options():
    assert COMMANDS
    for command in COMMANDS:
        program, script, *options = shlex.split(command)
        assert program == "python"
        text = (DEPLOY.parent / script).read_text()
        assert [o for o in options if o.startswith("--") and f'"{o}"' not in text] == []


def test_the_table_of_the_text_is_what_the_script_prints():
    (command,) = [c for c in COMMANDS if "extrapolation.py" in c]
    ended = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=DEPLOY.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout in TEXT


def test_links_resolve():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert [link for link in links if not (DEPLOY / link).exists()] == []


def test_the_arithmetic_by_hand(cluster: Cluster):
    asked = load(cluster, ASKED)
    assert asked.driver == pytest.approx(2 * 1.2e6 * 3072)  # bytes
    # 1200 + 1200 images of 12,288 bytes, and 7 × 30,000 pairs × 2000 classes × 8 bytes
    assert asked.actor_memory == pytest.approx(1.5 * (2400 * 12_288 + 3.36e9))
    assert asked.actor_out - STATE == 240_000  # 30,000 costs
    assert asked.coordinator_in == pytest.approx(22e9 + 0.24e9)
    assert asked.transfer_s == pytest.approx(22.24 / 1.25)
    assert asked.coordinator_s == pytest.approx(20)
    # Segments of 1, of 5 and of 10 knots, the last of which overlap by half
    passes = 2 * 100 + 20 + 19
    assert asked.measure_s == pytest.approx(30_000 * passes / 100 / 10_000)
    assert asked.advance_s == pytest.approx(100 * 100 * 3 / 10_000)
    assert asked.spread_s == pytest.approx(10 * 0.0176)  # 2^10 nodes after ten rounds of 17.6 ms


def test_actors_share_the_work_and_the_coordinator_gets_more_of_it(cluster: Cluster):
    half = Cluster(500, cluster.bytes_per_s, cluster.block_s, cluster.images_per_s)
    few, many = (load(c, ASKED) for c in (half, cluster))
    assert many.actor_memory == pytest.approx(few.actor_memory / 2)
    assert many.measure_s == pytest.approx(few.measure_s / 2)
    assert many.advance_s == few.advance_s  # every block takes all steps
    assert many.coordinator_s == 2 * few.coordinator_s
    assert many.coordinator_states == few.coordinator_states  # added up as they come
    assert many.coordinator_memory == few.coordinator_memory
