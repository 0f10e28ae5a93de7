"""One run: list everything, compare with the inventory, then write the differences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from client_connect_devices.brake import Acted, Brake, recent_of
from client_connect_devices.differences import Kind, Planned, Rules, change_of, is_of_others
from client_connect_devices.errors import RunInProgress
from client_connect_devices.items import COMMON_NAME, MalformedItem, existing_of
from client_connect_devices.listing import list_devices
from client_connect_devices.values import time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from client_connect_devices.brake import Braked
    from client_connect_devices.deadline import Deadline
    from client_connect_devices.differences import Change
    from client_connect_devices.items import Existing, Item
    from client_connect_devices.listing import Listing
    from client_connect_devices.outcome import Outcome
    from client_connect_devices.session import Session
    from client_connect_devices.source import Source
    from client_connect_devices.state import State
    from client_connect_devices.table import Table

# A lock must outlast what holds it.
_LOCK_MARGIN_S = 30.0
_OF_GONE = frozenset((Kind.MISSED, Kind.MISSING))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """By what runs change the inventory.

    Attributes:
        misses: After how many complete runs in a row without it a device counts as missing.
        forget_after: How long after that its item is deleted; ``None`` for never.
        adopt: Whether items that another writer wrote are taken over.
        retired: The names of sources that no sync has any more.
        brake: How much may change within a day.
    """

    misses: int
    forget_after: timedelta | None
    adopt: bool
    retired: frozenset[str]
    brake: Brake


class Run:
    """One run of a source.

    Args:
        source: The device manager.
        settings: By what it changes the inventory.
        session: Asks the device manager.
        deadline: When it must be over.
        now: The time.
        outcome: What it found and did is put here.
        accepted: How many changes to the worse an operator has accepted.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        source: Source,
        settings: SyncSettings,
        *,
        session: Session,
        deadline: Deadline,
        now: datetime,
        outcome: Outcome,
        accepted: int = 0,
    ) -> None:
        self._source = source
        self._settings = settings
        self._session = session
        self._deadline = deadline
        self._now = now
        self._outcome = outcome
        self._accepted = accepted
        self._id = uuid4().hex

    def compare(self, items: Iterable[Item], state: State) -> list[Planned]:
        """List everything, and return the changes, first those that take access away. Nothing is written.

        Only names are kept: a run of a large fleet needs little more memory than its list.

        Raises:
            SyncFailed: When the list is not complete.
        """
        listing = list_devices(self._source, self._session, now=self._now, deadline=self._deadline)
        self._outcome.listing = listing
        comparison = _Comparison(listing, self._rules(state), self._outcome)
        planned = [each for item in items if (each := comparison.of_item(item))]
        planned += comparison.new()
        braked = self._settings.brake.decide(
            known=self._outcome.known,
            listed=len(listing),
            gone=self._outcome.missing,
            turned=_count(planned, Kind.TURNED),
            recent=recent_of(state.acted, self._now),
            accepted=self._accepted,
        )
        self._outcome.braked = braked
        allowed = [each for each in planned if not _is_held_back(each, braked)]
        allowed.sort(key=lambda each: each.kind.rank)
        for each in allowed:
            self._outcome.plan(each)
        return allowed

    def sync(self, table: Table) -> None:
        """Compare, and write the differences, while no other run of the source does.

        Raises:
            SyncFailed: When it does not complete. What it has written is right, and the next run goes on.
        """
        name = self._source.common.name
        state = table.lock(name, run=self._id, seconds=self._deadline.left() + _LOCK_MARGIN_S)
        self._outcome.last_complete = state.last_complete
        after: State | None = None
        try:
            planned = self.compare(table.scan(), state)
            self._announce(table, planned, state)
            if self._write(table, planned, state):
                after = self._state_after(state)
        finally:
            self._unlock(table, after)
        if after is not None:
            self._outcome.is_complete = True
            self._outcome.last_complete = after.last_complete

    def _rules(self, state: State) -> Rules:
        common = self._source.common
        return Rules(
            source=common.name,
            judges=common.judges,
            now=self._now,
            run=state.runs,
            misses=self._settings.misses,
            grace=timedelta(seconds=common.grace_seconds),
            forget_after=self._settings.forget_after,
            adopt=self._settings.adopt,
            retired=self._settings.retired,
            act_on_misses=bool(self._accepted),
        )

    def _announce(self, table: Table, planned: Sequence[Planned], state: State) -> None:
        gone, turned = _count(planned, Kind.MISSING), _count(planned, Kind.TURNED)
        if gone or turned:
            acted = Acted(at=int(self._now.timestamp()), gone=gone, turned=turned)
            table.announce(
                self._source.common.name, run=self._id, acted=[*recent_of(state.acted, self._now), acted]
            )

    def _write(self, table: Table, planned: Sequence[Planned], state: State) -> bool:
        """Write, and return whether there was time for everything."""
        rules = self._rules(state)

        def change(common_name: str, item: Item | None) -> Change | None:
            listing = self._outcome.listing
            try:
                existing = None if item is None else existing_of(item)
            except MalformedItem:
                return None
            return change_of(common_name, existing, listing.get(common_name) if listing else None, rules)

        for kind in table.write(planned, change, lambda: self._deadline.left() > 0):
            self._outcome.written[kind.value] += 1
        return self._deadline.left() > 0

    def _state_after(self, state: State) -> State:
        braked = self._outcome.braked
        # A run whose misses do not count is none of those in a row.
        counts = braked is None or not (braked.gone or braked.empty)
        return replace(state, runs=state.runs + counts, last_complete=time_text(self._now))

    def _unlock(self, table: Table, state: State | None) -> None:
        try:
            table.unlock(self._source.common.name, run=self._id, state=state)
        except RunInProgress:
            if state is not None:
                raise


class _Comparison:
    """Compares the list with the table, item by item."""

    def __init__(self, listing: Listing, rules: Rules, outcome: Outcome) -> None:
        self._listing = listing
        self._rules = rules
        self._outcome = outcome
        self._seen: set[str] = set()

    def of_item(self, item: Item) -> Planned | None:
        """Return the change of an item of the table."""
        name: str = item[COMMON_NAME]["S"]
        listed = name in self._listing
        if listed:
            self._seen.add(name)
            self._outcome.matched += 1
        try:
            existing = existing_of(item)
        except MalformedItem:
            self._outcome.malformed += 1
            return None
        if listed and is_of_others(existing, self._rules):
            self._outcome.leave_alone(name)
            return None
        device = self._listing.get(name)
        self._count(existing, is_gone=device is None or device.removed)
        change = change_of(name, existing, device, self._rules)
        return None if change is None else Planned(change.kind, name, is_new=False)

    def _count(self, existing: Existing, *, is_gone: bool) -> None:
        part = existing.parts.get(self._rules.source)
        if part is not None and not part.missing_since:
            self._outcome.known += 1
            self._outcome.missing += is_gone

    def new(self) -> Iterator[Planned]:
        """Yield the devices that the table does not have."""
        for name in self._listing:
            if name not in self._seen:
                yield Planned(Kind.NEW, name, is_new=True)


def _count(planned: Sequence[Planned], kind: Kind) -> int:
    return sum(each.kind is kind for each in planned)


def _is_held_back(planned: Planned, braked: Braked) -> bool:
    if braked.turned and planned.kind is Kind.TURNED:
        return True
    return (braked.gone or braked.empty) and planned.kind in _OF_GONE
