"""``client-connect matrix``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_connect_tools.commands._matrix_shared import (
    AxisOption,
    TableFormat,
    TableFormatOption,
    ZoneOption,
    decided,
    print_table,
    sound,
)
from client_connect_tools.commands._shared import GuardrailsOption  # noqa: TC001 - Typer reads it


def matrix(  # noqa: PLR0913 - each parameter is an option
    paths: Annotated[
        list[Path], typer.Argument(help="*.cedar files, directories, Rules as module:name: one set.")
    ],
    *,
    axis: AxisOption = None,
    guardrails: GuardrailsOption = None,
    decisions_only: Annotated[
        bool,
        typer.Option("--decisions-only", help="Put together what other policies decide in the same way."),
    ] = False,
    time_zone: ZoneOption = "UTC",
    output_format: TableFormatOption = TableFormat.TEXT,
) -> None:
    """Show who may connect with what, when and from where: every case that policies tell apart.

    The cases come from what the policies name: groups, users, networks, versions on both sides of each, times of the
    day. Those that are decided alike are one row.
    """
    policies = sound(paths, guardrails)
    table = decided([policies], axis, time_zone, by_policy=not decisions_only)
    print_table(table, 1, output_format, f"Who may connect: {', '.join(map(str, paths))}")
