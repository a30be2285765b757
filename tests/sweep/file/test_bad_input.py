"""Sweep files that are wrong beside those of WRONG_FILES.md, and the lines that they give."""

import os
from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.file.load import load_sweep
from tests.cases import for_each

GOOD = """\
name: study
tasks: [digits-low, digits-high]
methods: [coupled]
"""


def problems(folder: Path, text: str, *overrides: str, profile: str | None = None) -> list[str]:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RequestError) as caught:
        load_sweep(path, profile=profile, overrides=overrides, has_gpu=lambda: True)
    return [line.removeprefix(f"{folder}/s.yaml:") for line in caught.value.problems]


MODELS = "grid: {model: [cnn8, wrn-10-1]}\n"
SPACE = "space: {coupled.lam: {loguniform: [1, 20]}}"

# What is added to GOOD, and the line that it gives.
ADDED = [
    ("coupled.epsilom: 1", "4:1 coupled.epsilom  unknown key; did you mean 'epsilon'?"),
    (
        "search: {space: {seed: {integer: [0, 9]}}, trials: 3}",
        "4:18 search.space.seed  cannot be searched: the best seed is luck; list seeds under grid",
    ),
    ("stop: {x: 1}", "4:8 stop.x  unknown key; there are metric, tolerance"),
    ("coupled: {epsilon: .inf}", "4:11 coupled.epsilon  must be a finite number, not inf"),
    ("coupled: {epsilon: }", "4:11 coupled.epsilon  must be a number, not empty"),
    ("coupled:\n  blocks: 0", "5:3 coupled.blocks  must be at least 1, not 0"),
    (
        "coupled: {support: global, proximal: linear}",
        "4:11 coupled.support  support global takes proximal kl or none, not linear",
    ),
    ("coupled: {blocks: ten}", "4:11 coupled.blocks  must be a whole number, not 'ten'"),
    ("coupled: {blocks: true}", "4:11 coupled.blocks  must be a whole number, not true"),
    ("coupled: [kl]", "4:1 coupled  must be a mapping of keys, not a list"),
    ("trajectory: fast", "4:1 trajectory  must be a mapping of keys, not 'fast'"),
    ("trajectory: {momentum: 1}", "4:14 trajectory.momentum  must be less than 1, not 1"),
    (
        "trajectory: {steps: 5}",
        "4:14 trajectory.steps  steps = 5 is fewer than one step per segment (20)",
    ),
    ("resources: {actors: 0}", "4:13 resources.actors  must be 'auto' or at least 1, not 0"),
    (
        "resources: {actors: many}",
        "4:13 resources.actors  must be 'auto' or a whole number, not 'many'",
    ),
    (
        "tracking: {experiment: [7]}",
        "4:12 tracking.experiment  must be text, not a list",
    ),
    (
        "tracking: {experiment: {a: b}}",
        "4:12 tracking.experiment  must be text, not a mapping; put it in quotes",
    ),
    ("seed: -1", "4:1 seed  must be at least 0, not -1"),
    ("model: wrn-11-1", "4:1 model  'wrn-11-1' is no wide residual network"),
    ("model: cnn9", "4:1 model  unknown model 'cnn9'; "),
    ("data: {train: 0}", "4:8 data.train  must be at least 1, not 0"),
    ("pairs: [[digits-low]]", "4:9 pairs[0]  must be [source, target], not a list of 1"),
    ("pairs: [digits-low]", "4:9 pairs[0]  must be [source, target], not 'digits-low'"),
    (
        "pairs: [[digits-low, digits-high], [digits-low, digits-high]]",
        "4:36 pairs[1]  the pair digits-low -> digits-high a second time",
    ),
    ("pairs: []", "4:1 pairs  must not be empty"),
    ("pairs: {frm: [digits-low]}", "4:9 pairs.frm  unknown key; did you mean 'from'?"),
    ("pairs: {}", "4:1 pairs  must name from, to, or both; 'all' means all pairs"),
    ("pairs: {from: null}", "4:1 pairs  must name from, to, or both; 'all' means all pairs"),
    ("pairs: {from: digits-low}", "4:9 pairs.from  must be a list of tasks, not 'digits-low'"),
    ("pairs: {to: [digits-lo]}", "4:14 pairs.to[0]  'digits-lo' is not among the tasks"),
    (
        "pairs: {from: [digits-low], to: [digits-low]}",
        "4:1 pairs  no source has a target but itself; list [[task, task]]",
    ),
    ("grid: [model]", "4:1 grid  must be a mapping of keys, not a list"),
    ("grid: {model: []}", "4:8 grid.model  must have at least one value"),
    ("grid: {model: cnn8}", "4:8 grid.model  must be a list of values, not 'cnn8'"),
    ("grid: {models: [cnn8]}", "4:8 grid.models  unknown key; did you mean 'model'?"),
    ("grid: {coupled.lamb: [1]}", "4:8 grid.coupled.lamb  unknown key; did you mean 'lam'?"),
    (
        "grid:\n  coupled.epsilon: [0.5, -1]",
        "5:26 grid.coupled.epsilon[1]  must be greater than 0, not -1",
    ),
    (
        "grid: {trajectory: {steps: [400, 100], segments: [20, 200]}}",
        "4:34 grid.trajectory.steps[1]  steps = 100 is fewer than one step per segment (200)",
    ),
    (
        "trajectory: {steps: 400}\ngrid: {trajectory.epochs: [3, 4]}",
        "5:28 grid.trajectory.epochs[0]  give steps or epochs, not both",
    ),
    (
        f"grid: {{seed: {list(range(400))}, trajectory.lr: {list(range(1, 400))}}}",
        "4:1 grid  159,600 cells; at most 100,000 are possible",
    ),
    (
        "data: {train: 5}\ncoupled: {tile_size: 2}\ngrid: {coupled.blocks: [3, 7]}",
        "6:28 grid.coupled.blocks[1]  7 blocks need as many tiles; digits-low -> digits-high has 3 "
        "(5 images in tiles of 2); set blocks to at most 3",
    ),
    (
        "trajectory: {match: speed, reference: cnn8-narow}",
        "4:28 trajectory.reference  unknown model 'cnn8-narow'; ",
    ),
    ("data: {download: yes}", "4:8 data.download  must be true or false, not 'yes'"),
    ("model: wrn-" + "9" * 5000 + "-1", "4:1 model  unknown model 'wrn-999"),
    ("model: wrn-010-01", "4:1 model  unknown model 'wrn-010-01'; "),
    ("model: wrn-１６-4", "4:1 model  unknown model 'wrn-１６-4'; "),
    (
        'model: "raytd.models.cnn:CNN8(widths=(2, 2))(dropout=0.1)"',
        "4:1 model  'raytd.models.cnn:CNN8(widths=(2, 2))(dropout=0.1)' cannot be read; ",
    ),
    (
        'weights: "a\\0b"',
        "4:1 weights  'a\\x00b': the path has a NUL character, which no file name can have",
    ),
    (
        f"weights: {'w' * 256}",
        f"4:1 weights  '{'w' * 40}'…: a name in the path is longer than 255 bytes",
    ),
    (
        f"{MODELS}where: [{', '.join(['{when: {model: cnn8}, set: {seed: 1}}'] * 1001)}]",
        "5:1 where  1,001 conditions; at most 1,000 are possible",
    ),
    (
        "search: {trials: 3, space: {"
        + ", ".join(
            f"coupled.{key}: {{choice: {list(range(1, 61))}}}"
            for key in ("epsilon", "lam", "iterations")
        )
        + "}}",
        "4:21 search.space  216,000 combinations of choices, ends of ranges and cells of the grid",
    ),
    ("stop: {metric: distanse}", "4:8 stop.metric  must be one of 'distance', "),
    (
        "where: {model: cnn8}",
        "4:1 where  must be a list of {when: {axis: value}, set: {key: value}}",
    ),
    ("where: [model]", "4:9 where[0]  must be a mapping with when and set, not 'model'"),
    (
        f"{MODELS}where: [{{if: {{model: cnn8}}, when: {{model: cnn8}}, set: {{seed: 1}}}}]",
        "5:10 where[0].if  unknown key; there are when, set",
    ),
    (f"{MODELS}where: [{{when: {{model: cnn8}}}}]", "5:9 where[0].set  missing"),
    (
        f"{MODELS}where: [{{when: {{model: cnn8}}, set: {{}}}}]",
        "5:31 where[0].set  must not be empty",
    ),
    (
        f"{MODELS}where: [{{when: {{model: [cnn8, wrn]}}, set: {{trajectory.lr: 1}}}}]",
        "5:31 where[0].when.model[1]  never met: grid.model has no value 'wrn'",
    ),
    (
        f"{MODELS}where: [{{when: {{model: cnn8}}, set: {{trajectory.lr: -1}}}}]",
        "5:37 where[0].set.trajectory.lr  must be greater than 0, not -1",
    ),
    (
        f"{MODELS}where: [{{when: {{model: cnn8}}, set: {{trajectory.lr: [1]}}}}]",
        "5:37 where[0].set.trajectory.lr  must be one value, not a list; to sweep it, put it under "
        "grid",
    ),
    (
        f"{MODELS}where: [{{when: {{model: cnn8}}, set: {{resources.threads: 2}}}}]",
        "5:37 where[0].set.resources.threads  cannot be set by a condition; ",
    ),
    (
        f"coupled.proximal: none\n{MODELS}"
        "where: [{when: {model: cnn8}, set: {coupled.lam: 2}}]",
        "6:37 where[0].set.coupled.lam  has no effect: coupled.proximal is 'none'",
    ),
    (
        "grid.trajectory.segments: [20, 40]\n"
        "where: [{when: {trajectory.segments: 40}, set: {trajectory.steps: 30}}]",
        "5:49 where[0].set.trajectory.steps  steps = 30 is fewer than one step per segment (40)",
    ),
    ("search: 3", "4:1 search  must be a mapping of keys, not 3"),
    ("search: {trials: 3}", "4:1 search.space  missing"),
    (f"search: {{{SPACE}, trial: 3, trials: 3}}", "4:55 search.trial  unknown key; did you mean "),
    (
        f"search: {{{SPACE}, trials: 3, mode: least}}",
        "4:66 search.mode  must be one of 'min', 'max', not 'least'",
    ),
    (
        f"grid: {{coupled.lam: [1, 2]}}\nsearch: {{{SPACE}, trials: 3}}",
        "5:18 search.space.coupled.lam  is an axis under grid, too; list ",
    ),
    (
        "search: {space: {coupled.epsilom: {uniform: [1, 2]}}, trials: 3}",
        "4:18 search.space.coupled.epsilom  unknown key; did you mean 'epsilon'?",
    ),
    (
        "search: {space: {resources.threads: {integer: [1, 9]}}, trials: 3}",
        "4:18 search.space.resources.threads  cannot be searched; ",
    ),
    (
        "search: {space: {coupled.lam: [1, 20]}, trials: 3}",
        "4:18 search.space.coupled.lam  must be {loguniform: [low, high]}, {uniform: ",
    ),
    (
        "search: {space: {coupled.lam: {uniform: [20, 1]}}, trials: 3}",
        "4:32 search.space.coupled.lam.uniform  low must be less than high, not 20 and 1",
    ),
    (
        "search: {space: {trajectory.weight_decay: {loguniform: [0, 1]}}, trials: 3}",
        "4:44 search.space.trajectory.weight_decay.loguniform  low must be greater than 0, not 0",
    ),
    (
        "search: {space: {coupled.lam: {uniform: [-1, 1]}}, trials: 3}",
        "4:42 search.space.coupled.lam.uniform[0]  must be greater than 0, not -1",
    ),
    (
        "search: {space: {coupled.blocks: {uniform: [1, 3]}}, trials: 3}",
        "4:35 search.space.coupled.blocks.uniform  the key holds whole numbers; write {integer: ",
    ),
    (
        "search: {space: {coupled.blocks: {integer: [1, 2.5]}}, trials: 3}",
        "4:35 search.space.coupled.blocks.integer  must have whole ends, not 1 and 2.5",
    ),
    (
        "search: {space: {trajectory.segments: {integer: [20, 100]}}, trials: 3}",
        "4:54 search.space.trajectory.segments.integer[1]  segments must be 10 or a ",
    ),
    (
        "search: {space: {coupled.proximal: {choice: [kl, kll]}}, trials: 3}",
        "4:50 search.space.coupled.proximal.choice[1]  must be one of 'kl', ",
    ),
    (
        "coupled.proximal: none\nsearch: {space: {coupled.lam: {uniform: [1, 3]}}, trials: 3}",
        "5:18 search.space.coupled.lam  has no effect: coupled.proximal is 'none'",
    ),
    (
        "data: {train: 100}\nsearch: {space: {coupled.blocks: {int: [1, 8]}}, trials: 3}",
        "5:44 search.space.coupled.blocks.int[1]  8 blocks need as many tiles; ",
    ),
    ("methods: [uncoupled]", "4:1 methods  given twice"),
    ("seed: !old 3", "4:7 seed  the tag !old is not understood"),
    ('model: "\\ud800"', "4:8 model  half a character"),
    ("coupled: {lam: 1", "5:1  not YAML: while parsing a flow mapping: expected ',' or '}', "),
    ("profile: gpu", "4:1 profile  unknown profile 'gpu'; there are auto, none"),
    ('"\\ud800": 1', "4:1  half a character"),
    ("profiles: 3", "4:1 profiles  must be a mapping of profiles, not 3"),
    ("profiles: {auto: {}}", "4:12 profiles.auto  'auto' cannot be a profile's name"),
    ("profiles: {cpu: 3}", "4:12 profiles.cpu  must be a mapping of keys, not 3"),
    (
        "profiles: {cpu: {profile: none}}",
        "4:18 profiles.cpu.profile  cannot stand in a profile",
    ),
    (
        "coupled: {blocks: 8}\nprofiles: {tiny: {data.train: 100}}",
        "4:11 coupled.blocks  8 blocks need as many tiles; digits-low -> digits-high has 4 "
        "(100 images in tiles of 25); set blocks to at most 4 or tile_size to at most 14 "
        "(with profile tiny)",
    ),
]

