"""Runs of a benchmark, side by side; a file that keeps them lets it go on where it was ended."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Found = dict[str, Any]


@contextmanager
def sources_beside(kept: Path | None) -> Iterator[str]:
    """A folder for source networks: beside the file that is kept, else one that is removed."""
    if kept is not None:
        yield f"{kept}.sources"
        return
    with TemporaryDirectory() as folder:
        yield folder


def run_all(
    run: Callable[[Any, str], Found], jobs: Sequence[Any], kept: Path | None, processes: int
) -> dict[Any, Found]:
    """What each job has found, in the order of the jobs; those of the file are not run again.

    Args:
        run: is given a job and a folder for source networks; returns what JSON can hold.
        jobs: frozen dataclasses of what JSON can hold.
        kept: the file, JSON in lines.
        processes: at once.
    """
    before = {}
    if kept is not None and kept.exists():
        before = {o["job"]: o["found"] for o in map(json.loads, kept.read_text().splitlines())}
    found = {job: before[_name(job)] for job in jobs if _name(job) in before}
    with (
        sources_beside(kept) as sources,
        ProcessPoolExecutor(processes, get_context("spawn")) as pool,
    ):
        running = {pool.submit(run, job, sources): job for job in jobs if job not in found}
        for ended in as_completed(running):
            job = running[ended]
            found[job] = ended.result()
            if kept is not None:
                with kept.open("a") as file:
                    file.write(json.dumps({"job": _name(job), "found": found[job]}) + "\n")
    return {job: found[job] for job in jobs}


def _name(job: Any) -> str:
    return json.dumps(asdict(job), sort_keys=True)
