"""The values that rules are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from client_connect_tools.errors import InvalidRules

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_A_DAY = 24 * 60

_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}(\.[0-9]{1,9})?")
_DAY = re.compile(r"([0-9]{4}-)?[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = 2000
_LIKE_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))?(?::00)?\s*(?:([ap])\.?m\.?)?", re.IGNORECASE)
_NOON = 12
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def listed(items: Sequence[str]) -> str:
    """Return items as a person lists them."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def closed_day(value: object) -> str | None:
    """Return a date as ``2026-12-25`` or a day of every year as ``12-25``; ``None`` if it is neither."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not (isinstance(value, str) and _DAY.fullmatch(value)):
        return None
    try:
        date.fromisoformat(value if len(value) > len("12-25") else f"{_LEAP_YEAR}-{value}")
    except ValueError:
        return None
    return value


def refuse(problems: Sequence[str]) -> None:
    """Raise the problems, if there are any.

    Raises:
        InvalidRules: With all of them.
    """
    if problems:
        raise InvalidRules("\n".join(problems))


@dataclass(frozen=True, slots=True)
class MinimumVersion:
    """The lowest version that may connect.

    Attributes:
        version: Two or three numbers, such as ``10.0.19045`` for Windows 10 22H2.
        unknown: What happens when the client did not send enough to decide: ``allow`` it, or ``deny`` it.
            Clients older than OpenVPN 2.7 send no Windows build, so ``deny`` also denies up-to-date devices.
    """

    version: str
    unknown: Literal["allow", "deny"] = "allow"

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            InvalidRules: When one has a value that is not allowed.
        """
        problems = []
        if not (isinstance(self.version, str) and _VERSION.fullmatch(self.version)):
            problems.append(
                f'minimum version {self.version!r} must be a text of two or three numbers, such as "10.0.19045"'
            )
        if self.unknown not in ("allow", "deny"):
            problems.append(f'unknown={self.unknown!r} is not allowed; choose "allow" or "deny"')
        refuse(problems)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The three numbers; a third that is left out is 0."""
        first, second, third = [*map(int, self.version.split(".")), 0][:3]
        return first, second, third


def _time_advice(value: object) -> str:
    """Return what to write instead of what is no time, such as ``7:00``, ``7 pm``, ``7`` or ``datetime.time(7)``."""
    match = _LIKE_TIME.fullmatch(str(value).strip())
    if match and not isinstance(value, bool):
        hour = int(match[1])
        if match[3]:
            hour = hour % _NOON + (_NOON if match[3].lower() == "p" else 0)
        if _TIME.fullmatch(text := f"{hour:02}:{match[2] or '00'}"):
            return f'write "{text}"'
    return 'write hours and minutes with two digits each, such as "07:00"'


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of the week, on the clock of the handler's time zone, which follows summer time.

    Attributes:
        days: The days on which it begins, of ``mon`` to ``sun``.
        start: When it begins, such as ``07:00``.
        end: When it is over, such as ``19:00``; ``24:00`` is the end of the day. When it is not later than
            ``start``, it is on the next day.
    """

    days: Sequence[str]
    start: str
    end: str

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            InvalidRules: When one has a value that is not allowed.
        """
        problems = []
        if isinstance(self.days, str) or not isinstance(self.days, Sequence) or not self.days:
            problems.append(f'days={self.days!r} must be a list of days, such as ["mon", "tue"]')
        elif unknown := [day for day in self.days if day not in DAYS]:
            problems.append(f"days has {unknown}; allowed are {', '.join(DAYS)}")
        for name in ("start", "end"):
            value = getattr(self, name)
            if not (isinstance(value, str) and _TIME.fullmatch(value)):
                problems.append(
                    f'{name}={value!r} must be a time from "00:00" to "24:00"; {_time_advice(value)}'
                )
        if self.start == "24:00":
            problems.append('start="24:00" is the end of a day; use "00:00" of the next one')
        if not problems and self.start == self.end:
            problems.append(
                f'start and end are both "{self.start}"; for a whole day, use "00:00" and "24:00"'
            )
        refuse(problems)

    @property
    def weekdays(self) -> tuple[int, ...]:
        """The days as numbers from 1 (Monday) to 7, sorted."""
        return tuple(sorted({DAYS.index(day) + 1 for day in self.days}))

    @property
    def minutes(self) -> tuple[int, int]:
        """The start and the end in minutes of the day; the end is from 1 to 1440."""
        start, end = (int(time[:2]) * 60 + int(time[3:]) for time in (self.start, self.end))
        return start, end or MINUTES_OF_A_DAY

    @property
    def minutes_of_the_week(self) -> frozenset[int]:
        """The minutes of a week without a change of the clock, counted from Monday at 00:00."""
        start, end = self.minutes
        length = end - start if end > start else end + MINUTES_OF_A_DAY - start
        week = len(DAYS) * MINUTES_OF_A_DAY
        return frozenset(
            ((day - 1) * MINUTES_OF_A_DAY + start + minute) % week
            for day in self.weekdays
            for minute in range(length)
        )

    def __str__(self) -> str:
        first, last = min(self.weekdays), max(self.weekdays)
        names = [DAYS[number - 1].capitalize() for number in self.weekdays]
        if len(names) == len(DAYS):
            days = "every day"
        elif len(names) > 2 and last - first + 1 == len(names):  # noqa: PLR2004
            days = f"on {names[0]} to {names[-1]}"
        else:
            days = f"on {listed(names)}"
        if self.minutes == (0, MINUTES_OF_A_DAY):
            return f"all day {days}"
        return f"{days} from {self.start} to {'24:00' if self.end == '00:00' else self.end}"


@dataclass(frozen=True, slots=True)
class Period:
    """One period of time.

    Attributes:
        start: When it begins, with a time zone.
        end: When it is over, with a time zone.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            InvalidRules: When one has no time zone, or the end is not later than the start.
        """
        problems = [
            f"{name}={value!r} must be a datetime with a time zone, such as tzinfo=ZoneInfo(...)"
            for name, value in (("start", self.start), ("end", self.end))
            if not (isinstance(value, datetime) and value.tzinfo)
        ]
        refuse(problems)
        # In UTC, because within one zone Python compares what the clock shows, which summer time turns back.
        try:
            if self.start.astimezone(UTC) >= self.end.astimezone(UTC):
                problems.append(f"the period from {self.start} to {self.end} is over before it begins")
        except OverflowError:
            problems.append(f"the period from {self.start} to {self.end} leaves the years 1 to 9999 in UTC")
        refuse(problems)

    def __str__(self) -> str:
        start, end = (time.astimezone(UTC).isoformat(" ", "minutes")[:16] for time in (self.start, self.end))
        return f"{start} to {end} UTC"
