"""``client-connect certificates``."""

from __future__ import annotations

import typer

from client_connect_tools.commands._summaries import WholeSummaries
from client_connect_tools.commands.certificates.checking import check
from client_connect_tools.commands.certificates.creating import create, profile

certificates: typer.Typer = typer.Typer(cls=WholeSummaries, no_args_is_help=True, rich_markup_mode=None)
for _command in (check, create, profile):
    certificates.command()(_command)


@certificates.callback()
def _describe() -> None:
    """Certificates of the VPN. Needs cryptography: install "cdk-client-connect[certificates]"."""
