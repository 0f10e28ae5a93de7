"""The result of a replay, as tables: the same for a terminal and a page."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from client_connect_tools.replay.people import ALLOWED, DENIED, UNDECIDED
from client_connect_tools.replay.report.labels import moment, number, share
from client_connect_tools.replay.timeline import OTHERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from client_connect_tools.replay.people import Directory, Person
    from client_connect_tools.replay.tally import Change, Row, Table, Tally

_SEEN = ("people", "connections", "first seen", "last seen")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
UNKNOWN_DEPARTMENT = "(not in the file of groups)"


class Heat(NamedTuple):
    """A number among others of its kind.

    Attributes:
        value: The number.
        largest: The largest one.
    """

    value: int
    largest: int


Cell: TypeAlias = "str | int | datetime | Heat | None"


class Part(NamedTuple):
    """The affected people of a group or a department.

    Attributes:
        name: Of what.
        people: How many of them.
        of: How many there are in the logs.
        connections: How many connections they have that are decided otherwise.
    """

    name: str
    people: int
    of: int
    connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table.

    Attributes:
        title: What it shows.
        columns: What the columns are called.
        rows: Its rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


def sections(tally: Tally, directory: Directory | None, *, most: int) -> Iterator[Section]:
    """Yield the tables that have something to show.

    Args:
        tally: What was found.
        directory: What a directory knows of users, where one was given.
        most: How many rows each has.
    """
    yield _totals(tally)
    yield from changes(tally, directory, most=most)
    for side, policies in tally.blamed.items():
        if policies.rows:
            title = f"Undecidable by the {side} policies, for facts that the log does not hold"
            yield Section(
                title=title, columns=("policy", *_SEEN, "missing"), rows=_rows(policies, most, notes=True)
            )
    for title, counts in (
        ("Undecidable, because they cannot be read", tally.unreadable),
        ("Skipped, because they are no decisions to replay", tally.skipped),
    ):
        if counts:
            rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            yield Section(title=title, columns=("kind", "lines"), rows=rows)


def changes(tally: Tally, directory: Directory | None, *, most: int) -> Iterator[Section]:
    """Yield the tables of the changes, by people and time."""
    for title, by, change in (
        ("Newly denied", "denied by", tally.newly_denied),
        ("Newly allowed", "denied before by", tally.newly_allowed),
    ):
        if change.count:
            yield from _change(title, by, change, tally, directory, most)


def text_of(cell: Cell) -> str:
    """Return a cell as text, as it was written."""
    if isinstance(cell, Heat):
        return number(cell.value) if cell.value else ""
    if isinstance(cell, int):
        return number(cell)
    return cell if isinstance(cell, str) else moment(cell)


def _totals(tally: Tally) -> Section:
    counts = {
        "allowed": (tally.people.count(ALLOWED), tally.allowed),
        "denied": (tally.people.count(DENIED), tally.denied),
        "undecidable": (tally.people.count(UNDECIDED), tally.undecidable),
        "newly denied": (tally.newly_denied.people, tally.newly_denied.count),
        "newly allowed": (tally.newly_allowed.people, tally.newly_allowed.count),
        "all": (len(tally.people), tally.attempts),
    }
    return Section(
        title="Decisions of the new policies",
        columns=("decision", "people", "connections", "share"),
        rows=[
            (name, people, connections, share(connections, tally.attempts))
            for name, (people, connections) in counts.items()
        ],
    )


def _change(  # noqa: PLR0913, PLR0917 - what a change is shown with
    title: str, by: str, change: Change, tally: Tally, directory: Directory | None, most: int
) -> Iterator[Section]:
    yield Section(
        title=f"{title}, by policy", columns=(by, *_SEEN), rows=_rows(change.by_policy, most, notes=False)
    )
    columns = ("people", "of", "connections")
    for name, parts in (
        ("group", by_group(tally, change, directory)),
        ("department", by_department(tally, change, directory)),
    ):
        if parts:
            rows: list[tuple[Cell, ...]] = [(*part,) for part in parts[:most]]
            if len(parts) > most:  # whose people are not added up, because they may be in several
                rows.append((f"{len(parts) - most:,} more", None, None, None))
            yield Section(title=f"{title}, by {name}", columns=(name, *columns), rows=rows)
    yield _hours(f"{title}, people by weekday and hour on the policies' clock", change)
    yield Section(
        title=f"{title}, by user",
        columns=("user", "connections", "every one", "first seen", "last seen", by),
        rows=list(_users(tally, change, most)),
    )


def by_group(tally: Tally, change: Change, directory: Directory | None) -> list[Part]:
    """Return the affected people by group; a person in several is counted in each."""
    known = {} if directory is None else directory.groups

    def groups(person: Person) -> Iterable[str]:
        return tally.people.groups(person) or (() if person.is_device else known.get(person.name, ()))

    return _parts(tally, change, groups)


def by_department(tally: Tally, change: Change, directory: Directory | None) -> list[Part]:
    """Return the affected people by department, where a directory has them."""
    if directory is None or not directory.departments:
        return []
    departments = directory.departments
    return _parts(
        tally,
        change,
        lambda person: (
            (UNKNOWN_DEPARTMENT,)
            if person.is_device
            else (departments.get(person.name) or UNKNOWN_DEPARTMENT,)
        ),
    )


def _parts(tally: Tally, change: Change, of: Callable[[Person], Iterable[str]]) -> list[Part]:
    total = Counter(name for person in tally.people for name in of(person))
    people: Counter[str] = Counter()
    connections: dict[str, int] = defaultdict(int)
    for person, row in change.by_person.rows.items():
        for name in of(person):
            people[name] += 1
            connections[name] += row.count
    parts = [Part(name, count, total[name], connections[name]) for name, count in people.items()]
    return sorted(parts, key=lambda part: (-part.people, -part.connections, part.name))


def _hours(title: str, change: Change) -> Section:
    cells = {when: len(row.people) for when, row in change.by_hour.rows.items()}
    most = max(cells.values(), default=0)
    hours = sorted({hour for _, hour in cells})
    return Section(
        title=title,
        columns=("hour", *_WEEKDAYS),
        rows=[
            (f"{hour:02}:00", *(Heat(cells.get((day, hour), 0), most) for day in range(1, 8)))
            for hour in range(hours[0], hours[-1] + 1)
        ],
    )


def _users(tally: Tally, change: Change, most: int) -> Iterator[tuple[Cell, ...]]:
    for person, row in change.by_person.top(most):
        if person is None:
            yield OTHERS, row.count, "", row.first, row.last, ""
        else:
            every = "yes" if is_every_one(tally, change, person) else ""
            yield tally.people.label(person), row.count, every, row.first, row.last, ", ".join(row.notes)


def is_every_one(tally: Tally, change: Change, person: Person) -> bool:
    """Return whether a change concerns a person's access as a whole: no connection is allowed, or each is."""
    if change is tally.newly_denied:
        return tally.people.is_never_let_in(person)
    return tally.people.is_never_kept_out(person)


def _rows(table: Table[str], most: int, *, notes: bool) -> list[tuple[Cell, ...]]:
    return [
        (
            OTHERS if name is None else name,
            *_seen(row),
            *(("" if name is None else ", ".join(row.notes),) if notes else ()),
        )
        for name, row in table.top(most)
    ]


def _seen(row: Row) -> tuple[Cell, ...]:
    return len(row.people), row.count, row.first, row.last
