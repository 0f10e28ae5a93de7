"""The logs' bytes, from files, folders and standard input, in blocks of lines with an entry each."""

from __future__ import annotations

import io
import lzma
import stat
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from client_connect_tools.files.folders import files_below
from client_connect_tools.replay.reading.decoding import decoded
from client_connect_tools.replay.reading.lines import Lines
from client_connect_tools.replay.reading.logs import UnreadableLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STANDARD_INPUT = "-"
BLOCK_BYTES = 512 * 1024
# Longer content is not read at once, because it would fill the memory.
_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sources:
    """Logs that can be read.

    Attributes:
        paths: Every file, those of a folder sorted by their paths; ``None`` is standard input.
        size: The bytes to read in all; ``None`` when that is not known.
    """

    paths: tuple[Path | None, ...]
    size: int | None

    @classmethod
    def find(cls, names: Sequence[str]) -> Sources:
        """Find the files and look into each, but for those that can be read once only.

        Args:
            names: Files, pipes, folders (with everything below them) and ``-`` for standard input.

        Raises:
            UnreadableLog: When one is missing or cannot be read, is a device, which may never end, or a folder holds
                no file, or what is not one.
        """
        paths = tuple(path for name in names for path in _paths(name))
        files = [path for path in paths if path is not None and not _can_be_read_once_only(path)]
        for file in files:
            with _opened(file) as (stream, _):
                stream.read(1)
        return cls(paths, sum(file.stat().st_size for file in files) if len(files) == len(paths) else None)

    def blocks(
        self, on_read: Callable[[int], None], on_block: Callable[[str], None] = lambda _: None
    ) -> Iterator[bytes]:
        """Yield the logs' content, in lines with an entry each, each block ending with a line.

        Args:
            on_read: Called with the number of bytes read since the last call, compressed as they may be.
            on_block: Called with the name of the file of a block, before the block is yielded.

        Raises:
            UnreadableLog: When a file turns out to be damaged, or an entry does not end.
        """
        for path in self.paths:
            name = "standard input" if path is None else str(path)
            with _opened(path) as (stream, position):
                done = 0
                for block in _blocks(stream):
                    on_block(name)
                    yield block
                    done, before = position(), done
                    on_read(done - before)
                on_read(position() - done)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    lines, is_within_line = Lines(), False
    while read := stream.read(BLOCK_BYTES):
        rest = b"" if read.endswith(b"\n") else stream.readline(_LONGEST_LINE)
        ends = (rest or read).endswith(b"\n") or len(rest) < _LONGEST_LINE
        # A line that does not end may be a list of entries, which is taken in parts.
        block = lines.block(read + rest) if ends and not is_within_line else lines.part(read + rest)
        is_within_line = not ends
        if block:
            yield block
    if end := lines.end():
        yield end + b"\n"


def _paths(name: str) -> Iterator[Path | None]:
    path = Path(name)
    if name == STANDARD_INPUT:
        yield None
        return
    with _reading(path):
        files = _files_of(path) if path.is_dir() else [path]
        if stat.S_IFMT(path.stat().st_mode) in (stat.S_IFCHR, stat.S_IFBLK):
            raise OSError("it is a device; give a file, a pipe or -")
    if not files:
        raise UnreadableLog(f'folder "{name}" holds no file; give one with logs in it')
    yield from files


def _files_of(folder: Path) -> list[Path]:
    files = files_below(folder)
    for file in files:
        if not file.is_file():
            raise OSError(
                None,
                "it is a pipe, a device or a link to a folder or nothing; remove it, or name what it is",
                str(file),
            )
    return files


def _can_be_read_once_only(path: Path) -> bool:
    """Tell whether it is a pipe or a device, such as a shell's process substitution."""
    return path.exists() and not path.is_file()


@contextmanager
def _opened(path: Path | None) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """Open a log, and report how far it has been read."""
    with _reading(path), _Raw(path) as raw:
        yield decoded(io.BufferedReader(raw)), raw.tell


@contextmanager
def _reading(path: Path | None) -> Iterator[None]:
    """Say what cannot be read, and why."""
    try:
        yield
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        named = getattr(error, "filename", None) or path
        name = "standard input" if named is None else f'"{named}"'
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnreadableLog(f"cannot read the log {name}: {reason}") from None


class _Raw(io.RawIOBase):
    """A file that counts what is read of it: standard input does not know its position."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._file = sys.stdin.buffer if path is None else path.open("rb")
        self._closes = path is not None
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        read = self._file.read(len(buffer))
        buffer[: len(read)] = read
        self._position += len(read)
        return len(read)

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if self._closes:
            self._file.close()
        super().close()
