"""A sweep as a job of a Ray cluster: what is shipped, and the server that takes it."""

import logging
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from raytd.errors import RequestError, StorageError, first_line, os_reason
from raytd.storage.objects import ObjectPath
from raytd.storage.path import storage_path

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
SWEEP_KEY = "raytd.sweep"
"""Metadata of a job that name its sweep, and tell it from the jobs of others."""

_CHATTY = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)
_OVERRULING = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_CATALOGUE = "raytd-catalogue.yaml"


class Shipped(NamedTuple):
    """A file of this machine as it was read, so that a cluster runs what was checked."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Order:
    """A sweep that is to run on a cluster.

    Attributes:
        file: the sweep file.
        storage: folder of all sweeps, as every node of the cluster sees it, or a URI.
        options: further options of `raytd sweep`, as words.
        catalogue: content of a file of further tasks.
        include: files and folders that are put beside the sweep file.
        data: root of the data sets, as every node sees it; None leaves it to the nodes.
        ship_code: whether the cluster runs this raytd, or the one that it has.
    """

    file: Shipped
    storage: str
    options: Sequence[str] = ()
    catalogue: bytes | None = None
    include: Sequence[Path] = ()
    data: str | None = None
    ship_code: bool = True

    def problems(self) -> list[str]:
        """What can be said against the order before a cluster is asked."""
        found = []
        at_home = self.storage.startswith("~")  # the home folder of this machine is not the nodes'
        place = Path(self.storage) if at_home else storage_path(self.storage)
        for option, path in {"--storage": place, "--data": Path(self.data or "/")}.items():
            if isinstance(path, Path) and not path.is_absolute():
                found.append(
                    f"{option} {path}: must be the absolute path of a folder that every node of "
                    "the cluster mounts"
                )
        if isinstance(place, ObjectPath) and place.has_secret:
            found.append(
                "--storage: its secret would be seen by everyone who sees the job; let the nodes "
                "have it (a role of the machine, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
            )
        missing = [path for path in self.include if not path.exists()]
        found += [f"{path}: no such file or folder" for path in missing]
        names = [self.file.name, *(path.name for path in self.include)]
        twice = sorted({name for name in names if names.count(name) > 1})
        return found + [f"--include: two are called '{name}'; rename one" for name in twice]

    def command(self) -> str:
        """The line that the cluster runs, in the folder that `stage` fills."""
        words = ["python", "-m", "raytd", "sweep", self.file.name, "--address", "auto"]
        words += ["--storage", self.storage, *self.options]
        if self.catalogue is not None:
            words += ["--catalogue", _CATALOGUE]
        return shlex.join(words)

    def stage(self, folder: Path) -> None:
        """Puts what is shipped into a folder.

        Raises:
            StorageError: in one line, if the folder cannot be written.
        """
        try:
            (folder / self.file.name).write_bytes(self.file.content)
            for path in self.include:
                _copy(path, folder / path.name)
            if self.catalogue is not None:
                (folder / _CATALOGUE).write_bytes(self.catalogue)
            if self.ship_code:
                _copy(Path(__file__).parents[2], folder / "raytd")
                facts = folder / f"raytd-{version('raytd')}.dist-info"
                facts.mkdir()
                text = f"Metadata-Version: 2.1\nName: raytd\nVersion: {version('raytd')}\n"
                (facts / "METADATA").write_text(text)  # a result names the version that made it
        except OSError as error:
            raise StorageError(
                f"what is shipped cannot be put together in {folder} ({os_reason(error)}); set "
                "TMPDIR to a folder that can be written and has room"
            ) from error

    def environment(self) -> dict[str, str]:
        """Environment of the job and of its actors; no secret is ever in it."""
        given = {"PYTHONUNBUFFERED": "1"}
        return given if self.data is None else given | {"RAYTD_DATA": self.data}


def submit(client: Any, order: Order, *, sweep: str, job: str, folder: Path) -> None:
    """Ships a sweep and has it started.

    Args:
        client: of the job server.
        order: what to run.
        sweep: its name.
        job: the name of the job.
        folder: an empty one to stage it in.
    """
    order.stage(folder)
    client.submit_job(
        entrypoint=order.command(),
        submission_id=job,
        runtime_env={"working_dir": str(folder), "env_vars": order.environment()},
        metadata={SWEEP_KEY: sweep, "raytd.storage": order.storage},
    )


@contextmanager
def job_server(address: str | None) -> Iterator[Any]:
    """A client of a cluster's job server; its failures are one line.

    Args:
        address: as `http://HOST:8265` or `HOST:8265`; None is that of the environment variables
            of Ray, else the one of a dashboard on this machine.

    Raises:
        RequestError: if no job server answers there, wants a token, or refuses.
    """
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    url = server_url(address)
    for name in _OVERRULING:  # Ray lets them win over an address that is given
        os.environ.pop(name, None)
    try:
        yield JobSubmissionClient(url)
    except AuthenticationError as error:
        raise RequestError(
            f"--address {url}: the cluster wants its token; set RAY_AUTH_MODE=token, with the "
            "token in ~/.ray/auth_token or RAY_AUTH_TOKEN"
        ) from error
    except (ConnectionError, RuntimeError) as error:
        if isinstance(error, ConnectionError):
            text = "no job server of a Ray cluster answers there; is the tunnel to it open?"
        else:
            text = first_line(error)
        raise RequestError(f"--address {url}: {text}") from error


def server_url(address: str | None) -> str:
    """The address of a job server.

    Raises:
        RequestError: if it has another form than that of a job server.
    """
    given = address or next((v for n in _OVERRULING if (v := os.environ.get(n))), None)
    url = given or DEFAULT_ADDRESS
    url = url if "://" in url else f"http://{url}"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise RequestError(f"--address {given}: give the job server, as {DEFAULT_ADDRESS}")
    return url


def our_jobs(client: Any) -> list[Any]:
    """The jobs that are sweeps, the latest first."""
    jobs = [job for job in client.list_jobs() if SWEEP_KEY in (job.metadata or {})]
    return sorted(jobs, key=lambda job: job.start_time or 0, reverse=True)


def find_job(client: Any, name: str | None) -> Any:
    """The job of that name, or the latest one.

    Raises:
        RequestError: if there is none.
    """
    from raytd.sweep.document.wording import did_you_mean

    jobs = our_jobs(client)
    found = next((job for job in jobs if name in (None, job.submission_id)), None)
    if found is None:
        known = [job.submission_id for job in jobs]
        there = f"there are {', '.join(known)}" if known else "there are none"
        if name is None:
            raise RequestError("the cluster has no jobs of raytd; raytd submit makes one")
        raise RequestError(f"no job '{name}'; {there}{did_you_mean(name, known)}")
    return found


def _copy(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copyfile(path, to)
