"""Sweep files and catalogues: what raytd takes of them beside what the YAML says."""

import math
from contextlib import chdir
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from raytd.sweep.file.catalogue_file import load_catalogue
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.spec import SECTIONS
from raytd.sweep.trials.expand import expand, searches
from tests.fuzz.kind import Kind
from tests.fuzz.mutate import of_text
from tests.fuzz.watch import Coerced

SWEEPS = Path(__file__).parents[3] / "sweeps"
_FEW = 3
"""Pairs of a file that are expanded: those of a judge make thousands of trials."""

CATALOGUE = b"""tasks:
  - {name: ones, dataset: digits, classes: [0, 1, "8"], train: 60, val: 30}
  - {name: mine, dataset: "folder:./pets", size: 16, channels: 1, range: [0, 4095], seed: 3}
  - name: theirs
    dataset: npz:/data/theirs.npz
    known_as: mine
    background: [0, 0, 255]
"""
SWEEP = b"""# all that a file may have
name: study
description: two lines
tasks:
  - digits-low
  - {name: mine, dataset: digits, classes: [0, 1, "8"], train: 60, val: 30, size: [8, 8]}
  - {name: digits-high, train: 50}
data: {train: 100, val: null, catalogue: catalogue.yaml}
pairs: {from: [digits-low, mine], to: [digits-high]}
methods: [coupled, uncoupled, finetune]
seed: 1
weights: "~/nets/{source}-{seed}.pt"
grid: {model: [cnn8, wrn-10-1], coupled.lam: [1, 20.0]}
where:
  - {when: {model: cnn8}, set: {trajectory.lr: 0.1}}
search:
  space: {coupled.epsilon: {uniform: [0.1, 2]}, stop: {tolerance: {choice: [0, 0.1]}}}
  trials: 3
coupled: {blocks: 2, proximal: kl}
trajectory: {steps: 400, segments: 20, batch_size: 16}
resources: {actors: auto, threads: 1, deterministic: true}
tracking: {system_metrics: true}
profile: auto
profiles:
  cpu: {grid.model: [cnn8], coupled: {blocks: 1}}
"""


def _use_sweep(folder: Path) -> None:
    with chdir(folder):  # a catalogue lies beside it
        loaded = load_sweep(folder / "sweep.yaml", has_gpu=lambda: True)
    few = loaded.spec.model_copy(update={"pairs": loaded.spec.pairs[:_FEW]})
    if not (expand(few) or searches(few)):
        raise Coerced("a sweep of no trial")
    try:
        written = YAML(typ="safe", pure=True).load((folder / "sweep.yaml").read_text("utf-8-sig"))
    except YAMLError:
        return
    profile = (written.get("profiles") or {}).get(loaded.profile) or {}
    for section in SECTIONS:
        overlaid = any(key.split(".")[0] == section for key in profile)
        if isinstance(written.get(section), dict) and not overlaid:
            _compare(getattr(loaded.spec, section), written[section], section)


def _compare(found: BaseModel, written: dict[str, Any], at: str) -> None:
    for key, value in written.items():
        if "." not in key and not _is_same(getattr(found, key), value):
            raise Coerced(f"{at}.{key}: {getattr(found, key)!r} for {value!r}")


def _is_same(found: Any, written: Any) -> bool:
    """Whether a value is what was written; numbers may stand for text, and one side for both."""
    if isinstance(found, str):
        return not isinstance(written, dict | list)
    if isinstance(found, tuple):
        many = written if isinstance(written, list) else [written] * len(found)
        return len(found) == len(many) and all(map(_is_same, found, many))
    if isinstance(found, bool) or isinstance(written, bool):
        return found is written
    if isinstance(found, float) and isinstance(written, int | float):
        return math.isclose(found, written, rel_tol=0)
    return type(found) is type(written) and found == written


def _use_catalogue(folder: Path) -> None:
    known = load_catalogue(folder / "catalogue.yaml")
    try:
        written = YAML(typ="safe", pure=True).load(
            (folder / "catalogue.yaml").read_text("utf-8-sig")
        )
    except YAMLError:
        return
    for item in written["tasks"]:
        _compare(known[str(item["name"])], item, str(item["name"]))


_SHIPPED = [{"sweep.yaml": path.read_bytes()} for path in sorted(SWEEPS.glob("*.yaml"))]

SWEEP_FILES = Kind(
    "sweep",
    [*_SHIPPED, *[{"sweep.yaml": SWEEP, "catalogue.yaml": CATALOGUE}] * 6],
    _use_sweep,
    {".yaml": of_text},
)
CATALOGUES = Kind("catalogue", [{"catalogue.yaml": CATALOGUE}], _use_catalogue, {".yaml": of_text})
