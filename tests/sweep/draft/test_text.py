"""A drafted file is a sweep under both profiles, whatever its tasks are called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from raytd.report.recommend.suites import spoken_for
from raytd.sweep.draft.effort import rungs
from raytd.sweep.draft.supply import Supply
from raytd.sweep.draft.text import Draft, flow, scalar, sweep_text
from raytd.sweep.file.load import load_sweep
from raytd.sweep.file.schema import sweep_schema
from raytd.sweep.file.spec import SweepSpec
from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.spec import TaskSpec


def supply(
    name: str,
    dataset: str,
    *,
    train: int = 400,
    val: int = 200,
    n_classes: int = 4,
    shape: tuple[int, int, int] = (1, 28, 28),
) -> Supply:
    spec = CATALOGUE.get(name, TaskSpec(name=name, dataset=dataset))
    by_name = name in CATALOGUE
    return Supply(spec, by_name, n_classes, train, val, "class 'x' has few", shape, ("a: 3\nb",))


def draft(*supplies: Supply, models: tuple[str, ...] = ()) -> Draft:
    *sources, target = (s.spec.name for s in supplies)
    return Draft(
        name="mine",
        editor="# yaml-language-server: $schema=schema.json",
        made_by="raytd init --source 'a\n$x'",
        runs="raytd sweep mine.yaml",
        supplies=supplies,
        sources=tuple(sources),
        targets=(target,),
        models=models,
        data={},
    )


def loaded(path: Path, text: str) -> tuple[SweepSpec, SweepSpec]:
    """The sweep for a GPU and the one without."""
    path.write_text(text, encoding="utf-8")
    content = YAML(typ="safe", pure=True).load(text)
    assert [error.message for error in Draft7Validator(sweep_schema()).iter_errors(content)] == []
    full, cpu = (load_sweep(path, has_gpu=lambda gpu=gpu: gpu).spec for gpu in (True, False))
    return full, cpu


ODD = ["no", "1e3", "1_0", "null", "0x1F", "a.b-c", "n"]


def test_names_that_yaml_takes_for_values_stay_names(tmp_path: Path) -> None:
    words = draft(
        *(supply(name, f"folder:./é {name}: #'\"\\ä") for name in ODD), supply("digits-low", "")
    )
    for effort in rungs(last=True):
        for spec in loaded(tmp_path / "s.yaml", sweep_text(words, effort, 16, "soon")):
            assert [task.name for task in spec.tasks] == [*ODD, "digits-low"]
            assert [t.dataset for t in spec.tasks[:-1]] == [f"folder:./é {n}: #'\"\\ä" for n in ODD]
            assert spec.tasks[-1].classes == CATALOGUE["digits-low"].classes
            assert spec.pairs == tuple((name, "digits-low") for name in ODD)
            assert spec.methods == ("transfer", "coupled", "h-score")
            assert len(spec.grid["seed"]) >= 2


def test_the_score_is_the_one_that_the_shipped_suites_speak_for(tmp_path: Path) -> None:
    words = draft(supply("a", "folder:a"), supply("b", "folder:b"))
    text = sweep_text(words, next(rungs(last=True)), 16, "soon")
    assert (best := spoken_for()) is not None
    assert best.method in loaded(tmp_path / "s.yaml", text)[0].methods


def test_no_task_is_asked_for_more_images_than_it_has(tmp_path: Path) -> None:
    few = supply("few", "folder:few", train=8, val=4)
    many = supply("many", "folder:many", train=5000, val=3000, n_classes=100)
    for order in ((few, many), (many, few)):
        text = sweep_text(draft(*order), next(rungs(last=True)), 16, "soon")
        for spec in loaded(tmp_path / "s.yaml", text):
            assert {task.name: task.train for task in spec.tasks}["few"] == 8
            assert {task.name: task.val for task in spec.tasks}["few"] == 4
            assert (spec.task("many").train or 0) >= 600
            images = {task.name: task.train or 0 for task in spec.tasks}
            assert spec.transfer.n_train <= images[spec.pairs[0][1]]


def test_tasks_that_have_about_as_many_images_take_the_same_number(tmp_path: Path) -> None:
    sizes = (472, 476, 464)
    words = draft(*(supply(f"t{n}", f"folder:t{n}", train=n) for n in sizes))
    full, _ = loaded(tmp_path / "s.yaml", sweep_text(words, next(rungs(last=True)), 16, "soon"))
    assert {task.train for task in full.tasks} == {464}


@pytest.mark.parametrize(
    ("shapes", "side", "size", "channels"),
    [
        ([(1, 28, 28), (1, 28, 28)], 16, (16, 16), 1),
        ([(3, 64, 96), (3, 64, 96)], 32, (21, 32), 3),
        ([(3, 64, 96), (1, 10, 10)], 32, (32, 32), 3),
        ([(1, 4, 4), (1, 4, 4)], 8, (8, 8), 1),
        ([(1, 8, 200), (1, 8, 200)], 32, (8, 32), 1),
    ],
)
def test_all_tasks_get_one_form(
    tmp_path: Path,
    shapes: list[tuple[int, int, int]],
    side: int,
    size: tuple[int, int],
    channels: int,
) -> None:
    tasks = [supply(f"t{i}", f"folder:t{i}", shape=shape) for i, shape in enumerate(shapes)]
    text = sweep_text(draft(*tasks), next(rungs(last=True)), side, "soon")
    _, cpu = loaded(tmp_path / "s.yaml", text)
    assert {task.size for task in cpu.tasks} == {size}
    assert {task.channels for task in cpu.tasks} == {channels}


def test_networks_are_compared_under_both_profiles(tmp_path: Path) -> None:
    models = ("torchvision:resnet18", "raytd.models.cnn:CNN8(widths=(8, 8, 16, 16, 32, 32, 32))")
    tasks = supply("a", "folder:a"), supply("b", "folder:b")
    effort = next(rungs(last=True))
    for spec in loaded(
        tmp_path / "s.yaml", sweep_text(draft(*tasks, models=models), effort, 16, "")
    ):
        assert spec.grid["model"] == models
    for spec in loaded(
        tmp_path / "s.yaml", sweep_text(draft(*tasks, models=models[1:]), effort, 16, "")
    ):
        assert spec.model == models[1]
    full, cpu = loaded(tmp_path / "s.yaml", sweep_text(draft(*tasks), effort, 16, ""))
    assert (full.model, cpu.model) == ("cnn8", "cnn8-narrow")


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=1))
def test_any_text_that_shows_is_read_as_it_was_written(text: str) -> None:
    content = YAML(typ="safe", pure=True).load(f"a: {flow([{'b': text}])}\nc: {scalar(text)}\n")
    assert content == {"a": [{"b": text}], "c": text}