# What stands in GOOD, what replaces it, and the line that this gives.
REPLACED = [
    ("study", "null", "1:1 name  must be text, not empty"),
    ("study", "{a: b}", "1:1 name  must be text, not a mapping; put it in quotes"),
    ("study", "''", "1:1 name  must be text that is not empty, not ''"),
    (
        "study",
        "sources",
        "1:1 name  'sources' is the folder of the trained source models; take another name",
    ),
    ("name: study\n", "", "1:1 name  missing"),
    ("methods: [coupled]", "", "1:1 methods  missing"),
    ("[coupled]", "[]", "3:1 methods  must not be empty"),
    ("[coupled]", "coupled", "3:1 methods  must be a list of methods, not 'coupled'"),
    ("[coupled]", "[coupled, coupled]", "3:20 methods[1]  the method coupled a second time"),
    (
        "[coupled]",
        "[uncoupled]\ngrid: {coupled.lam: [1, 20]}",
        "4:8 grid.coupled.lam  has no effect: no listed method reads it (uncoupled)",
    ),
    (
        "[coupled]",
        "[uncoupled]\ngrid: {stop.tolerance: [0.1]}",
        "4:8 grid.stop.tolerance  has no effect: no listed method reads it (uncoupled)",
    ),
    ("digits-low", "3", "2:9 tasks[0]  unknown task '3'"),
    (
        "digits-low",
        "[digits-low]",
        "2:9 tasks[0]  must be the name of a task or a mapping, not a list",
    ),
    ("digits-low", "digits-high", "2:22 tasks[1]  a second task of the name 'digits-high'"),
    (
        "digits-low",
        "{name: a, dataset: digits, classes: [5, 6, 7, 8, 9]}",
        "2:63 tasks[1]  the same as the task 'a'",
    ),
    (
        "digits-low",
        "{name: a, dataset: digit, classes: [1]}",
        "2:19 tasks[0].dataset  unknown dataset 'digit'; ",
    ),
    (
        "digits-low",
        "{name: a, dataset: cifar100, classes: [camell]}",
        "2:48 tasks[0].classes[0]  cifar100 has no class 'camell'; did you mean 'camel'?",
    ),
    (
        "digits-low",
        "{name: a, dataset: digits, classes: [1, 1]}",
        "2:49 tasks[0].classes[1]  class '1' a second time",
    ),
    (
        "digits-low",
        "{name: a, dataset: digits, classes: []}",
        "2:36 tasks[0].classes  must be a list that is not empty, not an empty list",
    ),
    ("digits-low", "{name: a, classes: [1]}", "2:9 tasks[0].dataset  missing"),
    (
        "digits-low",
        "{name: a, dataset: 'parquets:x'}",
        "2:19 tasks[0].dataset  unknown dataset 'parquets:x'; there are digits, fashion-mnist, "
        "cifar10, cifar100, idx:PATH, parquet:PATH, folder:PATH, npz:PATH; "
        "did you mean 'parquet:PATH'?",
    ),
    (
        "digits-low",
        "{name: a, dataset: 'parquet:x', known_as: cifar10, classes: [cats]}",
        "2:70 tasks[0].classes[0]  cifar10 has no class 'cats'; did you mean 'cat'?",
    ),
    (
        "digits-low",
        "{name: a, dataset: digits, size: big}",
        "2:36 tasks[0].size  must be a number of pixels, as 16, or [height, width], each from 1",
    ),
    (
        "digits-low, digits-high",
        "{name: a, dataset: 'folder:x/pets'}, {name: b, dataset: 'npz:y/pets.npz'}",
        "2:56 tasks[1].dataset  npz:y/pets.npz and folder:x/pets would both be known as 'pets', "
        "and share their classes; set known_as for one of them, or the same for both",
    ),
    (
        "digits-low",
        "{name: digit-low, train: 50}",
        "2:10 tasks[0].name  unknown task 'digit-low' without dataset; did you mean 'digits-low'?",
    ),
    (
        "digits-low",
        "{name: digits-low, train: 4}",
        "2:28 tasks[0].train  must be at least 5, one image a class of digits-low, not 4",
    ),
    ("digits-low, ", "", "2:1 tasks  all pairs need at least two tasks"),
    (GOOD, "", "1:1  the file is empty; a sweep has at least name, tasks and methods"),
    (GOOD, "- a\n", "1:1  must be a mapping of keys, not a list"),
]

