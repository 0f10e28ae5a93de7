"""``client-connect certificates``."""

from __future__ import annotations

import typer

from client_connect_tools.commands.certificates.checking import check

certificates: typer.Typer = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
certificates.command()(check)


@certificates.callback()
def _describe() -> None:
    """Certificates of the VPN. Needs cryptography: install "cdk-client-connect[certificates]"."""
