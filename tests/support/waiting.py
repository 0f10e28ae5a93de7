"""Waiting for what another process does."""

from __future__ import annotations

import time
from typing import Any


def wait_for(condition: Any) -> None:
    """Wait until something has happened, at most a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
