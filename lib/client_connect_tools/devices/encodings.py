"""Files as text: in the encodings that programs export, and no longer than memory can hold."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING

from client_connect_tools.devices.lines import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

NOT_UTF_8 = "is not UTF-8; save the file as UTF-8, or name its encoding, such as --encoding cp1252"

# Those of 32 bits first, because the mark of the other begins like theirs.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Many times what an item may have. A file without line ends would fill the memory.
_LONGEST_LINE = 16 * 1024 * 1024
_MEBIBYTE = 1024 * 1024
_LONGEST_MARK = 4


class _Rejoined(io.RawIOBase):
    """A file whose beginning was read already."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        start, self._start = self._start, b""
        return start or self._rest.read(size)


def require_encoding(name: str) -> str:
    """Return the name of an encoding.

    Raises:
        ValueError: When no encoding has that name.
    """
    try:
        "".encode(name)
    except LookupError:
        raise ValueError(f'there is no encoding "{name}"; give one such as utf-8, utf-16 or cp1252') from None
    return name


def text_of(file: BinaryIO, encoding: str | None, *, newline: str | None = None) -> io.TextIOWrapper:
    """Return a file as text.

    Args:
        file: The file, at its beginning.
        encoding: Its encoding. Default: what it begins with says so, and otherwise UTF-8.
        newline: As of ``open``.
    """
    start = file.read(_LONGEST_MARK)
    name = encoding or _encoding(start)
    # Bytes that are not UTF-8 become lone surrogates, so one of them rejects its own line only.
    errors = "surrogateescape" if name.lower().replace("_", "-").startswith("utf-8") else "strict"
    return io.TextIOWrapper(_Rejoined(start, file), name, errors, newline)  # type: ignore[arg-type] # reads like a file


def lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of a text.

    Raises:
        UnreadableFile: When one does not end, or is not in the encoding of the file.
    """
    number = 0
    while line := _next(text, number + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise UnreadableFile(
                f"line {number} has more than {_LONGEST_LINE // _MEBIBYTE} MiB; give one device a line"
            )
        yield line


def _next(text: io.TextIOWrapper, number: int) -> str:
    try:
        return text.readline(_LONGEST_LINE + 1)
    except UnicodeError:
        raise UnreadableFile(f"line {number} is not {text.encoding}; save the file as UTF-8") from None


def _encoding(start: bytes) -> str:
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    # No text has zeros: they are halves of characters.
    if start[1:2] == b"\0" != start[:1]:
        return "utf-16-le"
    return "utf-16-be" if start[:1] == b"\0" else "utf-8"
