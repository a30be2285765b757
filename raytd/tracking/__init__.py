"""Where are a sweep's numbers sent while it runs?"""

from raytd.tracking.base import (
    Closing,
    DatasetInfo,
    SweepInfo,
    SweepStatus,
    Tracker,
    TrialInfo,
    TrialStatus,
)
from raytd.tracking.null import NullTracker
from raytd.tracking.open import default_uri, open_tracker

__all__ = [
    "Closing",
    "DatasetInfo",
    "NullTracker",
    "SweepInfo",
    "SweepStatus",
    "Tracker",
    "TrialInfo",
    "TrialStatus",
    "default_uri",
    "open_tracker",
]
