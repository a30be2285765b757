"""The commands in a terminal, read as a person sees them."""

import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from raytd.cli.views.live import Live
from tests.cli.saved_sweep import add_transfer, write
from tests.cli.screens import Seen, shown_here, shown_in, too_wide
from tests.methods import plain_nets

pytestmark = pytest.mark.slow

SWEEP = """
name: small
tasks: [digits-low, digits-high]
data: {train: 20, val: 10}
pairs: [[digits-low, digits-high]]
methods: [coupled, uncoupled]
coupled: {iterations: 2, blocks: 2, tile_size: 5}
trajectory: {steps: 20, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 60, batch_size: 10}
stop: {tolerance: 0}
resources: {cpus_per_actor: 0.5, threads: 1}
"""

LONG = {
    "a": "photographs-of-buildings-in-winter",
    "b": "one_word_that_nobody_can_break_and_that_is_wider_than_its_column",
    "c": "digits[0-4]-:car:",
}
"""Names that must be wrapped, and one that might be taken for markup."""

WINDOWS = {
    "80 columns": (80, {}),
    "120 columns without colour": (120, {"NO_COLOR": "1"}),
    "a terminal that cannot draw": (80, {"TERM": "dumb"}),
}

COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-7]|38|4[0-7]|48|9[0-7])\b[0-9;]*m")

DRAWN = re.compile("━|(epoch|segment|iteration|network) [0-9]+/")
"""What only the drawing has, which is gone at the end."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("terminal")
    (home / "small.yaml").write_text(SWEEP)
    folder = write(home / "runs", "saved")
    add_transfer(folder)
    _rename(folder)
    return home


def _rename(folder: Path) -> None:
    """Gives the tasks and models of a saved sweep long names."""
    models = {"small": "torchvision:efficientnet_b0", "big": "my_package.my_models:a_network"}
    for path in folder.glob("trials/*/result.json"):
        row = json.loads(path.read_text())
        row |= {"source": LONG[row["source"]], "target": LONG[row["target"]]}
        path.write_text(json.dumps(row | {"model": models[row["model"]]}))
    plan = json.loads((folder / "plan.json").read_text())
    plan["sweep"]["tasks"] = [{"name": name} for name in LONG.values()]
    (folder / "plan.json").write_text(json.dumps(plan))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port at which nobody answers."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def assert_whole(seen: Seen, *, code: int = 0) -> None:
    """What holds for every command in every terminal."""
    assert seen.code == code, seen.text
    for sign in ("Traceback", "Warning", "\x1b", "[0m"):
        assert sign not in seen.text
    assert too_wide(seen) == []
    assert not [line for line in seen.screen if DRAWN.search(line)]
    assert seen.at_line_start
    assert seen.has_cursor


def one_line(moments: list[str]) -> str:
    """All that stood in the window, without the ends of lines."""
    return " ".join(" ".join(moments).split())


def assert_plain(seen: Seen, settings: dict[str, str]) -> None:
    """No colour where none is wanted, and no control at all where nothing can be drawn."""
    if "NO_COLOR" in settings:
        assert not COLOUR.search(seen.raw)
    if settings.get("TERM") == "dumb":
        assert b"\x1b" not in seen.raw


READING = {
    "results": (["results", "saved"], "5.625"),
    "results of many columns": (
        ["results", "saved", "--columns", "trial_key,source,target,model,value,unit,arrived,seed"],
        "transfer-ab-0",
    ),
    "compare": (["compare", "saved"], "6 of 6 pairs"),
    "judge": (["judge", "saved"], "Judged by transfer"),
    "recommend": (["recommend", "saved", "--target", LONG["c"]], f"Sources for {LONG['c']}"),
    "tasks": (["tasks"], "digits-low"),
    "one task": (["tasks", "digits-low"], "5 classes"),
    "doctor": (["doctor"], "raytd"),
    "plan": (["plan", "small.yaml", "--quick"], "2 trials: 0 done, 2 to run"),
}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("command", READING)
def test_what_is_read_stands_whole_in_the_window(command: str, window: str, home: Path) -> None:
    (args, told), (columns, settings) = READING[command], WINDOWS[window]
    seen = shown_here(home, *args, columns=columns, **settings)
    assert_whole(seen)
    assert_plain(seen, settings)
    assert told in seen.text
    if command in ("results", "compare", "recommend"):
        assert all(name[:6] in seen.text for name in LONG.values())


def test_a_cluster_that_does_not_answer_is_one_line(home: Path, silent_port: int) -> None:
    seen = shown_here(home, "status", "--address", f"http://127.0.0.1:{silent_port}")
    assert_whole(seen, code=2)
    assert len(seen.unwrapped) == 1


class Drawn:
    """Every event of commands in this process is drawn, and read, before the next one comes.

    A drawing comes twice a second otherwise, and a quick machine is done sooner.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._is_read, self._show = threading.Event(), Live.show
        monkeypatch.setattr(Live, "show", lambda *given: self._draw(*given))

    def look(self, _: str) -> None:
        """To be called with each new window."""
        self._is_read.set()

    def _draw(self, live: Live, event: str, fields: Mapping[str, Any]) -> None:
        self._show(live, event, fields)
        if live._live.is_started:
            self._is_read.clear()
            live._live.refresh()
            assert self._is_read.wait(60)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    return Drawn(monkeypatch)


