"""How the traffic of an alias moves to a new version."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from typing import Literal

# CodeDeploy's quota, which cannot be raised: 48 hours from the first shift to the last.
MAX_MINUTES = 48 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficShifting:
    """How the traffic of an alias moves to a new version; made by one of the factories.

    Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html

    Attributes:
        kind: ``canary`` or ``linear``.
        percent: The share that is moved first and, if linear, in each further step.
        interval_minutes: The time between two steps.
    """

    kind: Literal["canary", "linear"]
    percent: int
    interval_minutes: int

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind not in {"canary", "linear"}:
            raise InvalidArgument(f'kind={self.kind!r} must be "canary" or "linear"')
        _require_share(self.percent)
        minutes = self.interval_minutes
        if isinstance(minutes, bool) or not isinstance(minutes, int) or minutes < 1:
            raise InvalidArgument(f"interval_minutes={minutes!r} must be a whole number of 1 or more")
        if self.total_minutes > MAX_MINUTES:
            raise InvalidArgument(
                f"the traffic is shifted for {self.total_minutes} minutes, but CodeDeploy gives up after "
                f"{MAX_MINUTES}; shorten interval, or shift a greater percent"
            )

    @staticmethod
    def canary(*, percent: int = 10, interval: Duration | None = None) -> TrafficShifting:
        """Move a share, wait, and move the rest.

        Args:
            percent: The share, from 1 to 99.
            interval: How long to wait: whole minutes, from 1 minute to 48 hours. Default: 30 minutes.

        Raises:
            InvalidArgument: When an argument is out of its range.
        """
        return _shifting("canary", percent, Duration.minutes(30) if interval is None else interval)

    @staticmethod
    def linear(*, percent: int = 10, interval: Duration | None = None) -> TrafficShifting:
        """Move a share again and again, until all is moved.

        Args:
            percent: The share of each step, from 1 to 99.
            interval: The time between two steps, in whole minutes; from the first step to the last there may
                be 48 hours. Default: 10 minutes.

        Raises:
            InvalidArgument: When an argument is out of its range.
        """
        return _shifting("linear", percent, Duration.minutes(10) if interval is None else interval)

    @property
    def total_minutes(self) -> int:
        """The time from the first step to the last."""
        steps = 1 if self.kind == "canary" else math.ceil(100 / self.percent) - 1
        return steps * self.interval_minutes


def _shifting(kind: Literal["canary", "linear"], percent: int, interval: Duration) -> TrafficShifting:
    _require_share(percent)
    return TrafficShifting(kind=kind, percent=percent, interval_minutes=_minutes(interval))


def _require_share(percent: object) -> None:
    if isinstance(percent, bool) or not isinstance(percent, int) or not 1 <= percent <= 99:  # noqa: PLR2004 - percent
        raise InvalidArgument(f"percent={percent!r} must be a whole number from 1 to 99")


def _minutes(interval: object) -> int:
    if not isinstance(interval, Duration) or interval.is_unresolved():
        raise InvalidArgument(f"interval={interval!r} must be a Duration, such as Duration.minutes(30)")
    milliseconds = interval.to_milliseconds(integral=False)
    if milliseconds < 60_000 or milliseconds % 60_000:  # noqa: PLR2004 - a minute
        raise InvalidArgument(
            f"interval of {milliseconds / 1000:g} s must be whole minutes, 1 or more; "
            "write Duration.minutes(30)"
        )
    return int(milliseconds // 60_000)
