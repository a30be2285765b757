from pathlib import Path

import pytest

from raytd.errors import StorageError
from raytd.sweep.folder.presence import FolderGoneError, Lookout, remove_remains, require_folder


def test_a_folder_that_is_gone_is_told_at_most_once_a_second(tmp_path: Path) -> None:
    now = [0.0]
    plan = tmp_path / "s" / "plan.json"
    plan.parent.mkdir()
    plan.write_text("{}")
    lookout = Lookout(plan.parent, clock=lambda: now[0])
    lookout.look()
    plan.unlink()
    lookout.look()
    now[0] = 1.0
    with pytest.raises(FolderGoneError, match=r"s: the folder of the sweep was removed or moved"):
        lookout.look()


def test_a_disk_that_cannot_be_read_is_told_with_its_reason(tmp_path: Path) -> None:
    loop = tmp_path / ("x" * 300)  # a name that no file system takes
    with pytest.raises(StorageError, match=r"cannot be read any more \(file name too long\)"):
        require_folder(loop)


def test_what_is_left_of_a_lost_sweep_is_removed_and_a_sweep_is_not(tmp_path: Path) -> None:
    for name in ("remains", "kept"):
        (tmp_path / name / "trials" / "k" / "checkpoint").mkdir(parents=True)
    (tmp_path / "kept" / "sweep.yaml").write_text("name: kept\n")
    for name in ("remains", "kept", "never"):
        remove_remains(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "trials" / "k" / "checkpoint").is_dir()
