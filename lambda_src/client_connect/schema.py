"""The Cedar schema of what policies see, with the type of a team's own facts in it."""

from __future__ import annotations

from functools import cache

from client_connect import bundled_files

_NO_CUSTOM_FACTS = "type Custom = {};"


@cache
def schema_text(custom: str | None = None) -> str:
    """Return the schema.

    Args:
        custom: What ``context.custom`` is: a Cedar record type, such as ``{ riskScore: Long, vip?: Bool }``.
            Default: an empty record.
    """
    text = bundled_files.schema()
    # The semicolon on a line of its own: the last thing in a fragment may be a comment.
    return text if custom is None else text.replace(_NO_CUSTOM_FACTS, f"type Custom = {custom.strip()}\n;")
