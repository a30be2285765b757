"""What `plan.json` says of a sweep: what was asked, and the trials that follow from it."""

import json
from dataclasses import dataclass
from typing import Any

from raytd.errors import RequestError
from raytd.storage.damage import reason_of
from raytd.storage.path import StoragePath


@dataclass(frozen=True)
class PlanFile:
    """The plan of a sweep as `raytd sweep` wrote it when it began.

    Attributes:
        asked: the sweep file with profile and overrides applied, as plain data.
        names: of the trials, by key, in the order of the plan.
        n_to_come: trials that searches may suggest beside them.
    """

    asked: dict[str, Any]
    names: dict[str, str]
    n_to_come: int = 0

    @property
    def is_searched(self) -> bool:
        """Whether trials join that are not in the file."""
        return bool(self.asked.get("search"))


def read_plan(folder: StoragePath) -> PlanFile:
    """Reads the plan of a sweep.

    Raises:
        RequestError: in one line, if there is none, or it is damaged.
    """
    path = folder / "plan.json"
    try:
        return _plan_of(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise RequestError(f"{folder}: no sweep is here (it has no plan.json)") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RequestError(
            f"{path}: cannot be read ({reason_of(error)}); run raytd sweep with the file of the "
            "sweep to write it again: trials that have ended are not run again"
        ) from error


def _plan_of(plan: Any) -> PlanFile:
    """The plan that was read.

    Raises:
        ValueError: in words, or KeyError, TypeError, AttributeError: if something else was read.
    """
    asked, trials = dict(plan["sweep"]), plan["trials"]
    named = {t["trial_key"]: t.get("name", t["trial_key"]) for t in trials}
    texts = [asked["name"], asked.get("description", ""), *named, *named.values()]
    texts += [task["name"] for task in asked["tasks"]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a name or a key in it is no text")
    if not isinstance(asked.get("grid", {}), dict):
        raise ValueError("its grid is no mapping")
    return PlanFile(asked, named, int(plan.get("to_come", 0)))
