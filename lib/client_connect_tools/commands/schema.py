"""``client-connect schema``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from client_connect_tools.commands._shared import (
    FINDINGS,
    PoliciesArgument,
    errors_end_the_command,
    read_policies,
    wrong_use,
)


def schema(
    policies: Annotated[
        Path | None, typer.Argument(help=f"{PoliciesArgument} Their custom.cedarschema becomes a part of it.")
    ] = None,
    native: Annotated[
        bool, typer.Option("--native", help="Of Client VPN's own authorization policies.")
    ] = False,
) -> None:
    """Print the Cedar schema: everything that a policy can see."""
    if native:
        _print_native(policies)
        return
    from client_connect.engine.schema import schema_text

    print(schema_text(None if policies is None else _custom(policies)), end="")


def _print_native(policies: Path | None) -> None:
    from client_connect_tools.native import schema_text

    if policies is not None:
        wrong_use(
            f'"{policies}" and --native are both given, but native policies see no custom facts; give one'
        )
    print(schema_text(), end="")


def _custom(path: Path) -> str | None:
    from client_connect_tools.checking.custom_schema import check_custom_schema

    with errors_end_the_command():
        policies = read_policies(path)
    for finding in check_custom_schema(policies):
        print(finding, file=sys.stderr)
        raise typer.Exit(FINDINGS)
    return policies.custom
