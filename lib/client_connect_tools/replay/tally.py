"""The result of a replay, added up: memory depends on how many rows are kept, never on how much was replayed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from client_connect.names import lower_case
from client_connect_tools.replay.people import (
    ALLOWED,
    DENIED,
    MOST_PEOPLE,
    UNDECIDED,
    People,
    Person,
    person_of,
)
from client_connect_tools.replay.timeline import Series, Timeline

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator
    from datetime import datetime

    from client_connect_tools.replay.deciding.decider import Verdict
    from client_connect_tools.replay.reading.facts import Attempt
    from client_connect_tools.replay.reading.logs import Skipped

Side = Literal["new", "old"]

NO_PERMIT = "(no permit applied)"
POLICY_ERROR = "(a policy could not be evaluated)"
NOT_LOGGED = "(the log does not say which policy)"

_MOST_ROWS = 10_000
_MOST_NOTES = 20
_COUNTS = (
    *("lines", "understood", "unknown", "duplicates", "attempts", "incomplete", "allowed", "denied"),
    *("undecidable", "undecidable_by_new", "perhaps_newly_denied", "with_groups"),
)


@dataclass(slots=True)
class Row:
    """How often something was seen, the people, first and last time, and details."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    notes: dict[str, None] = field(default_factory=dict)
    people: set[Person] = field(default_factory=set)

    def add(self, count: int, first: datetime, last: datetime, notes: Iterable[str] = ()) -> None:
        """Count sightings. Of the notes, the first 20 that differ are kept."""
        self.count += count
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        for note in notes:
            if len(self.notes) < _MOST_NOTES:
                self.notes[note] = None


_Key = TypeVar("_Key", bound="Hashable")


@dataclass(slots=True)
class Table(Generic[_Key]):
    """Rows by name. Names that come up when the table is full are one more row together, ``others``.

    Attributes:
        most: How many rows are kept.
        rows: The rows that were kept; their counts are exact.
        others: Everything else.
    """

    most: int = _MOST_ROWS
    rows: dict[_Key, Row] = field(default_factory=dict)
    others: Row = field(default_factory=Row)

    def row(self, name: _Key) -> Row:
        """Return the row to count a name in."""
        row = self.rows.get(name)
        if row is None:
            if len(self.rows) >= self.most:
                return self.others
            row = self.rows[name] = Row()
        return row

    def merge(self, other: Table[_Key]) -> None:
        """Add what another table counted."""
        for name, row in other.rows.items():
            add_row(self.row(name), row)
        add_row(self.others, other.others)

    def top(self, most: int | None = None) -> Iterator[tuple[_Key | None, Row]]:
        """Yield the rows with the most people, then sightings; and the rest, without a name."""
        ranked = sorted(
            self.rows.items(), key=lambda item: (-len(item[1].people), -item[1].count, str(item[0]))
        )
        yield from ranked[:most]
        rest = Row()
        for row in (*(row for _, row in ranked[len(ranked) if most is None else most :]), self.others):
            add_row(rest, row)
        if rest.count:
            yield None, rest


@dataclass(slots=True)
class Change:
    """Connections that would be decided otherwise.

    Attributes:
        count: How many, exactly.
        by_policy: For new denials, what denies now; for new permissions, what denied before. Where several
            policies decided together, each counts.
        by_person: The affected people, with those policies.
        by_hour: When, by the weekday(Monday is 1) and the hour on the policies' clock.
    """

    count: int = 0
    by_policy: Table[str] = field(default_factory=Table)
    by_person: Table[Person] = field(default_factory=lambda: Table(MOST_PEOPLE))
    by_hour: Table[tuple[int, int]] = field(default_factory=Table)

    @property
    def people(self) -> int:
        """How many people it concerns."""
        return len(self.by_person.rows)

    def add(self, attempt: Attempt, person: Person, policies: tuple[str, ...]) -> None:
        """Count a connection."""
        now, local = attempt.facts.now, attempt.facts.local_time
        self.count += 1
        for policy in policies:
            _count(self.by_policy.row(policy), person, now)
        _count(self.by_hour.row((local.isoweekday(), local.hour)), person, now)
        self.by_person.row(person).add(1, now, now, policies)

    def merge(self, other: Change) -> None:
        """Add what another one counted."""
        self.count += other.count
        self.by_policy.merge(other.by_policy)
        self.by_person.merge(other.by_person)
        self.by_hour.merge(other.by_hour)


