"""``client-connect rules``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_connect_tools.commands._shared import errors_end_the_command, read_policies


def rules(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="MODULE:NAME...", help="Rules in a Python module, such as vpn_rules:rules."),
    ],
) -> None:
    """Print the policies that Rules are rendered to, as Cedar."""
    with errors_end_the_command():
        print(read_policies(*paths).text, end="")
