"""The one decision record that a command is about, out of logs in any form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client_connect_tools.nearest import nearest
from client_connect_tools.replay.reading.contents import Content, contents
from client_connect_tools.replay.reading.facts import Malformed, of_record
from client_connect_tools.replay.reading.logs import UnreadableLog
from client_connect_tools.replay.reading.sources import STANDARD_INPUT, Sources

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from client_connect_tools.replay.reading.facts import Attempt

_LISTED = 5
_MOST_CONNECTIONS = 1000


class NoRecord(ValueError):
    """There is not one record to decide; the message says what there is, and what to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decision record.

    Attributes:
        entry: The record as it was written.
        attempt: What is read of it.
    """

    entry: dict[str, Any]
    attempt: Attempt

    @property
    def has_facts(self) -> bool:
        """Whether it says what was known besides the request; handlers always do."""
        return "facts" in self.entry or "factsJson" in self.entry

    @property
    def networks(self) -> tuple[str, ...]:
        """The named networks that the address was in."""
        facts = self.entry.get("facts")
        names = facts.get("networks") if isinstance(facts, dict) else None
        return tuple(sorted(map(str, names))) if isinstance(names, list) else ()


def find_record(
    file: str, *, connection_id: str | None, recorded_at: str | None, zone: tzinfo | None
) -> Recorded:
    """Return the one record in a file.

    Args:
        file: The file, or ``-`` for standard input.
        connection_id: Of which connection. Default: there is only one.
        recorded_at: What the record's time begins with. Default: there is only one.
        zone: The zone of the policies' clock. Default: the record's.

    Raises:
        NoRecord: When no or more than one record is found, or it cannot be read.
    """
    found = _Found(connection_id, recorded_at)
    try:
        for block in Sources.find([file]).blocks(lambda _: None):
            found.read(contents(block.decode("utf-8", "surrogateescape").split("\n")))
    except UnreadableLog as error:
        raise NoRecord(str(error)) from None
    entry = found.only("standard input" if file == STANDARD_INPUT else f'"{file}"')
    try:
        return Recorded(entry=entry, attempt=of_record(entry, time_zone=zone))
    except Malformed as error:
        raise NoRecord(str(error)) from None


def is_of_log(text: str) -> bool:
    """Tell whether a text holds a record, or an entry of another log, and is no event."""
    return any(isinstance(each, Content) for each in _lines_and_whole(text))


def _lines_and_whole(text: str) -> Iterable[object]:
    yield from contents(text.splitlines())
    yield from contents([text.replace("\n", " ").replace("\r", " ")])


@dataclass(slots=True)
class _Found:
    """The content of a file: few entries are kept, whatever its size."""

    connection_id: str | None
    recorded_at: str | None
    records: list[dict[str, Any]] = field(default_factory=list)
    connections: dict[str, None] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    is_event: bool = False
    unreadable: int = 0

    def read(self, entries: Iterable[object]) -> None:
        for entry in entries:
            if isinstance(entry, Content):
                self._content(entry)
            else:
                self.unreadable += bool(getattr(entry, "is_attempt", False))

    def _content(self, content: Content) -> None:
        entry = content.content
        kind = content.kind
        if kind not in ("decision", "re-authorizer") or not _has_request(entry):
            self.others[kind] = self.others.get(kind, 0) + 1
            return
        connection = _connection(entry)
        if len(self.connections) < _MOST_CONNECTIONS:
            self.connections[connection] = None
        is_meant = self.connection_id in (None, connection) and str(entry.get("at")).startswith(
            self.recorded_at or ""
        )
        if is_meant and len(self.records) <= _LISTED and _key(entry) not in map(_key, self.records):
            self.records.append(entry)

    def only(self, where: str) -> dict[str, Any]:
        """Return the one record.

        Raises:
            NoRecord: When no or more than one record is found.
        """
        if len(self.records) == 1:
            return self.records[0]
        raise NoRecord(self._several(where) if self.records else self._none(where))

    def _several(self, where: str) -> str:
        connections = list(dict.fromkeys(map(_connection, self.records)))
        times = [str(entry.get("at")) for entry in self.records]
        several = len(connections) > 1
        option, values = ("--connection-id", connections) if several else ("--recorded-at", times)
        of = "" if several else f" of connection {connections[0]}"
        count = f"more than {_LISTED}" if len(self.records) > _LISTED else str(len(self.records))
        return f"{where} has {count} records{of}; pick one with {option}: {_listed(values)}"

    def _none(self, where: str) -> str:
        if self.connections:
            given = {"--connection-id": self.connection_id, "--recorded-at": self.recorded_at}
            asked = " and ".join(f'{name} "{value}"' for name, value in given.items() if value is not None)
            near = nearest(self.connection_id or "", self.connections)
            if near and near != self.connection_id:
                return f"{where} has no record for {asked}; did you mean {near}?"
            return f"{where} has no record for {asked}; it has records of {_listed(list(self.connections))}"
        if self.others:
            return f"{where} has no decision record, but {self._what_else()}"
        if self.unreadable:
            return f"{where} holds a record that cannot be read: it is cut off, or no JSON; export it whole"
        return (
            f"{where} holds no decision record; give a line of the handler's log group, in any form that logs are "
            "exported in, or --event FILE for the event of an invocation"
        )

    def _what_else(self) -> str:
        if "error" in self.others:
            return (
                "an error record: the handler decided nothing, and it has no facts; decide its event, which is the "
                'text in "event", with --event FILE'
            )
        if "re-authorizer" in self.others or "run" in self.others:
            return (
                "entries of the re-authorizer without a request: the registry did not know the connection; "
                "give the handler's record of it"
            )
        return (
            "entries of a connection log, which hold neither groups nor versions nor devices; give the handler's "
            "decision record, or use client-connect replay"
        )


def _listed(values: list[str]) -> str:
    return ", ".join(values[:_LISTED]) + (", ..." if len(values) > _LISTED else "")


def _key(entry: dict[str, Any]) -> tuple[object, ...]:
    """Return what is the same of a record that is in the file twice, as where exports overlap."""
    return _connection(entry), entry.get("at"), "reason" in entry


def _has_request(entry: dict[str, Any]) -> bool:
    return "decision" in entry and ("request" in entry or "requestJson" in entry)


def _connection(entry: dict[str, Any]) -> str:
    request = entry.get("request")
    return str(request.get("connection-id", "")) if isinstance(request, dict) else ""
