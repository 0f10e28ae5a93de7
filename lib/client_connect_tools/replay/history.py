"""The history of one user or device, in the order of time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from client_connect.names import lower_case
from client_connect_tools.nearest import nearest
from client_connect_tools.replay.event import DENIALS, Event, event_of
from client_connect_tools.replay.reading.contents import Content, contents

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_SIMILAR = 10
# The connection log has the end of a session that the re-authorizer ends, shortly after or, in whole seconds, before.
_SAME_END = timedelta(minutes=5)


class History:
    """Finds what happened to one user, device or connection in blocks of logs.

    Args:
        user: The user's name, in any case of letters. Default: any.
        device: The common name of a certificate, likewise. Default: any.
        connection: The id of a connection, likewise. Default: any.

    Attributes:
        entries: How many entries of all users and devices were read, by the log that they are from.
        unreadable: How many entries are about a connection, but cannot be read.
        understood: How many entries of the last block such logs hold.
        unknown: How many they do not.
    """

    def __init__(
        self, *, user: str | None = None, device: str | None = None, connection: str | None = None
    ) -> None:
        self._user, self._device, self._connection = user, device, connection
        self._events: dict[tuple[object, ...], Event] = {}
        self._nameless: list[Event] = []
        self._users: Counter[str] = Counter()
        self._devices: Counter[str] = Counter()
        self.entries: Counter[str] = Counter()
        self.unreadable: int = 0
        self.understood: int = 0
        self.unknown: int = 0

    def block(self, block: bytes) -> None:
        """Look at a block of whole lines."""
        self.understood = self.unknown = 0
        for entry in contents(block.decode("utf-8", "surrogateescape").split("\n")):
            is_known = entry.is_understood or entry.is_attempt
            self.understood += is_known
            self.unknown += not is_known
            if isinstance(entry, Content):
                self._entry(entry)
            else:
                self.unreadable += entry.is_attempt

    def events(self) -> list[Event]:
        """Return what happened, each once, in the order of time."""
        known = {event.connection for event in self._events.values() if event.connection}
        found = [
            *self._events.values(),
            *(event for event in self._nameless if event.connection and event.connection in known),
        ]
        return sorted(_once(found), key=lambda event: event.at)

    def similar(self) -> list[str]:
        """Return names in the logs that are like the one that was asked for, but others."""
        users = () if self._user is None else _similar(self._user, self._users)
        devices = () if self._device is None else _similar(self._device, self._devices)
        return [*users, *devices][:_MOST_SIMILAR]

    def _entry(self, content: Content) -> None:
        self.entries[content.kind] += 1
        try:
            event = event_of(content)
        except ValueError:
            self.unreadable += 1
            return
        if event is None:
            return
        self._users[event.user] += 1
        self._devices[event.device] += 1
        if not _is(event.connection, self._connection):
            return
        if not event.user and not event.device and self._connection is None:
            self._nameless.append(event)
        elif _is(event.user, self._user) and _is(event.device, self._device):
            self._events[_key(event)] = event


def _is(name: str, wanted: str | None) -> bool:
    return wanted is None or lower_case(name) == lower_case(wanted)


def _key(event: Event) -> tuple[object, ...]:
    """Return what distinguishes events: an entry may be in two exports, and each run reports a waiver."""
    if event.what == "kept by a waiver":
        return event.what, event.connection, tuple(str(each.get("policyId")) for each in event.waivers)
    return event.what, event.connection, event.at, event.source


def _once(events: list[Event]) -> Iterable[Event]:
    """Leave out what the connection log repeats of what our records say in full."""
    answers = {
        event.connection: event.what not in DENIALS
        for event in events
        if event.source == "handler" and event.connection
    }
    cuts = {event.connection: event for event in events if event.what == "terminated" and event.connection}
    went_on = {event.connection for event in events if event.what != "signing in"}
    for event in events:
        if event.source == "connection log":
            let_in = answers.get(event.connection)
            if event.what in ("allowed", "denied"):
                if let_in is (event.what == "allowed"):
                    continue
                if event.what == "denied":
                    told = "no record of the handler" if let_in is None else "although the handler let it in"
                    yield replace(event, because=told)
                    continue
            if event.what == "signing in" and event.connection in went_on:
                continue
            cut = cuts.get(event.connection)
            if event.what == "session ended" and cut is not None and abs(event.at - cut.at) <= _SAME_END:
                continue
        yield event


def _similar(wanted: str, names: Counter[str]) -> list[str]:
    others = [name for name, _ in names.most_common() if name and not _is(name, wanted)]
    account = _account(wanted)
    same = [name for name in others if _account(name) == account]
    if same:
        return same
    near = nearest(wanted, others) or nearest(account, others)
    return [near] if near else []


def _account(name: str) -> str:
    """Return a name without its domain."""
    return lower_case(name).rsplit("\\", 1)[-1].split("@", 1)[0]
