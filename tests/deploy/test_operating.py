"""OPERATING.md is short, names what there is, and its backup of SQLite can be restored."""

import re
import shlex
import sqlite3
import subprocess
import sys

import pytest
from click.testing import CliRunner

from raytd.cli import cli
from raytd.cli.views.driver_log import NAME
from raytd.engine.on_ray.metrics import _TAGS, MEANINGS
from tests.deploy.conftest import DEPLOY

PAGE = (DEPLOY / "OPERATING.md").read_text()


def test_the_page_can_be_read_in_one_sitting():
    assert len(PAGE.encode()) <= 12 * 1024


def test_links_resolve():
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE)}
    assert [link for link in links if not (DEPLOY / link).exists()] == []


def test_the_metrics_and_their_labels_are_those_that_are_counted():
    rows = re.findall(r"^\| `ray_(raytd_\w+?)(?:_total)?` \| (?:`(\w+)`)?", PAGE, re.MULTILINE)
    said = {name: ("sweep", label) if label else ("sweep",) for name, label in rows}
    assert said == {name: _TAGS.get(name, ("sweep",)) for name in MEANINGS}


def test_the_logs_are_called_as_raytd_calls_them():
    assert f"`RUNS/SWEEP/{NAME}`" in PAGE
    assert "`RUNS/SWEEP/trials/KEY/log.txt`" in PAGE


@pytest.mark.parametrize("command", ["sync", "logs"])
def test_commands_of_raytd_exist(command):
    assert f"`raytd {command}" in PAGE
    assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0


def test_the_backup_of_a_store_that_is_written_meanwhile_can_be_read(tmp_path):
    (line,) = re.findall(r"^python -c .*sqlite3.*$", PAGE, re.MULTILINE)
    (tmp_path / "runs").mkdir()
    with sqlite3.connect(tmp_path / "runs/mlflow.db") as store:
        store.execute("create table runs (name text)")
        store.execute("insert into runs values ('first')")
        store.commit()
        store.execute("insert into runs values ('not whole yet')")
        _, *words = shlex.split(line)
        subprocess.run([sys.executable, *words], cwd=tmp_path, check=True)
    with sqlite3.connect(tmp_path / "mlflow.bak") as copy:
        assert copy.execute("select name from runs").fetchall() == [("first",)]
    store.close()
    copy.close()
