import csv

import pytest

from raytd.errors import StorageError
from raytd.report.figures.figure import picture, save_figure, slug
from raytd.report.figures.heatmap import heatmaps
from raytd.report.figures.style import new_figure
from raytd.report.matrices import distance_matrices


@pytest.fixture
def figure(row):
    rows = [row("a", "b", 1 / 3), row("b", "a", 2.0)]
    return heatmaps([distance_matrices(rows)])[0]


def test_a_figure_is_png_svg_and_csv(figure, tmp_path):
    paths = save_figure(figure, tmp_path / "report")
    assert [path.name for path in paths] == [
        f"distances-coupled.{ending}" for ending in ("png", "svg", "csv")
    ]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in paths[1].read_bytes()
    with paths[2].open(newline="") as file:
        assert [float(line["mean"]) for line in csv.DictReader(file)] == [1 / 3, 2.0]


def test_the_same_figure_gives_the_same_bytes(figure, tmp_path):
    first, second = (
        [path.read_bytes() for path in save_figure(figure, tmp_path / name)] for name in "xy"
    )
    assert first == second
    assert not any(word in content for content in first for word in (b"tEXtSoftware", b"dc:date"))


def test_other_numbers_give_another_picture(row, figure, tmp_path):
    (other,) = heatmaps([distance_matrices([row("a", "b", 1.0), row("b", "a", 2.0)])])
    first, second = (
        save_figure(each, tmp_path / name)[0].read_bytes()
        for each, name in ((figure, "x"), (other, "y"))
    )
    assert first != second


def test_a_folder_that_cannot_be_written_is_one_line(figure, tmp_path):
    (tmp_path / "report").write_text("a file")
    with pytest.raises(StorageError, match=r"distances-coupled\.png: cannot be written"):
        save_figure(figure, tmp_path / "report")


def test_no_part_of_a_file_is_left_behind(figure, tmp_path):
    (tmp_path / "distances-coupled.png").mkdir()
    with pytest.raises(StorageError):
        save_figure(figure, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["distances-coupled.png"]


def test_names_of_files_are_plain():
    assert slug("Map, task2vec: a/b → c") == "map-task2vec-a-b-c"


def test_a_figure_whose_names_leave_no_room_is_made_larger():
    figure = new_figure(3, 2)
    left, right = figure.subplots(1, 2)
    left.set_yticks([0], ["a name " * 12])
    right.set_yticks([0], ["another name " * 4])
    assert picture(figure, "png").startswith(b"\x89PNG")
    width, height = figure.get_size_inches()
    assert width > 3
    assert width / height == pytest.approx(1.5)
    # The larger one has room, so that the next picture of it needs no more.
    picture(figure, "svg")
    assert tuple(figure.get_size_inches()) == (width, height)


def test_another_warning_of_the_library_is_not_swallowed():
    figure = new_figure(3, 2)
    figure.subplots().set_title("\U0010ffff")
    with pytest.warns(UserWarning, match="Glyph .* missing from font"):
        assert picture(figure, "png").startswith(b"\x89PNG")
    assert list(figure.get_size_inches()) == [3, 2]


def test_a_long_name_is_cut_to_what_a_file_can_be_called_and_told_from_others() -> None:
    one, other = (slug(f"map-model-{'é' * 300}{end}") for end in "ab")
    assert one != other
    assert all(len(f".{name}.svg.12345678".encode()) < 200 for name in (one, other))
    assert one.startswith("map-model-é")
