"""The page of a tracking server on which a sweep's trials are to be seen.

What MLflow 3.17 shows of an experiment is decided by the browser: its pages read
`mlflow.experimentKind` no more, but the parameter `workflowType` of the address, and without it
what the switch above the menu was last set to, which is language models at first. So an address
that names it is all that a client can do. Which columns and which runs are shown is kept in tags
of the experiment as views, which the page lists under *Views*.
"""

import json
import re
import shlex
from collections.abc import Sequence

from raytd.tracking.base import RunsPage
from raytd.tracking.guard import without_password
from raytd.tracking.sqlite_file import store_file

_VIEW_TAG = "mlflow.sharedViewState."
_BY_DEFAULT = "http://127.0.0.1:5000"
"""Where `mlflow server` listens unless it is told otherwise."""


def runs_page(uri: str, experiment_id: str, view: str) -> RunsPage | None:
    """The page of a view of the runs; None for a store that is neither a server nor a file."""
    if uri.startswith(("http://", "https://")):
        server, command = without_password(uri).rstrip("/"), None
    elif store_file(uri) is not None:
        server = _BY_DEFAULT
        command = shlex.join(["mlflow", "server", "--backend-store-uri", uri])
    else:
        return None
    asked = f"workflowType=machine_learning&viewStateShareKey={_key(view)}"
    return RunsPage(f"{server}/#/experiments/{experiment_id}/runs?{asked}", command)


def view_tag(
    view: str, parent_id: str, params: Sequence[str], metrics: Sequence[str]
) -> tuple[str, str]:
    """Name and text of the experiment's tag that holds a view of the trials of a sweep.

    Args:
        view: its name.
        parent_id: run of the sweep, whose trials are shown.
        params: columns with settings.
        metrics: columns with results.
    """
    columns = [*(f"params.`{name}`" for name in params), *(f"metrics.`{name}`" for name in metrics)]
    state = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent_id}'",
        "orderByKey": "tags.`mlflow.runName`",  # by time they would be folded into the sweep's run
        "orderByAsc": True,
        "selectedColumns": columns,
    }
    envelope = {"name": view, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return f"{_VIEW_TAG}{_key(view)}", json.dumps(envelope)


def _key(view: str) -> str:
    """The name of a view as it may stand in a tag's name and in an address."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", view)
