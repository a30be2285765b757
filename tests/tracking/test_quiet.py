import logging
import os
import subprocess
import sys

import pytest

from raytd.tracking.quiet import import_mlflow, quiet


def python(code, *arguments):
    """A fresh interpreter without git, whose environment says nothing of tests."""
    kept = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**kept, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_package_loads_no_mlflow():
    code = "import sys, raytd.tracking; sys.exit('mlflow' in sys.modules)"
    assert python(code).returncode == 0


def test_a_new_store_is_made_in_silence_without_git_or_telemetry(tmp_path):
    code = """
import sys
from pathlib import Path
from raytd.tracking.base import Closing, SweepInfo, TrialInfo
from raytd.tracking.open import chosen_uri, open_tracker
tracker = open_tracker(chosen_uri(None, Path(sys.argv[1])), SweepInfo("quick", "capacity"))
tracker.finish_trial(TrialInfo("k1", "a -> b"), {"distance": 1.0}, status="done", artifacts=[])
tracker.close(Closing("done"))
from mlflow.telemetry.utils import is_telemetry_disabled
sys.exit(not (is_telemetry_disabled() and tracker.run_id("k1")))
"""
    done = python(code, str(tmp_path / "new folder"))
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_settings_of_the_user_stay(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    import_mlflow()
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "7"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(("chosen", "heard"), [(None, []), ("DEBUG", ["updating tables"])])
def test_mlflow_speaks_only_where_the_user_asked_for_it(monkeypatch, caplog, chosen, heard):
    monkeypatch.delenv("MLFLOW_LOGGING_LEVEL", raising=False)
    if chosen:
        monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", chosen)
    logger = logging.getLogger("alembic.of.this.test")
    logger.handlers, logger.propagate = [caplog.handler], False
    level = logging.getLogger("alembic").level
    with quiet():
        logger.warning("updating tables")
    assert caplog.messages == heard
    assert logging.getLogger("alembic").level == level
