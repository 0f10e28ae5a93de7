"""The time of a decision: the moment, and what the clock of a time zone shows then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING

from client_connect_tools.proving.terms import (
    added,
    all_of,
    any_of,
    at_most,
    chosen,
    divided,
    equal,
    less,
    multiplied,
    negated,
    number_variable,
    remainder,
    variables_of,
    within,
)
from client_connect_tools.proving.values import Date, Fields, Long, Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect_tools.proving.solver import Model
    from client_connect_tools.proving.terms import Node, Number, Truth
    from client_connect_tools.proving.values import Value

DAY = 86_400_000
MINUTE = 60_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
# Where the offsets of a zone are exact. Elsewhere, as before there was one, any offset is possible.
_EXACT = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2
_BEFORE = tuple(sum(_LENGTHS[:month]) for month in range(12))
_DAYS_BEFORE_1970 = 719_162
_THURSDAY = 3
# A Monday at noon, for parts that a model leaves open.
_USUAL = datetime(2026, 1, 5, 12)  # noqa: DTZ001 - on any clock


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def moment_at(number: int) -> datetime:
    """Return the moment so many milliseconds after 1970."""
    return EPOCH + timedelta(milliseconds=number)


class Clock:
    """The variables of the time, and how they belong together.

    Args:
        zone: The time zone; ``None`` for any, with any offset at any time.
        since: The earliest moment. Default: none.
    """

    def __init__(self, zone: tzinfo | None, since: datetime | None) -> None:
        self.zone = zone
        self._since = since
        self.now: Node = number_variable("now")
        self.year: Node = number_variable("year")
        self.month: Node = number_variable("month")
        self.day: Node = number_variable("day")
        self.weekday: Node = number_variable("weekday")
        self.minute: Node = number_variable("minuteOfDay")

    @property
    def value(self) -> Fields:
        """The value of ``context.time``."""
        values: dict[str, Value] = {
            "now": Moment(self.now),
            "date": Date(self.year, self.month, self.day),
            "month": Long(self.month),
            "day": Long(self.day),
            "weekday": Long(self.weekday),
            "minuteOfDay": Long(self.minute),
        }
        return Fields({name: (True, value) for name, value in values.items()})

    def depends_on_zone(self, terms: Iterable[Truth]) -> bool:
        """Return whether formulas ask for both the moment and the clock, so the zone between them matters."""
        return self._is_tied(variables_of(*terms))

    def constraints(self, terms: Iterable[Truth]) -> Iterator[Truth]:
        """Yield what is always true of the time, as far as formulas ask for it."""
        used = variables_of(*terms)
        earliest = FIRST if self._since is None else self._since
        yield within(self.now, milliseconds(earliest), milliseconds(LAST))
        yield within(self.weekday, 1, 7)
        yield within(self.minute, 0, 1439)
        yield within(self.year, 1, 9999)
        yield within(self.month, 1, 12)
        yield at_most(1, self.day)
        yield any_of(
            *(
                all_of(equal(self.month, month + 1), at_most(self.day, length))
                for month, length in enumerate(_LENGTHS)
            ),
            all_of(equal(self.month, _FEBRUARY), self._is_leap_year(), at_most(self.day, 29)),
        )
        date, weekday = not used.isdisjoint(("year", "month", "day")), "weekday" in used
        tied = self._is_tied(used)
        days, week, rest = map(number_variable, ("days", "week", "rest"))
        if tied:
            yield within(rest, 0, MINUTE - 1)
            local = added(multiplied(days, DAY), multiplied(self.minute, MINUTE), rest)
            yield equal(added(self.now, self._offset()), local)
            yield within(number_variable("offset"), 1 - DAY, DAY - 1)
        if date and (weekday or tied):
            yield equal(days, self._days())
        if weekday and (date or tied):
            yield equal(added(days, _THURSDAY), added(multiplied(week, 7), self.weekday, -1))

    def preferences(self) -> Iterator[Truth]:
        """Yield what makes a time a usual one, the most important first."""
        yield within(self.now, milliseconds(_EXACT[0]), milliseconds(_EXACT[1]) - 1)
        yield within(self.year, _EXACT[0].year + 1, _EXACT[1].year - 2)
        yield at_most(milliseconds(datetime(2026, 1, 1, tzinfo=UTC)), self.now)
        yield equal(number_variable("rest"), 0)
        yield equal(self.now, milliseconds(_USUAL.replace(tzinfo=UTC)))
        yield equal(remainder(self.now, MINUTE), 0)
        for variable, usual in (
            (self.year, _USUAL.year),
            (self.month, _USUAL.month),
            (self.day, _USUAL.day),
            (self.weekday, _USUAL.isoweekday()),
            (self.minute, _USUAL.hour * 60),
        ):
            yield equal(variable, usual)

    def decoded(self, model: Model, used: frozenset[str]) -> datetime:
        """Return the moment of a model, where some of the variables matter."""
        zone = self.zone or UTC
        if self._is_tied(used) or "now" in used:
            return moment_at(model["now"])
        local = _USUAL
        if not used.isdisjoint(("year", "month", "day")):
            local = local.replace(year=model["year"], month=model["month"], day=model["day"])
        elif "weekday" in used:
            local += timedelta(days=model["weekday"] - local.isoweekday())
        if "minuteOfDay" in used:
            local = local.replace(hour=model["minuteOfDay"] // 60, minute=model["minuteOfDay"] % 60)
        return local.replace(tzinfo=zone).astimezone(UTC)

    def decoded_zone(self, model: Model, used: frozenset[str]) -> tzinfo:
        """Return the time zone of a model; where any is possible, one that fits."""
        if self.zone is not None or not self._is_tied(used):
            return self.zone or UTC
        return timezone(timedelta(milliseconds=model["offset"]))

    def _is_tied(self, used: frozenset[str]) -> bool:
        date, minute = not used.isdisjoint(("year", "month", "day")), "minuteOfDay" in used
        clock = date or minute or "weekday" in used
        if "now" in used and clock:
            return True
        skips = (
            self.zone not in (None, UTC) and date and minute
        )  # some times of day there are not on each date
        return skips or (self._since is not None and date)

    def _is_leap_year(self) -> Truth:
        return any_of(
            all_of(equal(remainder(self.year, 4), 0), negated(equal(remainder(self.year, 100), 0))),
            equal(remainder(self.year, 400), 0),
        )

    def _days(self) -> Number:
        """The days from 1970 to the date."""
        before = added(self.year, -1)
        in_year: Number = 0
        for month, days in enumerate(_BEFORE):
            in_year = chosen(equal(self.month, month + 1), days, in_year)
        leap = chosen(all_of(less(_FEBRUARY, self.month), self._is_leap_year()), 1, 0)
        return added(
            multiplied(before, 365),
            divided(before, 4),
            multiplied(divided(before, 100), -1),
            divided(before, 400),
            in_year,
            leap,
            self.day,
            -1 - _DAYS_BEFORE_1970,
        )

    def _offset(self) -> Number:
        """The milliseconds that the clock is ahead of UTC."""
        if self.zone is UTC:
            return 0
        offset: Number = number_variable("offset")
        if self.zone is None:
            return offset
        for begin, end in pairwise((*_changes(self.zone), milliseconds(_EXACT[1]))):
            offset = chosen(within(self.now, begin, end - 1), _offset_at(self.zone, begin), offset)
        return offset


def _offset_at(zone: tzinfo, number: int) -> int:
    offset = moment_at(number).astimezone(zone).utcoffset()
    return (offset or timedelta()) // timedelta(milliseconds=1)


def _changes(zone: tzinfo) -> Iterator[int]:
    """Yield where the offset of a zone changes, and where it begins to be exact."""
    begin, end = map(milliseconds, _EXACT)
    yield begin
    for day in range(begin, end, DAY):
        before, after = day, day + DAY
        if _offset_at(zone, before) == _offset_at(zone, after):
            continue
        was = _offset_at(zone, before)
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if _offset_at(zone, middle) == was else (before, middle)
        yield after
