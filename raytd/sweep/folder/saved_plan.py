"""What a sweep's folder says of the sweep: what was asked, and which trials are its own."""

import json
from dataclasses import dataclass
from typing import Any

from raytd.errors import RequestError
from raytd.rows.row import Row
from raytd.storage.damage import reason_of
from raytd.storage.path import StoragePath
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.seed_errors import with_seed_errors


@dataclass(frozen=True)
class KeptSweep:
    """A sweep as it lies on disk.

    Attributes:
        asked: the sweep file with profile and overrides applied, as plain data.
        keys: of the trials that it asks for, in the order of the plan; of a search those that have
            ended, too, because they are known only once they have been drawn.
        ended: rows of all trials that have ended, by key, whatever the sweep file says today.
    """

    asked: dict[str, Any]
    keys: list[str]
    ended: dict[str, Row]

    @property
    def rows(self) -> list[Row]:
        """Rows of its own trials that have ended, in their order; their seeds alone count."""
        return with_seed_errors([self.ended[key] for key in self.keys if key in self.ended])


def kept_sweep(folder: StoragePath) -> KeptSweep:
    """Reads a sweep's plan and its ledger.

    Raises:
        RequestError: in one line, if there is no sweep in the folder, or its plan is damaged.
    """
    path = folder / "plan.json"
    try:
        asked, keys = _plan_of(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise RequestError(f"{folder}: no sweep is here (it has no plan.json)") from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError(
            f"{path}: cannot be read ({reason_of(error)}); run raytd sweep with the file of the "
            "sweep to write it again: trials that have ended are not run again"
        ) from error
    ended = {row["trial_key"]: row for row in Ledger(folder).rows()}
    if asked.get("search"):
        keys = list(dict.fromkeys([*keys, *ended]))
    return KeptSweep(asked, keys, ended)


def _plan_of(plan: Any) -> tuple[dict[str, Any], list[str]]:
    """What was asked, and the keys of its trials.

    Raises:
        ValueError: in words, or KeyError, TypeError: if something else was read.
    """
    asked, keys = plan["sweep"], [trial["trial_key"] for trial in plan["trials"]]
    names = [asked["name"], asked.get("description", "")]
    names += [task["name"] for task in asked["tasks"]]
    if not all(isinstance(text, str) for text in [*names, *keys]):
        raise ValueError("a name or a key in it is no text")
    if not isinstance(asked.get("grid", {}), dict):
        raise ValueError("its grid is no mapping")
    return asked, keys
