"""Files with the names of users and devices in them: complete or not there, and for their owner only."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

# Links that the system makes to what a process has open already, such as a shell's process substitution.
_DESCRIPTOR = re.compile(r"/dev/(?P<name>stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>[0-9]{1,6})")
_NAMED = {"stdout": 1, "stderr": 2}
_NO_LINKS: int = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """Open a text file for writing.

    A file takes its place when it is complete, and only its owner may read it (mode 0600). A pipe of the same user, a
    device such as ``/dev/null`` and what is open already, such as ``/dev/stdout``, are written to directly.

    Raises:
        OSError: When it cannot be written, or is a link: another user may have made it, to a file of the user's or to
            one that others read.
    """
    require_no_link(path)
    if (number := _descriptor(path)) is not None:
        with _opened(_duplicate(number)) as stream:
            yield stream
    elif path.exists() and not (path.is_file() or path.is_dir()):
        with _opened(_pipe_or_device(path)) as stream:
            yield stream
    else:
        with _replaced(path) as stream:
            yield stream


def require_no_link(path: Path) -> None:
    """Refuse a link.

    Raises:
        OSError: When it is one.
    """
    if path.is_symlink() and _descriptor(path) is None:
        raise OSError(f'it is a link to "{path.readlink()}"; name the file itself')


def _descriptor(path: Path) -> int | None:
    match = _DESCRIPTOR.fullmatch(path.as_posix())
    if match is None or sys.platform == "win32":
        return None
    return _NAMED[match["name"]] if match["name"] else int(match["number"])


def _duplicate(number: int) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what was printed before comes first
    return os.dup(number)


def _pipe_or_device(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | _NO_LINKS)
    found = os.fstat(descriptor)
    trusted = stat.S_ISCHR(found.st_mode) or (
        stat.S_ISFIFO(found.st_mode) and found.st_uid in (0, os.geteuid())
    )
    if not trusted:
        os.close(descriptor)
        raise OSError(
            "it is neither a file, a pipe of yours nor a device such as /dev/null; name another one"
        )
    return descriptor


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    if path.is_dir():
        raise IsADirectoryError("it is a folder; name a file")
    descriptor, name = tempfile.mkstemp(
        prefix=".client-connect-", suffix=".part", dir=path.parent
    )  # mode 0600
    try:
        with _opened(descriptor) as stream:
            yield stream
        Path(name).replace(path)
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _opened(descriptor: int) -> TextIO:
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="\n")
