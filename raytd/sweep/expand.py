"""From a sweep to its trials: every cell of the grid, every pair, every method."""

import hashlib
import json
import os
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, field_validator

from raytd.engine.config import (
    PretrainConfig,
    ResourcesConfig,
    Settings,
    StopConfig,
    TrajectoryConfig,
    as_tuple,
)
from raytd.methods.coupled import CoupledConfig
from raytd.methods.registry import METHODS
from raytd.methods.uncoupled import UncoupledConfig
from raytd.models.zoo import canonical
from raytd.sweep.axes import cells
from raytd.sweep.effect import is_effective, settings_of
from raytd.sweep.layout import SECTIONS, Scalar, SweepSpec
from raytd.tasks.spec import TaskSpec

_PROTOCOL = (
    "segments",
    "steps",
    "epochs",
    "batch_size",
    "lr",
    "momentum",
    "weight_decay",
    "mixing",
    "labels",
    "sync",
    "schedule",
    "augment",
    "precision",
    "match",
    "reference",
)


class TrialConfig(Settings):
    """Everything that determines the answer of one trial, and where it runs.

    Attributes:
        method: name in the registry of methods.
        model: name of the model.
        weights: absolute path of a source model that the user brings; None trains one.
        source: the task whose model is transferred.
        target: the task that it is transferred to.
        seed: of the initial weights, the order of the images, the tiles and the mixing.
        settings: of the method.
        trajectory: of the weights.
        pretrain: of the source model.
        stop: when the iterations end early.
        resources: what the trial asks of the cluster.
        axes: values of the grid's axes that this trial obeys; for reports.
        varying: those axes that have more than one value; the name shows them.
    """

    method: str
    model: str
    source: TaskSpec
    target: TaskSpec
    seed: int
    settings: CoupledConfig | UncoupledConfig
    trajectory: TrajectoryConfig = TrajectoryConfig()
    pretrain: PretrainConfig = PretrainConfig()
    stop: StopConfig = StopConfig()
    resources: ResourcesConfig = ResourcesConfig()
    weights: str | None = None
    axes: dict[str, Scalar] = {}
    varying: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()

    @field_validator("settings", mode="before")
    @classmethod
    def _settings_of_the_method(cls, value: Any, info: ValidationInfo) -> Any:
        """Read back from JSON, the settings are those of the trial's method."""
        method = METHODS.get(info.data.get("method", ""))
        return method.config.model_validate(value) if method and isinstance(value, dict) else value

    @property
    def name(self) -> str:
        """A short name to read; trials of one sweep that differ have different ones."""
        pair = f"{self.source.name}->{self.target.name}"
        others = [axis for axis in self.varying if axis not in ("model", "seed")]
        rest = [f"{axis}={self.axes[axis]}" for axis in others]
        return " ".join([self.method, pair, self.model, f"seed {self.seed}", *rest])

    def identity(self) -> dict[str, Any]:
        """What determines the answer, as JSON-able data.

        Names of tasks are labels, resources only say where the work is done, and a setting that
        the method does not obey is not part of the answer: none of them is in here.
        """
        method = METHODS[self.method]
        parts: dict[str, Settings] = {
            method.section: self.settings,
            "trajectory": self.trajectory,
            "pretrain": self.pretrain,
            "stop": self.stop,
        }
        identity: dict[str, Any] = {
            "method": self.method,
            "model": canonical(self.model),
            "seed": self.seed,
            "source": self.source.model_dump(mode="json", exclude={"name"}),
            "target": self.target.model_dump(mode="json", exclude={"name"}),
        }
        for section, part in parts.items():
            idle = self._idle(part)
            effective = {
                key: value
                for key, value in part.model_dump(mode="json").items()
                if key not in idle and is_effective(method, self.settings, f"{section}.{key}")
            }
            if effective:
                identity[section] = effective
        return identity if self.weights is None else identity | {"weights": self.weights}

    def _idle(self, part: Settings) -> frozenset[str]:
        """Keys of a section that change nothing; a given source model is not trained."""
        if isinstance(part, PretrainConfig) and self.weights is not None:
            return part.idle() | part.source_only()
        return part.idle()

    def protocol(self) -> str:
        """Digest of what fixes the scale of a length, 8 hex digits."""
        fixed = self.trajectory.model_dump(mode="json", include=set(_PROTOCOL))
        fixed["blocks"] = getattr(self.settings, "blocks", None)
        return hashlib.sha256(canonical_json(fixed).encode()).hexdigest()[:8]


def canonical_json(content: Any) -> str:
    """JSON in the one form that is hashed: sorted keys, no spaces, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def expand(spec: SweepSpec) -> list[TrialConfig]:
    """The trials of a sweep: cell by cell, in it pair by pair, for each pair every method.

    A method that does not obey an axis is run once for all values of that axis.
    """
    trials: dict[str, TrialConfig] = {}
    for cell in cells(spec.grid):
        sections = {name: _in_cell(spec, name, cell) for name in SECTIONS}
        cell = _as_checked(cell, sections)
        for source, target in spec.pairs:
            for name in spec.methods:
                trial = _trial(spec, cell, sections, (name, source, target))
                trials.setdefault(canonical_json(trial.identity()), trial)
    return list(trials.values())


def _in_cell(spec: SweepSpec, section: str, cell: dict[str, Any]) -> Settings:
    """A section of the sweep with the values that a cell gives its keys."""
    written: Settings = getattr(spec, section)
    keys = [key for key in type(written).model_fields if f"{section}.{key}" in cell]
    own = {key: cell[f"{section}.{key}"] for key in keys}
    return type(written).model_validate(written.model_dump(exclude_unset=True) | own)


def _as_checked(cell: dict[str, Any], sections: dict[str, Settings]) -> dict[str, Any]:
    """A cell's values in the type of their keys: 1 is 1.0 where fractions are allowed."""
    parts = {axis: axis.rpartition(".") for axis in cell}
    return {
        axis: getattr(sections[section], key) if section else cell[axis]
        for axis, (section, _, key) in parts.items()
    }


def _trial(
    spec: SweepSpec,
    cell: dict[str, Any],
    sections: dict[str, Settings],
    names: tuple[str, str, str],
) -> TrialConfig:
    """The trial of a method on a pair in a cell; `names` are method, source and target."""
    method = METHODS[names[0]]
    settings: Any = settings_of(method, sections[method.section])
    idle = {f"{section}.{key}" for section, part in sections.items() for key in part.idle()}
    read = {
        axis: value
        for axis, value in cell.items()
        if axis not in idle and is_effective(method, settings, axis)
    }
    choices = {"model": cell.get("model", spec.model), "seed": cell.get("seed", spec.seed)}
    return TrialConfig.model_validate(
        {
            "method": method.name,
            **choices,
            "weights": _weights(cell.get("weights", spec.weights), names[1], choices),
            "source": spec.task(names[1]),
            "target": spec.task(names[2]),
            "settings": settings,
            **{name: sections[name] for name in ("trajectory", "pretrain", "stop", "resources")},
            "axes": read,
            "varying": tuple(axis for axis in read if len(spec.grid[axis]) > 1),
        }
    )


def _weights(written: str | None, source: str, choices: dict[str, Any]) -> str | None:
    """The file that a path with fields stands for, seen from the current folder."""
    if written is None:
        return None
    return os.path.abspath(os.path.expanduser(written.format(source=source, **choices)))
