"""Ending the programs that this package starts, and whatever those started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_GRACE_SECONDS = 5.0


def stop(process: subprocess.Popen[str]) -> None:
    """End a process that was started in a session of its own, together with its descendants."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def unwind_on_signals() -> None:
    """Let SIGTERM unwind this program as Ctrl-C does, so that context managers stop what they started."""
    signal.signal(signal.SIGTERM, _exit)
    # Shells start background jobs with this one ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def tail(text: str, lines: int = 25) -> str:
    """Return the last lines of a program's output."""
    return "\n".join(text.splitlines()[-lines:])


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # Nobody left is the aim. macOS says "not permitted" where only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
