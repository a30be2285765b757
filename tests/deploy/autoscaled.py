"""A cluster of Ray's own pretended cloud: real processes, logical GPUs, a real autoscaler."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.servers import free_ports

HEAD = "f" * 56
"""The node that the pretended cloud takes for the head."""

LISTS = (
    "cluster_synced_files",
    "rsync_exclude",
    "rsync_filter",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


@contextmanager
def autoscaled(*, max_workers: int, worker: dict[str, float]) -> Iterator[str]:
    """A head with one CPU, and workers of one kind that the autoscaler adds; yields the address.

    `ray.cluster_utils.AutoscalingCluster` does the same, but stops every Ray on the machine first.
    """
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        config = Path(folder) / "cluster.json"
        config.write_text(json.dumps(_config(address, max_workers, worker)))
        mark = uuid4().hex
        environment = os.environ | {
            "HOME": folder,
            "RAY_AUTH_MODE": "disabled",
            "RAY_FAKE_CLUSTER": "1",
            "RAY_CLOUD_INSTANCE_ID": HEAD,
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "RAY_enable_autoscaler_v2": "1",
            "RAYTD_TEST_CLUSTER": mark,
        }
        host, port = address.split(":")
        ray = str(Path(sys.executable).with_name("ray"))
        try:
            subprocess.run(
                [ray, "start", "--head", f"--node-ip-address={host}", f"--port={port}",
                 "--num-cpus=1", "--num-gpus=0", "--include-dashboard=false",
                 "--object-store-memory=100000000", f"--temp-dir={folder}",
                 f"--autoscaling-config={config}"],
                env=environment, check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            yield address
        finally:
            _end(mark)


def _config(address: str, max_workers: int, worker: dict[str, float]) -> dict[str, object]:
    provider = {
        "type": "external",  # the wheel lacks the defaults of its built-in name, fake_multinode
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "gcs_address": address,
        "head_node_id": HEAD,
        "launch_multiple": True,
        "disable_node_updaters": True,
    }
    types = {
        "ray.head.default": {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 0},
        "worker": {
            "resources": {**worker, "object_store_memory": 100_000_000},
            "node_config": {},
            "min_workers": 0,
            "max_workers": max_workers,
        },
    }
    return {
        "cluster_name": "pretended",
        "max_workers": max_workers,
        "idle_timeout_minutes": 5,
        "upscaling_speed": 8,
        "provider": provider,
        "available_node_types": types,
        "head_node_type": "ray.head.default",
        # What the launcher would fill in for a provider that it knows.
        **{name: {} for name in ("auth", "docker", "file_mounts")},
        **{name: [] for name in LISTS},
        "file_mounts_sync_continuously": False,
    }


def _end(mark: str) -> None:
    """Kills the processes that carry the mark."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            continue
