"""Files as text in UTF-8: whatever they are compressed by and whatever their encoding, by content, not by name."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_PEEK = 8
_DEEPEST = 3
_GZIP = b"\x1f\x8b"
_OPENED_BY: dict[bytes, Callable[[BinaryIO], object]] = {
    _GZIP: lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_REFUSED = {
    b"\x28\xb5\x2f\xfd": "it is compressed by Zstandard; decompress it first, by zstd -d",
    b"PK\x03\x04": "it is a zip archive or a spreadsheet; unpack it, or export CSV",
    b"PAR1": "it is in Parquet; export CSV or JSON, such as by Amazon Athena",
    b"Obj\x01": "it is in Avro; export CSV or JSON",
}
# Those of 32 bits first, because the mark of the other begins like theirs.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decoded(raw: BinaryIO) -> BinaryIO:
    """Return the content of a file as lines in UTF-8.

    Args:
        raw: The file, at its beginning.

    Raises:
        OSError: When its form has no text.
    """
    stream = _peekable(raw)
    for _ in range(_DEEPEST):  # Firehose compresses what CloudWatch Logs has compressed already
        start = stream.peek(_PEEK)
        opened = next((each for mark, each in _OPENED_BY.items() if start.startswith(mark)), None)
        if opened is None:
            break
        stream = _peekable(cast("BinaryIO", opened(cast("BinaryIO", stream))))
    return _as_utf_8(stream)


def _as_utf_8(stream: io.BufferedReader) -> BinaryIO:
    start = stream.peek(_PEEK)[:_PEEK]
    for mark, reason in _REFUSED.items():
        if start.startswith(mark):
            raise OSError(reason)
    encoding = _encoding(start)
    if encoding is None:
        return cast("BinaryIO", stream)
    return cast("BinaryIO", io.BufferedReader(_Recoded(stream, encoding)))


def _encoding(start: bytes) -> str | None:
    """Name the encoding of a file that begins so; nothing for UTF-8."""
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    # No text has zeros: they are halves of characters.
    if start[1:2] == b"\0" != start[:1]:
        return "utf-16-le"
    return "utf-16-be" if start[:1] == b"\0" != start[1:2] else None


def _peekable(file: object) -> io.BufferedReader:
    if isinstance(file, io.BufferedReader):
        return file
    return io.BufferedReader(cast("io.RawIOBase", file))


class _Recoded(io.RawIOBase):
    """A file in another encoding, as UTF-8."""

    def __init__(self, file: io.BufferedReader, encoding: str) -> None:
        super().__init__()
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            chunk = self._file.read(len(buffer))
            self._ready = self._decoder.decode(chunk, final=not chunk).encode("utf-8", "surrogatepass")
            if not chunk and not self._ready:
                return 0
        taken, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
