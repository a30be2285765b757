"""What every registered method keeps to, from the keys of a sweep file to a row."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import raytd
from raytd.engine.executor import run_in_process
from raytd.learning import sources as engine_sources
from raytd.methods.on_blocks import OnBlocks
from raytd.methods.registry import COLUMNS, METHODS
from raytd.methods.score import Score
from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.trials.expand import TrialConfig
from raytd.sweep.trials.single import single_trial
from raytd.sweep.trials.trial import Trial, run_trial, sgd_steps_of
from tests.cases import for_each

SMALL: dict[str, Any] = {
    "data": {"train": 15, "val": 10},
    "coupled": {"iterations": 1, "blocks": 2, "tile_size": 5},
    "trajectory": {"steps": 10, "batch_size": 8, "segments": 10},
    "finetune": {"steps": 20, "segments": 20},
    "transfer": {"n_train": 10, "steps": 4, "evaluate_every": 2, "repeats": 2},
    "task2vec": {"head_steps": 20, "passes": 2},
    "h_score": {"shrinkage": "ledoit-wolf"},
    "pretrain": {"epochs": 2, "batch_size": 10},
}
WRITTEN_BEFORE: dict[str, Any] = SMALL | {
    "data": {"train": 24, "val": 20},
    "coupled": {"iterations": 1, "blocks": 2, "tile_size": 6},
    "trajectory": {"steps": 20, "batch_size": 8, "segments": 20},
}
"""Settings of which old keys are on record."""

each_method = pytest.mark.parametrize("name", METHODS)


def trial_of(name: str, settings: Mapping[str, Any] = SMALL) -> Trial:
    return single_trial(("digits-low", "digits-even"), {"methods": [name], **settings})


@each_method
def test_a_run_again_has_the_same_bits_and_trains_the_networks_that_were_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row says how to read it and that the network is weak, and can be written as JSON."""
    trained: list[str] = []
    train = engine_sources.pretrain

    def noted(task: Any, recipe: Any, **rest: Any) -> Any:
        trained.append(task.name)
        return train(task, recipe, **rest)

    monkeypatch.setattr(engine_sources, "pretrain", noted)
    strict = {"pretrain": {**SMALL["pretrain"], "min_accuracy": 1.0}}
    method, trial = METHODS[name], trial_of(name, SMALL | strict)
    result, row = run_trial(trial, launch=run_in_process, sources=None)
    assert sorted(trained) == sorted(task.name for task, _ in trial.networks())
    _, again = run_trial(trial, launch=run_in_process, sources=None)
    assert ("min_accuracy" in str(row["warnings"])) == bool(trained)
    assert math.isfinite(row["value"])
    assert without_time(row) == without_time(again)
    assert (result.unit, result.smaller_is_closer) == (method.unit, method.smaller_is_closer)
    assert isinstance(result, Score) != isinstance(method, OnBlocks)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    own = {axis for axis in row if "." in axis}
    assert set(row) <= set(COLUMNS) | own
    assert all(COLUMNS[name].holds(row[name]) for name in set(row) - own if row[name] is not None)
    assert set(method.columns) <= set(row)
    assert sgd_steps_of(trial) in (None, row["sgd_steps"])


