"""The dashboard for Grafana draws every number that raytd counts, and asks for no other of ours."""

import json
import re

from raytd.engine.on_ray.metrics import _TAGS, MEANINGS
from tests.deploy.conftest import DEPLOY

DASHBOARD = json.loads((DEPLOY / "grafana.json").read_text())
ASKED = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_every_metric_is_drawn_and_none_is_asked_for_that_there_is_not():
    exported = {f"ray_{name}{'' if name == 'raytd_trials' else '_total'}" for name in MEANINGS}
    assert set(re.findall(r"ray_raytd_\w+", "".join(ASKED))) == exported


def test_panels_are_grouped_by_labels_that_their_metrics_have():
    for asked in ASKED:
        for name in re.findall(r"ray_(raytd_\w+?)(?:_total)?\{", asked):
            (labels,) = re.findall(r"by \(([^)]*)\)", asked)
            assert set(labels.split(", ")) <= set(_TAGS.get(name, ("sweep",)))


def test_every_panel_has_its_place_and_says_what_it_shows():
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["description"].endswith(".") for panel in DASHBOARD["panels"])
    assert all(asked.count("(") == asked.count(")") for asked in ASKED)
    (source, _) = DASHBOARD["templating"]["list"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {
        f"${{{source['name']}}}"
    }
