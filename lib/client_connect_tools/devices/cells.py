"""Values as exports have them: what is compliant, when a device was seen, and the version of its system."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from client_connect_devices import values
from client_connect_tools.inputs.device_json import MalformedDevice, shown
from client_connect_tools.inputs.timestamps import NotATime, instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

_TRUE = ("true", "yes", "y", "1", "compliant", "pass", "passed", "passing")
_FALSE = (
    "false",
    "no",
    "n",
    "0",
    "noncompliant",
    "notcompliant",
    "fail",
    "failed",
    "failing",
    "ingraceperiod",
)
_NOT_KNOWN = (
    *("", "-", "--", "\u2013", "\u2014", "?", "unknown", "na", "na.", "none", "null", "never"),
    *(
        "notavailable",
        "notapplicable",
        "notevaluated",
        "notchecked",
        "notset",
        "pending",
        "conflict",
        "error",
    ),
    *("configmanager", "managedbyconfigmgr"),
)
WORDS: dict[str, bool | None] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NOT_KNOWN, None),
}
"""The meanings of words, as ``normalized``. A grace period is not counted as compliant."""

_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
# Where a date is in other words, dateutil takes the sign after a name for that of POSIX, which is the opposite.
_UTC_BEFORE_OFFSET = re.compile(r"\b(?:GMT|UTC)\s*(?=[+-][0-9])", re.IGNORECASE)
_NAME_BEFORE_OFFSET = re.compile(r":[0-9]{2}\s*(?:[AP]M\s*)?(?![AP]M\b)[A-Z]{1,5}\s*[+-][0-9]", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"[0-9]{4}[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})\b")
_EARLIEST_YEAR = 2000  # exports write the year 1 or 1970 for never
# A missing part of a date is taken from the default, and so differs.
_DEFAULTS = (datetime(2001, 1, 1), datetime(2002, 2, 2))  # noqa: DTZ001 - parts of dates without a zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """The meanings of values that do not say it themselves.

    Attributes:
        words: What further words mean for ``compliant``, as ``normalized``.
        zone: The zone of times that have none; ``None`` where such times are refused.
        day_first: Whether 04/03 is the fourth of March; ``None`` where such dates are refused.
    """

    words: Mapping[str, bool | None] = field(default_factory=dict)
    zone: tzinfo | None = None
    day_first: bool | None = None


def normalized(word: str) -> str:
    """Return a word without case, and without spaces and punctuation between its parts; a sign before it says more."""
    return re.sub(r"(?<=\w)[\W_]+(?=\w)", "", word.strip()).lower()


def verdict(value: object, meanings: Meanings, *, column: str) -> bool | None:
    """Return whether a device is compliant; ``None`` where the value says that this is not known.

    Raises:
        MalformedDevice: When the meaning of the value was not given.
    """
    if value is None or isinstance(value, bool):
        return value
    word = normalized(values.text(value))
    for known in (meanings.words, WORDS):
        if word in known:
            return known[word]
    raise MalformedDevice(
        f'"{column}" is {shown(value)}, and it is not known whether that is compliant; say so, by '
        f'--value "{values.text(value)}=true", =false or =unknown'
    )


def without_failures(value: object, *, column: str) -> bool | None:
    """Return whether a number of failures is 0; ``None`` where there is no number.

    Raises:
        MalformedDevice: When it is something else.
    """
    number = values.text(value)
    if not number:
        return None
    if not number.isdecimal():
        raise MalformedDevice(f'"{column}" is {shown(value)}, which is not a number of failures')
    return int(number) == 0


def seen(value: object, meanings: Meanings, *, column: str) -> str | None:
    """Return when a device was seen, with its zone; ``None`` for never.

    Raises:
        MalformedDevice: When it is no time, or one that may be several.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        time = values.instant(value)
        if time is None and value > 0:
            raise MalformedDevice(
                f'"{column}" is {shown(value)}, which is no time in seconds or milliseconds since 1970; give '
                'such a number, or a time such as "2026-11-22T09:00:00Z"'
            )
        return None if time is None else time.isoformat()
    text = _FRACTION.sub(r"\1", values.text(value))
    if normalized(text) in _NOT_KNOWN:
        return None
    written = _iso(text, meanings, column)
    if _is_never(written):
        return None
    try:
        return instant(written, meanings.zone, earlier=True).isoformat()
    except NotATime as error:
        hint = (
            ""
            if "has no time zone" not in str(error)
            else ", or name the zone of such times, as in --time-zone UTC"
        )
        raise MalformedDevice(f'"{column}" {error}{hint}') from None


def _is_never(text: str) -> bool:
    """Tell whether a time is one that stands for none, whatever its zone."""
    try:
        return datetime.fromisoformat(text).year < _EARLIEST_YEAR
    except ValueError:
        return False


def _iso(text: str, meanings: Meanings, column: str) -> str:
    """Return a time in the form of ISO 8601; what is no time at all as it is."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        found = {_parsed(text, day_first=day_first) for day_first in _orders(meanings)} - {None}
        if len(found) > 1:
            dates = " or ".join(sorted(f"{each:%Y-%m-%d}" for each in found if each is not None))
            raise MalformedDevice(
                f'"{column}" is {shown(text)}, which may be {dates}; say which by --dates day-first or month-first'
            ) from None
        time = next(iter(found), None)
        return text if time is None else time.isoformat()
    return text


def _orders(meanings: Meanings) -> tuple[bool, ...]:
    return (True, False) if meanings.day_first is None else (meanings.day_first,)


def _parsed(text: str, *, day_first: bool) -> datetime | None:
    """Return a time that is written otherwise; nothing where a part of its date is missing, or is not clear."""
    from dateutil import parser  # noqa: PLC0415 - most files have times as ISO 8601 has them

    text = _UTC_BEFORE_OFFSET.sub("", text)
    if _NAME_BEFORE_OFFSET.search(text):
        return None
    try:
        one, other = (
            parser.parse(text, dayfirst=day_first, default=default, tzinfos=_zone) for default in _DEFAULTS
        )
    except (ValueError, OverflowError, TypeError):
        return None
    if one != other:
        return None
    year_first = _YEAR_FIRST.match(text)
    return one if year_first is None or (one.month, one.day) == tuple(map(int, year_first.groups())) else None


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    """Return the zone of an offset; the abbreviation of a zone means something else elsewhere."""
    if offset is None and name is None:
        return None
    if offset is None:
        raise ValueError
    return timezone(timedelta(seconds=offset))
