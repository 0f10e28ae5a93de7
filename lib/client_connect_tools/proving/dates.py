"""Dates as texts: compared with others, and matched with patterns."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from client_connect_tools.proving.terms import all_of, any_of, equal, one_of
from client_connect_tools.proving.texts import accepts, after, before

if TYPE_CHECKING:
    from client_connect_tools.proving.terms import Truth
    from client_connect_tools.proving.texts import Pattern
    from client_connect_tools.proving.values import Date

# Of a leap year, so every day is among them.
_DAYS = [date.fromordinal(date(2000, 1, 1).toordinal() + number) for number in range(366)]


def is_date(wanted: Date, text: str) -> Truth:
    """Return that a date is the one that a text names; never, when the text is not of its form."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return False
    if found.isoformat() != text:
        return False
    return all_of(
        equal(wanted.year, found.year), equal(wanted.month, found.month), equal(wanted.day, found.day)
    )


def date_matches(wanted: Date, pattern: Pattern) -> Truth:
    """Return that the text of a date matches a pattern."""
    years: dict[frozenset[int], set[int]] = {}
    for year in range(1, 10_000):
        years.setdefault(after(pattern, before(pattern), f"{year:04}-"), set()).add(year)
    return any_of(
        *(
            all_of(one_of(wanted.year, found), _on_days(wanted, pattern, states))
            for states, found in years.items()
        )
    )


def _on_days(wanted: Date, pattern: Pattern, states: frozenset[int]) -> Truth:
    days: dict[int, set[int]] = {}
    for each in _DAYS:
        if accepts(pattern, after(pattern, states, f"{each:%m-%d}")):
            days.setdefault(each.month, set()).add(each.day)
    return any_of(
        *(all_of(equal(wanted.month, month), one_of(wanted.day, found)) for month, found in days.items())
    )
