"""The entries of a log: attempts to connect, and everything else, by kind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from client_connect.printable import printable
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.replay.reading import envelopes, facts, tables
from client_connect_tools.replay.reading.facts import Attempt, Malformed
from client_connect_tools.replay.reading.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, tzinfo

_decoder = json.JSONDecoder()
_SPACE = " \t\r\n\ufeff"
_BETWEEN_VALUES = " \t\r\n,;|'"

_LAMBDA_TEXT = re.compile(
    r"(INIT_START|START|END|REPORT|EXTENSION|INIT_REPORT|RESTORE_START|RESTORE_REPORT) "
)
_WRITE_TEST = "Permission Check Successful"  # what CloudWatch Logs writes into a bucket before it exports
_OBJECT_IN_TEXT = re.compile(r'\{\s*"(?!")')
# A key of what is an attempt, and of nothing else in a log; also escaped, as in JSON or CSV.
_ATTEMPT_IN_TEXT = re.compile(r'"(decision|connection-attempt-status)[\\"]+\s*:')
_REASON = re.compile(r"[a-z-]{1,60}")
_PLATFORM_EVENT = re.compile(r"platform\.[A-Za-z]{1,40}")
_WITHOUT_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]?[0-9:.,+Z]*|\d{13})\s+(\S+\s+(?=[A-Z_]+ ))?")
_DEEPEST_ENVELOPE = 8
_DEEP = 500
TOO_DEEP = "JSON that is nested too deeply"
_NOT_JSON, _OTHER_JSON, _NO_OBJECT = "not JSON", "other JSON", "JSON that is not an object"
_NOT_UNDERSTOOD = frozenset({_NOT_JSON, _OTHER_JSON, _NO_OBJECT, TOO_DEEP})


class UnreadableLog(ClientConnectError):
    """A log cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a log that is no decision to replay.

    Attributes:
        kind: What it is; there are few kinds.
        is_attempt: Whether it is one to connect all the same, but cannot be read, so it is unknown what the
            policies say of it.
    """

    kind: str
    is_attempt: bool = False

    @property
    def is_understood(self) -> bool:
        """Whether it is something that such logs hold."""
        return self.kind not in _NOT_UNDERSTOOD


@dataclass(frozen=True, slots=True)
class SessionEnd(Skipped):
    """The end of a session, in a connection log.

    Attributes:
        connection_id: Whose.
        ended: When, where it says so.
    """

    connection_id: str = ""
    ended: datetime | None = None


def attempts(lines: Iterable[str], *, time_zone: tzinfo | None = None) -> Iterator[Attempt | Skipped]:
    """Read lines in any form of our decision records and Client VPN's connection logs.

    Args:
        lines: The lines, as they are or in the envelopes of other systems; JSON may go over several of them.
        time_zone: The zone of the policies' clock. Default: the records', else UTC.
    """
    one_entry_each = Lines()
    for line in lines:
        block = one_entry_each.block(line.encode("utf-8", "surrogatepass") + b"\n")
        yield from entries(_text_of(block), time_zone=time_zone)
    yield from entries(_text_of(one_entry_each.end()), time_zone=time_zone)


def _text_of(block: bytes) -> list[str]:
    return block.decode("utf-8", "surrogatepass").split("\n")


def entries(
    lines: Iterable[str], *, time_zone: tzinfo | None = None, reader: Reader | None = None
) -> Iterator[Attempt | Skipped]:
    """Read lines with at least one entry each, as ``Lines`` makes them."""
    reader = Reader(time_zone) if reader is None else reader
    for line in lines:
        if text := line.strip(_SPACE):
            try:
                value = _usual_value(text)
                if value is None:
                    yield from reader.line(text)
                elif _is_record(value):
                    yield reader.attempt(value)
                else:
                    yield from reader.value(value)
            except RecursionError:
                yield Skipped(TOO_DEEP, _is_attempt(text))


class Reader:
    """Reads entries, in whatever envelopes they are.

    Args:
        time_zone: The zone of the policies' clock. Default: the records', else ``default_zone``.
        default_zone: The zone of connection logs, which have none. Default: UTC.
    """

    def __init__(self, time_zone: tzinfo | None = None, default_zone: tzinfo | None = None) -> None:
        self._time_zone = time_zone
        self._zone_of_logs = time_zone or default_zone

    def line(self, text: str, depth: int = 0) -> list[Attempt | Skipped]:
        """Read a line, or a text in an envelope."""
        if (values := _values(text)) is not None:
            return [entry for value in values for entry in self.value(value, depth)]
        found = [
            entry
            for each in (*_objects_in(text), *(tables.cells_with_json(text) if '{""' in text else ()))
            for entry in (
                self.line(each, depth + 1) if isinstance(each, str) else self.value(each, depth + 1)
            )
        ]
        if depth < _DEEPEST_ENVELOPE and any(map(_is_understood, found)):
            return found
        return [_text(text)]

    def value(self, value: object, depth: int = 0) -> list[Attempt | Skipped]:
        """Read what a line or a part of an envelope holds."""
        if isinstance(value, dict):
            return self._object(value, depth)
        if depth >= _DEEPEST_ENVELOPE:
            return [Skipped(_OTHER_JSON)]
        if isinstance(value, str):
            return self.line(envelopes.unpacked(value).strip(_SPACE), depth + 1)
        if isinstance(value, list):
            return self._list(value, depth)
        return [Skipped(_NO_OBJECT)]

    def _object(self, value: dict[str, Any], depth: int) -> list[Attempt | Skipped]:
        if isinstance(value.get("decision"), str) and (row := tables.entry_of_row(value)) is not None:
            value = row
        if _is_record(value):
            return [self.attempt(value)]
        if "connection-log-type" in value:
            return [self.connection(value)]
        if (other := self.other(value)) is not None:
            return [other]
        entry = tables.entry_of_row(value)
        return self._envelope(value, depth) if entry is None else self._object(entry, depth + 1)

    def _envelope(self, value: dict[str, Any], depth: int) -> list[Attempt | Skipped]:
        if depth < _DEEPEST_ENVELOPE:
            for part in envelopes.parts(value):
                found = self.value(part, depth + 1)
                if any(map(_is_understood, found)):
                    return found
            if envelopes.is_empty(value):
                return []
        return [Skipped(_OTHER_JSON)]

    def _list(self, values: list[Any], depth: int) -> list[Attempt | Skipped]:
        row = envelopes.row_of_fields(values)
        if row is not None:
            return self._object(row, depth + 1)
        if not any(isinstance(value, dict | list | str) for value in values):
            return [Skipped(_NO_OBJECT)]
        # The numbers and texts next to an entry say when it was, and where.
        found = [entry for value in values for entry in self.value(value, depth + 1)]
        if any(isinstance(value, dict | list) for value in values):
            return found
        return [entry for entry in found if _is_understood(entry)] or [Skipped(_NO_OBJECT)]

    def attempt(self, record: dict[str, Any]) -> Attempt | Skipped:
        """Read a decision record."""
        try:
            return facts.of_record(record, time_zone=self._time_zone)
        except Malformed as error:
            return Skipped(str(error), is_attempt=True)

    def other(self, value: dict[str, Any]) -> Skipped | None:
        """Read the other entries of such logs; nothing when it is something else."""
        kind = _kind(value)
        return Skipped(kind) if kind else None

    def connection(self, log: dict[str, Any]) -> Attempt | Skipped:
        """Read an entry of a connection log."""
        kind, status = log["connection-log-type"], log.get("connection-attempt-status")
        if kind == "connection-reset":
            return SessionEnd(
                f"connection log: {kind}",
                connection_id=str(log.get("connection-id")),
                ended=facts.end_of(log),
            )
        if kind != "connection-attempt":
            return Skipped(f"connection log: {_word(kind)}")
        if status not in ("successful", "failed"):
            return Skipped(f"connection log: attempt {_word(status)}")
        reason = log.get("connection-attempt-failure-reason")
        if status == "failed" and reason != "client-connect-failed":
            return Skipped(f"connection log: attempt failed by {_word(reason)}")
        try:
            return facts.of_connection_log(log, allowed=status == "successful", time_zone=self._zone_of_logs)
        except Malformed as error:
            return Skipped(str(error), is_attempt=True)


def _usual_value(text: str) -> Any:  # noqa: ANN401 - what JSON holds
    """Return the one JSON value of a line by a reader that is fast, but takes no NaN, no half of a character and so on.

    Nothing when it does not take it, or when it is so deep that the two readers may differ.
    """
    if text[0] != "{" or text.count("{") + text.count("[") >= _DEEP:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _is_record(value: dict[str, Any]) -> bool:
    return "decision" in value and "at" in value and "told" not in value


def _values(text: str) -> list[Any] | None:
    """Return the JSON values of a text, which Firehose sets one after the other; nothing when it is no JSON."""
    if text[:1] not in ("{", "[", '"'):
        return None
    values, position = [], 0
    try:
        while position < len(text):
            value, position = _decoder.raw_decode(text, position)
            values.append(value)
            while text[position : position + 1] in _BETWEEN_VALUES and position < len(text):
                position += 1
    except (ValueError, RecursionError):
        return None
    return values


def _objects_in(text: str) -> Iterator[Any]:
    """Yield the JSON objects in a text that begins with something else, such as the time."""
    position = 0
    while (match := _OBJECT_IN_TEXT.search(text, position)) is not None:
        try:
            value, position = _decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            return
        yield value


def _is_understood(entry: Attempt | Skipped) -> bool:
    return not isinstance(entry, Skipped) or entry.is_understood or entry.is_attempt


def _text(text: str) -> Skipped:
    if (match := _LAMBDA_TEXT.match(_WITHOUT_TIME.sub("", text, count=1))) is not None:
        return Skipped(f"Lambda {match[1]}")
    if text == _WRITE_TEST:
        return Skipped("CloudWatch Logs' test of the bucket")
    return Skipped(_NOT_JSON, _is_attempt(text))


def _is_attempt(text: str) -> bool:
    """Tell whether a line that cannot be read holds an attempt: it is cut off, or in a form that is not known."""
    return _ATTEMPT_IN_TEXT.search(text) is not None


def _kind(value: dict[str, Any]) -> str:
    """Name the other entries of such logs."""
    if "decision" in value and "told" in value:
        return "re-authorization of a connection that the registry does not know"
    if "error" in value and "at" in value and "event" in value:
        return "error record: the handler made no decision"
    if value.get("messageType") == "CONTROL_MESSAGE":
        return "control message of CloudWatch Logs"
    return _platform_event(value)


def _platform_event(value: dict[str, Any]) -> str:
    match = _PLATFORM_EVENT.fullmatch(str(value.get("type")))
    return "" if match is None else f"Lambda {match[0]}"


def _word(value: object) -> str:
    """Return a word of AWS's, whose lists are open, and no text that another writer may have put there."""
    return value if isinstance(value, str) and _REASON.fullmatch(value) else "something else"
