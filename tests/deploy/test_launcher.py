"""The files for `ray up` pass Ray's own check, and the cloud's for what Ray hands on unseen."""

import gzip
import json
import re
from copy import deepcopy
from pathlib import Path
from unittest.mock import MagicMock

import jsonschema
import pytest

from tests.deploy.conftest import DEPLOY, load

FILES = ["aws.yaml", "gcp.yaml"]


def check(config):
    """What `ray up` does before it asks the cloud for anything."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(deepcopy(config))
    validate_config(prepared)
    return prepared


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    from ray.autoscaler._private import docker

    # It warns of a mounted file only where the file exists, so only on some machines.
    monkeypatch.setattr(docker, "_check_docker_file_mounts", lambda mounts: None)


@pytest.mark.parametrize("name", FILES)
def test_ray_accepts_the_file(name):
    prepared = check(load(name))
    assert set(prepared["available_node_types"]) == {"head", "gpu"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("path", "typo"),
    [
        ((), "max_worker"),
        (("docker",), "imagee"),
        (("auth",), "ssh_usr"),
        (("available_node_types", "gpu"), "min_worker"),
        (("available_node_types", "head"), "resource"),
    ],
)
def test_ray_catches_a_planted_typo(name, path, typo):
    config = load(name)
    place = config
    for key in path:
        place = place[key]
    place[typo] = 1
    with pytest.raises(jsonschema.ValidationError, match=typo):
        check(config)


@pytest.mark.parametrize("name", FILES)
def test_the_head_is_on_demand_and_gpus_are_spot_from_none(name):
    prepared = check(load(name))
    head, gpu = (prepared["available_node_types"][kind] for kind in ("head", "gpu"))
    assert prepared["head_node_type"] == "head"
    assert (gpu["min_workers"], gpu["max_workers"], prepared["max_workers"]) == (0, 8, 8)
    assert (gpu["resources"]["GPU"], head["resources"].get("GPU", 0)) == (1, 0)
    assert "spot" in json.dumps(gpu["node_config"]).lower()
    assert "spot" not in json.dumps(head["node_config"]).lower()


@pytest.mark.parametrize("name", FILES)
def test_the_container_gets_the_token_and_the_dashboard_stays_on_the_head(name):
    prepared = check(load(name))
    assert "--env=RAY_AUTH_MODE=token" in prepared["docker"]["run_options"]
    assert prepared["file_mounts"] == {"/home/raytd/.ray/auth_token": "~/.ray/auth_token"}
    (start,) = [c for c in prepared["head_start_ray_commands"] if "ray start" in c]
    assert "--dashboard-host=127.0.0.1" in start


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_rays_own_defaults_is_installed_into_the_image(name):
    prepared = check(load(name))
    kinds = ("setup_commands", "head_setup_commands", "worker_setup_commands")
    assert [prepared[kind] for kind in kinds] == [[], [], []]


def ec2_problems(node_config):
    """What EC2's own description of RunInstances says against it."""
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    model = get_session().get_service_model("ec2").operation_model("RunInstances")
    asked = {k: v for k, v in node_config.items() if k != "SubnetIds"}  # Ray chooses one of them
    report = ParamValidator().validate(asked | {"MinCount": 1, "MaxCount": 1}, model.input_shape)
    return report.generate_report()


@pytest.mark.parametrize("kind", ["head", "gpu"])
def test_ec2_knows_every_field_of_an_instance(kind):
    assert ec2_problems(load("aws.yaml")["available_node_types"][kind]["node_config"]) == ""


def test_ec2_catches_a_planted_typo():
    config = load("aws.yaml")["available_node_types"]["gpu"]["node_config"]
    config["InstanceMarketOptions"] = {"MarketTyp": "spot"}
    assert "MarketTyp" in ec2_problems(config)


def compute_schemas():
    """The schemas of Google's Compute API, as its client ships them."""
    from googleapiclient import discovery_cache as cache

    (file,) = (Path(cache.__file__).parent / "documents").glob("compute.v1.json*")
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return json.loads(text)["schemas"]


