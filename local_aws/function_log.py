"""The log of one invocation, whole however busy the machine is.

MiniStack waits for a function's log for some milliseconds after its answer. On a busy machine the log was then missing,
or was counted to the next invocation. So the function site ends the log of each invocation by a separate line.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

# The variable with the line that ends the log of an invocation.
END_OF_LOG = "LOCAL_AWS_END_OF_LOG"

_SECONDS = 30.0
_POLL_SECONDS = 0.05


def read_until(end: str, lines: queue.Queue[str], reader: threading.Thread) -> str:
    """Return the lines of a function up to the one that ends the log of an invocation.

    Args:
        end: That line.
        lines: What the function writes, as it is read.
        reader: Reads it, until the function's process ends; then there is no such line to wait for.
    """
    log: list[str] = []
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        ended = not reader.is_alive()
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if ended:
                break
            continue
        if line == end:
            break
        log.append(line)
    return "\n".join(log)
