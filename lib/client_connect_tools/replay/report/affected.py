"""The people affected by a change, as a table for a spreadsheet."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

from client_connect.printable import printable
from client_connect_tools.replay.report.labels import moment
from client_connect_tools.replay.report.sections import is_every_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.replay.people import Directory
    from client_connect_tools.replay.tally import Change, Tally

COLUMNS = (
    *("change", "kind", "name", "connections", "every one", "first seen", "last seen", "policies"),
    *("groups", "department"),
)
# The characters that make a cell a formula, in the wide forms of East Asian keyboards too.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_affected(stream: TextIO, tally: Tally, directory: Directory | None) -> None:
    """Write a row for everybody who is newly denied, and newly allowed; no cell of it is a formula.

    Args:
        stream: Where to.
        tally: What was found.
        directory: What a directory knows of users, where one was given.
    """
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for name, change in (("newly denied", tally.newly_denied), ("newly allowed", tally.newly_allowed)):
        for row in _rows(name, change, tally, directory):
            writer.writerow(map(_cell, row))


def _rows(
    name: str, change: Change, tally: Tally, directory: Directory | None
) -> Iterator[tuple[str | int, ...]]:
    for person, row in change.by_person.top():
        if person is None:
            yield name, "others", "", row.count, "", moment(row.first), moment(row.last), "", "", ""
            continue
        known = None if person.is_device else directory
        groups = tally.people.groups(person) or (known.groups.get(person.name, ()) if known else ())
        yield (
            name,
            "device" if person.is_device else "user",
            tally.people.name(person),
            row.count,
            "yes" if is_every_one(tally, change, person) else "no",
            moment(row.first),
            moment(row.last),
            "; ".join(row.notes),
            "; ".join(groups),
            known.departments.get(person.name, "") if known else "",
        )


def _cell(value: str | int) -> str:
    """Return a cell that a spreadsheet shows as it is."""
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
