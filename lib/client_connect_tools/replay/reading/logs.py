"""What the lines of a log say: attempts to connect, and everything else, by kind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from client_connect.printable import printable
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.replay.reading import facts
from client_connect_tools.replay.reading.facts import Attempt, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

_decoder = json.JSONDecoder()
_SPACE = " \t\r\n\ufeff"

# "2026-11-22T23:00:00.000Z {...}": how CloudWatch Logs exports to S3.
_EXPORTED = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z\s+")
_LAMBDA_TEXT = re.compile(r"(INIT_START|START|END|REPORT|EXTENSION|INIT_REPORT) ")
# One line of the indented JSON that the AWS command line prints: punctuation, or a key with the start of its value.
_INDENTED = re.compile(r'[\[\]{},]+|"[A-Za-z@]+":.*', re.DOTALL)
_INDENTED_MESSAGE = re.compile(r'"(@?message|value)": (".*"),?', re.DOTALL)
_JSON_IN_TEXT = re.compile(r'\{\s*\\?"')
# A key of what is an attempt, and of nothing else in a log; also escaped, as in JSON or CSV.
_ATTEMPT_IN_TEXT = re.compile(r'"(decision|connection-attempt-status)[\\"]+\s*:')
_REASON = re.compile(r"[a-z-]{1,60}")
_PLATFORM_EVENT = re.compile(r"platform\.[A-Za-z]{1,40}")
_MESSAGE_KEYS = ("message", "@message")
_DEEPEST_ENVELOPE = 3
_DEEP = 500
TOO_DEEP = "JSON that is nested too deeply"


class UnreadableLog(ClientConnectError):
    """A log cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a log that is no decision to replay.

    Attributes:
        kind: What it is; there are few kinds.
        is_attempt: Whether it is one to connect all the same, but cannot be read, so that nobody knows what the
            policies say of it.
    """

    kind: str
    is_attempt: bool = False


def attempts(lines: Iterable[str], *, time_zone: tzinfo | None = None) -> Iterator[Attempt | Skipped]:
    """Read lines in any of the forms in which our decision records and Client VPN's connection logs are kept.

    Args:
        lines: JSON lines, as they are, exported by CloudWatch Logs, or in the envelopes of its API.
        time_zone: The zone in which policies see the clock. Default: the records', else UTC.
    """
    reader = _Reader(time_zone)
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


class _Reader:
    def __init__(self, time_zone: tzinfo | None) -> None:
        self._time_zone = time_zone

    def line(self, text: str, depth: int = 0) -> Iterator[Attempt | Skipped]:
        """Read a line, or the message in an envelope."""
        if text[:1] != "{" and (exported := _EXPORTED.match(text)) is not None:
            text = text[exported.end() :]
        if text[:1] == "{" and (values := _values(text)) is not None:
            for value in values:
                yield from self.value(value, depth)
        elif depth == 0 and (message := _indented_message(text)) is not None:
            yield from self._message(message, depth)
        elif depth > 0 or _INDENTED.fullmatch(text) is None:
            yield _text(text)
        elif (is_attempt := _is_attempt(text)) or _JSON_IN_TEXT.search(text) is not None:
            yield Skipped("JSON in a line of indented JSON that is no message", is_attempt)

    def value(self, value: Any, depth: int = 0) -> Iterator[Attempt | Skipped]:  # noqa: ANN401 - what JSON holds
        """Read what a line or a message holds."""
        if not isinstance(value, dict):
            yield Skipped("JSON that is not an object")
        elif "decision" in value and "told" in value:
            yield Skipped("re-authorization of a connection that the registry does not know")
        elif _is_record(value):
            yield self.attempt(value)
        elif "connection-log-type" in value:
            yield self._connection(value)
        elif "error" in value and "at" in value and "event" in value:
            yield Skipped("error record: the handler made no decision")
        elif depth < _DEEPEST_ENVELOPE and (messages := _messages(value)) is not None:
            for message in messages:
                yield from self._message(message, depth)
        else:
            yield Skipped(_platform_event(value) or "other JSON")

    def _message(self, message: Any, depth: int) -> Iterator[Attempt | Skipped]:  # noqa: ANN401
        if isinstance(message, str):
            yield from self.line(message.strip(), depth + 1)
        elif isinstance(message, dict):
            yield from self.value(message, depth + 1)
        else:
            yield Skipped("other JSON")

    def attempt(self, record: dict[str, Any]) -> Attempt | Skipped:
        """Read a decision record."""
        try:
            return facts.of_record(record, time_zone=self._time_zone)
        except Malformed as error:
            return Skipped(str(error), is_attempt=True)

    def _connection(self, log: dict[str, Any]) -> Attempt | Skipped:
        kind, status = log["connection-log-type"], log.get("connection-attempt-status")
        if kind != "connection-attempt":
            return Skipped(f"connection log: {_word(kind)}")
        if status not in ("successful", "failed"):
            return Skipped(f"connection log: attempt {_word(status)}")
        reason = log.get("connection-attempt-failure-reason")
        if status == "failed" and reason != "client-connect-failed":
            return Skipped(f"connection log: attempt failed by {_word(reason)}")
        try:
            return facts.of_connection_log(log, allowed=status == "successful", time_zone=self._time_zone)
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
    values, position = [], 0
    try:
        while position < len(text):
            value, position = _decoder.raw_decode(text, position)
            values.append(value)
            while text[position : position + 1].isspace():
                position += 1
    except (ValueError, RecursionError):
        return None
    return values


def _indented_message(text: str) -> str | None:
    """Return the message in a line of indented JSON; nothing when it holds none.

    Logs Insights has the field's name in the line before its value, so what the value is shows by its content.
    """
    if (match := _INDENTED_MESSAGE.fullmatch(text)) is None or not (values := _values(match[2])):
        return None
    message = str(values[0])
    if match[1] == "value" and not _EXPORTED.sub("", message.strip(), count=1).startswith("{"):
        return None
    return message


def _messages(value: dict[str, Any]) -> list[Any] | None:
    """Return the messages in an envelope of CloudWatch Logs; nothing when it is none."""
    for key in _MESSAGE_KEYS:
        if isinstance(value.get(key), str | dict) and value[key] not in ("", {}):
            return [value[key]]
    for key in ("events", "logEvents"):
        if isinstance(value.get(key), list):
            return [_message_of(event) for event in value[key]]
    results = value.get("results")
    if isinstance(results, list):
        return [_message_of_row(row) for row in results]
    return None


def _message_of(event: Any) -> object:  # noqa: ANN401 - what JSON holds
    return event.get("message") if isinstance(event, dict) else None


def _message_of_row(row: Any) -> object:  # noqa: ANN401 - what JSON holds
    """Find the message in a row of Logs Insights."""
    fields = [field for field in row if isinstance(field, dict)] if isinstance(row, list) else []
    return next((field.get("value") for field in fields if field.get("field") == "@message"), None)


def _text(text: str) -> Skipped:
    if (match := _LAMBDA_TEXT.match(text)) is not None:
        return Skipped(f"Lambda {match[1]}")
    return Skipped("not JSON", _is_attempt(text))


def _is_attempt(text: str) -> bool:
    """Tell whether a line that cannot be read holds an attempt: it is cut off, or in a form that is not known."""
    return _ATTEMPT_IN_TEXT.search(text) is not None


def _platform_event(value: dict[str, Any]) -> str:
    match = _PLATFORM_EVENT.fullmatch(str(value.get("type")))
    return "" if match is None else f"Lambda {match[0]}"


def _word(value: object) -> str:
    """Return a word of AWS's, whose lists are open, and nothing that somebody else may have written."""
    return value if isinstance(value, str) and _REASON.fullmatch(value) else "something else"
