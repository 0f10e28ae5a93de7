"""``client-connect schema``."""

from __future__ import annotations

from typing import Annotated

import typer


def schema(
    native: Annotated[
        bool, typer.Option("--native", help="Of Client VPN's own authorization policies.")
    ] = False,
) -> None:
    """Print the Cedar schema: everything that a policy can see."""
    if native:
        from client_connect_tools.native import schema_text
    else:
        from client_connect.schema import schema_text

    print(schema_text(), end="")
