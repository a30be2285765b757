"""Distances as people read them: matrices, figures, tables and comparisons."""

from raytd.report.compare import PairedRow, PairedRows, paired
from raytd.report.heatmap import save_heatmaps
from raytd.report.matrices import DistanceMatrix, distance_matrices
from raytd.report.terminal import matrix_table, results_table

__all__ = [
    "DistanceMatrix",
    "PairedRow",
    "PairedRows",
    "distance_matrices",
    "matrix_table",
    "paired",
    "results_table",
    "save_heatmaps",
]