def without_time(row: dict[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in row.items() if column != "wall_s"}


@for_each("name", METHODS)
def test_a_trial_read_back_from_json_is_the_same(name: str) -> None:
    config = trial_of(name).config
    read = TrialConfig.model_validate_json(config.model_dump_json())
    assert read == config
    assert type(read.settings) is METHODS[name].settings
    assert read.protocol() == config.protocol()


@for_each(("averaging", "same"), [("none", True), ("segment", False), ("window", False)])
def test_keys_of_trials_of_iterates_are_those_from_before_there_were_averages(
    averaging: str, same: bool
) -> None:
    """And from before there were other methods."""
    settings = {"data": {"train": 60, "val": 50}, "trajectory": {"averaging": averaging}}
    given = settings | {"coupled": {"support": "global", "proximal": "none", "blocks": 2},
                        "trajectory": {"steps": 40, "mixing": "bernoulli",
                                       "averaging": averaging}}  # fmt: skip
    found = [
        single_trial(("digits-low", "digits-high"), {"methods": [name], **keys})
        for keys in (settings, given)
        for name in ("coupled", "uncoupled")
    ]
    before = ["924cea87a4ae35f4", "0ac9aac5a3c55375", "120e344a0833a3fb", "83c91ef2904ec6aa"]
    assert [t.key == key for t, key in zip(found, before, strict=True)] == [same] * 4
    assert (found[0].config.protocol() == "964c2b4a") == same
    fine_tuned = trial_of("finetune", WRITTEN_BEFORE | {
        "finetune": {**SMALL["finetune"], "averaging": averaging}
    })  # fmt: skip
    found_again = fine_tuned.key, fine_tuned.config.protocol()
    assert (found_again == ("d7743b376b966b72", "f6752978")) == same


@for_each(("method", "section"), [("uncoupled", "trajectory"), ("finetune", "finetune")])
def test_what_is_measured_at_a_knot_is_part_of_the_key_and_of_the_protocol(
    method: str, section: str
) -> None:
    trials = [
        trial_of(method, SMALL | {section: {**SMALL[section], "averaging": averaging}})
        for averaging in ("window", "segment", "none")
    ]
    assert len({t.key for t in trials}) == len({t.config.protocol() for t in trials}) == 3
    assert trial_of(method).key == trials[0].key


def test_results_of_an_epsilon_that_meant_something_else_are_not_taken_for_new_ones() -> None:
    iterates = WRITTEN_BEFORE | {"trajectory": {**WRITTEN_BEFORE["trajectory"],
                                                "averaging": "none"}}  # fmt: skip
    absolute = iterates | {"coupled": {"epsilon_unit": "absolute"}}
    keys = {name: trial_of(name, absolute).key for name in ("coupled", "coupled-aligned")}
    # The keys from before an absolute epsilon counted for the first coupling.
    assert keys["coupled"] != "98356971299296be"
    assert keys["coupled-aligned"] != "3c7abcbe0af04a66"
    assert trial_of("ot-only", iterates | {"coupled": {}}).key == "7631a87ec0089450"


@for_each(
    ("name", "changed", "matters"),
    [
        ("leep", {"trajectory": {"steps": 40}}, False),
        ("leep", {"stop": {"tolerance": 0.5}}, False),
        ("leep", {"finetune": {"lr": 0.5}}, False),
        ("leep", {"pretrain": {"epochs": 3}}, True),
        ("random", {"pretrain": {"epochs": 3}}, False),
        ("otdd", {"pretrain": {"epochs": 3}}, False),
        ("otdd", {"otdd": {"features": "source"}}, True),
        ("emd", {"pretrain": {"epochs": 3}}, True),
        ("emd", {"coupled": {"features": "pixels"}}, False),
        ("task2vec", {"pretrain": {"epochs": 3}}, True),
        ("task2vec", {"task2vec": {"beta": 1e-6, "head_steps": 20, "passes": 2}}, False),
        ("mixture", {"trajectory": {**SMALL["trajectory"], "mixing": "linear"}}, False),
        ("mixture", {"trajectory": {**SMALL["trajectory"], "lr": 0.02}}, True),
        ("coupled-aligned", {"trajectory": {**SMALL["trajectory"], "labels": "aligned"}}, False),
        ("coupled-aligned", {"coupled": {**SMALL["coupled"], "lam": 1.0}}, True),
        ("ot-only", {"coupled": {**SMALL["coupled"], "epsilon": 1.0}}, True),
        ("ot-only", {"coupled": {**SMALL["coupled"], "lam": 1.0}}, False),
        ("weight-distance", {"weight_distance": {"relative": True}}, True),
    ],
)
def test_a_key_is_part_of_a_trial_s_identity_if_its_method_obeys_it(
    name: str, changed: dict[str, Any], matters: bool
) -> None:
    assert (trial_of(name).key != trial_of(name, SMALL | changed).key) == matters


def test_the_protocol_of_a_mixture_is_that_of_images_from_one_task() -> None:
    mixed = {**SMALL, "trajectory": {**SMALL["trajectory"], "mixing": "bernoulli"}}
    uncoupled = trial_of("uncoupled", mixed).config.protocol()
    assert trial_of("mixture").config.protocol() == uncoupled
    assert trial_of("uncoupled").config.protocol() != uncoupled


def test_the_weights_of_a_probe_are_part_of_the_key_by_their_content(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.pt", "same.pt", "other.pt")]
    for path, content in zip(paths, (b"1", b"1", b"2"), strict=True):
        path.write_bytes(content)
    first, same, other = (
        trial_of("task2vec", SMALL | {"task2vec": {"probe": "cnn8", "weights": str(path)}}).key
        for path in paths
    )
    assert first == same != other


def test_a_score_leaves_its_curves_beside_its_row(tmp_path: Path) -> None:
    trial, ledger = trial_of("transfer"), Ledger(tmp_path)
    result, row = run_trial(trial, launch=run_in_process, sources=None)
    ledger.log(row["trial_key"]).end(row, result.warnings)
    ledger.write_result(row, trial.config.model_dump(mode="json"), result)
    folder = ledger.trial_folder(trial.key)
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json", "log.txt", "result.json", "transfer.parquet",
    ]  # fmt: skip
    assert pq.read_table(folder / "transfer.parquet").num_rows == 4
    (read,) = pq.read_table(ledger.write_results()).to_pylist()
    assert read["gain"] == row["gain"]
    assert read["fisher_rao_length"] is None


def test_distance_returns_the_score() -> None:
    score = raytd.distance("digits-low", "digits-even", method="leep", **SMALL)
    assert isinstance(score, Score)
    assert score.value == run_trial(trial_of("leep"), launch=run_in_process, sources=None)[0].value
