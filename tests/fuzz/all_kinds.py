"""Every kind of file that somebody else may have written, or a disk have damaged."""

from tests.fuzz.kinds.documents import CATALOGUES, SWEEP_FILES
from tests.fuzz.kinds.images import IDX, IMAGES, NPZ, PARQUET
from tests.fuzz.kinds.results import RESULTS
from tests.fuzz.kinds.weights import WEIGHTS

KINDS = (SWEEP_FILES, CATALOGUES, NPZ, PARQUET, IDX, IMAGES, WEIGHTS, RESULTS)
