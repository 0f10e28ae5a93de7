"""``client-connect schema``."""

from __future__ import annotations


def schema() -> None:
    """Print the Cedar schema: everything that a policy can see."""
    from client_connect.authorizer import SCHEMA

    print(SCHEMA.read_text("utf-8"), end="")
