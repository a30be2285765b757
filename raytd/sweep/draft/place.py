"""Where a new sweep file goes: nothing that is there is lost."""

from pathlib import Path

from raytd.errors import StorageError, os_reason


def problems_with(out: Path, *, force: bool) -> list[str]:
    """What speaks against writing a file there.

    Args:
        out: the file.
        force: whether one that is there may be replaced.
    """
    if out.is_dir():
        return [f"{out} is a folder; name a file with --out"]
    if not out.parent.is_dir():
        return [f"{out}: there is no folder {out.parent}; make it, or name another file with --out"]
    if out.exists() and not force:
        return [
            f"{out} is there already: raytd sweep {out} runs it; raytd init replaces it with "
            "--force, or writes another file with --out"
        ]
    return []


def write(out: Path, text: str, *, force: bool) -> None:
    """Writes a file.

    Args:
        out: the file.
        text: of the file.
        force: whether one that is there by now is replaced.

    Raises:
        StorageError: in one line, if it cannot be written.
    """
    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"{out}: cannot be written ({os_reason(error)}); name another file with --out"
        ) from error
