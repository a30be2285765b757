"""A sweep file as text, with comments that say why each setting is there and how to get more."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from raytd.sweep.draft.effort import FULL, SIDES, Effort
from raytd.sweep.draft.settings import sections, tasks
from raytd.sweep.draft.supply import Supply
from raytd.words import counted, listed, one_line

_WIDTH = 108
_OTHER_VALUES = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words that some reader of YAML takes for something else than text."""

_ONE_NETWORK = "# To compare networks, take `model` as an axis: grid: {model: [cnn8, wrn-16-4], …}"
_NETWORKS = """\
# transfer and h-score compare networks as they are. At one rate the network that moves faster has
# the longer way: `trajectory: {match: speed, reference: NETWORK}` makes distances comparable."""


@dataclass(frozen=True)
class Draft:
    """What a sweep file is to say, but for how much is done without a GPU.

    Attributes:
        name: of the sweep.
        editor: the line that tells an editor of the schema.
        made_by: the command that writes it.
        runs: the command that runs it.
        supplies: of each task.
        sources: names of tasks.
        targets: likewise.
        models: networks to compare; empty leaves the choice to the file.
        data: what the section `data` says beside counts and form.
    """

    name: str
    editor: str
    made_by: str
    runs: str
    supplies: tuple[Supply, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    models: tuple[str, ...]
    data: Mapping[str, Any]

    @property
    def answers(self) -> list[str]:
        """The command that says more of each target."""
        return [f"raytd recommend {self.name} --target {target}" for target in self.targets]


def sweep_text(draft: Draft, effort: Effort, side: int, expected: str) -> str:
    """The whole file.

    Args:
        draft: what it says.
        effort: of the profile without a GPU.
        side: pixels of the longer side of its images.
        expected: how long that takes, in words.
    """
    template = files("raytd.sweep.draft").joinpath("template.yaml").read_text(encoding="utf-8")
    full = sections(draft.supplies, draft.targets, FULL, SIDES[0])
    full["data"] |= draft.data
    return Template(template).substitute(
        editor=draft.editor,
        made_by=one_line(draft.made_by),
        runs=one_line(draft.runs),
        answers="\n".join(f"#   {line}" for line in draft.answers),
        name=scalar(draft.name),
        about=_about(draft),
        tasks="\n".join(_tasks(draft)),
        pairs=flow({"from": draft.sources, "to": draft.targets}),
        networks="\n".join(_networks(draft)),
        **{name: flow(keys) for name, keys in full.items()},
        expected=expected,
        cpu=textwrap.indent("\n".join(_cpu(draft, effort, side)), " " * 4),
    )


def _about(draft: Draft) -> str:
    """The description, which begins with the question."""
    text = (
        f"From which source does transfer to {listed(draft.targets)} work best? "
        f"{counted(len(draft.sources), 'source')}; measured transfer, and what tells it before. "
        "In the matrices the sources are rows and the targets columns."
    )
    return "\n  ".join(textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _tasks(draft: Draft) -> list[str]:
    """Each task below what was read of it, which is said once of a data set."""
    lines = list[str]()
    for supply, task in zip(draft.supplies, tasks(draft.supplies, FULL), strict=True):
        lines += [said for line in supply.said if (said := f"  # {one_line(line)}") not in lines]
        if isinstance(task, dict) and "train" in task:
            few = f"It has a count of its own, because {supply.scarcest}."
            lines.append(f"  # {one_line(few)}")
        lines.append(f"  - {flow(task)}")
    return lines


def _networks(draft: Draft) -> list[str]:
    """The seeds, and the network or the networks."""
    seeds = {"seed": range(FULL.seeds)}
    if len(draft.models) > 1:
        return [f"grid: {flow({'model': draft.models, **seeds})}", _NETWORKS]
    model = draft.models[0] if draft.models else "cnn8"
    return [f"grid: {flow(seeds)}", _ONE_NETWORK, f"model: {scalar(model)}"]


def _cpu(draft: Draft, effort: Effort, side: int) -> list[str]:
    """What the profile lays over the file."""
    own, lines = tasks(draft.supplies, effort), list[str]()
    if own != tasks(draft.supplies, FULL):
        lines += ["tasks:", *(f"  - {flow(task)}" for task in own)]
    lines.append(f"grid: {flow({'seed': range(effort.seeds)})}")
    if not draft.models:
        lines.append("model: cnn8-narrow")
    settings = sections(draft.supplies, draft.targets, effort, side)
    settings["resources"] = {"cpus_per_actor": 0.5, "chunk": 4}
    return [*lines, *(f"{name}: {flow(keys)}" for name, keys in settings.items())]


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def scalar(text: str) -> str:
    """A text that every reader of YAML takes for text: in quotes unless it is a plain word."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) and text.lower() not in _OTHER_VALUES
    return text if plain else json.dumps(text, ensure_ascii=False)
