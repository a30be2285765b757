"""The compose file of the tracking server: its schema, a security linter, and what it publishes."""

import re
import subprocess

import pytest

from tests.deploy.conftest import DEPLOY, load

FILE = DEPLOY / "mlflow/compose.yaml"


def schema_check(tool, file):
    run = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(run, capture_output=True, text=True)


def security_lint(tool, file):
    config = str(DEPLOY / "mlflow/.compose-lint.yml")
    run = [tool("compose-lint"), "check", "--config", config, "--strict-config", "--no-env"]
    return subprocess.run([*run, "--fail-on", "low", str(file)], capture_output=True, text=True)


def test_the_schema_of_compose_accepts_the_file(tool):
    checked = schema_check(tool, FILE)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("healthcheck:", "healthchek:"), ("depends_on:", "depend_on:"), ("internal:", "internel:")],
)
def test_the_schema_catches_a_planted_typo(right, wrong, tool, tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(FILE.read_text().replace(right, wrong))
    checked = schema_check(tool, file)
    assert checked.returncode != 0
    assert wrong.rstrip(":") in checked.stdout


def test_the_security_linter_finds_only_what_is_accounted_for(tool):
    linted = security_lint(tool, FILE)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("  read_only: true\n", ""),
        ("  cap_drop: [ALL]\n", ""),
        ('  security_opt: ["no-new-privileges:true"]\n', ""),
        ("    networks: [inside]\n", "    networks: [inside]\n    ports: ['5432:5432']\n"),
    ],
)
def test_the_security_linter_catches_a_planted_weakness(right, wrong, tool, tmp_path):
    file = tmp_path / "compose.yaml"
    text = FILE.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    assert security_lint(tool, file).returncode == 1


def test_only_the_proxy_is_published_and_only_tls():
    services = load("mlflow/compose.yaml")["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"proxy": ["443:8443"]}
    assert "https_port 8443\n" in (DEPLOY / "mlflow/Caddyfile").read_text()
    assert services["proxy"]["healthcheck"]["test"][-1] == "8443"


def root_in(services):
    """The services that run as root, or as whatever their image says."""
    users = {name: str(service.get("user", "0")) for name, service in services.items()}
    return {name for name, user in users.items() if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)}


def test_only_what_ends_at_once_starts_as_root_and_that_without_a_network():
    services = load("mlflow/compose.yaml")["services"]
    assert root_in(services) == {"owner"}
    assert services["owner"]["restart"] == "no"
    assert services["owner"]["network_mode"] == "none"
    assert {s["restart"] for name, s in services.items() if name != "owner"} == {"unless-stopped"}


@pytest.mark.parametrize("user", [None, "root", "0:0", 0, "1000:0"])
def test_a_service_that_could_be_root_is_found(user):
    assert root_in({"proxy": {} if user is None else {"user": user}}) == {"proxy"}


def test_every_volume_belongs_to_the_user_that_writes_it():
    services = load("mlflow/compose.yaml")["services"]
    owner = services["owner"]
    given = {volume.split(":")[0] for volume in owner["volumes"]}
    assert owner["entrypoint"][:2] == ["chown", "1000:1000"]
    assert set(owner["entrypoint"][2:]) == {f"/{name}" for name in given}
    for name, service in services.items():
        named = {v.split(":")[0] for v in service.get("volumes", []) if not v.startswith("./")}
        if service["user"] == "1000:1000" and named:
            assert named <= given
            assert service["depends_on"]["owner"]["condition"] == "service_completed_successfully"
        else:
            assert name in {"owner", "mlflow", "database"}  # its image makes the database's folder


def test_the_limits_of_memory_leave_room_on_the_machine_that_is_recommended():
    units = {"m": 2**-10, "g": 1.0}
    limits = [s["mem_limit"] for s in load("mlflow/compose.yaml")["services"].values()]
    used = sum(int(limit[:-1]) * units[limit[-1]] for limit in limits)
    machine = re.search(r"\(2 CPUs, (\d+) GB", (DEPLOY / "README.md").read_text())
    assert used + 0.45 < int(machine[1])


def test_database_and_store_are_on_a_network_without_a_way_out():
    compose = load("mlflow/compose.yaml")
    assert compose["networks"]["inside"] == {"internal": True}
    assert [compose["services"][name]["networks"] for name in ("database", "objects")] == [
        ["inside"],
        ["inside"],
    ]


def test_every_secret_must_be_given_and_none_has_a_default():
    asked = re.findall(r"\$\{(\w+)([^}]*)\}", FILE.read_text())
    required = {name for name, rest in asked if rest.startswith(":?")}
    assert {name for name, _ in asked} == required
    assert not [rest for _, rest in asked if rest.startswith((":-", "-"))]


def test_the_script_makes_every_secret_anew():
    def made():
        script = [str(DEPLOY / "mlflow/secrets.sh")]
        environment = {"MLFLOW_HOST": "mlflow.example.org", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    first, second = made(), made()
    asked = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert set(first) == set(second) == asked
    assert [name for name in asked if first[name] == second[name]] == ["MLFLOW_HOST"]
    assert re.fullmatch(r"GK[0-9a-f]{24}", first["S3_ACCESS_KEY"])
    assert min(len(value) for name, value in first.items() if name != "MLFLOW_HOST") >= 26


def test_the_server_asks_for_names_and_passwords_and_for_its_own_host():
    mlflow = load("mlflow/compose.yaml")["services"]["mlflow"]
    assert "--app-name=basic-auth" in mlflow["command"]
    assert mlflow["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].startswith("${MLFLOW_HOST")
    assert not [word for word in mlflow["command"] if "password" in word.lower() or "@" in word]
