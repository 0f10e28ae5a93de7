"""Where the records go: in Lambda, past Python's logging, directly to the file descriptor of the function's log.

A module of extra facts, or a package that it imports, may reconfigure ``logging`` or replace standard output. A
record must be written anyway, so in Lambda nothing here depends on ``logging`` or ``sys.stdout`` once this module
is imported, which happens before any module of extra facts. The lines have the keys and the order of Lambda's own
JSON log format. Outside Lambda, records go to the handlers of the logger ``client_connect``.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import traceback

from client_connect.light_typing import TYPE_CHECKING
from client_connect.log_line import encoded
from client_connect.printable import printable

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping
    from typing import Any, Protocol

    class RecordLog(Protocol):
        """Where records go."""

        def write(
            self,
            level: int,
            message: str,
            fields: Mapping[str, Any],
            *,
            exception: BaseException | None = None,
            request_id: str | None = None,
        ) -> None:
            """Write a record.

            Args:
                level: ``logging.INFO``, ``WARNING`` or ``ERROR``.
                message: What happened.
                fields: The other keys of the line.
                exception: The exception that it records, with its stack trace.
                request_id: The id of Lambda's invocation.
            """


_LOGGER = "client_connect"
# Not from logging, whose names of levels a module may change, for example to color them.
_LEVELS = {logging.INFO: "INFO", logging.WARNING: "WARNING", logging.ERROR: "ERROR"}
# How Lambda's runtime for Python marks a frame that holds a line of JSON of a level.
_FRAMES = {logging.INFO: 0xA55A000E, logging.WARNING: 0xA55A0012, logging.ERROR: 0xA55A0016}
_STANDARD_OUTPUT = 1
# Lambda logs this too.
_STANDARD_ERROR = 2
_LOCK_SECONDS = 0.1


class DescriptorLog:
    """A log behind a file descriptor.

    Args:
        descriptor: The file descriptor.
        framed: Whether it takes the frames of Lambda's runtime instead of lines.
        lock: Held while a record is written, because others write to the descriptor too.
        original: The descriptor that it duplicates, in case the duplicate is closed. Default: none.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        framed: bool = False,
        lock: threading.RLock | None = None,
        original: int | None = None,
    ) -> None:
        self._descriptors = (descriptor,) if original is None else (descriptor, original)
        self._file = _file(descriptor)
        self._framed = framed
        self._lock = lock

    def write(
        self,
        level: int,
        message: str,
        fields: Mapping[str, Any],
        *,
        exception: BaseException | None = None,
        request_id: str | None = None,
    ) -> None:
        """Write a record, as one line of JSON."""
        line: dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "level": _LEVELS[level],
            "message": message,
            "logger": _LOGGER,
        }
        if exception is not None:
            line |= _described(exception)
        if request_id:
            line["requestId"] = request_id
        data = encoded(line | dict(fields)) + b"\n"
        with self._alone():
            # A module may have closed all descriptors unknown to it, and opened other files in their places.
            found = next((each for each in self._descriptors if _file(each) == self._file), None)
            if found is None:
                _send(_STANDARD_ERROR, data)
            else:
                _send(found, _framed(level, data) if self._framed else data)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other lines out of this one, but do not wait forever for a thread that hangs while it logs."""
        lock = self._lock
        is_held = lock is not None and lock.acquire(timeout=_LOCK_SECONDS)
        try:
            yield
        finally:
            if lock is not None and is_held:
                lock.release()


def of_process() -> RecordLog:
    """Return the log of a process as its platform has configured it, before anything else could change that."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for handler in logging.getLogger().handlers:
            if (found := _descriptor(handler)) is not None:
                descriptor, framed = found
                return _log_behind(descriptor, framed=framed, lock=handler.lock)
        return _log_behind(_STANDARD_OUTPUT)
    from client_connect.logger_log import LoggerLog  # noqa: PLC0415 - not in Lambda, so no cold start imports it

    return LoggerLog()


def _log_behind(
    descriptor: int, *, framed: bool = False, lock: threading.RLock | None = None
) -> DescriptorLog:
    """Return the log behind a duplicate, which stays as it is when the original is closed or redirected."""
    return DescriptorLog(os.dup(descriptor), framed=framed, lock=lock, original=descriptor)


def _file(descriptor: int) -> tuple[int, int] | None:
    """Return which file, pipe or socket is behind a descriptor; ``None`` when it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _send(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # a module made it non-blocking, and the reader of the log is slow
            os.set_blocking(descriptor, True)


def _descriptor(handler: logging.Handler) -> tuple[int, bool] | None:
    """Return what a handler writes to, if it is a descriptor, and whether in frames.

    That of Lambda's runtime has a sink: frames on a descriptor of their own, or else lines on standard output.
    """
    sink = getattr(handler, "log_sink", None)
    if sink is not None:
        descriptor: int | None = getattr(sink, "fd", None)
        return (_STANDARD_OUTPUT, False) if descriptor is None else (descriptor, True)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return handler.stream.fileno(), False  # type: ignore[attr-defined] # a StreamHandler has one
    return None


def _framed(level: int, line: bytes) -> bytes:
    """Return a line as a frame: its kind, its length, the time in microseconds since 1970, and the line."""
    time_us = time.time_ns() // 1000
    header = _FRAMES[level].to_bytes(4, "big") + len(line).to_bytes(4, "big") + time_us.to_bytes(8, "big")
    return header + line


def _described(error: BaseException) -> dict[str, Any]:
    """Return the keys for an exception, as Lambda has them."""
    frames = traceback.extract_tb(error.__traceback__)
    described: dict[str, Any] = {
        "stackTrace": traceback.format_list(frames),
        "errorType": type(error).__name__,
        "errorMessage": printable(str(error)),
    }
    if frames:
        described["location"] = f"{frames[-1].filename}:{frames[-1].name}:{frames[-1].lineno}"
    return described


log: RecordLog = of_process()
