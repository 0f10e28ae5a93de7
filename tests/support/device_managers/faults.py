"""The faults of device managers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.device_managers.server import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.device_managers.server import Fault


def status(code: int, **headers: str) -> Fault:
    """Answer with a status; ``retry_after="3"`` is a header."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return lambda _: Reply(code, {"error": "x"}, named)


def html(_: Reply) -> Reply:
    """Answer with a page of HTML, as a proxy or a log-in page does, with status 200."""
    return Reply(200, b"<html>Sign in</html>", {"Content-Type": "text/html"})


def not_json(_: Reply) -> Reply:
    """Answer with something that only says that it is JSON."""
    return Reply(200, b'{"value": [', {"Content-Type": "application/json"})


def cut(reply: Reply) -> Reply:
    """End the connection in the middle of the answer."""
    reply.cut = True
    return reply


def slow(reply: Reply) -> Reply:
    """Send one byte at a time."""
    reply.seconds_per_byte = 0.2
    return reply


def changed(change: Callable[[Any], Any]) -> Fault:
    """Change the JSON of the answer."""
    return lambda reply: Reply(reply.status, change(reply.value), reply.headers)
