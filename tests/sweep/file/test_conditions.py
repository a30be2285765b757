from pathlib import Path

from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.expand import TrialConfig, expand

BASE = """\
name: study
tasks: [digits-low, digits-high]
pairs: [[digits-low, digits-high]]
methods: [coupled, uncoupled]
"""
MODELS = "grid: {model: [cnn8-narrow, wrn-16-4], seed: [0, 1]}\n"


def trials(folder: Path, more: str) -> list[TrialConfig]:
    path = folder / "s.yaml"
    path.write_text(BASE + more, encoding="utf-8")
    return expand(load_sweep(path, has_gpu=lambda: False).spec)


def test_a_model_may_have_a_rate_of_its_own(tmp_path: Path) -> None:
    where = "trajectory.lr: 0.02\nwhere: [{when: {model: wrn-16-4}, set: {trajectory.lr: 0.004}}]\n"
    found = trials(tmp_path, MODELS + where)
    assert {(c.model, c.trajectory.lr) for c in found} == {
        ("cnn8-narrow", 0.02),
        ("wrn-16-4", 0.004),
    }
    assert len(found) == 8


def test_a_key_set_by_a_condition_is_a_column_of_every_trial(tmp_path: Path) -> None:
    where = "where: [{when: {model: wrn-16-4}, set: {trajectory.lr: 1}}]\n"
    found = trials(tmp_path, MODELS + where)
    assert {(c.model, c.axes["trajectory.lr"]) for c in found} == {
        ("cnn8-narrow", 0.01),
        ("wrn-16-4", 1.0),
    }
    assert len({c.name for c in found}) == len(found)


def test_a_condition_on_two_axes_needs_both(tmp_path: Path) -> None:
    where = "where: [{when: {model: [wrn-16-4], seed: [1]}, set: {pretrain: {epochs: 7}}}]\n"
    found = trials(tmp_path, MODELS + where)
    assert {(c.model, c.seed) for c in found if c.pretrain.epochs == 7} == {("wrn-16-4", 1)}


def test_a_later_condition_outranks(tmp_path: Path) -> None:
    where = """\
where:
  - {when: {seed: [0, 1]}, set: {trajectory.lr: 1, pretrain.lr: 2}}
  - {when: {seed: 1}, set: {trajectory.lr: 3}}
"""
    found = trials(tmp_path, MODELS + where)
    rates = {c.seed: (c.trajectory.lr, c.pretrain.lr) for c in found}
    assert rates == {0: (1.0, 2.0), 1: (3.0, 2.0)}


def test_a_condition_that_is_not_met_leaves_a_trial_as_it_was(tmp_path: Path) -> None:
    where = "where: [{when: {model: wrn-16-4}, set: {trajectory.lr: 0.004}}]\n"
    plain = {str(c.identity()) for c in trials(tmp_path, MODELS)}
    changed = {str(c.identity()) for c in trials(tmp_path, MODELS + where)}
    assert len(plain & changed) == 4


def test_a_condition_may_make_an_axis_count(tmp_path: Path) -> None:
    more = """\
coupled: {proximal: none}
grid: {model: [cnn8-narrow, wrn-10-1], coupled.lam: [1, 20]}
where: [{when: {model: wrn-10-1}, set: {coupled.proximal: kl}}]
"""
    coupled = [c.axes for c in trials(tmp_path, more) if c.method == "coupled"]
    assert coupled == [
        {"model": "cnn8-narrow", "coupled.proximal": "none"},
        {"model": "wrn-10-1", "coupled.lam": 1.0, "coupled.proximal": "kl"},
        {"model": "wrn-10-1", "coupled.lam": 20.0, "coupled.proximal": "kl"},
    ]


def test_a_condition_may_set_the_model(tmp_path: Path) -> None:
    more = "grid: {seed: [0, 1]}\nwhere: [{when: {seed: 1}, set: {model: wrn-10-1}}]\n"
    found = trials(tmp_path, more)
    assert {(c.seed, c.model, c.axes["model"]) for c in found} == {
        (0, "cnn8-narrow", "cnn8-narrow"),
        (1, "wrn-10-1", "wrn-10-1"),
    }
