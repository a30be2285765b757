"""The report folder of a sweep: figures, their data, and the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from raytd.report.figures.choice import model_comparisons, scaled_matrices, sweep_figures
from raytd.report.figures.figure import Figure, save_figure
from raytd.report.figures.heatmap import heatmaps
from raytd.report.figures.verdict_overview import verdict_overview
from raytd.report.page.html import Content, page
from raytd.report.recommend.recommendation import Court, court, recommendations
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
    held = court(saved.rows, saved.axes, classes=saved.classes)
    matrices = scaled_matrices(saved)
    maps, others = heatmaps(matrices), [*_of_verdicts(held), *sweep_figures(saved)]
    files = {figure.name: save_figure(figure, folder) for figure in (*maps, *others)}
    content = Content(
        saved=saved,
        advice=recommendations(held),
        scales=list(zip(matrices, maps, strict=True)),
        judged=held.verdicts,
        comparisons=[c for value in _VALUES for c in model_comparisons(saved, value) if c.pairs],
        pictures=[(figure, _svg(files[figure.name])) for figure in others],
    )
    write_bytes(folder / "index.html", page(content).encode())
    return Report(folder / "index.html", tuple(chain(*files.values())))


def _svg(files: Iterable[StoragePath]) -> bytes:
    return next(path for path in files if path.suffix == ".svg").read_bytes()


def _of_verdicts(held: Court) -> list[Figure]:
    if held.truth is None or not held.verdicts:
        return []
    return [verdict_overview(held.verdicts, truth=held.truth, column="value")]
