"""A small sweep that is planned from a text, and whose trials run in this process."""

from collections.abc import Iterable
from pathlib import Path

from raytd.engine.executor import run_in_process
from raytd.sweep.file.load import load_sweep
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.trials.plan import SweepPlan, make_plan, write_plan
from raytd.sweep.trials.trial import Trial, run_trial


def planned(text: str, folder: Path, storage: Path) -> SweepPlan:
    """The plan of a sweep, which lies in its folder of the storage; no trial has run."""
    file = folder / "small.yaml"
    file.write_text(text)
    spec = load_sweep(file, has_gpu=lambda: False).spec
    plan = make_plan(spec, data=folder, storage=storage, nodes=[{"CPU": 4.0, "GPU": 0.0}])
    write_plan(plan, file.read_bytes())
    return plan


def run(plan: SweepPlan, trials: Iterable[Trial]) -> None:
    """Runs some of the trials of a plan, and leaves their results."""
    ledger = Ledger(plan.folder)
    for trial in trials:
        result, row = run_trial(trial, launch=run_in_process, sources=plan.sources)
        ledger.write_result(row, trial.config.model_dump(mode="json"), result)
