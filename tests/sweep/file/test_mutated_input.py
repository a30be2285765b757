"""Sweep files in which anything may be wrong."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytd.errors import RequestError
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.expand import expand

SWEEPS = Path(__file__).parents[3] / "sweeps"
FEW = 4
"""Of the pairs of a file that loads are expanded: those of a judge make thousands of trials."""
SHIPPED = [path.read_text(encoding="utf-8") for path in SWEEPS.glob("*.yaml")]

VALID: dict[str, Any] = {
    "name": "study",
    "tasks": [
        "digits-low",
        {"name": "mine", "dataset": "digits", "classes": [0, 1, "8"], "train": 60, "val": 30},
        {"name": "digits-high", "train": 50},
    ],
    "data": {"train": 100, "val": None},
    "pairs": {"from": ["digits-low", "mine"], "to": ["digits-high"]},
    "methods": ["coupled", "uncoupled"],
    "grid": {"model": ["cnn8", "wrn-10-1"], "coupled.lam": [1, 20.0], "seed": [0, 1]},
    "where": [{"when": {"model": "cnn8", "seed": [1]}, "set": {"trajectory.lr": 0.1}}],
    "search": {
        "space": {"coupled.epsilon": {"uniform": [0.1, 2]}, "stop": {"tolerance": {"choice": [0]}}},
        "trials": 3,
    },
    "coupled": {"blocks": 2, "epsilon": 0.5, "proximal": "kl"},
    "trajectory": {"steps": 400, "segments": 20},
    "resources": {"actors": "auto"},
    "profile": "auto",
    "profiles": {"cpu": {"grid.model": ["cnn8-narrow"], "coupled": {"blocks": 1}}},
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 3),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["none", "kl", "digits-low", "mine", "cpu", "all", "uncoupled", "cnn8", "auto"]
    ),
)
KEYS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["name", "tasks", "grid", "coupled", "coupled.lam", "lam", "steps", "profile"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below: Any = ()
    if isinstance(value, dict | list):
        below = value.items() if isinstance(value, dict) else enumerate(value)
    return [at, *(place for key, v in below for place in places(v, (*at, key)))]


def parent_of(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place[:-1]:
        value = value[key]
    return value


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A valid file in which some values are replaced, removed or joined by others."""
    data = json.loads(json.dumps(VALID))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(data)))
        parent = parent_of(data, place) if place else data
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace" if place:
                parent[place[-1]] = draw(VALUES)
            case "remove" if place:
                del parent[place[-1]]
            case "add" if isinstance(parent, dict):
                parent[draw(KEYS)] = draw(VALUES)
            case "add":
                parent.append(draw(VALUES))
    return json.dumps(data)


@st.composite
def scratches(draw: st.DrawFn) -> str:
    """A shipped file in which a stretch of text is replaced by other characters."""
    text = draw(st.sampled_from(sorted(SHIPPED)))
    start = draw(st.integers(0, len(text)))
    stop = draw(st.integers(start, min(len(text), start + 6)))
    other = draw(st.text(st.sampled_from("\t\n :,[]{}&*!|>%@`'\"#?-.~<0aé\x00"), max_size=4))
    return text[:start] + other + text[stop:]


@settings(
    max_examples=100,  # each kind of mutation, and each shipped file, several times on average
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=mutations() | scratches(), gpu=st.booleans())
def test_a_changed_file_loads_or_is_refused(tmp_path: Path, text: str, gpu: bool) -> None:
    """Each file overwrites the last one in the same folder, so the fixture may be shared."""
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    lines: list[str] = []
    try:
        loaded = load_sweep(path, has_gpu=lambda: gpu)
    except RequestError as error:
        lines = error.problems
    else:
        few = loaded.spec.model_copy(update={"pairs": loaded.spec.pairs[:FEW]})
        assert expand(few)
    assert all(line.isprintable() and line.startswith(str(path)) for line in lines)
