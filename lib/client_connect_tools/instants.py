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
        NotATime: When it is not one, when it has no zone and there is none to take, or when the clocks of that zone
            skip it.
    """
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            return _local(time, text, zone)
        time.astimezone(UTC).astimezone(
            zone or UTC
        )  # as policies see it, which fails at the ends of the calendar
    except NotATime:
        raise
    except (ValueError, OverflowError) as error:
        raise NotATime(
            f'is "{text}", which is not a time; give one such as "2026-11-22T09:00:00+01:00"'
        ) from error
    return time


def _local(time: datetime, text: str, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise NotATime(f'is "{text}", which has no time zone; give one such as "2026-11-22T09:00:00Z"')
    meant = time.replace(tzinfo=zone)
    shown = meant.astimezone(UTC).astimezone(zone)
    if shown.replace(tzinfo=None) != time:
        raise NotATime(
            f'is "{text}", which does not exist in {zone}, because the clocks go forward over it; '
            f'give a time that does, such as "{shown.replace(tzinfo=None).isoformat()}"'
        )
    return meant
