"""The time of connections: days, times of day, and periods between the moments that policies name."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import pairwise, product
from typing import TYPE_CHECKING

from client_connect_tools.matrix.axis import Axis, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.cedar.constants import Constants

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MINUTES = 24 * 60
_YEAR = 2026
_MONTHS, _DAYS_OF_MONTH = range(1, 13), range(1, 29)


def axes(constants: Constants) -> Iterator[Axis]:
    """Yield the axes of what policies ask about the time."""
    yield from _days(constants)
    if constants.reads("time", "minuteOfDay"):
        yield Axis("time of day", tuple(_times(constants.numbers("time", "minuteOfDay"))))
    if moments := sorted(set(_moments(constants))):
        yield Axis("period", tuple(_periods(moments)))


def _days(constants: Constants) -> Iterator[Axis]:
    dates = list(_dates(constants))
    named = [Value(each.isoformat(), {"date": each}) for each in dates]
    if constants.reads("time", "weekday"):
        weekdays = [Value(day, {"weekday": number}, order="day") for number, day in enumerate(_DAYS, start=1)]
        yield Axis("day", (*weekdays, *named))
    elif named:
        yield Axis("day", (Value("any other day"), *named))


def _dates(constants: Constants) -> Iterator[date]:
    for text in constants.texts("time", "date"):
        with suppress(ValueError):  # one that is no date is never the day
            yield date.fromisoformat(text)
    if constants.reads("time", "month") or constants.reads("time", "day"):
        months = _sides(constants.numbers("time", "month"), _MONTHS)
        days = _sides(constants.numbers("time", "day"), _DAYS_OF_MONTH)
        yield from (date(_YEAR, month, day) for month, day in product(months, days))


def _sides(numbers: list[int], within: range) -> list[int]:
    """Return the numbers on both sides of each, or the first one of all."""
    return sorted(
        {each + step for each in numbers for step in (-1, 0, 1) if each + step in within} or {within[0]}
    )


def _times(minutes: list[int]) -> Iterator[Value]:
    """Yield the parts of a day between which a comparison with one of the numbers can differ."""
    begins = sorted({0, *(each + step for each in minutes for step in (0, 1) if 0 < each + step < _MINUTES)})
    for begin, end in pairwise([*begins, _MINUTES]):
        yield Value(_clock(begin), {"minute": begin}, last=_clock(end - 1), order="time")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _moments(constants: Constants) -> Iterator[datetime]:
    for text in constants.calls("datetime"):
        with suppress(ValueError):  # an invalid time is another error
            time = datetime.fromisoformat(text)
            yield time if time.tzinfo else time.replace(tzinfo=UTC)


def _periods(moments: list[datetime]) -> Iterator[Value]:
    yield Value(f"before {_shown(moments[0])}", {"period": (None, moments[0])})
    for begin, end in pairwise(moments):
        yield Value(f"from {_shown(begin)} to {_shown(end)}", {"period": (begin, end)})
    yield Value(f"from {_shown(moments[-1])}", {"period": (moments[-1], None)})


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ").removesuffix(" 00:00Z")
