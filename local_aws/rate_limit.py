"""Token buckets, as AWS throttles its APIs.

Source: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How often something may be called.

    Attributes:
        burst: The calls that a rested bucket holds.
        per_second: The calls that come back each second.
    """

    burst: int
    per_second: float


class TokenBucket:
    """A bucket that is full at first.

    Args:
        limit: Its size and how fast it fills up.
        now: The time, in seconds.
    """

    def __init__(self, limit: RateLimit, *, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._filled = now

    def take(self, *, now: float) -> bool:
        """Take one token; return whether there was one."""
        refill = (now - self._filled) * self._limit.per_second
        self._tokens, self._filled = min(self._limit.burst, self._tokens + refill), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
