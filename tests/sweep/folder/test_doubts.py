"""What is doubtful about a row, at the bounds of each doubt."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from scipy.stats import binomtest

from raytd.engine.executor import run_in_process
from raytd.models import zoo
from raytd.sweep.folder.doubts import MARKS, gathered, pair_doubts, row_doubts, with_doubts
from raytd.sweep.trials.single import single_trial
from raytd.sweep.trials.trial import run_trial


def source(accuracy: float | None, n: int = 100, share: float = 0.5) -> dict[str, Any]:
    return {"source_accuracy": accuracy, "source_val_images": n, "source_chance": share}


def marks(row: dict[str, Any]) -> str:
    return "".join(doubt.mark for doubt in row_doubts(row))


@pytest.mark.parametrize(
    ("accuracy", "n", "share", "marked"),
    [
        (0.50, 100, 0.5, True),
        (0.20, 100, 0.5, True),  # below guessing, too
        (0.61, 100, 0.5, True),  # guessing is right 61 times or more in 1.8 of 100 cases
        (0.63, 100, 0.5, False),  # 63 times or more in 0.6 of 100
        (0.91, 1000, 0.9, True),  # nine images of ten are of one class
        (0.30, 300, 0.2, False),
        (1.00, 5, 0.5, True),  # five images are too few: guessing is wholly right in 3 of 100
        (1.00, 7, 0.5, False),
        (1.00, 50, 1.0, True),  # one class has nothing to tell apart
    ],
)
def test_a_source_is_at_chance_where_guessing_does_as_well(
    accuracy: float, n: int, share: float, marked: bool
) -> None:
    assert marks(source(accuracy, n, share)) == ("G" if marked else "")


@given(st.integers(1, 400), st.floats(0.05, 0.95), st.data())
def test_the_bound_is_that_of_a_one_sided_binomial_test(n: int, share: float, data: Any) -> None:
    right = data.draw(st.integers(0, n))
    p = binomtest(right, n, share, alternative="greater").pvalue
    assert marks(source(right / n, n, share)) == ("" if p < 0.01 else "G")


def test_what_an_old_row_does_not_say_is_no_doubt() -> None:
    assert row_doubts({"source_accuracy": 0.1}) == ()
    assert row_doubts({}) == ()
    assert row_doubts(source(None)) == ()


def test_a_trial_without_a_result_has_no_doubts() -> None:
    assert row_doubts({"status": "failed", "arrived": False}) == ()


def test_the_serious_doubts_stand_first() -> None:
    row = {"arrived": np.bool_(False), "coupling_converged": False, "distance_converged": False}
    found = row_doubts({**row, **source(0.5), "same_weights_as": "b"})
    assert [d.mark for d in found] == list(MARKS)
    assert [d.is_serious for d in found] == [True, True, True, False, False]
    assert found[1].text == "source at chance (0.50, guessing 0.50, n = 100)"


def test_two_sources_with_the_same_weights_name_each_other() -> None:
    rows = [
        {"source": "a", "target": "c", "source_weights": "w1"},
        {"source": "b", "target": "c", "source_weights": "w1"},
        {"source": "c", "target": "b", "source_weights": "w2"},
        {"source": "a", "target": "b", "source_weights": "w1"},
        {"source": "d", "target": "b", "source_weights": None},
        {"source": "e", "target": "b"},
    ]
    found = with_doubts(rows)
    assert [row["same_weights_as"] for row in found] == ["b", "a", None, "b", None, None]
    assert found[0]["doubts"] == "same weights as source b"
    assert found[2]["doubts"] is None
    assert with_doubts(found) == found


def test_one_source_in_many_trials_is_no_twin_of_itself() -> None:
    rows = [{"source": "a", "target": t, "source_weights": "w"} for t in "bcd"]
    assert all(row["doubts"] is None for row in with_doubts(rows))


def test_the_doubts_of_seeds_are_one_for_each_mark() -> None:
    rows = [
        {"source": "a", "target": "b", "arrived": False},
        {"source": "a", "target": "b", "arrived": False, "distance_converged": False},
        {"source": "b", "target": "a", "arrived": True},
    ]
    assert [doubt.mark for doubt in gathered(rows)] == ["A", "M"]
    assert list(pair_doubts(rows)) == [("a", "b")]


def row_of(source: str, method: str, **settings: Any) -> dict[str, Any]:
    wanted = {"methods": [method], "data": {"train": 300, "val": 100}, **settings}
    trial = single_trial((source, "digits-low"), wanted)
    _, row = run_trial(trial, launch=run_in_process, sources=None)
    return row


def test_a_trial_says_what_its_source_is_held_against() -> None:
    row = row_of("digits-high", "leep", pretrain={"epochs": 1, "lr": 1e-6})
    assert (row["source_val_images"], row["source_chance"]) == (100, 0.2)  # five classes, evenly
    assert marks(row) == "G"
    assert marks(row_of("digits-high", "leep", pretrain={"epochs": 8})) == ""


def test_a_method_that_looks_at_no_source_says_nothing_of_one() -> None:
    row = row_of("digits-high", "otdd")
    assert row.get("source_weights") is row.get("source_accuracy") is None
    assert marks(row) == ""


def test_one_network_for_two_sources_is_found_whatever_file_it_is_in(tmp_path: Path) -> None:
    weights = zoo.build("cnn8-narrow", in_channels=1, n_classes=5, seed=0).state_dict()
    torch.save(weights, tmp_path / "digits-even.pt")
    save_file(weights, tmp_path / "digits-odd.safetensors")
    even = row_of("digits-even", "leep", weights=str(tmp_path / "digits-even.pt"))
    odd = row_of("digits-odd", "emd", weights=str(tmp_path / "digits-odd.safetensors"))
    own = row_of("digits-high", "leep", pretrain={"epochs": 1})
    found = with_doubts([even, odd, own])
    assert [r["same_weights_as"] for r in found] == ["digits-odd", "digits-even", None]
    assert all(marks(row) == "GW" for row in found[:2])