OVERRIDES = [
    ("coupled.lamm=3", "--set coupled.lamm  unknown key; did you mean 'lam'?"),
    ("coupled.lam=-1", "--set coupled.lam  must be greater than 0, not -1"),
    ("coupled={lam: -1}", "--set coupled coupled.lam  must be greater than 0, not -1"),
    ("grid.seed=[0, 0]", "--set grid.seed grid.seed[1]  0 a second time"),
    ("coupled.lam", "--set coupled.lam  must have the form key.path=value"),
    ("seed=[1", "--set seed  not YAML: "),
    ("profile=gpu", "--set profile  unknown profile 'gpu'; there are auto, none"),
]


@for_each(("added", "line"), ADDED)
def test_a_wrong_addition_gives_one_line(tmp_path: Path, added: str, line: str) -> None:
    (found,) = problems(tmp_path, f"{GOOD}{added}\n")
    assert found.startswith(line)


@for_each(("old", "new", "line"), REPLACED)
def test_a_wrong_replacement_gives_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in GOOD
    (found,) = problems(tmp_path, GOOD.replace(old, new))
    assert found.startswith(line)


@for_each(("override", "line"), OVERRIDES)
def test_a_wrong_override_gives_one_line(tmp_path: Path, override: str, line: str) -> None:
    (found,) = problems(tmp_path, GOOD, override)
    assert found.startswith(line)


