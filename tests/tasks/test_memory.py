"""Only what a task takes is ever in memory, however large its data set is."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.benchmarks.task_memory import peak_memory
from tests.tasks.formats import encoded, write_parquet

N = 2500
SIDE = 200
LIMIT = 190
"""MiB: pyarrow takes 60, the heap grows by some more; all images would take 280."""


def ramp(start: int) -> np.ndarray:
    """An image whose columns are brighter from left to right."""
    levels = np.arange(start, start + SIDE, dtype=np.uint8)
    return np.broadcast_to(levels[None, :, None], (SIDE, SIDE, 3)).copy()


def large_parquet(root: Path) -> str:
    """One row group of plain images, each of which is 117 KiB once decoded."""
    cells = [encoded(ramp(c)) for c in range(10)]
    labels = np.arange(N) % 2
    rows = [cells[row % len(cells)] for row in range(N)]
    write_parquet(root / "data", rows, pa.array(labels), row_group_size=N)
    return "parquet:data"


def heavy_parquet(root: Path) -> str:
    """One row group whose images take 200 MiB before they are decoded."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (10, 60, 60, 3), dtype=np.uint8)
    kinds = [encoded(image) for image in images]
    labels = np.arange(20_000) % 2
    # What follows a PNG is not read.
    cells = [kinds[row % len(kinds)] + generator.bytes(8) for row in range(len(labels))]
    write_parquet(root / "data", cells, pa.array(labels), row_group_size=len(labels))
    return "parquet:data"


def large_npz(root: Path) -> str:
    """Images of 117 KiB in a compressed array."""
    with zipfile.ZipFile(root / "data.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (N, SIDE, SIDE, 3)}
            np.lib.format.write_array_header_1_0(member, header)
            for row in range(N):
                member.write(ramp(row % 10).tobytes())
        with archive.open("labels.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(N) % 2)
    return "npz:data.npz"


@pytest.mark.parametrize(
    "write", [large_parquet, heavy_parquet, large_npz], ids=lambda f: f.__name__
)
def test_a_small_task_of_a_large_data_set_takes_little_memory(
    write: Callable[[Path], str], tmp_path: Path
) -> None:
    reference = write(tmp_path)
    _, added, _ = peak_memory(reference, tmp_path, n_train=40, n_val=20, with_torch=False)
    assert added < LIMIT
