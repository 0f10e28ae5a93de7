"""What a replay found, added up: memory depends on how many rows are kept, never on how much was replayed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from client_connect.names import lower_case
from client_connect_tools.replay.timeline import OTHERS, Series, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    *("undecidable", "undecidable_by_new"),
)


@dataclass(slots=True)
class Row:
    """How often something was seen, when first and when last, and what with."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, count: int, first: datetime, last: datetime, notes: tuple[str, ...] = ()) -> None:
        """Count sightings. Of the notes, the first 20 that differ are kept."""
        self.count += count
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        for note in notes:
            if len(self.notes) < _MOST_NOTES:
                self.notes[note] = None


@dataclass(slots=True)
class Table:
    """Rows by name. Names that come up when the table is full are one more row together, ``others``.

    Attributes:
        rows: The rows that were kept; their counts are exact.
        others: Everything else.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    others: Row = field(default_factory=Row)

    def row(self, name: str) -> Row:
        """Return the row to count a name in."""
        row = self.rows.get(name)
        if row is None:
            if len(self.rows) >= _MOST_ROWS:
                return self.others
            row = self.rows[name] = Row()
        return row

    def merge(self, other: Table) -> None:
        """Add what another table counted."""
        for name, row in other.rows.items():
            _add(self.row(name), row)
        _add(self.others, other.others)

    def top(self, most: int | None = None) -> Iterator[tuple[str, Row]]:
        """Yield the rows with the most sightings, and the rest as ``others``."""
        ranked = sorted(self.rows.items(), key=lambda item: (-item[1].count, item[0]))
        yield from ranked[:most]
        rest = Row()
        for row in (*(row for _, row in ranked[len(ranked) if most is None else most :]), self.others):
            _add(rest, row)
        if rest.count:
            yield OTHERS, rest


@dataclass(slots=True)
class Change:
    """Connections that would be decided otherwise.

    Attributes:
        count: How many, exactly.
        by_policy: For new denials, what denies now; for new permissions, what denied before. Where several
            policies decided together, each counts.
        by_user: Whom it concerns, with those policies.
    """

    count: int = 0
    by_policy: Table = field(default_factory=Table)
    by_user: Table = field(default_factory=Table)

    def add(self, attempt: Attempt, policies: tuple[str, ...]) -> None:
        """Count a connection."""
        now = attempt.facts.now
        self.count += 1
        for policy in policies:
            self.by_policy.row(policy).add(1, now, now)
        self.by_user.row(_user(attempt)).add(1, now, now, policies)

    def merge(self, other: Change) -> None:
        """Add what another one counted."""
        self.count += other.count
        self.by_policy.merge(other.by_policy)
        self.by_user.merge(other.by_user)


@dataclass(slots=True)
class Tally:
    """What a replay found.

    Attributes:
        lines: The lines that were read.
        understood: How many entries were found that such logs hold.
        unknown: How many were found that they do not.
        duplicates: How many of those were in the logs before, so that they do not count again.
        keys: Which connections were counted, as ``key_of`` names them; of a block only.
        attempts: The connections in the logs; ``allowed``, ``denied`` and ``undecidable`` add up to it.
        incomplete: Those of them that came from a connection log, which lacks facts.
        allowed: Those that the new policies allow.
        denied: Those that the new policies deny.
        undecidable: Those for which a missing fact keeps the new policies, or the old ones, from a decision, and
            those that cannot be read.
        undecidable_by_new: Those of them that the new policies cannot decide.
        newly_denied: Those that were allowed before.
        newly_allowed: Those that were denied before.
        blamed: The policies that a missing fact left undecided, and in ``notes`` which facts, by whether
            they are ``new`` or ``old``.
        unreadable: The connections that cannot be read, by what is wrong with their records.
        skipped: What was no decision to replay, by kind.
        timeline: What the new policies decide, over time.
        unseen_groups: The groups in the new policies that no connection had; those of a log without groups are not
            known, so that it tells of none.
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
    newly_denied: Change = field(default_factory=Change)
    newly_allowed: Change = field(default_factory=Change)
    blamed: dict[Side, Table] = field(default_factory=lambda: {"new": Table(), "old": Table()})
    unreadable: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    timeline: Timeline = field(default_factory=Timeline)
    unseen_groups: set[str] = field(default_factory=set)

    @property
    def changes(self) -> int:
        """How many connections would be decided otherwise."""
        return self.newly_denied.count + self.newly_allowed.count

    def add(self, attempt: Attempt, old: Verdict, new: Verdict) -> None:
        """Count a connection, with what was decided and what would be."""
        self.attempts += 1
        self.understood += 1
        self.incomplete += bool(attempt.missing)
        if self.unseen_groups:
            self.unseen_groups.difference_update(attempt.facts.request.groups)
        if old.allowed is None or new.allowed is None:
            self._undecided(attempt, old, new)
            return
        entries: list[tuple[Series, str]] = [("decisions", "allowed" if new.allowed else "denied")]
        if new.allowed:
            self.allowed += 1
        else:
            self.denied += 1
            entries += [("denials by policy", policy) for policy in _deniers(new)]
            entries.append(
                ("denials by platform", lower_case(attempt.facts.request.platform) or "(not known)")
            )
        if old.allowed and not new.allowed:
            self.newly_denied.add(attempt, _deniers(new))
            entries.append(("changes", "newly denied"))
        elif new.allowed and not old.allowed:
            self.newly_allowed.add(attempt, _deniers(old))
            entries.append(("changes", "newly allowed"))
        self.timeline.add(int(attempt.facts.now.timestamp()), entries)

    def skip(self, skipped: Skipped) -> None:
        """Count what cannot be replayed. Of a connection among it, nobody knows what the policies say."""
        self.understood += skipped.is_understood
        self.unknown += not skipped.is_understood
        if not skipped.is_attempt:
            self.skipped[skipped.kind] += 1
            return
        self.unreadable[skipped.kind] += 1
        self.attempts += 1
        self.undecidable += 1
        self.undecidable_by_new += 1

    def _undecided(self, attempt: Attempt, old: Verdict, new: Verdict) -> None:
        now = attempt.facts.now
        self.undecidable += 1
        self.undecidable_by_new += new.allowed is None
        self.timeline.add(int(now.timestamp()), [("decisions", "undecidable")])
        verdicts: tuple[tuple[Side, Verdict], ...] = (("old", old), ("new", new))
        for side, verdict in verdicts:
            if verdict.allowed is None:
                for policy, missing in zip(verdict.policies, verdict.missing, strict=True):
                    self.blamed[side].row(policy).add(1, now, now, missing)

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
        self.unseen_groups &= other.unseen_groups

    @property
    def misnamed_groups(self) -> list[str]:
        """The groups that no connection had, if any of them could have."""
        return sorted(self.unseen_groups) if self.attempts > self.incomplete + self.unreadable.total() else []


def _deniers(verdict: Verdict) -> tuple[str, ...]:
    return (POLICY_ERROR,) if verdict.erred else verdict.policies or (NO_PERMIT,)


def _user(attempt: Attempt) -> str:
    request = attempt.facts.request
    return request.username if request.username is not None else f"{request.common_name} (device)"


def _add(row: Row, other: Row) -> None:
    if other.first is not None and other.last is not None:
        row.add(other.count, other.first, other.last, tuple(other.notes))
