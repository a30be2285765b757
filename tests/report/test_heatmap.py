import csv

import pytest

from raytd.errors import StorageError
from raytd.report import distance_matrices, save_heatmaps


def test_one_picture_and_one_table_per_method(row, tmp_path):
    rows = [
        row("a", "b", method=method, model=model)
        for method in ("coupled", "uncoupled")
        for model in ("cnn8", "wrn-16-4")
    ]
    pictures = save_heatmaps(distance_matrices(rows), tmp_path / "report")
    assert pictures == [
        tmp_path / "report" / "distances-coupled.png",
        tmp_path / "report" / "distances-uncoupled.png",
    ]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "distances-coupled.csv",
        "distances-coupled.png",
        "distances-uncoupled.csv",
        "distances-uncoupled.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_protocols_get_pictures_of_their_own(row, tmp_path):
    rows = [row("a", "b", protocol="p1"), row("a", "b", protocol="p2")]
    names = [path.name for path in save_heatmaps(distance_matrices(rows), tmp_path)]
    assert names == ["distances-coupled-p1.png", "distances-coupled-p2.png"]


def test_quantities_do_not_overwrite_one_another(row, tmp_path):
    rows = [row("a", "b")]
    matrices = [*distance_matrices(rows), *distance_matrices(rows, "fisher_rao_length")]
    names = [path.name for path in save_heatmaps(matrices, tmp_path)]
    assert names == ["distances-coupled.png", "fisher-rao-length-coupled.png"]


def test_the_same_matrices_give_the_same_bytes(row, tmp_path):
    matrices = distance_matrices([row("a", "b", 1.0), row("b", "a", 2.0)])
    first, second = (save_heatmaps(matrices, tmp_path / name)[0] for name in "xy")
    assert first.read_bytes() == second.read_bytes()
    assert b"tEXtSoftware" not in first.read_bytes()
    assert b"Date" not in first.read_bytes()


def test_other_numbers_give_another_picture(row, tmp_path):
    first, second = (
        save_heatmaps(distance_matrices([row("a", "b", 1.0), row("b", "a", value)]), tmp_path / n)
        for n, value in (("x", 2.0), ("y", 3.0))
    )
    assert first[0].read_bytes() != second[0].read_bytes()


def test_the_table_holds_exact_numbers_and_their_axes(row, tmp_path):
    rows = [
        row("a", "b", 0.1, seed=0, **{"coupled.lam": 5}),
        row("a", "b", 0.3, seed=1, **{"coupled.lam": 5}),
        row("b", "a", 1 / 3, **{"coupled.lam": 5}),
    ]
    save_heatmaps(distance_matrices(rows, axes=["coupled.lam"]), tmp_path)
    with (tmp_path / "distances-coupled.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(x["source"], x["target"], x["n_seeds"]) for x in lines] == [
        ("a", "b", "2"),
        ("b", "a", "1"),
    ]
    assert lines[0]["coupled.lam"] == "5"
    assert lines[0]["unit"] == "rad"
    assert float(lines[0]["mean"]) == 0.2
    assert lines[1]["spread"] == ""
    assert float(lines[1]["mean"]) == 1 / 3


def test_a_folder_that_cannot_be_written_is_one_line(row, tmp_path):
    (tmp_path / "report").write_text("a file")
    with pytest.raises(StorageError, match=r"distances-coupled\.png: cannot be written"):
        save_heatmaps(distance_matrices([row("a", "b")]), tmp_path / "report")


def test_no_part_of_a_file_is_left_behind(row, tmp_path):
    (tmp_path / "distances-coupled.png").mkdir()
    with pytest.raises(StorageError):
        save_heatmaps(distance_matrices([row("a", "b")]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["distances-coupled.png"]
