"""Peak memory and time of reading a task of 2,500 images out of 60,000, by reader.

    python tests/benchmarks/task_memory.py [READER ...]

Writes each data set into a temporary folder (random colour images of 32×32), and reads the task in
a process of its own, after torch is imported. Real data sets are added where RAYTD_DATA has them.
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from raytd.tasks.vocabulary import CLASS_NAMES
from tests.tasks.formats import (
    Made,
    encoded,
    made,
    write_cifar,
    write_folder,
    write_hub,
    write_idx_gz,
    write_npz,
    write_parquet,
)

N_TRAIN, N_VAL = 2500, 500
CLASSES = CLASS_NAMES["cifar10"]

MEASURE = """
import resource, sys, time
from pathlib import Path
if sys.argv[4] == "torch":
    import torch
import numpy, pydantic
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
if "cifar10" in sys.argv[1]:  # the files written here have not the published checksums
    from torchvision.datasets import cifar
    cifar.check_integrity = lambda *_: True
before, start = peak(), time.perf_counter()
from raytd.tasks.datasets import read
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import make_task
reference, n_train, n_val = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
spec = TaskSpec(name="a", dataset=reference, train=n_train, val=n_val)
task = make_task(spec, read(reference, Path(sys.argv[5])))
assert len(task.train.labels) == n_train
print(before, peak() - before, time.perf_counter() - start, task.digest)
"""


def peak_memory(
    reference: str, root: Path, *, n_train: int, n_val: int, with_torch: bool
) -> tuple[float, float, float]:
    """MiB before, MiB that reading the task adds to the peak, and seconds.

    A process inherits the peak of the one that starts it, so a shell stands between.
    """
    loaded = "torch" if with_torch else "-"
    args = [reference, str(n_train), str(n_val), loaded, str(root)]
    shell = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", MEASURE, *args]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        shell, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path}
    )
    before, added, seconds, _ = ended.stdout.split()
    return float(before), float(added), float(seconds)


def _one_group(folder: Path, content: Made) -> None:
    """All rows in one row group, as pandas writes them."""
    images, labels = content.train
    cells = [encoded(image) for image in images]
    write_parquet(folder, cells, pa.array(labels), plain=True, row_group_size=len(labels))


def _npz(path: Path, content: Made) -> None:
    (x, y), (x_val, y_val) = content.train, content.val
    write_npz(path.with_suffix(".npz"), x_train=x, y_train=y, x_test=x_val, y_test=y_val)
    path.with_suffix(".npz").rename(path)


def _torchvision(folder: Path, content: Made) -> None:
    write_cifar("cifar10", folder.parent, content, pytest.MonkeyPatch())


def _hub(folder: Path, content: Made) -> None:
    write_hub(folder, content, train=["train-0.parquet", "train-1.parquet"], val="test-0.parquet")


WRITERS: dict[str, Callable[[Path, Made], None]] = {
    "cifar10": _torchvision,
    "idx": write_idx_gz,
    "npz": _npz,
    "parquet": _one_group,
    "parquet (hub)": _hub,
    "folder": lambda folder, content: write_folder(folder, content, ["train", "test"]),
}


def main(chosen: list[str]) -> None:
    """Prints the table."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"commit {commit}, {platform.machine()}, Python {platform.python_version()}")
    print(f"{'data set':<24}{'before (MiB)':>14}{'added (MiB)':>13}{'time (s)':>10}")
    with tempfile.TemporaryDirectory() as folder:
        content = made(CLASSES, (32, 32, 3), per_class=6000)
        content = Made(CLASSES, content.train, tuple(part[:3000] for part in content.val))
        grey = Made(CLASSES, *((x[..., :1], y) for x, y in (content.train, content.val)))
        for name in chosen or WRITERS:
            reference = name.split()[0]
            WRITERS[name](Path(folder) / name, grey if reference == "idx" else content)
            path = "" if name in CLASS_NAMES else f":{name}"
            _row(name, f"{reference}{path}", Path(folder))
    root = os.environ.get("RAYTD_DATA")
    for name in ("fashion-mnist", "cifar10", "cifar100") if root and not chosen else ():
        try:
            _row(f"{name} (real)", name, Path(str(root)))
        except subprocess.CalledProcessError as error:
            print(f"{name:<24}{error.stderr.splitlines()[-1]}")


def _row(name: str, reference: str, root: Path) -> None:
    figures = peak_memory(reference, root, n_train=N_TRAIN, n_val=N_VAL, with_torch=True)
    before, added, seconds = figures
    print(f"{name:<24}{before:>14.0f}{added:>13.0f}{seconds:>10.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
