"""`raytd tasks` lists what there is, and shows one task with its images."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raytd.cli import main
from raytd.tasks.catalogue import CATALOGUE
from tests.conftest import small_task
from tests.tasks.formats import Made, made, write_folder, write_npz

ANIMALS = made(("ant", "bee"), (12, 9, 3), per_class=8)


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["tasks", *(str(arg) for arg in args)])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("RAYTD_DATA", "RAYTD_CATALOGUE"):
        monkeypatch.delenv(name, raising=False)
    write_folder(tmp_path / "root" / "pets", ANIMALS, ["train", "test"])
    (tmp_path / "mine.yaml").write_text("tasks: [{name: bees, dataset: 'folder:pets', size: 6}]")
    return tmp_path


def test_every_task_is_listed_with_whether_its_data_are_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--data", "root", "--catalogue", "mine.yaml")
    assert code == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert set(rows) > set(CATALOGUE)
    assert rows["digits-low"][1:3] == ["digits", "yes"]
    assert rows["herbivores"][1:3] == ["cifar100", "no"]
    assert rows["bees"][1:4] == ["folder:pets", "yes", "all"]
    assert f"cifar100  not under {folder / 'root'}" in out
    assert f"folder:pets  {folder / 'root' / 'pets'}" in out
    assert sorted(p.name for p in folder.iterdir()) == ["mine.yaml", "root"]


def test_the_list_is_one_json_document_too(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYTD_DATA", "root")
    monkeypatch.setenv("RAYTD_CATALOGUE", "mine.yaml")
    code, out, _ = run(capsys, "--json")
    content = json.loads(out)
    assert code == 0
    assert content["root"] == str(folder / "root")
    tasks = {task["name"]: task for task in content["tasks"]}
    assert tasks["digits-low"]["place"] == "in scikit-learn"
    assert tasks["herbivores"]["place"] is None
    assert tasks["bees"]["place"] == str(folder / "root" / "pets")
    assert tasks["bees"]["size"] == [6, 6]


def test_a_task_is_shown_with_its_classes_counts_and_digest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "digits-low", "--train", "30", "--val", "20")
    assert code == 0
    task = small_task("digits-low")
    assert out.splitlines()[0] == f"digits-low: digits, digest {task.digest}"
    lines = [line.split() for line in out.splitlines()]
    assert ["digits/3", "6", "4"] in lines
    assert ["5", "classes", "30", "20"] in lines
    assert out.splitlines()[1] == (
        "digits (in scikit-learn): 1,797 images of 10 classes; "
        "a third of each class is held back for validation"
    )
    assert "images  8×8, grey; mean 0.2873; standard deviation 0.3539" in out
    with Image.open(folder / "digits-low.png") as sheet:
        assert min(sheet.size) > 100


def test_a_data_set_by_its_path_is_shown_without_a_catalogue(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["folder:./root/pets", "--size", "6", "--sheet", "sheet.png", "--json"]
    code, out, _ = run(capsys, *args)
    facts = json.loads(out)
    assert code == 0
    assert facts["name"] == "pets"
    assert facts["image_shape"] == [3, 6, 6]
    assert facts["classes"] == [
        {"class": "pets/ant", "train": 8, "val": 8},
        {"class": "pets/bee", "train": 8, "val": 8},
    ]
    (data,) = facts["data"]
    assert data["val"] == {"part": "test", "files": 16, "images": 16, "classes": 2, "without": []}
    assert data["notes"] == []
    assert facts["sheet"] == "sheet.png"
    assert (folder / "sheet.png").exists()
    _, out, _ = run(capsys, "bees", "--data", "root", "--catalogue", "mine.yaml", "--json")
    assert json.loads(out)["digest"] == facts["digest"]


def test_the_options_say_how_pixels_are_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    icons = np.zeros((16, 12, 9, 4), np.uint8)
    icons[..., 3] = made(("ant", "bee"), (12, 9, 1), per_class=8).train[0][..., 0]
    labels = np.arange(16) % 2
    write_folder(folder / "icons", Made(("ant", "bee"), (icons, labels), (icons, labels)), [""])
    code, out, err = run(capsys, "folder:./icons", "--background", "black")
    assert (code, out) == (2, "")
    assert err.endswith("so the images are almost blank; set background: white\n")
    code, out, err = run(capsys, "folder:./icons", "--channels", "1")
    assert code == 0
    assert "  icons: transparent pixels of 16 images were laid on white (background).\n" in out
    assert "images  12×9, grey" in out
    code, _, err = run(capsys, "folder:./icons", "--range", "0", "100")
    assert (code, err.count("\n")) == (0, 0)  # alpha is not on that scale
    code, _, err = run(capsys, "folder:./icons", "--range", "100", "0")
    assert code == 2
    assert err.startswith("--range: must be [low, high], the values that become black and white")


def test_names_are_printed_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = ANIMALS.train
    arrays = {"images": images, "labels": labels, "class_names": np.array(["[/red]", "[bold]c"])}
    write_npz(folder / "[bold]x.npz", **arrays)
    code, out, _ = run(capsys, "npz:./[bold]x.npz")
    assert code == 0
    assert "[bold]x/[/red]" in out
    assert "[bold]x/[bold]c" in out


@pytest.mark.parametrize(
    ("args", "code", "line"),
    [
        (["digit-low"], 2, "unknown task 'digit-low'; there are those that raytd tasks lists, "
         "and data sets such as folder:PATH; did you mean 'digits-low'?"),
        (["folder:pets"], 2, "folder:pets: not at {root}/pets"),
        (["cifar10"], 2, "cifar10: not under {root}/cifar-10-batches-py (nor {root}/cifar10)."),
        (["digits-low", "--train", "9999"], 2, "task 'digits-low': train = 9999 takes 2000 "
         "images of class '0', which has 119; set train between 5 and 590"),
        (["digits-low", "--sheet", "no/sheet.png"], 1, "no/sheet.png: cannot be written "
         "(no such file or directory); name another file with --sheet"),
        (["--catalogue", "none.yaml"], 2, "none.yaml  cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line(
    args: list[str], code: int, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, err = run(capsys, *args, "--data", "empty")
    assert ended == code
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith(line.format(root=folder / "empty"))
    assert sorted(p.name for p in folder.iterdir()) == ["mine.yaml", "root"]


def test_sweeps_and_distances_take_the_same_options(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "s.yaml").write_text("name: s\ntasks: [bees, flowers]\nmethods: [coupled]\n")
    for args in (["sweep", "s.yaml"], ["distance", "bees", "flowers"]):
        with pytest.raises(SystemExit):
            main([*args, "--data", "empty", "--catalogue", "mine.yaml"])
        lines = capsys.readouterr().err.splitlines()[-2:]
        assert lines[0].startswith("folder:pets: not at ")
        assert lines[1].startswith("cifar100: not under ")


def test_neither_listing_nor_showing_a_task_loads_torch(folder: Path) -> None:
    script = (
        "import sys\nfrom raytd.cli import main\n"
        "for args in (['tasks'], ['tasks', 'digits-low'], ['tasks', 'folder:./root/pets']):\n"
        "    try:\n        main(args)\n"
        "    except SystemExit as ended:\n        assert ended.code == 0\n"
        "    heavy = {'torch', 'ray', 'mlflow', 'matplotlib'} & set(sys.modules)\n"
        "    assert not heavy, (args, heavy)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_the_sheet_shows_the_images_of_the_task_pixel_by_pixel(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "digits-low", "--train", "30", "--val", "20")
    with Image.open(folder / "digits-low.png") as sheet:
        grey = np.asarray(sheet.convert("L"))
    task = small_task("digits-low")
    for part, label in ((task.train, 3), (task.val, 1)):
        image = part.images[part.labels == label][0, 0]
        large = image.repeat(6, axis=0).repeat(6, axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(grey, large.shape)
        corners = windows[:, :, ::6, ::6]
        hits = np.argwhere((corners == image).all(axis=(2, 3)))
        assert any(np.array_equal(windows[y, x], large) for y, x in hits)