@dataclass(slots=True)
class Tally:
    """The result of a replay.

    Attributes:
        lines: The lines that were read.
        understood: How many entries were found that such logs hold.
        unknown: How many were found that they do not.
        duplicates: How many of those were in the logs before, which do not count again.
        keys: Which connections were counted, as ``key_of`` names them; of a block only.
        attempts: The connections in the logs; ``allowed``, ``denied`` and ``undecidable`` add up to it.
        incomplete: Those of them that came from a connection log, which lacks facts.
        allowed: Those that the new policies allow.
        denied: Those that the new policies deny.
        undecidable: Those where a missing fact keeps the new policies, or the old ones, from a decision, and
            those that cannot be read.
        undecidable_by_new: Those of them that the new policies cannot decide.
        perhaps_newly_denied: Those of them that were allowed before.
        newly_denied: Those that were allowed before.
        newly_allowed: Those that were denied before.
        blamed: The policies that a missing fact left undecided, and in ``notes`` which facts, by whether
            they are ``new`` or ``old``.
        unreadable: The connections that cannot be read, by what is wrong with their records.
        skipped: What was no decision to replay, by kind.
        timeline: What the new policies decide, over time.
        people: Everybody whose connections were decided.
        with_groups: The connections with known groups of their users.
        unseen_groups: The groups in the new policies that no connection had; those of a log without groups are not
            known, so it names none.
    """

    lines: int = 0
    understood: int = 0
    unknown: int = 0
    duplicates: int = 0
    keys: set[int] = field(default_factory=set)
    attempts: int = 0
    incomplete: int = 0
    allowed: int = 0
    denied: int = 0
    undecidable: int = 0
    undecidable_by_new: int = 0
    perhaps_newly_denied: int = 0
    newly_denied: Change = field(default_factory=Change)
    newly_allowed: Change = field(default_factory=Change)
    blamed: dict[Side, Table[str]] = field(default_factory=lambda: {"new": Table(), "old": Table()})
    unreadable: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    timeline: Timeline = field(default_factory=Timeline)
    people: People = field(default_factory=People)
    with_groups: int = 0
    unseen_groups: set[str] = field(default_factory=set)

    @property
    def changes(self) -> int:
        """How many connections would be decided otherwise."""
        return self.newly_denied.count + self.newly_allowed.count

    def add(self, attempt: Attempt, old: Verdict, new: Verdict) -> None:
        """Count a connection, with what was decided and what would be."""
        self.attempts += 1
        self.understood += 1
        request = attempt.facts.request
        if attempt.missing:
            self.incomplete += 1
            self.with_groups += request.username is not None and "groups" not in attempt.missing
        else:
            self.with_groups += 1
        if self.unseen_groups:
            self.unseen_groups.difference_update(request.groups)
        if old.allowed is None or new.allowed is None:
            self.people.add(request, UNDECIDED)
            self._undecided(attempt, person_of(request), old, new)
            return
        self.people.add(request, ALLOWED if new.allowed else DENIED)
        entries: list[tuple[Series, str]] = [("decisions", "allowed" if new.allowed else "denied")]
        if new.allowed:
            self.allowed += 1
        else:
            self.denied += 1
            entries += [("denials by policy", policy) for policy in _deniers(new)]
            entries.append(("denials by platform", lower_case(request.platform) or "(not known)"))
        if old.allowed and not new.allowed:
            self.newly_denied.add(attempt, person_of(request), _deniers(new))
            entries.append(("changes", "newly denied"))
        elif new.allowed and not old.allowed:
            self.newly_allowed.add(attempt, person_of(request), _deniers(old))
            entries.append(("changes", "newly allowed"))
        self.timeline.add(int(attempt.facts.now.timestamp()), entries)

    def skip(self, skipped: Skipped) -> None:
        """Count unreadable entries. For a connection among them, the policies' decision is unknown."""
        self.understood += skipped.is_understood
        self.unknown += not skipped.is_understood
        if not skipped.is_attempt:
            self.skipped[skipped.kind] += 1
            return
        self.unreadable[skipped.kind] += 1
        self.attempts += 1
        self.undecidable += 1
        self.undecidable_by_new += 1

    def _undecided(self, attempt: Attempt, person: Person, old: Verdict, new: Verdict) -> None:
        now = attempt.facts.now
        self.undecidable += 1
        self.undecidable_by_new += new.allowed is None
        self.perhaps_newly_denied += new.allowed is None and old.allowed is True
        self.timeline.add(int(now.timestamp()), [("decisions", "undecidable")])
        verdicts: tuple[tuple[Side, Verdict], ...] = (("old", old), ("new", new))
        for side, verdict in verdicts:
            if verdict.allowed is None:
                for policy, missing in zip(verdict.policies, verdict.missing, strict=True):
                    _count(self.blamed[side].row(policy), person, now, missing)

    def merge(self, other: Tally) -> None:
        """Add what another one counted later in the same logs."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.newly_denied.merge(other.newly_denied)
        self.newly_allowed.merge(other.newly_allowed)
        for side, table in other.blamed.items():
            self.blamed[side].merge(table)
        self.unreadable.update(other.unreadable)
        self.skipped.update(other.skipped)
        self.timeline.merge(other.timeline)
        self.people.merge(other.people)
        self.unseen_groups &= other.unseen_groups

    @property
    def misnamed_groups(self) -> list[str]:
        """The groups that no connection had, if any of them could have."""
        return sorted(self.unseen_groups) if self.with_groups else []


def _deniers(verdict: Verdict) -> tuple[str, ...]:
    return (POLICY_ERROR,) if verdict.erred else verdict.policies or (NO_PERMIT,)


def _count(row: Row, person: Person, now: datetime, notes: Iterable[str] = ()) -> None:
    row.add(1, now, now, notes)
    row.people.add(person)


def add_row(row: Row, other: Row) -> None:
    """Add what another row counted."""
    if other.first is not None and other.last is not None:
        row.add(other.count, other.first, other.last, other.notes)
        if len(row.people) < MOST_PEOPLE:
            row.people |= other.people
