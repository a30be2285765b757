import subprocess
import sys
import time

import numpy as np
import pytest

from raytd.engine.on_ray.usage import UsageMeter

MIB = 2**20


def test_a_busy_process_uses_about_one_processor_and_one_that_waits_none() -> None:
    """Compared with the clock of the process, which counts in another way."""
    meter = UsageMeter()
    wall, cpu = time.monotonic(), time.process_time()
    while time.process_time() - cpu < 0.5:
        sum(range(10_000))
    busy = meter.read()["cpu_utilization_percentage"]
    expected = 100 * (time.process_time() - cpu) / (time.monotonic() - wall)
    assert busy == pytest.approx(expected, rel=0.2)
    subprocess.run([sys.executable, "-c", ""], check=True)  # waits for another process
    assert meter.read()["cpu_utilization_percentage"] < busy


def test_the_peak_of_memory_stays_when_the_memory_is_given_back() -> None:
    meter = UsageMeter()
    before = meter.read()["memory_peak_megabytes"]
    size = int((before + 64) * MIB)
    block = np.ones(size, dtype=np.uint8)
    del block
    assert meter.read()["memory_peak_megabytes"] >= before + 64


def test_there_are_no_figures_of_a_gpu_that_is_not_used() -> None:
    assert set(UsageMeter().read()) == {"cpu_utilization_percentage", "memory_peak_megabytes"}
