"""``client-connect schema``."""

from __future__ import annotations


def schema() -> None:
    """Print the Cedar schema: everything that a policy can see."""
    from client_connect.schema import schema_text

    print(schema_text(), end="")
