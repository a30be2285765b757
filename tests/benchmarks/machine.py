"""Where and with what a benchmark runs."""

import platform
import subprocess
from pathlib import Path

import torch


def machine() -> str:
    """Commit, processor, threads and versions, in one line."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((x.split(":")[1].strip() for x in lines if "model name" in x), platform.machine())
    return (
        f"commit {commit or 'unknown'}, {model}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}"
    )
