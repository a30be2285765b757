"""A sweep is found by its name, by its file or by its folder."""

from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.sweep.folder.find import sweep_folder


def refused(sweep: Path | str, storage: Path) -> str:
    with pytest.raises(RequestError) as error:
        sweep_folder(sweep, storage)
    (problem,) = error.value.problems
    return problem


def test_name_file_and_folder_lead_to_the_same_results(tmp_path: Path) -> None:
    storage, file = tmp_path / "runs", tmp_path / "any.yaml"
    folder = storage / "study"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    file.write_text("name: study")
    assert [sweep_folder(asked, storage) for asked in ("study", file, folder)] == [folder] * 3
    assert refused("studdy", storage) == (
        f"no results of a sweep 'studdy' in {storage} (it has study); run raytd sweep, or name "
        "another --storage; did you mean 'study'?"
    )


@pytest.mark.parametrize("text", ["", "- study", "tasks: [a]", "name: [study]"])
def test_a_file_that_names_no_sweep_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "any.yaml"
    file.write_text(text)
    assert refused(file, tmp_path) == f"{file}: it has no name of a sweep"
