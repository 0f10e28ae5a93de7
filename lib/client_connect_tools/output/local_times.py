"""Times as people read them: those of their own clock next to UTC."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def local_time(at: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment as local time, and in UTC in brackets unless that is the same.

    Args:
        at: The moment, with a zone.
        zone: The zone of the local time. Default: that of this machine.
    """
    utc = at.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M:%S}Z"
    try:
        local = utc.astimezone(zone)
    except (OverflowError, OSError):  # at the ends of the calendar
        return text
    return text if not local.utcoffset() else f"{local:%Y-%m-%d %H:%M:%S %Z} ({text})"
