"""Data of a user's own, and a machine of a stated speed."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from raytd.sweep.cost import timing
from raytd.sweep.cost.speed import Speed
from raytd.sweep.trials.trial import Trial
from tests.tasks.formats import made, write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three folders of pictures, the target's with fewer of them."""
    for name, per_class, seed in (("a", 40, 0), ("b", 30, 1), ("c", 15, 2)):
        content = made(("no", "1e3"), (10, 12, 3), per_class=per_class, seed=seed)
        write_folder(tmp_path / name, content, [""])
    (tmp_path / "a/notes.txt").touch()
    return tmp_path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes this machine as fast as stated: seconds of an SGD step on 12 × 12 pixels."""

    def set_to(step_s: float) -> None:
        def measured(
            kinds: Mapping[str, Trial], _: int, tell: Callable[[str], None]
        ) -> tuple[float, dict[str, Speed]]:
            tell("looking at the stated speeds")
            return 3.0, {key: _speed(t.source.image_shape, step_s) for key, t in kinds.items()}

        monkeypatch.setattr(timing, "_measured", measured)

    return set_to


def _speed(shape: tuple[int, int, int], step_s: float) -> Speed:
    of_pixels = shape[1] * shape[2] / 144
    parts = {"move_s": 0.05, "step_s": 1.0, "pretrain_step_s": 1.0}
    parts |= {"measure_s": 0.02, "longer_s": 0.01, "probe_s": 0.05}
    seconds = {name: share * step_s * of_pixels for name, share in parts.items()}
    return Speed(**seconds, activation_bytes=1000, widest_bytes=200, parameters=10_000)
