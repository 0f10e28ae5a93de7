"""Moments as a user writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo


class NotATime(ValueError):
    """A text is no moment; the message goes on from what the text is of."""


def instant(text: str, zone: tzinfo | None, *, earlier: bool = False) -> datetime:
    """Read a moment, which is in ``zone`` when it has no zone itself.

    Args:
        text: ISO 8601.
        zone: The zone of a moment that has none.
        earlier: Whether a local time that exists twice is the earlier of both. Default: it is refused.

    Raises:
        NotATime: When it is not one, when it has no zone and none is given, or when the clocks of that zone
            skip it or show it twice.
    """
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            return _local(time, text, zone, earlier=earlier)
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


_AGO = re.compile(r"(\d{1,6})\s*(m|min|h|d|w)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_or_ago(text: str, now: datetime) -> datetime:
    """Read a moment, or how long ago it was, such as ``7d``; one without a zone is in UTC.

    Raises:
        NotATime: When it is neither.
    """
    if (match := _AGO.fullmatch(text.strip())) is None:
        try:
            return instant(text, UTC)
        except NotATime:
            raise NotATime(
                f'is "{text}", which is no time; give how long ago, such as 90m, 12h, 7d or 2w, or a time such as '
                '"2026-11-22T09:00:00Z"'
            ) from None
    try:
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise NotATime(f'is "{text}", which is before the calendar begins; give a time such as 7d') from None


def _local(time: datetime, text: str, zone: tzinfo | None, *, earlier: bool) -> datetime:
    if zone is None:
        raise NotATime(f'is "{text}", which has no time zone; give one such as "2026-11-22T09:00:00Z"')
    meant = time.replace(tzinfo=zone)
    shown = meant.astimezone(UTC).astimezone(zone)
    if shown.replace(tzinfo=None) != time:
        raise NotATime(
            f'is "{text}", which does not exist in {zone}, because the clocks go forward over it; '
            f'give a time that does, such as "{shown.replace(tzinfo=None).isoformat()}"'
        )
    first, second = (meant.replace(fold=fold) for fold in (0, 1))
    if not earlier and first.utcoffset() != second.utcoffset():
        raise NotATime(
            f'is "{text}", which exists twice in {zone}, because the clocks go back over it; '
            f'say which one by its offset: "{_with_offset(first)}" or "{_with_offset(second)}"'
        )
    return first


def _with_offset(time: datetime) -> str:
    return time.replace(fold=0, tzinfo=timezone(time.utcoffset() or timedelta())).isoformat()
