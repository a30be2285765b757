"""deploy/README.md: ten commands, variables that the files ask for, links that resolve."""

import os
import re
import shutil
import subprocess

import pytest

from tests.deploy.conftest import DEPLOY, load

README = (DEPLOY / "README.md").read_text()
TO_THE_FIRST_SWEEP = README.split("## From an account")[1].split("## After")[0]


def commands(section):
    block = re.search(rf"### {section}\n.*?```sh\n(.*?)```", TO_THE_FIRST_SWEEP, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


@pytest.mark.parametrize("section", ["AWS", "Google Cloud", "Kubernetes"])
def test_the_tenth_command_is_a_sweep(section):
    lines = commands(section)
    assert len(lines) == 10
    assert "raytd sweep" in lines[9]
    assert not [line for line in lines[:9] if "raytd sweep" in line]


@pytest.mark.parametrize(("section", "name"), [("AWS", "aws.yaml"), ("Google Cloud", "gcp.yaml")])
def test_the_commands_fill_in_what_the_file_leaves_open(section, name):
    open_ = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / name).read_text()))
    (line,) = [line for line in commands(section) if line.startswith("envsubst")]
    filled = set(re.search(r"envsubst '([^']*)'", line)[1].replace("$", "").split())
    assert filled == open_
    text = "\n".join(commands(section)) + (DEPLOY / "aws-setup.yaml").read_text()
    for variable in open_:
        assert re.search(rf"\b{variable}=|Description: {variable},", text), variable


def test_the_image_of_the_manifests_is_the_one_that_is_replaced():
    (line,) = [line for line in commands("Kubernetes") if "registry.example.org" in line]
    image = re.search(r"s#([^#]+)#", line)[1]
    for name in ("cluster", "job"):
        found = re.findall(
            r"image: (?:&image )?(\w\S+)", (DEPLOY / f"kuberay/{name}.yaml").read_text()
        )
        assert set(found) == {image}


def test_the_job_runs_what_the_tenth_command_runs():
    (_, sweep) = commands("Kubernetes")[9].split(" -- ")
    assert load("kuberay/job.yaml")["spec"]["entrypoint"] == sweep


def test_the_outputs_of_the_stack_become_shell_variables():
    (line,) = [line for line in commands("AWS") if "describe-stacks" in line]
    program = re.search(r"\| (awk .*)\)\"$", line)[1]
    outputs = "AWS_REGION\tus-west-2\nRAYTD_AMI\tami-0a1b\n"
    done = subprocess.run(
        ["sh", "-c", program], input=outputs, capture_output=True, text=True, check=True
    )
    assert done.stdout == "export AWS_REGION=us-west-2\nexport RAYTD_AMI=ami-0a1b\n"


def test_no_command_needs_gnu_sed():
    assert re.findall(r"sed (?:-i\b[^.]|.*\\t).*", README) == []


def test_the_image_is_put_into_the_manifests(tmp_path):
    shutil.copytree(DEPLOY / "kuberay", tmp_path / "deploy/kuberay")
    lines = [line for line in commands("Kubernetes") if "deploy/kuberay" in line][:2]
    environment = {"RAYTD_IMAGE": "registry/raytd:gpu-1234", "PATH": os.environ["PATH"]}
    subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=tmp_path, env=environment, check=True)
    text = "".join(file.read_text() for file in (tmp_path / "deploy/kuberay").iterdir())
    assert text.count("registry/raytd:gpu-1234") == 3
    assert text.count("storageClassName: CLASS\n") == 1
    assert "registry.example.org" not in text


@pytest.mark.parametrize("place", ["AWS", "Google", "Kubernetes"])
def test_each_place_has_an_end(place):
    assert README.count(f"| the end, {place} |") == 1


def test_links_resolve_and_every_file_is_named():
    links = {link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link}
    assert [link for link in links if not (DEPLOY / link).exists()] == []
    top = {path.name for path in DEPLOY.iterdir() if path.name != "__pycache__"}
    named = {link.split("/")[0] for link in links} | {"README.md", "Dockerfile.dockerignore"}
    assert top - named == set()


def test_every_option_of_raytd_exists():
    from click.testing import CliRunner

    from raytd.cli import cli

    usage = CliRunner().invoke(cli, ["sweep", "--help"]).output
    calls = re.findall(r"raytd sweep [^'`\n]*", README)
    options = {option for call in calls for option in re.findall(r"--[a-z-]+", call)}
    assert {"--address", "--storage"} <= options
    assert [option for option in options if option not in usage] == []
