"""How do people read distances: in matrices, tables and comparisons?"""

from raytd.report.compare import Comparison, PairComparison, compare
from raytd.report.matrices import DistanceMatrix, distance_matrices
from raytd.report.saved import SavedSweep, open_sweep, read_sweep
from raytd.report.terminal import matrix_tables, results_table

__all__ = [
    "Comparison",
    "DistanceMatrix",
    "PairComparison",
    "SavedSweep",
    "compare",
    "distance_matrices",
    "matrix_tables",
    "open_sweep",
    "read_sweep",
    "results_table",
]
