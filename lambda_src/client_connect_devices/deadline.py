"""The time of one run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from client_connect_devices.errors import OutOfTime

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """When a run must be over.

    Args:
        seconds_left: Returns how many seconds are left of the function's time.
        kept: How many of them are kept for the record.
    """

    def __init__(self, seconds_left: Callable[[], float], *, kept: float = 10.0) -> None:
        self._seconds_left = seconds_left
        self._kept = kept

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return a deadline so many seconds from now."""
        end = time.monotonic() + seconds
        return cls(lambda: end - time.monotonic(), kept=0.0)

    def left(self) -> float:
        """Return the seconds that are left, 0 or more."""
        return max(0.0, self._seconds_left() - self._kept)

    def require(self, seconds: float = 0.0) -> None:
        """Check that more than so many seconds are left.

        Raises:
            OutOfTime: When they are not.
        """
        if self.left() <= seconds:
            raise OutOfTime("the run's time is used up; raise the timeout, or the page size")

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            OutOfTime: When the time would be over by then.
        """
        self.require(seconds)
        time.sleep(seconds)
