"""The handler's promises on any event whatsoever, for the tests that send it events of every shape."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from tests.support.events import assert_valid, connect_handler, event

if TYPE_CHECKING:
    from tests.support.log_lines import Log

FIELDS = tuple(event())

# Texts that a valid event may hold, or nearly.
NEAR = (
    "", "win", "MAC", "mac", "ios", "v1", "v2", "v3", "v0", "10.0 64bit", "6.1.7601,amd64", "1.2.3.4", "1.2.3.4/8",
    "::ffff:1.2.3.4", "fe80::1%eth0", "2.6.12", "9" * 400, "\ud800", "\x00", "\u2028\u202e", '"}', "\x1b[2J", "\x9b2J",
    "[]", '["staff", "\\ud800"]', "a,b", "10.0, amd64 executable", "\u200b\u061c\ufeff\U000e0041",
)  # fmt: skip

# Permits nearly everything, so a request that should not pass would.
POLICIES = """
    @id("all") @status("ok") permit (principal, action, resource);
    @id("mac") @message("{long}") @status("{long}") forbid (principal, action, resource)
    when {{ context.platform == "mac" }};
    @id("errs") forbid (principal, action, resource) when {{ context.platform == "ios" && context.os.major > 1 }};
    @id("shadow") @shadow forbid (principal, action, resource) when {{ context.os.major < 10 }};
    {many}
""".format(
    long="é" * 300,
    many="".join(f'@id("{n}") @status("{n}") permit (principal, action, resource);' for n in range(12)),
)
_ENFORCING, _SHADOWING = (connect_handler(POLICIES, shadow_mode=shadow_mode) for shadow_mode in (False, True))


def hold_enforcing(sent: object, log: Log) -> bool:
    """Send an event to a handler that enforces its policies; return whether it allows the connection."""
    answer = _ENFORCING(sent)
    _hold(answer, sent, log)
    assert is_request(sent) or not answer["allow"]
    allowed: bool = answer["allow"]
    return allowed


def hold_shadowing(sent: object, log: Log) -> None:
    """Send an event to a handler in shadow mode, which allows whatever comes."""
    answer = _SHADOWING(sent)
    _hold(answer, sent, log)
    assert answer["allow"]


def is_request(sent: object) -> bool:
    """Tell whether AWS could have sent this, written apart from the code that it tests."""
    if not isinstance(sent, dict):
        return False
    required = [
        sent.get(f"{name}") for name in ("connection-id", "endpoint-id", "public-ip", "schema-version")
    ]
    optional = [sent.get(name) or "" for name in FIELDS if name not in ("groups", "platform")]
    groups = sent.get("groups") or []
    texts = [*required, *optional, sent.get("platform"), *(groups if isinstance(groups, list) else [groups])]
    if not (all(required) and all(isinstance(text, str) for text in texts)):
        return False
    try:
        "".join(texts).encode()
        ip_address(sent["public-ip"])
    except ValueError:
        return False
    return "%" not in sent["public-ip"] and bool(sent.get("username") or sent.get("common-name"))


def clean_record(log: Log) -> dict[str, Any]:
    """Return the one record since the last call; nothing in the line itself moves, hides or turns text."""
    (line,) = log.lines
    assert line.removesuffix("\n").isprintable()
    return log.record()


def _hold(answer: dict[str, Any], sent: object, log: Log) -> None:
    """Expect a valid answer, and one record of it."""
    assert_valid(answer, sent)
    assert clean_record(log)["allow"] == answer["allow"]
