"""The time that is left of a run, so it stops by itself before Lambda ends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# The time a run needs to end cleanly: to finish the requests under way, and to save where it is.
RESERVE_S = 20.0


class OutOfTime(Exception):
    """The run's time is nearly used up. The next run goes on."""


class Deadline:
    """The time until a run must begin to end.

    Args:
        milliseconds: Gives the time until Lambda ends the invocation.
        reserve_s: How much of it is kept for the end.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        milliseconds: Callable[[], int],
        *,
        reserve_s: float = RESERVE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._milliseconds = milliseconds
        self._reserve_s = reserve_s
        self._sleep = sleep

    @property
    def seconds(self) -> float:
        """How long the run may still work."""
        return self.until_killed - self._reserve_s

    @property
    def until_killed(self) -> float:
        """The seconds until Lambda ends the invocation."""
        return self._milliseconds() / 1000

    def require(self, seconds: float = 0.0) -> None:
        """Check that there is time for something.

        Raises:
            OutOfTime: When there is not.
        """
        if self.seconds < seconds:
            raise OutOfTime

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            OutOfTime: At once, when there is no time to wait so long.
        """
        self.require(seconds)
        self._sleep(seconds)
