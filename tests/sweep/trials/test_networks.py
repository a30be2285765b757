"""Users' models, users' weights and the settings of pre-training, as a sweep file has them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from raytd.errors import RequestError
from raytd.learning.sources import Given
from raytd.models import zoo
from raytd.sweep.cost.estimate import trainings_at_once
from raytd.sweep.file.load import load_sweep
from raytd.sweep.trials.expand import TrialConfig, canonical_json, expand
from raytd.sweep.trials.networks import missing_networks, network_problems
from raytd.sweep.trials.single import single_trial
from raytd.sweep.trials.trial import Trial
from tests.conftest import small_task

BASE = """\
name: study
tasks: [digits-low, digits-high]
methods: [coupled]
"""
LOW, HIGH = small_task("digits-low"), small_task("digits-high")
NETS = """\
from torch import nn


def make(*, in_channels, n_classes, width=8):
    hidden = nn.Linear(64 * in_channels, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), nn.Linear(width, n_classes))


def narrow(*, in_channels, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * in_channels, 3))
"""


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's module in the folder of the sweep, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "sweep_nets.py"
    path.write_text(NETS)
    yield path
    sys.modules.pop("sweep_nets", None)


def trials(more: str) -> list[TrialConfig]:
    Path("s.yaml").write_text(BASE + more, encoding="utf-8")
    return expand(load_sweep("s.yaml", has_gpu=lambda: False).spec)


def problems(more: str) -> list[str]:
    with pytest.raises(RequestError) as caught:
        trials(more)
    return [line.removeprefix("s.yaml:") for line in caught.value.problems]


def network_lines(more: str) -> list[str]:
    configs = trials(more)
    tasks = {c.source: LOW if c.source.name == LOW.name else HIGH for c in configs}
    return network_problems(configs, tasks)


def trial(config: TrialConfig) -> Trial:
    return Trial(config, *((LOW, HIGH) if config.source.name == LOW.name else (HIGH, LOW)))


def save(path: str, *, n_classes: int = 5, seed: int = 0) -> None:
    model = zoo.build("cnn8-narrow", in_channels=1, n_classes=n_classes, seed=seed)
    torch.save(model.state_dict(), path)


def test_a_factory_is_an_axis_and_its_name_shows_the_arguments() -> None:
    configs = trials(
        "pairs: [[digits-low, digits-high]]\n"
        "grid:\n  model: [cnn8, sweep_nets:make, 'sweep_nets:make(width=4)']\n"
    )
    assert [c.name for c in configs] == [
        "coupled digits-low->digits-high cnn8 seed 0",
        "coupled digits-low->digits-high sweep_nets:make seed 0",
        "coupled digits-low->digits-high sweep_nets:make(width=4) seed 0",
    ]
    assert len({trial(c).key for c in configs}) == 3
    assert network_problems(configs, {c: LOW for x in configs for c in (x.source, x.target)}) == []


def test_two_spellings_of_one_model_are_one_trial() -> None:
    one = trials("model: sweep_nets:make(width=4)\n")
    other = trials("model: 'sweep_nets:make( width = 4 )'\n")
    assert [trial(c).key for c in one] == [trial(c).key for c in other]
    both = trials("grid: {model: ['sweep_nets:make(width=4)', 'sweep_nets:make(width= 4)']}\n")
    assert len(both) == 2


def test_the_code_of_a_factory_is_part_of_the_trial(nets: Path) -> None:
    (config, _) = trials("model: sweep_nets:make\n")
    before = trial(config).key
    nets.write_text(NETS + "\nMORE = 1\n")
    assert trial(config).key != before


def test_the_reference_network_is_part_of_the_trial_as_the_model_is(nets: Path) -> None:
    text = "trajectory: {match: speed, reference: 'sweep_nets:make(%s)'}\n"
    one, _ = trials(text % "width=4")
    other, _ = trials(text % " width = 4 ")
    before = trial(one).key
    assert trial(other).key == before
    assert other.protocol() == one.protocol()
    nets.write_text(NETS + "\nMORE = 1\n")
    assert trial(one).key != before


def test_a_model_that_cannot_be_used_is_refused_before_anything_starts() -> None:
    lines = network_lines("grid: {model: [cnn8, 'sweep_nets:narrow', 'torchvision:alexnet']}\n")
    assert len(lines) == 2
    assert lines[0].startswith("sweep_nets:narrow: the last linear layer '1' has 3 outputs")
    assert lines[1].startswith("torchvision:alexnet: fails on images of 1×8×8 (")


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("model: no_nets:make", "4:1 model  no_nets:make: there is no module 'no_nets'; "),
        (
            "model: sweep_nets:mkae",
            "4:1 model  sweep_nets:mkae: sweep_nets has no 'mkae'; did you ",
        ),
        ("model: torchvision:resnet81", "4:1 model  torchvision has no classifier 'resnet81'; "),
        ("grid: {model: [sweep_nets:make(width=1, depth=2)]}", "4:16 grid.model[0]  'sweep_nets:m"),
        (
            "weights: '{target}.pt'",
            "4:1 weights  {target} in the path is not understood; there are ",
        ),
        ("weights: '{source:3}.pt'", "4:1 weights  {source} in the path is not understood; "),
        ("weights: 'a{.pt'", "4:1 weights  braces that do not match ("),
        ("weights: ''", "4:1 weights  must be text that is not empty, not ''"),
        (
            "pretrain: {schedule: step}",
            "4:12 pretrain.schedule  schedule step needs a milestone, an epoch",
        ),
        (
            "pretrain: {schedule: step, epochs: 9, milestones: [3, 9]}",
            "4:39 pretrain.milestones  milestones must rise and lie below epochs = 9, not [3, 9]",
        ),
        (
            "pretrain: {schedule: step, milestones: [8, 4]}",
            "4:28 pretrain.milestones  milestones must rise and lie below epochs = 30, not [8, 4]",
        ),
        ("pretrain: {milestones: [0]}", "4:25 pretrain.milestones[0]  must be at least 1, not 0"),
        ("pretrain: {gamma: 1.5}", "4:12 pretrain.gamma  must be at most 1, not 1.5"),
        (
            "pretrain: {early_stop: los}",
            "4:12 pretrain.early_stop  must be one of 'none', 'loss', ",
        ),
        ("pretrain: {min_accuracy: 90}", "4:12 pretrain.min_accuracy  must be at most 1, not 90"),
        (
            "grid: {pretrain.milestones: [[3], [4]]}",
            "4:8 grid.pretrain.milestones  cannot be an axis: it holds a list",
        ),
        (
            "grid: {pretrain.patience: [3, 4]}",
            "4:8 grid.pretrain.patience  has no effect: pretrain.early_stop is 'none'",
        ),
    ],
)
def test_a_wrong_key_is_one_line(written: str, line: str) -> None:
    (found, *more) = problems(written + "\n")
    assert found.startswith(line)
    assert not more or "model: [" in written


def identities(more: str) -> list[str]:
    return [canonical_json(c.identity()) for c in trials(more)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{}", "{milestones: [3], gamma: 0.5, patience: 4}"),
        ("{schedule: step, milestones: [3]}", "{schedule: step, milestones: [3], patience: 4}"),
        ("{early_stop: loss}", "{early_stop: loss, gamma: 0.5}"),
    ],
)
def test_a_key_that_does_not_apply_is_no_part_of_the_trial(one: str, other: str) -> None:
    assert identities(f"pretrain: {one}\n") == identities(f"pretrain: {other}\n")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{schedule: step, milestones: [3]}", "{schedule: step, milestones: [4]}"),
        ("{schedule: step, milestones: [3]}", "{schedule: step, milestones: [3], gamma: 0.5}"),
        ("{early_stop: loss}", "{early_stop: accuracy}"),
        ("{early_stop: loss}", "{early_stop: loss, patience: 4}"),
        ("{}", "{augment: crop-flip}"),
        ("{}", "{min_accuracy: 0.9}"),
    ],
)
def test_a_key_that_applies_is_part_of_the_trial(one: str, other: str) -> None:
    assert identities(f"pretrain: {one}\n") != identities(f"pretrain: {other}\n")


def test_a_schedule_can_be_an_axis_beside_the_milestones_of_one_of_its_values() -> None:
    configs = trials(
        "pairs: [[digits-low, digits-high]]\npretrain: {milestones: [10, 20], patience: 3}\n"
        "grid: {pretrain.schedule: [cosine, step], pretrain.early_stop: [none, loss]}\n"
    )
    assert len(configs) == 4


def test_weights_are_found_by_source_model_and_seed() -> None:
    low, high = trials("weights: '~/w/{source}-{model}-{seed}.pt'\nseed: 4\n")
    home = Path.home() / "w"
    assert low.weights == str(home / "digits-low-cnn8-narrow-4.pt")
    assert high.weights == str(home / "digits-high-cnn8-narrow-4.pt")
    assert trial(low).pair.weights == home / "digits-low-cnn8-narrow-4.pt"


def test_the_content_of_the_weights_is_part_of_the_trial_and_their_place_is_not() -> None:
    pair = "pairs: [[digits-low, digits-high]]\n"
    save("a.pt", seed=0)
    Path("b.pt").write_bytes(Path("a.pt").read_bytes())
    one, other, none = (trials(pair + w)[0] for w in ("weights: a.pt\n", "weights: b.pt\n", ""))
    assert trial(one).key == trial(other).key != trial(none).key
    save("b.pt", seed=1)
    assert trial(one).key != trial(other).key


def test_what_only_trains_the_source_is_no_part_of_a_trial_with_weights() -> None:
    save("a.pt")
    given = "weights: a.pt\npretrain: "
    plain = identities(given + "{}\n")
    assert identities(given + "{epochs: 3, batch_size: 7, early_stop: loss}\n") == plain
    assert identities(given + "{lr: 0.3}\n") != plain


def test_weights_can_be_an_axis() -> None:
    save("a.pt", seed=0)
    save("b.pt", seed=1)
    configs = trials("pairs: [[digits-low, digits-high]]\ngrid: {weights: [a.pt, b.pt]}\n")
    assert [c.name for c in configs] == [
        "coupled digits-low->digits-high cnn8-narrow seed 0 weights=a.pt",
        "coupled digits-low->digits-high cnn8-narrow seed 0 weights=b.pt",
    ]
    assert len({trial(c).key for c in configs}) == 2


def test_weights_that_do_not_fit_are_refused_before_anything_starts() -> None:
    save("digits-low.pt", n_classes=10)
    lines = network_lines("weights: '{source}.pt'\n")
    assert len(lines) == 2
    assert "digits-low.pt: its head 'head.weight' has the shape (10, 64)" in lines[0]
    assert lines[1].endswith(
        "digits-high.pt: the weights cannot be read (no such file or directory)"
    )


def test_a_single_distance_takes_weights_and_refuses_wrong_ones_too() -> None:
    save("a.pt")
    settings = {"methods": ["coupled"], "weights": "a.pt", "data": {"train": 30, "val": 20}}
    pair = single_trial(("digits-low", "digits-high"), settings).pair
    assert pair.weights == Path("a.pt").resolve()
    save("a.pt", n_classes=3)
    with pytest.raises(RequestError, match=r"a\.pt: its head .* \(3, 64\)"):
        single_trial(("digits-low", "digits-high"), settings)
    assert Given.of(Path("a.pt"), model="cnn8-narrow", seed=0).digest


@pytest.mark.parametrize(
    ("resources", "at_once"),
    [
        ("{cpus_per_actor: 0.25, gpus_per_actor: 0}", 2),
        ("{cpus_per_actor: 2, gpus_per_actor: 0}", 1),
        ("{cpus_per_actor: 0.25, gpus_per_actor: 0.25}", 4),
        ("{cpus_per_actor: 0.25, gpus_per_actor: 0.2}", 5),
    ],
)
def test_as_many_networks_are_trained_at_once_as_keep_a_core_or_a_gpu_busy(
    tmp_path: Path, resources: str, at_once: int
) -> None:
    configs = trials(f"resources: {resources}\ngrid:\n  seed: [0, 1, 2]\n")
    networks = missing_networks(map(trial, configs), tmp_path)
    assert len(networks) == 12
    assert trainings_at_once(networks, [{"CPU": 2.0, "GPU": 1.0}]) == at_once
