"""The tracker of sweeps that nobody tracks."""

from collections.abc import Mapping, Sequence

from raytd.storage.path import StoragePath
from raytd.tracking.base import Closing, TrialInfo, TrialStatus


class NullTracker:
    """Takes everything and keeps nothing."""

    def log_iteration(
        self,
        trial: TrialInfo,
        iteration: int,
        metrics: Mapping[str, float],
        knots: Sequence[Mapping[str, float]],
    ) -> None:
        """Forgets an iteration."""

    def finish_trial(
        self,
        trial: TrialInfo,
        metrics: Mapping[str, float | None],
        *,
        status: TrialStatus,
        artifacts: Sequence[StoragePath],
    ) -> None:
        """Forgets a result."""

    def close(self, closing: Closing) -> None:
        """Forgets the sweep."""