def test_a_profile_that_the_command_misspells_gives_one_line(tmp_path: Path) -> None:
    text = GOOD + "profiles: {cpu: {seed: 1}}\n"
    assert problems(tmp_path, text, profile="cpus") == [
        "--profile cpus  unknown profile 'cpus'; there are auto, none, cpu; did you mean 'cpu'?"
    ]


MANY = """\
nam: study
tasks:
  - digits-lo
  - {name: mine, dataset: digits, classes: [1, 1, x], train: 1, colour: red}
  - digits-high
pairs: [[digits-lo, digits-high], [mine, yours]]
methods: [coupled, finetuned]
grid:
  model: [cnn8, resnet]
  coupled.epsilon: [0.5, 0.5, -1]
  coupled.lam: [1, 20]
coupled: {proximal: none, blocks: 0}
trajectory: {steps: 5, epochs: 3, lr: fast, lr: 2}
resources: {cpus_per_actor: 0, gpus_per_actor: 1.5}
profiles:
  cpu: {coupled.bloks: 2}
"""


def test_all_problems_are_reported_at_once_in_the_order_of_their_places(tmp_path: Path) -> None:
    lines = problems(tmp_path, MANY, "seed=-1")
    heads = [line.split("  ")[0] for line in lines]
    assert heads == [
        "1:1 nam",
        "1:1 name",
        "3:5 tasks[0]",
        "4:48 tasks[1].classes[1]",
        "4:51 tasks[1].classes[2]",
        "4:55 tasks[1].train",
        "4:65 tasks[1].colour",
        "6:42 pairs[1][1]",
        "7:20 methods[1]",
        "9:17 grid.model[1]",
        "10:26 grid.coupled.epsilon[1]",
        "10:31 grid.coupled.epsilon[2]",
        "12:27 coupled.blocks",
        "13:14 trajectory.steps",
        "13:45 trajectory.lr",
        "14:13 resources.cpus_per_actor",
        "14:32 resources.gpus_per_actor",
        "16:9 coupled.bloks",
        "--set seed",
    ]


