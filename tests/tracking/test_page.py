"""Where a server shows a sweep; tests/deploy follows the address in a browser."""

import json

import pytest
from mlflow.tracking import MlflowClient

from raytd.tracking.base import SweepInfo
from raytd.tracking.open import open_tracker
from raytd.tracking.page import runs_page
from raytd.tracking.quiet import import_mlflow

PAGE = "#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=quick"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:5001", f"http://127.0.0.1:5001/{PAGE}"),
        ("https://host/mlflow/", f"https://host/mlflow/{PAGE}"),
        ("https://me:secret@host", f"https://***@host/{PAGE}"),
        (
            "sqlite:////my runs/mlflow.db",
            "run `mlflow server --backend-store-uri 'sqlite:////my runs/mlflow.db'`, then open "
            f"http://127.0.0.1:5000/{PAGE}",
        ),
        ("databricks", "None"),
    ],
)
def test_the_page_of_a_server_has_its_address_and_that_of_a_file_the_command_that_serves_it(
    uri, said
):
    assert str(runs_page(uri, "7", "quick")) == said


def test_an_experiment_lists_each_sweep_as_a_view_of_its_trials(uri, sweep):
    for name in ("one", "two", "one"):
        info = SweepInfo(name, sweep.experiment, param_columns=["model"], metric_columns=["value"])
        assert open_tracker(uri, info).runs_page is not None
    import_mlflow()
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(sweep.experiment)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    views = {n: json.loads(t) for n, t in experiment.tags.items() if "sharedViewState" in n}
    assert views.keys() == {"mlflow.sharedViewState.one", "mlflow.sharedViewState.two"}
    view = json.loads(views["mlflow.sharedViewState.one"]["state"])
    assert runs["one"].info.run_id in view["searchFilter"]
    assert view["selectedColumns"] == ["params.`model`", "metrics.`value`"]
