"""The report folder of a sweep: figures, their data, and the page."""

from dataclasses import dataclass

from raytd.report.figures.choice import model_comparisons, sweep_figures
from raytd.report.figures.figure import save_figure
from raytd.report.page.html import page
from raytd.report.saved import SavedSweep
from raytd.storage.files import write_bytes
from raytd.storage.path import StoragePath

_VALUES = ("value", "noise_free_length")


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        page: `index.html`.
        files: figures and their data, in the order of the page.
    """

    page: StoragePath
    files: tuple[StoragePath, ...]


def write_report(saved: SavedSweep, folder: StoragePath | None = None) -> Report:
    """Writes figures, data and page; the same results give the same bytes.

    Args:
        saved: the sweep.
        folder: where; `report` in the sweep's folder if None.

    Raises:
        StorageError: the folder cannot be written.
    """
    folder = saved.folder / "report" if folder is None else folder
    figures, files, shown = sweep_figures(saved), list[StoragePath](), []
    for figure in figures:
        written = save_figure(figure, folder)
        files += written
        shown.append((figure, next(p for p in written if p.suffix == ".svg").read_bytes()))
    comparisons = [one for value in _VALUES for one in model_comparisons(saved, value) if one.pairs]
    write_bytes(folder / "index.html", page(saved, comparisons, shown).encode())
    return Report(folder / "index.html", tuple(files))