def test_all_problems_of_a_condition_and_a_search_are_reported_at_once(tmp_path: Path) -> None:
    text = f"""\
{GOOD}grid: {{model: [cnn8, wrn-10-1]}}
where: [{{when: {{model: cnn8}}, set: {{trajectory.lrr: 1, pretrain.lr: -1}}}}]
search:
  space:
    coupled.epsilon: {{loguniform: [0, 2]}}
    coupled.lam: {{uniform: [-1, 1]}}
  metric: distanc
"""
    assert [line.split("  ")[0] for line in problems(tmp_path, text)] == [
        "5:37 where[0].set.trajectory.lrr",
        "5:56 where[0].set.pretrain.lr",
        "6:1 search.trials",
        "8:23 search.space.coupled.epsilon.loguniform",
        "9:29 search.space.coupled.lam.uniform[0]",
        "10:3 search.metric",
    ]


def test_an_end_of_pairs_that_is_not_named_has_no_problem_of_its_own(tmp_path: Path) -> None:
    text = GOOD.replace("[digits-low, digits-high]", "[]") + "pairs: {to: [digits-low]}\n"
    assert [line.split("  ")[0] for line in problems(tmp_path, text)] == [
        "2:1 tasks",
        "4:14 pairs.to[0]",
    ]


def test_a_line_stays_one_line(tmp_path: Path) -> None:
    for line in problems(tmp_path, GOOD + '"a\\nb": 1\nmodel: "x\\ny\\e"\n'):
        assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("%YAML 1.3\n---\nname: t\n", "not YAML: version minor part can only be 2 or 1"),
        ('name: "\\U99999999"\n', "not YAML: Python int too large to convert to C int"),
        ('name: "\\U00110000"\n', "not YAML: chr() arg not in range(0x110000)"),
    ],
)
def test_what_the_parser_itself_trips_over_is_no_yaml(
    tmp_path: Path, text: str, reason: str
) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith(f"1:1  {reason}")


