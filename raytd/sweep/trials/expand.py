"""From a sweep to its trials: every cell of the grid, every pair, every method."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationInfo, field_validator

from raytd.engine.config import (
    PretrainConfig,
    ResourcesConfig,
    Settings,
    StopConfig,
    TilingConfig,
    TrajectoryConfig,
    as_tuple,
)
from raytd.methods.method import Method
from raytd.methods.registry import METHODS
from raytd.models.zoo import canonical
from raytd.paths import expanded
from raytd.sweep.file.axes import cells, meets
from raytd.sweep.file.search import probes_of
from raytd.sweep.file.spec import SECTIONS, Distribution, Scalar, SweepSpec
from raytd.tasks.spec import TaskSpec


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
    settings: SerializeAsAny[Settings]
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
        return (
            method.settings.model_validate(value) if method and isinstance(value, dict) else value
        )

    @property
    def n_workers(self) -> int:
        """Processes that compute: block actors or, for a method without, the trial's own."""
        return METHODS[self.method].processes(self.settings, self.resources).computing

    @property
    def n_actors(self) -> int:
        """Block actors; 0 of a method that has none."""
        processes = METHODS[self.method].processes(self.settings, self.resources)
        return processes.computing if processes.coordinator else 0

    @property
    def iterations(self) -> int:
        """Trajectories, or whatever the method repeats, at most."""
        return METHODS[self.method].iterations(self.settings)

    @property
    def tiling(self) -> TilingConfig:
        """How pairs are dealt; the default where there are none to deal."""
        return METHODS[self.method].tiling(self.settings)

    @property
    def batch(self) -> int:
        """Images, or pairs, of an SGD step."""
        return METHODS[self.method].batch_size(self.settings, self.trajectory)

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
        identity: dict[str, Any] = {
            "method": self.method,
            "model": canonical(self.model),
            "seed": self.seed,
            "source": self.source.model_dump(mode="json", exclude={"name"}),
            "target": self.target.model_dump(mode="json", exclude={"name"}),
        }
        for section, obeyed in self.obeyed().items():
            part = self._parts()[section]
            effective = {k: value for k, value in obeyed.items() if k not in part.of_old()}
            if effective:
                revised = part.revised()
                identity[section] = effective | ({"revised": revised} if revised else {})
        return identity if self.weights is None else identity | {"weights": self.weights}

    def obeyed(self) -> dict[str, dict[str, Any]]:
        """The settings that the answer depends on, section by section, as JSON-able data."""
        found: dict[str, dict[str, Any]] = {}
        for section, part in self._parts().items():
            idle = self._untrained() if section == "pretrain" else frozenset()
            found[section] = {
                key: value
                for key, value in part.model_dump(mode="json").items()
                if key not in idle and self._matters(f"{section}.{key}", part)
            }
        return found

    def _parts(self) -> dict[str, Settings]:
        own = METHODS[self.method].section
        parts: dict[str, Settings] = {
            "trajectory": self.trajectory,
            "pretrain": self.pretrain,
            "stop": self.stop,
        }
        return parts if own is None else parts | {own: self.settings}

    def _matters(self, key: str, part: Settings) -> bool:
        method = METHODS[self.method]
        return method.reads(key) and method.why_idle(key, self.settings, part) is None

    def _untrained(self) -> frozenset[str]:
        """Keys of `pretrain` that change nothing, because a given source model is not trained."""
        networks = METHODS[self.method].networks(self.settings)
        if self.weights is None or "target" in networks:
            return frozenset()
        if "reference" in networks:
            return self.pretrain.source_only()
        return frozenset(PretrainConfig.model_fields) - {"min_accuracy"}

    def protocol(self) -> str:
        """Digest of what fixes the scale of a length, or of a method's settings; 8 hex digits."""
        fixed = METHODS[self.method].protocol(self.settings, self.trajectory)
        return hashlib.sha256(canonical_json(fixed).encode()).hexdigest()[:8]


