"""Where the results of a sweep lie, from what a user calls it."""

from pathlib import Path

from raytd.errors import RequestError
from raytd.storage.path import StoragePath, require_storage, storage_path
from raytd.sweep.document.wording import did_you_mean


def sweep_folder(sweep: StoragePath | str, storage: StoragePath) -> StoragePath:
    """The folder of a sweep.

    Args:
        sweep: its name, its file, or the folder itself.
        storage: folder of all sweeps; unused where `sweep` is a folder.

    Raises:
        RequestError: in one line, if no results are there, or an object store cannot be used.
    """
    path = storage_path(sweep)
    if not isinstance(path, Path):
        require_storage(path)
    if (path / "plan.json").is_file():
        return path
    require_storage(storage)
    is_file = isinstance(path, Path) and path.suffix in (".yaml", ".yml")
    name = _name_in(Path(str(path))) if is_file else str(path)
    if (storage / name / "plan.json").is_file():
        return storage / name
    there = sorted(found.parent.name for found in storage.glob("*/plan.json"))
    known = f"it has {', '.join(there)}" if there else "it has none"
    raise RequestError(
        f"no results of a sweep '{name}' in {storage} ({known}); run raytd sweep, or name another "
        f"--storage{did_you_mean(name, there)}"
    )


def _name_in(file: Path) -> str:
    """What a sweep file calls its sweep.

    Raises:
        RequestError: with what is wrong with the file.
    """
    from raytd.sweep.document.yaml_data import read_document
    from raytd.sweep.file.written_names import with_texts

    content = with_texts(read_document(file)).root.plain()
    name = content.get("name") if isinstance(content, dict) else None
    if not isinstance(name, str):
        raise RequestError(f"{file}: it has no name of a sweep")
    return name
