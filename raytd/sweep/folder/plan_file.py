"""What `plan.json` says of a sweep: what was asked, and the trials that follow from it."""

import json
from dataclasses import dataclass
from typing import Any

from raytd.errors import RequestError
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
    try:
        plan = json.loads((folder / "plan.json").read_text())
        asked, trials = dict(plan["sweep"]), plan["trials"]
        names = {t["trial_key"]: t.get("name", t["trial_key"]) for t in trials}
        return PlanFile(asked, names, int(plan.get("to_come", 0)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{folder}: no sweep is here (plan.json cannot be read)") from error
