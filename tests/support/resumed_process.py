"""A process as SnapStart has it: initialized once, and resumed later, elsewhere and twice.

It answers an event by the handler. Either it is started at the later time and with the credentials of then, or it is
resumed: forked from a process that was initialized before, with other ones.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from typing import Self

from snapshot_restore_py import get_after_restore

from client_connect import bundled_files

# Conditions that are true when clients ask, and not yet when the snapshot is taken.
LATER = timedelta(days=40)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIALATER", "AWS_SECRET_ACCESS_KEY": "later", "AWS_SESSION_TOKEN": "later"}
CHILDREN = 2
EVENT = {
    "connection-id": "cvpn-connection-1",
    "endpoint-id": "cvpn-endpoint-1",
    "common-name": "laptop-1",
    "username": "bob",
    "platform": "win",
    "public-ip": "198.51.100.7",
    "schema-version": "v3",
}


def main(bundle: str, *, is_resumed: bool, runs_hooks: bool = True) -> None:
    """Initialize, resume and answer; print what the handler, or each resumed one, answered.

    Args:
        bundle: The folder with the policies.
        is_resumed: Whether to answer in forks of this process.
        runs_hooks: Whether these run the hooks of Lambda's runtime.
    """
    bundled_files.BUNDLE = bundle
    if not is_resumed:
        _move_on()
    handler = import_module("client_connect.handler").handler
    if not is_resumed:
        _write(handler(EVENT))
        return
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            _move_on()
            for hook, arguments, options in get_after_restore() if runs_hooks else ():
                hook(*arguments, **options)
            _write(handler(EVENT))
            os._exit(0)
        os.waitpid(child, 0)


def _write(answer: object) -> None:
    hooks = [hook.__name__ for hook, *_ in get_after_restore()]
    sys.stdout.write(json.dumps({"answer": answer, "hooks": hooks}) + "\n")
    sys.stdout.flush()


def _move_on() -> None:
    """Move the clock, and rotate the credentials."""
    for module in ("facts", "sources.fact_sources"):
        import_module(f"client_connect.{module}").datetime = Later
    os.environ |= KEYS


class Later(datetime):
    """The clock of when clients ask."""

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> Self:
        """Return the time."""
        return super().now(tz) + LATER