def unknown_fields(value, schema, schemas, path=""):
    """Fields of `value` that the schema does not name, at any depth."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if isinstance(value, list):
        return [u for v in value for u in unknown_fields(v, schema.get("items", {}), schemas, path)]
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    unknown = [f"{path}.{key}" for key in value if key not in known]
    for key in value.keys() & known.keys():
        unknown += unknown_fields(value[key], known[key], schemas, f"{path}.{key}")
    return unknown


@pytest.mark.parametrize("kind", ["head", "gpu"])
def test_compute_engine_knows_every_field_of_an_instance(kind):
    schemas = compute_schemas()
    config = load("gcp.yaml")["available_node_types"][kind]["node_config"]
    assert unknown_fields(config, schemas["Instance"], schemas) == []


def test_compute_engine_catches_a_planted_typo():
    schemas = compute_schemas()
    config = load("gcp.yaml")["available_node_types"]["gpu"]["node_config"]
    config["scheduling"]["provisioningModle"] = "SPOT"
    assert unknown_fields(config, schemas["Instance"], schemas) == [".scheduling.provisioningModle"]


def google_worker():
    return load("gcp.yaml")["available_node_types"]["gpu"]["node_config"]


def test_workers_on_google_have_an_account_of_their_own_that_may_pull_the_image():
    (account,) = google_worker()["serviceAccounts"]
    name, domain = account["email"].split("@")
    assert domain == "${GCP_PROJECT}.iam.gserviceaccount.com"
    assert [scope.rsplit("/", 1)[1] for scope in account["scopes"]] == ["devstorage.read_only"]
    (made,) = [
        line
        for line in (DEPLOY / "README.md").read_text().splitlines()
        if "gcloud iam service-accounts create" in line
    ]
    assert re.search(rf"for account in ray-autoscaler-sa-v1 {name}; do", made)
    assert re.findall(r"--role=(\S+)", made) == ["roles/artifactregistry.reader"]


def test_ray_starts_workers_with_the_account_of_the_file():
    from ray.autoscaler._private.gcp import node

    resource = MagicMock()
    compute = node.GCPCompute(resource, "project", "zone", "raytd")
    compute.create_instance(google_worker(), {"ray-node-name": "x"}, wait_for_operation=False)
    body = resource.instances().insert.call_args.kwargs["body"]
    assert body["serviceAccounts"] == google_worker()["serviceAccounts"]


def test_ray_lets_the_head_act_as_the_workers_account_and_leaves_it_in_the_file():
    from ray.autoscaler._private.gcp import config as gcp

    crm, iam = MagicMock(), MagicMock()
    head = {"email": "head@project", "projectId": "project"}
    iam.projects().serviceAccounts().get().execute.return_value = head
    crm.projects().getIamPolicy().execute.return_value = {"bindings": []}
    config = gcp._configure_iam_role(load("gcp.yaml") | {"head_node": {}}, crm, iam)
    policy = crm.projects().setIamPolicy.call_args.kwargs["body"]["policy"]
    assert "roles/iam.serviceAccountUser" in [given["role"] for given in policy["bindings"]]
    assert config["head_node"]["serviceAccounts"][0]["email"] == "head@project"
    assert config["available_node_types"] == load("gcp.yaml")["available_node_types"]


def lint_stack(lint, file):
    import subprocess

    return subprocess.run([lint, "--format", "parseable", file], capture_output=True, text=True)


def test_cloudformation_accepts_what_is_set_up_before(tool):
    linted = lint_stack(tool("cfn-lint"), DEPLOY / "aws-setup.yaml")
    assert (linted.returncode, linted.stdout) == (0, "")


def test_cfn_lint_catches_a_planted_typo(tool, tmp_path):
    file = tmp_path / "stack.yaml"
    text = (DEPLOY / "aws-setup.yaml").read_text()
    file.write_text(text.replace("Encrypted: true", "Encryptd: true"))
    linted = lint_stack(tool("cfn-lint"), file)
    assert linted.returncode != 0
    assert "Encryptd" in linted.stdout
