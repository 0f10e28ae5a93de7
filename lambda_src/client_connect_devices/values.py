"""Read the values that device managers write: times, versions, placeholders.

The command that imports their exports reads the same spellings.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

# The prefix of the keys under which syncs keep their state.
RESERVED = "device-sync:"
LONGEST_NAME = 2048  # bytes of a key of DynamoDB
_EARLIEST_YEAR = 2000  # Intune writes the year 0001 for "never", others 1970
_TOLERATED = timedelta(minutes=5)

# Placeholders of firmware that was never given a serial number, and what exports write for nothing. In lower case.
PLACEHOLDERS = frozenset(
    (
        "0",
        "default string",
        "empty",
        "invalid",
        "n/a",
        "na",
        "none",
        "not applicable",
        "not available",
        "not specified",
        "null",
        "o.e.m.",
        "oem",
        "serial number",
        "system serial number",
        "systemserialnumber",
        "to be filled by o.e.m.",
        "unknown",
        "undefined",
        "unspecified",
        "virtual machine",
        "123456789",
        "1234567890",
    )
)
_ONE_CHARACTER = re.compile(r"([\W_]*)([0fx])(?:\2|[\W_])*", re.IGNORECASE)

_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
_NUMBERS = re.compile(r"(?<![0-9.])[0-9]{1,9}(?:\.[0-9]{1,9}){1,3}(?![0-9])")
_MAJOR = re.compile(r"(?<![\w.])[0-9]{1,4}(?![\w.])")
_KEPT_NUMBERS = 3


class Unreadable(ValueError):
    """A value of a device cannot be used; the message says what it is and what is allowed."""


def field(record: Any, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what is at a path such as ``mdm.enrollment_status``; ``None`` where there is nothing.

    A key that holds dots itself goes before its parts. Of a list, a part is the position.
    """
    if isinstance(record, dict) and path in record:
        return record[path]
    for part in path.split("."):
        if isinstance(record, dict):
            record = record.get(part)
        elif isinstance(record, list) and part.isdecimal() and int(part) < len(record):
            record = record[int(part)]
        else:
            return None
    return record


def text(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Return a value as a text without spaces around it; empty for nothing and for what is no single value."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return ""


def is_placeholder(name: str) -> bool:
    """Tell whether a name is what firmware or a manager writes for none, such as zeros alone."""
    return name.lower() in PLACEHOLDERS or _ONE_CHARACTER.fullmatch(name) is not None


def common_name(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Return a common name.

    Raises:
        Unreadable: When it is none.
    """
    name = text(value)
    if not name:
        raise Unreadable("no common name")
    if is_placeholder(name):
        raise Unreadable("a placeholder as the common name")
    if not name.isprintable():
        raise Unreadable("a common name with control characters")
    if name.startswith(RESERVED):
        raise Unreadable(f'a common name that begins with "{RESERVED}", which is kept for the state of syncs')
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise Unreadable(f"a common name of more than {LONGEST_NAME} bytes")
    return name


def os_version(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Return the first two or three numbers of a version, such as ``15.1`` of ``macOS 15.1 (24B83)``.

    A major number alone becomes ``15.0``. Empty where there is no version.
    """
    written = text(value)
    match = _NUMBERS.search(written)
    if match is not None:
        return ".".join(str(int(part)) for part in match[0].split(".")[:_KEPT_NUMBERS])
    majors = _MAJOR.findall(written)
    return f"{int(majors[0])}.0" if len(majors) == 1 else ""


def instant(value: Any, zone: tzinfo | None = None) -> datetime | None:  # noqa: ANN401 - whatever JSON holds
    """Return a time in UTC; ``None`` if it is missing, or no time with a zone, or "never".

    Args:
        value: A text of ISO 8601, with a space and seven digits of a fraction as well, or seconds or milliseconds
            since 1970.
        zone: The zone of times without one. Default: such times are not known.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    written = _FRACTION.sub(r"\1", text(value))
    try:
        time = datetime.fromisoformat(written)
        if time.tzinfo is None:
            if zone is None:
                return None
            time = time.replace(tzinfo=zone)
        utc = time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return utc if utc.year >= _EARLIEST_YEAR else None


def _since_1970(number: float) -> datetime | None:
    try:
        seconds = number / 1000 if number >= 1e11 else number  # noqa: PLR2004 - seconds until the year 5138
        utc = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return utc if utc.year >= _EARLIEST_YEAR else None


def not_in_future(time: datetime, now: datetime) -> tuple[datetime, bool]:
    """Return a time that is not after now, and whether it was by more than the clocks may differ."""
    return (now, time - now > _TOLERATED) if time > now else (time, False)


def time_text(time: datetime) -> str:
    """Return a time as the inventory has it."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