@pytest.mark.parametrize("place", ["~nobody-of-this-name/b", "x" * 256, '"a\\0b"'])
def test_a_path_that_no_file_has_is_named_with_its_place_in_the_file(
    tmp_path: Path, place: str
) -> None:
    reference = place.replace('"', "")
    text = f'tasks: [digits-low, {{name: a, dataset: "folder:{reference}"}}]'
    lines = problems(tmp_path, GOOD.replace("tasks: [digits-low, digits-high]", text))
    assert [line.split("  ")[0] for line in lines] == ["2:31 tasks[1].dataset"]


def test_two_thousand_tasks_are_looked_at_once_each(tmp_path: Path) -> None:
    tasks = [f"{{name: t{i}, dataset: digits, train: {20 + i}}}" for i in range(2000)]
    twin = "{name: twin, dataset: digits, train: 20}"
    text = (
        f"name: many\nmethods: [coupled]\npairs: [[t0, t1]]\ntasks: [{', '.join([*tasks, twin])}]\n"
    )
    (line,) = problems(tmp_path, text)
    assert line.endswith("tasks[2000]  the same as the task 't0'")
    lines = problems(tmp_path, text.replace("pairs: [[t0, t1]]\n", "").replace(f", {twin}", ""))
    assert lines == [
        "3:1 tasks  4,000,000 pairs; at most 200,000 are possible; name fewer under pairs"
    ]


def test_a_pipe_that_nothing_writes_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytd.sweep.document.reading._PIPE_S", 0.01)
    path = tmp_path / "s.yaml"
    os.mkfifo(path)
    with pytest.raises(RequestError, match=r"cannot be read: no program writes into this pipe"):
        load_sweep(path, has_gpu=lambda: False)


def test_a_device_without_an_end_is_told() -> None:
    with pytest.raises(RequestError, match=r"/dev/zero  cannot be read: it has more than 16,777"):
        load_sweep("/dev/zero", has_gpu=lambda: False)
