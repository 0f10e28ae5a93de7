"""Blocks of lines, one for each entry, made of whatever form the entries have in a file.

Where each line is an object already, which is how logs are kept, a block is passed on as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from client_connect_tools.replay.reading.tables import Table
from client_connect_tools.replay.reading.values import LONGEST, TooLong, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = b" \t\r"
# The beginning of a line in an export or of `aws logs tail`; a terminal may have colored it.
_TIME = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.,:+Z]*"
_PREFIX = re.compile(rb"(?:" + _TIME + rb"|\d{13})[\s|,]+(?:[^\s{]+(?:\s+|$)|\s*)?")
_ONLY_PREFIX = re.compile(_TIME + rb"(\s+\S+)?")
_COLORS = re.compile(rb"\x1b\[[0-9;]*m")
_LAMBDA = re.compile(rb"(?:INIT_START|START|END|REPORT|EXTENSION|INIT_REPORT) ")
_LIST = re.compile(rb"\[\s*($|[\[{\"\]])")
_OBJECT = re.compile(rb"\{\s*($|[\"}])")


class Lines:
    """The lines of one file."""

    def __init__(self) -> None:
        self._values = Values()
        self._table: Table | None = None
        self._row = b""
        self._began = False

    def block(self, block: bytes) -> bytes:
        """Return a block with one entry in a line."""
        if not self._is_in_something() and _is_plain(block):
            self._began = True
            return block
        return b"".join(b"%s\n" % line for line in self._lines(block) if line)

    def part(self, part: bytes) -> bytes:
        """Take a part of a line that is too long to be read at once.

        Raises:
            OSError: When it is no list of entries.
        """
        if not self._values.is_open and part.lstrip(b"\xef\xbb\xbf \t\r")[:1] not in (b"{", b"["):
            raise OSError(
                f"a line has more than {LONGEST // 1024**2} MiB, so it is no log; give one with lines"
            )
        return b"".join(b"%s\n" % value for value in self._fed(part))

    def end(self) -> bytes:
        """Return what the file ended in the middle of."""
        rest = self._values.drop() + self._row
        self._row = b""
        return rest and _in_one_line(rest)

    def _is_in_something(self) -> bool:
        return self._values.is_open or self._table is not None

    def _lines(self, block: bytes) -> Iterator[bytes]:
        for line in block.split(b"\n"):
            if self._table is not None:
                yield from self._in_table(self._table, line)
            elif self._values.is_open and not self._begins_anew(line):
                yield from self._fed(line.strip(b"\r"))
                if self._values.is_stuck:
                    yield _in_one_line(self._values.drop())
            elif stripped := line.strip(_SPACE).removeprefix(b"\xef\xbb\xbf"):
                if self._values.is_open:
                    yield _in_one_line(self._values.drop())
                yield from self._line(stripped)

    def _line(self, line: bytes) -> Iterator[bytes]:
        if line[:1] == b"{" and line[-1:] == b"}" and line.count(b"{") == line.count(b"}"):
            self._began = True
            yield line
            return
        if b"\x1b" in line:
            line = _COLORS.sub(b"", line)
        if not self._began or b"{" not in line:
            self._table = Table.with_header(line.decode("utf-8", "replace"))
            if self._table is not None:
                self._began = True
                return
        self._began = True
        if _ONLY_PREFIX.fullmatch(line):
            return  # of a message in the lines that follow
        prefix = _PREFIX.match(line)
        content = line if prefix is None else line[prefix.end() :]
        if (_OBJECT.match(content) and not _ends(content)) or _LIST.match(content):
            yield from self._fed(content)
        else:
            yield line

    def _fed(self, text: bytes) -> Iterator[bytes]:
        try:
            for value in self._values.feed(text):
                yield _in_one_line(value)
        except TooLong:
            raise OSError(
                f"an entry has more than {LONGEST // 1024**2} MiB, so it is no log; give one with entries"
            ) from None

    def _begins_anew(self, line: bytes) -> bool:
        """Whether an entry begins in this line, although the one before has not ended: it is cut off."""
        if not self._values.is_in_entry:
            return False
        if _LAMBDA.match(line) or ((prefix := _PREFIX.match(line)) and line[prefix.end() :][:1] == b"{"):
            return True
        if line[:1] != b"{":
            return False
        try:
            return isinstance(orjson.loads(line), dict)
        except ValueError:
            return line.strip() == b"{"

    def _in_table(self, table: Table, line: bytes) -> Iterator[bytes]:
        if not self._row and (_OBJECT.match(line.lstrip()) or _LIST.match(line.lstrip())):
            self._table = None
            yield from self._lines(line)
            return
        row = self._row + b"\n" + line if self._row else line.strip(b"\r")
        if not row.strip():
            return
        if row.count(b'"') % 2:
            self._row = row
            if len(row) > LONGEST:
                raise OSError("a cell of the table does not end; export the table again")
            return
        self._row = b""
        entry = table.entry(row.decode("utf-8", "surrogateescape").replace("\n", " ").strip("\r"))
        if entry is not None:
            yield entry
        elif row.count(b"\n"):
            self._table = None
            yield from self._lines(row)
        elif (other := Table.with_header(row.decode("utf-8", "replace"))) is not None:
            self._table = other
        else:
            yield row


def _is_plain(block: bytes) -> bool:
    """Whether each line is an object, judged by their first and last characters."""
    return block[:1] == b"{" and block[-2:] == b"}\n" and block.count(b"}\n{") == block.count(b"\n") - 1


def _ends(text: bytes) -> bool:
    return text.count(b"{") == text.count(b"}")


def _in_one_line(text: bytes) -> bytes:
    return text.replace(b"\n", b"").replace(b"\r", b"")