def canonical_json(content: Any) -> str:
    """JSON in the one form that is hashed: sorted keys, no spaces, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def expand(spec: SweepSpec) -> list[TrialConfig]:
    """The trials of a sweep that are known from the start: all that no search chooses.

    Cell by cell, in it pair by pair, for each pair every method. A method that does not obey an
    axis is run once for all values of that axis.
    """
    trials: dict[str, TrialConfig] = {}
    for case in cases(spec):
        if not case.space:
            trial = case.trial()
            trials.setdefault(canonical_json(trial.identity()), trial)
    return list(trials.values())


def searches(spec: SweepSpec) -> list["Case"]:
    """The cases of which trials are searched, each once."""
    found: dict[str, Case] = {}
    for case in cases(spec):
        if case.space:
            found.setdefault(canonical_json(case.probes()[0].identity()), case)
    return list(found.values())


@dataclass(frozen=True)
class Case:
    """A method on a pair in a cell of the grid, all but what is searched.

    Attributes:
        spec: the sweep.
        cell: the axes of the grid and what conditions set there.
        sections: of the sweep, with those values.
        method: its name.
        source: the task whose model is transferred.
        target: the task that it is transferred to.
        varying: axes of the sweep that have more than one value.
    """

    spec: SweepSpec
    cell: Mapping[str, Scalar]
    sections: Mapping[str, Settings]
    method: str
    source: str
    target: str
    varying: frozenset[str]

    @cached_property
    def space(self) -> dict[str, Distribution]:
        """The searched axes that the method obeys here."""
        search = self.spec.search
        if search is None:
            return {}
        probes = {key: probes_of(how) for key, how in search.space.items()}
        read = {axis for probe in cells(probes) for axis in self.trial(probe).axes}
        return {key: how for key, how in search.space.items() if key in read}

    def trial(self, suggested: Mapping[str, Scalar] = MappingProxyType({})) -> TrialConfig:
        """The trial with what a search suggests for its axes."""
        cell = {**self.cell, **suggested}
        return _trial(self, cell, _sections(self.spec, cell) if suggested else self.sections)

    def probes(self) -> list[TrialConfig]:
        """Trials that stand for all that may be suggested: at the ends, and for every choice."""
        probes = {key: probes_of(how) for key, how in self.space.items()}
        return [self.trial(probe) for probe in cells(probes)]


def cases(spec: SweepSpec) -> Iterator[Case]:
    """Every method on every pair in every cell, in the order of the table."""
    found = [_conditioned(spec, cell) for cell in cells(spec.grid)]
    set_anywhere = {key for condition in spec.where for key in condition.set}
    varying = {axis for axis, values in spec.grid.items() if len(values) > 1} | set_anywhere
    varying |= set() if spec.search is None else spec.search.space.keys()
    for cell in found:
        sections = _sections(spec, cell)
        for source, target in spec.pairs:
            for name in spec.methods:
                yield Case(spec, cell, sections, name, source, target, frozenset(varying))


def _conditioned(spec: SweepSpec, cell: dict[str, Any]) -> dict[str, Any]:
    """A cell of the grid with what conditions set in it."""
    own: dict[str, Any] = {}
    for condition in spec.where:
        own |= condition.set if meets(condition, cell) else {}
    return cell | own


def _sections(spec: SweepSpec, cell: Mapping[str, Any]) -> dict[str, Settings]:
    """The sections of a sweep with the values that a cell gives their keys."""
    sections = {}
    for name in SECTIONS:
        written: Settings = getattr(spec, name)
        keys = [key for key in type(written).model_fields if f"{name}.{key}" in cell]
        own = {key: cell[f"{name}.{key}"] for key in keys}
        sections[name] = type(written).model_validate(written.model_dump(exclude_unset=True) | own)
    return sections


def _trial(case: Case, cell: Mapping[str, Any], sections: Mapping[str, Settings]) -> TrialConfig:
    spec, method = case.spec, METHODS[case.method]
    settings = _settings(method, sections)
    trajectory = sections["trajectory"].model_copy(update=dict(method.fixed))
    shared = {**sections, "trajectory": trajectory}
    read = {
        axis: value
        for axis, value in _values(spec, cell, sections).items()
        if method.reads(axis)
        and method.why_idle(axis, settings, sections.get(axis.rpartition(".")[0])) is None
    }
    choices = {"model": cell.get("model", spec.model), "seed": cell.get("seed", spec.seed)}
    weights = cell.get("weights", spec.weights)
    if not method.reads("weights") or method.why_idle("weights", settings) is not None:
        weights = None
    return TrialConfig.model_validate(
        {
            "method": method.name,
            **choices,
            "weights": _weights(weights, case.source, choices),
            "source": spec.task(case.source),
            "target": spec.task(case.target),
            "settings": settings,
            **{name: shared[name] for name in (*method.obeys, "resources")},
            "axes": read,
            "varying": tuple(axis for axis in read if axis in case.varying),
        }
    )


def _settings(method: Method, sections: Mapping[str, Settings]) -> Settings:
    """Those of the method, with the paths of its files seen from the current folder."""
    settings = method.settings_from(sections)
    return settings.model_copy(update={k: _absolute(p) for k, p in settings.files().items()})


def _values(
    spec: SweepSpec, cell: Mapping[str, Any], sections: Mapping[str, Settings]
) -> dict[str, Any]:
    """What varies over the sweep, as it is here.

    In the type of its key: 1 is 1.0 where fractions are allowed. A key that conditions set in other
    cells only has the value of its section.
    """
    keys = dict.fromkeys([*cell, *(key for condition in spec.where for key in condition.set)])
    values = {}
    for key in keys:
        section, _, name = key.rpartition(".")
        values[key] = getattr(sections[section], name) if section else cell.get(key)
        if not section and key not in cell:
            values[key] = getattr(spec, key)
    return values


def _weights(written: str | None, source: str, choices: dict[str, Any]) -> str | None:
    """The file that a path with fields stands for, seen from the current folder."""
    if written is None:
        return None
    return _absolute(written.format(source=source, **choices))


def _absolute(path: str) -> str:
    return os.path.abspath(expanded(path))
