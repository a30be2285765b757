"""Where a server shows a sweep; tests/deploy follows the address in a browser."""

import json

import pytest
from mlflow.tracking import MlflowClient

from raytd.tracking.base import SweepInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.page import link
from raytd.tracking.quiet import import_mlflow

PAGE = "#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=quick"


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("http://127.0.0.1:5000", f"http://127.0.0.1:5000/{PAGE}"),
        ("https://host/mlflow/", f"https://host/mlflow/{PAGE}"),
        ("https://me:secret@host", f"https://***@host/{PAGE}"),
        ("sqlite:////runs/mlflow.db", None),
        ("/runs/mlruns", None),
    ],
)
def test_only_a_server_has_a_page(uri, address):
    assert link(uri, "7", "quick") == address


def test_an_experiment_lists_each_sweep_as_a_view_of_its_trials(uri, sweep):
    for name in ("one", "two", "one"):
        info = SweepInfo(name, sweep.experiment, param_columns=["model"], metric_columns=["value"])
        assert open_tracker(uri, info).link is None
    import_mlflow()
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(sweep.experiment)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    views = {n: json.loads(t) for n, t in experiment.tags.items() if "sharedViewState" in n}
    assert views.keys() == {"mlflow.sharedViewState.one", "mlflow.sharedViewState.two"}
    view = json.loads(views["mlflow.sharedViewState.one"]["state"])
    assert runs["one"].info.run_id in view["searchFilter"]
    assert view["selectedColumns"] == ["params.`model`", "metrics.`value`"]