def test_a_plan_shows_which_network_it_times_and_leaves_nothing_of_that(
    home: Path, drawn: Drawn
) -> None:
    seen = shown_here(home, "plan", "small.yaml", columns=120, then=drawn.look)
    assert_whole(seen)
    assert "expected duration" in seen.text
    moments = one_line(seen.moments)
    assert "reading the data of 2 tasks, " in moments
    assert "timing network 1 of 1: cnn8-narrow on images 8×8, grey, batch size 8" in moments
    assert "timing" not in seen.text
    assert "so far" not in seen.text


def test_a_distance_shows_its_place_and_the_time_left(home: Path, drawn: Drawn) -> None:
    pair = ("digits-low", "digits-high", "--config", "small.yaml", "--method", "coupled")
    seen = shown_here(home, "distance", *pair, then=drawn.look)
    assert_whole(seen)
    moments = one_line(seen.moments)
    assert re.search(r"network 1/2 .* epoch [0-9]+/60", moments)
    assert re.search(r"iteration 1 .* segment [0-9]+/20", moments)
    assert re.search(r"[0-9]+ (s|min) so far, about [0-9]+ (s|min) left, until ", moments)
    assert "so far" not in seen.text
    assert "iteration 1: distance" in seen.text
    assert "Fisher-Rao length" in seen.text


PATIENT = '''
"""A network that waits, once it has been in training for a while, until somebody has seen that."""

from pathlib import Path
from time import monotonic, sleep

import ray

from plain_nets import normed

STEPS = []


def wait(model, _):
    if not model.training or len(STEPS) < 4:
        STEPS.append(model.training)
        return
    of_a_trial = ray.get_runtime_context().get_placement_group_id()
    seen = Path(__file__).with_name("running" if of_a_trial else "training")
    end = monotonic() + 120
    while not seen.exists() and monotonic() < end:
        sleep(0.02)


def patient(in_channels, n_classes):
    model = normed(in_channels=in_channels, n_classes=n_classes)
    model.register_forward_pre_hook(wait)
    return model
'''


def write_patient(folder: Path) -> None:
    """Puts the module of that network into a folder, and what it imports."""
    shutil.copy(plain_nets.__file__, folder)
    (folder / "patient.py").write_text(PATIENT)


STAGES = {
    "training": (
        60,
        r"[0-9] of 2 networks trained, [12] in training, [0-9]+ (s|min) so far.*"
        r"network [12]/2 ━+\S* epoch [0-9]+/60",
    ),
    "running": (100, "1 running, 0 waiting, 0 done, 0 failed, [0-9]+ (s|min) so far"),
}
"""What a sweep shows while `patient` waits, and how wide the window is from then on."""


@pytest.mark.ray
def test_a_sweep_is_drawn_to_its_end_in_a_window_that_changes(home: Path) -> None:
    for attempt in range(3):
        models = home / f"models-{attempt}"
        models.mkdir()
        write_patient(models)

        def resize(window: str, models: Path = models) -> int | None:
            for stage, (columns, shown) in STAGES.items():
                if re.search(shown, one_line([window])):
                    (models / stage).touch()
                    return columns
            return None

        options = ("methods=[uncoupled]", "model=patient:patient", "coupled.blocks=1")
        changed = [word for option in options for word in ("--set", option)]
        where = ("--storage", f"runs-{attempt}", "--tracking-uri", "none")
        path = f"{models}:{os.environ.get('PYTHONPATH', '')}"
        seen = shown_in(home, "sweep", "small.yaml", *changed, *where, then=resize, PYTHONPATH=path)
        # A drawing that is measured before the window changes and written after it leaves a trace,
        # which no program can prevent.
        if "in training" not in seen.text:
            break
    assert_whole(seen)
    assert seen.columns == 100
    assert {path.name for path in models.iterdir()} >= STAGES.keys()
    moments = one_line(seen.moments)
    assert "starting Ray on this machine, " in moments
    assert "waiting for" not in moments
    assert "so far" not in seen.text
    assert seen.screen[0] == "small: the file as written (the file has no cpu profile)"
    assert "1 trial: 0 done, 1 to run" in seen.screen
    assert "uncoupled, patient:patient: distance (rad), 1 seed" in seen.text
    assert seen.screen[-1].endswith(f"runs-{attempt}/small/report/index.html")


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
def test_a_sweep_in_a_terminal_that_cannot_draw_is_told_in_lines(home: Path, modules: Path) -> None:
    write_patient(modules)
    (modules / "running").touch()
    told = re.compile(r"network ([12]) of 2 is being trained: patient:patient on (\S+) \(seed 0\)")

    def go_on(window: str) -> None:
        if len(set(told.findall(window))) == 2:
            (modules / "training").touch()

    columns, settings = WINDOWS["a terminal that cannot draw"]
    changed = ("--set", "model=patient:patient", "--set", "methods=[coupled]")
    where = ("--storage", "told", "--tracking-uri", "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(modules)
        seen = shown_here(
            home, "sweep", "small.yaml", *changed, *where, columns=columns, then=go_on, **settings
        )
    assert_whole(seen)
    assert_plain(seen, settings)
    for line in ("reading the data of 2 tasks", "starting Ray on this machine"):
        assert line in seen.screen
    training = [found.groups() for line in seen.screen if (found := told.fullmatch(line))]
    numbers, tasks = zip(*sorted(training), strict=True)
    assert numbers == ("1", "2")
    assert set(tasks) == {"digits-low", "digits-high"}
    assert any(line.startswith("[2/2] training patient:patient on") for line in seen.screen)
    assert any(line.startswith("[1/1] coupled digits-low->digits-high") for line in seen.screen)
