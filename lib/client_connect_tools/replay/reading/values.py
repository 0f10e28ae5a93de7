"""JSON values that go over several lines, put together while they are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A whole string; a bracket; or the quotation mark of a string that has not ended yet.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|"', re.DOTALL)
# Under these keys, exports list what they hold, which may be more than memory can.
_LISTS = frozenset(
    f'"{name}"'.encode()
    for name in (
        *("events", "logEvents", "results", "result", "hits", "data", "logs", "records", "Records", "rows"),
        *("items", "Items", "entries", "messages", "Rows"),
    )
)
# Text with one of these is no export, but an entry of a log, where such a key may be anything.
_ENTRY = re.compile(rb'"(at|decision|request|connection-log-type)"')
_DEEPEST_LIST = 5
_SCALAR = re.compile(rb"[^\s,]+")
_BETWEEN = b" \t\r\n,;|'"
_LONGEST_STRING = 256 * 1024  # over several lines; no entry of a log has a longer one
LONGEST = 16 * 1024 * 1024


class TooLong(Exception):
    """A value has more than 16 MiB."""


class _Open:
    """A value that has not ended."""

    __slots__ = ("brackets", "list_at", "text")

    def __init__(self) -> None:
        self.text = bytearray()
        self.brackets = bytearray()
        self.list_at = 0  # the depth of a list whose elements are values of their own; 0 for none


class Values:
    """Finds the ends of values.

    The elements of a list at the top, and of a list in an export, are values of their own.
    """

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._rest = b""
        self._key = b""

    @property
    def is_open(self) -> bool:
        """Whether something has begun that has not ended."""
        return bool(self._open or self._rest)

    @property
    def is_in_entry(self) -> bool:
        """Whether it is a value, and no list between whose elements it stands."""
        return bool(self._rest) or not self._is_between()

    @property
    def is_stuck(self) -> bool:
        """Whether a string does not end: more lines only make it longer."""
        return len(self._rest) > _LONGEST_STRING

    def feed(self, text: bytes) -> Iterator[bytes]:
        """Take more text, and yield each value that ends in it.

        Raises:
            TooLong: When a value does not end.
        """
        text, self._rest = self._rest + text, b""
        start = 0
        for match in _TOKEN.finditer(text):
            token = match[0]
            if token == b'"':
                self._rest, text = text[match.start() :], text[: match.start()]
                break
            if self._is_between():
                yield from self._scalars(text[start : match.start()])
                start = match.start()
            if token[:1] == b'"':
                if self._is_between():
                    yield token
                    start = match.end()
                self._key = token
            elif token in b"{[":
                start = self._begin(text, token, start, match.end())
            elif self._end():
                if whole := self._take(text[start : match.end()]):
                    yield whole
                start = match.end()
        yield from self._keep(text[start:])

    def _keep(self, text: bytes) -> Iterator[bytes]:
        """Keep the beginning of a value until more text comes."""
        if self._is_between():
            yield from self._scalars(text)
        else:
            self._open[-1].text += text
        if sum(len(each.text) for each in self._open) + len(self._rest) > LONGEST:
            raise TooLong

    def drop(self) -> bytes:
        """Give up what has not ended, and return its text."""
        text = b"".join(bytes(each.text) for each in self._open) + self._rest
        only_lists = not self._rest and all(each.list_at == len(each.brackets) for each in self._open)
        self._open, self._rest, self._key = [], b"", b""
        return b"" if only_lists else text

    def _is_between(self) -> bool:
        return not self._open or self._open[-1].list_at == len(self._open[-1].brackets)

    def _scalars(self, text: bytes) -> Iterator[bytes]:
        """Yield what else stands between values, such as ``null``."""
        if self._open:
            yield from _SCALAR.findall(text)
        elif other := text.strip(_BETWEEN):
            yield other

    def _begin(self, text: bytes, bracket: bytes, start: int, end: int) -> int:
        if self._is_between():
            self._open.append(_Open())
        value = self._open[-1]
        value.brackets += bracket
        if bracket == b"[" and self._is_list(value, text[start:end]):
            value.text += text[start:end]
            value.list_at = len(value.brackets)
            return end
        return start

    def _is_list(self, value: _Open, text: bytes) -> bool:
        if len(value.brackets) == 1:
            return len(self._open) == 1
        return (
            self._key in _LISTS
            and not value.list_at
            and len(self._open) == 1
            and len(value.brackets) <= _DEEPEST_LIST
            and value.brackets[:-1] == b"{" * (len(value.brackets) - 1)
            and _ENTRY.search(value.text + text) is None
        )

    def _end(self) -> bool:
        """Close a bracket; return whether a value ends with it."""
        if not self._open:
            return False
        value = self._open[-1]
        if value.list_at == len(value.brackets):
            value.list_at = 0
        value.brackets.pop()
        return not value.brackets

    def _take(self, rest: bytes) -> bytes:
        """Return the value that has ended; nothing for a list, whose elements are known."""
        whole = bytes(self._open.pop().text + rest)
        return b"" if whole == b"[]" else whole
