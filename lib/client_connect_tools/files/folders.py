"""The files below a folder, all of them or an error; and files that are read without surprises."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

# More than any policy, test, schema or list of networks needs, and no more than is read in a moment.
MAX_BYTES = 32 * 1024 * 1024
_MAX_ENTRIES = 20_000


def files_below(folder: Path) -> list[Path]:
    """Return what is no folder, sorted by their paths; links to folders, which are not followed, among them.

    Raises:
        OSError: When a folder cannot be read, which ``Path.rglob`` would leave out without a word.
    """
    return sorted(
        path
        for directory, folders, names in os.walk(folder, onerror=_refuse)
        for path in (Path(directory, name) for name in (*names, *folders))
        if path.is_symlink() or not path.is_dir()
    )


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of a folder.

    Attributes:
        files: The regular files, and links to regular files of the same folder; sorted by their paths.
        folders: The folders, sorted by their paths.
        problems: What cannot be used, with the reason.
    """

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def contents(
    folder: Path, *, skip: Callable[[Path], bool] = lambda _: False, recursive: bool = True
) -> Contents:
    """Return what is below a folder, as far as it is of this folder.

    A link that leads out of the folder, or to a folder, is a problem: a review shows where it points, not what is
    there. So is a pipe, a device or a socket: reading one may never end.

    Args:
        folder: It may be a link itself, because it was named.
        skip: Whether a file or folder, given by its path from ``folder``, is left out together with what is in it.
        recursive: Whether subfolders are looked into.

    Raises:
        OSError: When a folder cannot be read.
    """
    found = Contents()
    root = Path(os.path.realpath(folder))
    waiting, seen = [folder], 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                seen += 1
                path = Path(entry.path)
                if skip(path.relative_to(folder)):
                    continue
                if problem := _problem(path, root):
                    found.problems.append(f'"{shown(path)}" {problem}')
                elif path.is_dir():
                    found.folders.append(path)
                    waiting += [path] if recursive else []
                else:
                    found.files.append(path)
        if seen > _MAX_ENTRIES:
            found.problems.append(
                f'"{shown(folder)}" has more than {_MAX_ENTRIES:,} files; give a folder that holds nothing else'
            )
            break
    found.files.sort(key=lambda file: file.relative_to(folder).as_posix())
    found.folders.sort()
    found.problems.sort()
    return found


def within(file: Path) -> str:
    """Return why a file next to a named one cannot be used; nothing when it can."""
    return _problem(file, Path(os.path.realpath(file.parent)))


def read_bytes(file: Path, *, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file.

    Raises:
        OSError: When it cannot be read, is no regular file, which could keep its reader waiting for ever, or has
            more than ``limit`` bytes.
    """
    # Opened without waiting for the writer of a pipe.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is a folder, pipe or device, not a file")
    with open(descriptor, "rb") as opened:  # noqa: PTH123 - of a descriptor
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise OSError(f"it has more than {limit:,} bytes")
    return content


def read_text(file: Path) -> str:
    """Read a regular file of UTF-8 text, with line feeds.

    Raises:
        OSError: As of ``read_bytes``.
        UnicodeDecodeError: When it is not UTF-8.
    """
    return unix(read_bytes(file).decode("utf-8-sig"))


def unix(text: str) -> str:
    """Return a text without a byte order mark and with line feeds. A carriage return alone ends no line here."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def shown(path: Path) -> str:
    """Return a path with every character escaped that could disguise or break what is printed."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in path.as_posix())


def _problem(path: Path, root: Path) -> str:
    if not path.is_symlink():
        mode = path.lstat().st_mode
        is_known = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        return "" if is_known else "is neither a file nor a folder, so it is not read; remove it"
    target = Path(os.path.realpath(path))
    if not target.exists():
        return "is a link to nothing; remove it"
    if not target.is_relative_to(root):
        return "is a link that leaves the folder; put what it points to in its place"
    if not target.is_file():
        return "is a link to a folder or device; put what it points to in its place"
    return ""


def _refuse(error: OSError) -> NoReturn:
    raise error
