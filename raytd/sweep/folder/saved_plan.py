"""What a sweep's folder says of the sweep: what was asked, and which trials are its own."""

from dataclasses import dataclass
from typing import Any

from raytd.rows.row import Row
from raytd.storage.path import StoragePath
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.folder.plan_file import read_plan
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
    plan = read_plan(folder)
    ended = {row["trial_key"]: row for row in Ledger(folder).rows()}
    keys = list(plan.names)
    if plan.is_searched:
        keys = list(dict.fromkeys([*keys, *ended]))
    return KeptSweep(plan.asked, keys, ended)
