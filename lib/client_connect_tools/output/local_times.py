"""Times as people read them: those of their own clock next to UTC."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def local_time(at: datetime, zone: tzinfo | None = None, *, separator: str = " ") -> str:
    """Return a moment as local time, and in UTC in brackets unless that is the same.

    Args:
        at: The moment, with a zone.
        zone: The zone of the local time. Default: that of this machine.
        separator: The text between date and time in UTC; ``T`` where a user may copy it into a command.
    """
    utc = at.astimezone(UTC)
    text = f"{utc:%Y-%m-%d}{separator}{utc:%H:%M:%S}Z"
    try:
        local = utc.astimezone(zone)
    except (OverflowError, OSError):  # at the ends of the calendar
        return text
    return text if not local.utcoffset() else f"{local:%Y-%m-%d %H:%M:%S %Z} ({text})"


def local_time_of(text: str) -> str:
    """Return a moment that AWS or one of our tables has as text; what is none, or has no zone, as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else local_time(at, separator="T")
