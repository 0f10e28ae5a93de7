"""``client-connect matrix``."""

from __future__ import annotations

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
from client_connect_tools.commands._settings import PathsArgument, paths_or_settings
from client_connect_tools.commands._shared import GuardrailsOption  # noqa: TC001 - Typer reads it


def matrix(  # noqa: PLR0913 - each parameter is an option
    paths: PathsArgument = None,
    *,
    axis: AxisOption = None,
    guardrails: GuardrailsOption = None,
    decisions_only: Annotated[
        bool,
        typer.Option("--decisions-only", help="Put together what other policies decide in the same way."),
    ] = False,
    time_zone: ZoneOption = None,
    output_format: TableFormatOption = TableFormat.TEXT,
) -> None:
    """Show who may connect with what, when and from where: every case that policies tell apart.

    The cases come from what the policies name: groups, users, networks, versions on both sides of each, times of the
    day. Those that are decided alike are one row.
    """
    policies = sound(paths, guardrails)
    table = decided([policies], axis, time_zone, by_policy=not decisions_only)
    print_table(table, 1, output_format, f"Who may connect: {', '.join(map(str, paths_or_settings(paths)))}")
