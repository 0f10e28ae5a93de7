"""Ending the programs that this package starts, and whatever those started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

# The signals that end a program; there is no SIGHUP on Windows.
ENDING = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))

_GRACE_SECONDS = 5.0


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    output: IO[str] | int,
) -> Iterator[subprocess.Popen[str]]:
    """Run a program in its own session, and end it with whatever it started, however the block ends.

    Args:
        command: The program and its arguments.
        environment: All its variables.
        directory: Where it runs.
        output: A file, or ``subprocess.PIPE``, for its output and errors.
    """
    process = None
    try:
        with _signals_deferred():  # or one could end this program between the start and the knowledge of it
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # one group to stop; and Ctrl-C reaches us first
            )
        yield process
    finally:
        if process is not None:
            stop(process)
            if process.stdout is not None:
                process.stdout.close()


def stop(process: subprocess.Popen[str]) -> None:
    """End a process that was started in its own session, together with its descendants."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def unwind_on_signals() -> None:
    """Let SIGTERM unwind this program as Ctrl-C does, so context managers stop what they started."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _exit)
    # Shells start background jobs with this one ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def tail(text: str, lines: int = 25) -> str:
    """Return the last lines of a program's output."""
    return "\n".join(text.splitlines()[-lines:])


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # The aim is that none is left. macOS says "not permitted" where only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    """Let the signals that end this program wait for the end of the block."""
    if threading.current_thread() is not threading.main_thread():  # which gets no signals
        yield
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: arrived.append(number)) for number in ENDING
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for arrival in arrived:
            signal.raise_signal(arrival)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
