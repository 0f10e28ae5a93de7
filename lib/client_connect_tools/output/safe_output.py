r"""Output without control characters or markup: the one place that everything passes that a command prints.

File names, policies, logs and devices are written by others. On a terminal, control characters in them could move the
cursor, hide text or make links; in a pipeline's log, a line that begins with ``::`` is a command to GitHub Actions,
and ``##[`` or ``##vso[`` anywhere in a line one to GitHub Actions or Azure Pipelines. Here all of them are escaped, as
``\x1b`` or ``\u003a``. The latter form also keeps JSON as it is, because these characters occur in its strings only.

Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
"""

from __future__ import annotations

import io
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

from client_connect.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console

_LAYOUT = re.compile(r"([\n\t])")
# The last character of what makes a line a command. What comes before it may have been written already.
_COMMAND = re.compile(r"(^[^\S\n]*:):|(##[a-z]*)\[", re.MULTILINE)
# More than the longest beginning of a command.
_KEPT = 64


def safe_text(text: str) -> str:
    """Escape whatever in a text of several lines could act; its line ends stay."""
    return _without_commands(_without_controls(text))


def _without_controls(text: str) -> str:
    if text.isprintable():
        return text
    text = text.replace("\x7f", "\\u007f")  # the one control character that JSON does not escape
    return "".join(part if part in ("\n", "\t") else printable(part) for part in _LAYOUT.split(text))


def _without_commands(text: str) -> str:
    return _COMMAND.sub(lambda match: f"{match[1]}\\u003a" if match[1] else f"{match[2]}\\u005b", text)


class SafeStream:
    """A text stream that escapes what could act.

    It has no ``buffer``, so nothing writes bytes past it.

    Args:
        stream: Where the text goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""

    def write(self, text: str) -> int:
        """Write text without control characters, other than line ends and tabs, and without commands."""
        self.write_styled(_without_controls(text))
        return len(text)

    def write_styled(self, text: str) -> int:
        """Write text of ``console``, whose control characters are its own, without commands."""
        written = _without_commands(self._line + text)
        self._stream.write(written[len(self._line) :])
        line = written.rpartition("\n")[2]
        # Of a long line, its beginning is no command any more.
        self._line = line if len(line) <= _KEPT or line.isspace() else f".{line[-_KEPT:]}"
        return len(text)

    def write_command(self, line: str) -> None:
        """Write a line that is meant as a command, after what was written before."""
        self._stream.write(f"\n{line}" if self._line else line)
        self._line = ""

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    @property
    def rich_proxied_file(self) -> _Styled:
        """Where Rich writes instead: it styles text by control characters."""
        return _Styled(self)

    def __getattr__(self, name: str) -> object:
        if name in ("buffer", "detach"):
            raise AttributeError(name)
        return getattr(self._stream, name)


class _Styled:
    """A stream as Rich may use it."""

    def __init__(self, stream: SafeStream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write_styled(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Make standard output and standard error safe meanwhile.

    After an exception that was not expected they stay so, because Python is yet to print it.
    """
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever a user or a policy is called
    safe = [cast("TextIO", SafeStream(stream)) for stream in before]
    sys.stdout, sys.stderr = safe
    try:
        yield
    except Exception:
        raise
    except BaseException:
        _restore(safe, before)
        raise
    _restore(safe, before)


def print_workflow_command(name: str, properties: Mapping[str, object], message: str) -> None:
    """Print a command to GitHub Actions; no text in it can end it or be another one.

    Args:
        name: Such as ``error``.
        properties: Such as the file and the line.
        message: A text of one line.
    """
    given = ",".join(f"{key}={_of_a_command(str(value), also=':,')}" for key, value in properties.items())
    stream = sys.stdout
    line = f"::{name} {given}::{_of_a_command(message)}\n"
    stream.write_command(line) if isinstance(stream, SafeStream) else stream.write(line)


def _of_a_command(text: str, *, also: str = "") -> str:
    escaped = printable(text)
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{also}" else each for each in escaped)


def _restore(safe: list[TextIO], before: tuple[TextIO, TextIO]) -> None:
    """Put the streams back, unless another one is in their place: Typer's, where the output is closed early."""
    if sys.stdout is safe[0]:
        sys.stdout = before[0]
    if sys.stderr is safe[1]:
        sys.stderr = before[1]


def console(*, stderr: bool = False, width: int | None = None, soft_wrap: bool = False) -> Console:
    """Return a Rich console that takes texts as they are and escapes what could act.

    Args:
        stderr: Whether it writes to standard error.
        width: The columns. Default: the terminal's.
        soft_wrap: Whether to leave lines as they are, whatever the width of a terminal.
    """
    from client_connect_tools.output.safe_console import SafeConsole  # noqa: PLC0415 - Rich takes a tenth of a second

    return SafeConsole(
        stderr=stderr, width=width, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False
    )
