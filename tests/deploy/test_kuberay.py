"""The manifests hold only fields that KubeRay and Kubernetes know."""

import json
import os
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.conftest import DEPLOY, load

BESIDE = DEPLOY.parent.parent / "shared/data/kuberay-crds"
SCHEMAS = {"cluster": "rayclusters-v1.schema.json", "job": "rayjobs-v1.schema.json"}


def forbid_unknown(schema):
    """The schema with no field admitted that it does not name; Kubernetes drops such fields."""
    if isinstance(schema, list):
        return [forbid_unknown(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: forbid_unknown(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def schema_folder():
    """The folder that RAYTD_KUBERAY_CRDS names, else the one beside the checkout."""
    named = os.environ.get("RAYTD_KUBERAY_CRDS")
    folder = Path(named) if named else BESIDE
    if named is None and not folder.is_dir():
        pytest.skip(f"no schemas of KubeRay: set RAYTD_KUBERAY_CRDS or make {folder}")
    return folder


def problems(kind, manifest):
    """What KubeRay's schema says against a manifest.

    The schemas are those of KubeRay's custom resource definitions: `spec.versions[].schema` of
    ray-operator/config/crd/bases in the KubeRay repository, one JSON file each.
    """
    schema = forbid_unknown(json.loads((schema_folder() / SCHEMAS[kind]).read_text()))
    found = jsonschema.Draft202012Validator(schema).iter_errors(manifest)
    return [f"{error.json_path}: {error.message}" for error in found]


def cluster_of(kind, manifest):
    return manifest["spec"] if kind == "cluster" else manifest["spec"]["rayClusterSpec"]


@pytest.fixture(params=["cluster", "job"])
def kind(request):
    return request.param


@pytest.fixture
def manifest(kind):
    return load(f"kuberay/{kind}.yaml")


def test_kuberay_accepts_the_manifest(kind, manifest):
    assert problems(kind, manifest) == []


HEAD = ("headGroupSpec", "template", "spec")
WORKER = ("workerGroupSpecs", 0, "template", "spec")


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ((), "rayVersoin", "2.60.0"),
        (("authOptions",), "mode", "tokens"),
        (("autoscalerOptions",), "version", "v3"),
        (("workerGroupSpecs", 0), "minReplica", 0),
        ((*HEAD, "containers", 0), "imagee", "x"),
        ((*WORKER, "securityContext"), "runAsNonRooot", True),
        ((*WORKER, "tolerations", 0), "efect", "NoSchedule"),
    ],
)
def test_a_planted_typo_is_caught(kind, manifest, path, field, value):
    place = cluster_of(kind, manifest)
    for key in path:
        place = place[key]
    place[field] = value
    (problem,) = problems(kind, manifest)
    assert field in problem


def test_the_cluster_of_the_job_is_the_cluster():
    assert (
        load("kuberay/job.yaml")["spec"]["rayClusterSpec"] == load("kuberay/cluster.yaml")["spec"]
    )


def test_tokens_are_on_and_the_autoscaler_is_version_2(kind, manifest):
    cluster = cluster_of(kind, manifest)
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["autoscalerOptions"]["version"] == "v2"
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"


def pods(kind, manifest):
    cluster = cluster_of(kind, manifest)
    yield cluster["headGroupSpec"]["template"]["spec"]
    for group in cluster["workerGroupSpecs"]:
        yield group["template"]["spec"]
    if kind == "job":
        yield manifest["spec"]["submitterPodTemplate"]["spec"]


def test_no_container_runs_as_root_or_may_become_it(kind, manifest):
    contexts = [cluster_of(kind, manifest)["autoscalerOptions"]["securityContext"]]
    for pod in pods(kind, manifest):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        contexts += [container["securityContext"] for container in pod["containers"]]
    wanted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert all(context == wanted for context in contexts)


def test_gpus_are_limited_tolerated_and_none_when_idle(kind, manifest):
    (gpu,) = cluster_of(kind, manifest)["workerGroupSpecs"]
    pod = gpu["template"]["spec"]
    assert gpu["minReplicas"] == gpu["replicas"] == 0
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" in [taint["key"] for taint in pod["tolerations"]]


def around():
    return list(yaml.safe_load_all((DEPLOY / "kuberay/namespace.yaml").read_text()))


def kubernetes_accepts(document):
    latest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(document, latest, strict=True)


def test_kubernetes_accepts_what_is_around_the_cluster():
    documents = around()
    assert [d["kind"] for d in documents].count("NetworkPolicy") == 5
    for document in documents:
        kubernetes_accepts(document)


def test_kubernetes_catches_a_planted_typo():
    document = around()[-1]
    document["spec"]["egres"] = []
    with pytest.raises(kubernetes_validate.ValidationError, match="egres"):
        kubernetes_accepts(document)


def test_everything_is_denied_that_no_policy_allows():
    deny = next(d for d in around() if d["metadata"]["name"] == "deny")
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def labels_of_pods(kind, manifest):
    """The labels of each pod: those of its template, and what KubeRay adds to the nodes of Ray."""
    cluster = cluster_of(kind, manifest)
    (group,) = cluster["workerGroupSpecs"]
    templates = {"head": cluster["headGroupSpec"]["template"], "worker": group["template"]}
    if kind == "job":
        templates["submitter"] = manifest["spec"]["submitterPodTemplate"]
    added = {
        "head": {"ray.io/is-ray-node": "yes", "ray.io/node-type": "head"},
        "worker": {"ray.io/is-ray-node": "yes", "ray.io/node-type": "worker"},
        "submitter": {},  # KubeRay labels its Job, not surely the pod of it
    }
    return {
        name: template.get("metadata", {}).get("labels", {}) | added[name]
        for name, template in templates.items()
    }


def chosen(selector, labels):
    """The pods that a podSelector means."""
    wanted = selector.get("matchLabels", {}).items()
    assert set(selector) <= {"matchLabels"}
    return {name for name, given in labels.items() if wanted <= given.items()}


@pytest.mark.parametrize(
    ("policy", "subject", "peers"),
    [
        ("deny", {"head", "worker", "submitter"}, set()),
        ("ray-inside", {"head", "worker"}, {"head", "worker"}),
        ("ray-dashboard", {"head"}, {"submitter"}),
        ("job-submitter", {"submitter"}, {"head"}),
        ("names-and-tls", {"head", "worker", "submitter"}, set()),
    ],
)
def test_each_policy_means_the_pods_it_is_for(kind, manifest, policy, subject, peers):
    labels = labels_of_pods(kind, manifest)
    (spec,) = [d["spec"] for d in around() if d["metadata"]["name"] == policy]
    rules = [r for r in spec.get("ingress", []) for r in r.get("from", [])]
    rules += [r for r in spec.get("egress", []) for r in r.get("to", [])]
    inside = [rule for rule in rules if "podSelector" in rule and "namespaceSelector" not in rule]
    reached = [chosen(rule["podSelector"], labels) for rule in inside]
    assert chosen(spec["podSelector"], labels) == subject & labels.keys()
    assert set().union(*reached) == peers & labels.keys()


def monitoring():
    return list(yaml.safe_load_all((DEPLOY / "kuberay/monitoring.yaml").read_text()))


def test_prometheus_gets_to_the_metrics_of_every_node_and_to_nothing_else(kind, manifest):
    policy, monitor = monitoring()
    kubernetes_validate.validate(policy, "1.37", strict=True)
    labels = labels_of_pods(kind, manifest)
    (rule,) = policy["spec"]["ingress"]
    ((port,), (peer,)) = rule["ports"], rule["from"]
    assert peer.keys() == {"namespaceSelector", "podSelector"}  # both, so nobody else in there
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for spec in (policy["spec"]["podSelector"], monitor["spec"]["selector"]):
        assert chosen(spec, labels) == {"head", "worker"}
    cluster = cluster_of(kind, manifest)
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        assert ports[endpoint["port"]] == port["port"]
        assert group["rayStartParams"]["metrics-export-port"] == str(port["port"])


def test_a_submitter_without_the_label_would_be_shut_out():
    manifest = load("kuberay/job.yaml")
    del manifest["spec"]["submitterPodTemplate"]["metadata"]
    (spec,) = [d["spec"] for d in around() if d["metadata"]["name"] == "job-submitter"]
    assert chosen(spec["podSelector"], labels_of_pods("job", manifest)) == set()


def test_the_schemas_are_where_the_variable_says_or_beside_the_checkout(monkeypatch, tmp_path):
    monkeypatch.setenv("RAYTD_KUBERAY_CRDS", str(tmp_path))
    assert schema_folder() == tmp_path
    monkeypatch.delenv("RAYTD_KUBERAY_CRDS")
    monkeypatch.setattr("tests.deploy.test_kuberay.BESIDE", tmp_path / "beside")
    with pytest.raises(pytest.skip.Exception, match="RAYTD_KUBERAY_CRDS"):
        schema_folder()
    (tmp_path / "beside").mkdir()
    assert schema_folder() == tmp_path / "beside"
