"""A planned sweep of one cheap trial, and what its process may have left behind."""

from pathlib import Path

from raytd.rows.row import Row
from raytd.storage.files import write_bytes, write_json
from raytd.sweep.file.load import make_spec
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.trials.plan import SweepPlan, make_plan


def planned(folder: Path, method: str = "random", *, fresh: bool = False) -> SweepPlan:
    """A sweep of one trial."""
    content = {
        "name": "s",
        "tasks": ["digits-low", "digits-even"],
        "data": {"train": 20, "val": 10},
        "pairs": [["digits-low", "digits-even"]],
        "methods": [method],
    }
    spec = make_spec(content, caller="test")
    return make_plan(spec, data=folder, storage=folder, nodes=[{"CPU": 4.0}], fresh=fresh)


def leave_result(plan: SweepPlan) -> Row:
    """What a process leaves that is lost before it can report its result; returns the row."""
    (trial,) = plan.trials
    folder = Ledger(plan.folder).trial_folder(trial.key)
    row = trial.columns() | {"status": "done", "value": 0.125, "wall_s": 3.0}
    write_bytes(folder / "checkpoint/0001-0000/meta.json", b"{}")
    write_json(folder / "result.json", row)
    return row
