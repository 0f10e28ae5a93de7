"""The Cedar schema of what policies see, with the type of the custom facts in it."""

from __future__ import annotations

import re
from functools import cache

from client_connect import bundled_files

_NO_CUSTOM_FACTS = "type Custom = {};"
# An attribute of the context that is always there, and one of the time, which lies deeper.
_REQUIRED = re.compile(r"^( {6}(?: {2})?)([A-Za-z]+)(: )", re.MULTILINE)
_OF_TIME = len("        ")
_OF_THE_REQUEST = frozenset(("connectionId", "platform", "publicIp"))
_NONE = frozenset[str]()


def required_attributes() -> frozenset[str]:
    """Return the names of the context's attributes that are always there, such as ``time`` and ``time.now``.

    Except the request's own.
    """
    return frozenset(map(_name, _REQUIRED.finditer(bundled_files.schema()))) - _OF_THE_REQUEST


@cache
def schema_text(custom: str | None = None, *, optional: frozenset[str] = _NONE) -> str:
    """Return the schema.

    Args:
        custom: What ``context.custom`` is: a Cedar record type, such as ``{ riskScore: Long, vip?: Bool }``.
            Default: an empty record.
        optional: Which of ``required_attributes`` may be left out all the same.
    """
    text = bundled_files.schema()
    if optional:
        text = _REQUIRED.sub(
            lambda match: f"{match[1]}{match[2]}?{match[3]}" if _name(match) in optional else match[0], text
        )
    # The semicolon on a separate line: the last thing in a fragment may be a comment.
    return text if custom is None else text.replace(_NO_CUSTOM_FACTS, f"type Custom = {custom.strip()}\n;")


def _name(match: re.Match[str]) -> str:
    return f"time.{match[2]}" if len(match[1]) == _OF_TIME else match[2]
