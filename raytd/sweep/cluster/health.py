"""What a sweep needs of this machine: versions, devices, Ray, storage and data."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from raytd.errors import RaytdError, first_line
from raytd.paths import home_problem
from raytd.storage.files import write_bytes
from raytd.storage.objects import ObjectPath
from raytd.storage.path import StoragePath, require_storage
from raytd.tasks.references import names, place_of
from raytd.words import counted

PACKAGES = ("torch", "torchvision", "ray", "mlflow", "pot", "pyarrow")
LOW_SPACE = 2 * 2**30
"""Bytes: sources and results of a small sweep, checkpoints of a large one."""


@dataclass(frozen=True)
class Finding:
    """One fact about the machine.

    Attributes:
        subject: what was looked at.
        found: what is there.
        todo: what to do about it; None if all is well.
    """

    subject: str
    found: str
    todo: str | None = None


def refusal(subject: str, error: Exception | str) -> Finding:
    """What an error says, and after its semicolon what to do."""
    found, _, todo = str(error).partition("; ")
    return Finding(subject, found, f"{todo[:1].upper()}{todo[1:]}.")


def versions() -> Iterator[Finding]:
    """Python, raytd, and what it stands on, against the floors of its own metadata."""
    from packaging.requirements import Requirement

    yield Finding("raytd", version("raytd"))
    yield _python(sys.version_info[:3])
    wanted = {r.name: r.specifier for r in map(Requirement, requires("raytd") or ())}
    for name in PACKAGES:
        floor = wanted.get(name)
        try:
            there = version(name)
        except PackageNotFoundError:
            yield Finding(name, "not installed", f"pip install '{name}{floor or ''}'")
            continue
        low = floor is not None and not floor.contains(there, prereleases=True)
        yield Finding(name, there, f"pip install '{name}{floor}'" if low else None)


def _python(found: tuple[int, ...]) -> Finding:
    todo = None if found >= (3, 11) else "raytd needs Python 3.11 or newer."
    return Finding("python", ".".join(map(str, found)), todo)


def devices() -> Iterator[Finding]:
    """Processors and GPUs, and threads that would be more than there are processors."""
    import torch

    from raytd.sweep.cluster.connection import local_nodes

    n_cpus = int(local_nodes()[0]["CPU"])
    yield Finding("processors", f"{n_cpus} of {os.cpu_count()} may be used")
    yield threads(os.environ.get("OMP_NUM_THREADS"), n_cpus)
    n = torch.cuda.device_count()
    shown = ", ".join(torch.cuda.get_device_name(i) for i in range(n))
    none = "none; sweeps take their cpu profile" if shutil.which("nvidia-smi") is None else None
    if n or none:
        yield Finding("GPUs", shown or str(none))
    else:
        todo = "Install a driver and a torch for the same version of CUDA."
        yield Finding("GPUs", "nvidia-smi is there, but torch sees none", todo)


def threads(setting: str | None, n_cpus: int) -> Finding:
    """OMP_NUM_THREADS against the processors; each worker sets its own `resources.threads`."""
    if setting is None:
        return Finding("threads", "each worker takes resources.threads of the sweep")
    fine = setting.isdigit() and 1 <= int(setting) <= n_cpus
    todo = None if fine else f"Unset OMP_NUM_THREADS, or set it from 1 to {n_cpus}."
    return Finding("threads", f"OMP_NUM_THREADS = {setting}", todo)


def ray_findings(address: str | None, *, start: bool) -> Iterator[Finding]:
    """Whether a cluster answers, or can be started; nothing if neither is asked for."""
    from raytd.sweep.cluster.connection import connect

    if address is None and not start:
        yield Finding("cluster", "not looked at (--address HOST:PORT or --start-ray)")
        return
    place = address or "started on this machine"
    try:
        with connect(address) as nodes:
            cpus, gpus = (sum(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU"))
            yield Finding(
                "cluster",
                f"{place}: {counted(len(nodes), 'node')}, {counted(cpus, 'CPU')}, "
                f"{counted(gpus, 'GPU')}",
            )
    except RaytdError as error:
        yield Finding("cluster", str(error), "Start the cluster, or correct --address.")
    except Exception as error:  # noqa: BLE001 Ray fails to start in many ways
        todo = "See the logs in /tmp/ray/session_latest/logs."
        yield Finding("cluster", f"{place}: {first_line(error)}", todo)


def folders() -> Iterator[Finding]:
    """The home folder, and where Ray and others put temporary files."""
    from raytd.sweep.cluster.local_ray import folder_problem

    if problem := home_problem():
        yield refusal("home", problem)
    problem = folder_problem()
    if problem:
        yield Finding("temporary files", problem, "Set TMPDIR to a folder with a short path.")


def storage(folder: StoragePath, *, low: int = LOW_SPACE) -> Finding:
    """Whether the folder of all sweeps can be written, and how much room it has."""
    if isinstance(folder, ObjectPath):
        return _object_store(folder)
    probe = folder / f".raytd-doctor-{os.getpid()}"
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        write_bytes(probe, b"probe")
        free = shutil.disk_usage(folder).free
    except RaytdError as error:
        return refusal("storage", str(error).replace(str(probe), str(folder)))
    finally:
        probe.unlink(missing_ok=True) if folder.is_dir() else None
        for path in made:
            if path.is_dir():
                path.rmdir()
    found = f"{folder} can be written, {free / 2**30:.1f} GiB free"
    return Finding("storage", found, "Free some space." if free < low else None)


def _object_store(folder: ObjectPath) -> Finding:
    """Whether objects can be read, written and removed there."""
    probe = folder / f".raytd-doctor-{os.getpid()}"
    try:
        require_storage(folder)
        write_bytes(probe, b"probe")
        probe.read_bytes()
        probe.unlink()
    except RaytdError as error:
        return refusal("storage", error)
    return Finding("storage", f"{folder} can be written")


def datasets(root: Path) -> Iterator[Finding]:
    """Where the known data sets lie; one that is not there is no problem until a sweep wants it."""
    for name in names():
        if ":" not in name:
            yield Finding(name, place_of(name, root) or f"not under {root}")
