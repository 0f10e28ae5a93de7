"""Moments as a user writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo


class NotATime(ValueError):
    """A text is no moment; the message goes on from what the text is of."""


def instant(text: str, zone: tzinfo | None) -> datetime:
    """Read a moment, which is in ``zone`` when it has no zone of its own.

    Raises:
        NotATime: When it is not one, or when it has no zone and there is none to take.
    """
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=zone) if time.tzinfo is None else time
        time.astimezone(zone).astimezone(UTC)  # as policies see it, which fails at the ends of the calendar
    except (ValueError, OverflowError) as error:
        raise NotATime(
            f'is "{text}", which is not a time; give one such as "2026-11-22T09:00:00+01:00"'
        ) from error
    if time.tzinfo is None:
        raise NotATime(f'is "{text}", which has no time zone; give one such as "2026-11-22T09:00:00Z"')
    return time
