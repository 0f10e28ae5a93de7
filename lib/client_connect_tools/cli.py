"""The command ``client-connect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from client_connect_tools.bundle import Bundle
from client_connect_tools.checks import require_sound
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.policies import Policies

WRONG_USE = 2

main: typer.Typer = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_errors = Console(stderr=True, highlight=False)


@main.callback()
def _describe() -> None:
    """Work with the policies of an AWS Client VPN client connect handler."""


@main.command()
def bundle(
    policies: Annotated[Path, typer.Argument(help="A *.cedar file, or a directory of them.")],
    output: Annotated[Path, typer.Option(help="The folder to fill; missing or empty.")],
    python: Annotated[str, typer.Option(help="The Python version of the Lambda runtime.")] = "3.14",
    architecture: Annotated[
        Literal["arm64", "x86_64"], typer.Option(help="The architecture of the function.")
    ] = "arm64",
) -> None:
    """Build the function's code, to be brought as code=lambda_.Code.from_asset(OUTPUT)."""
    try:
        source = read_policies(policies)
        require_sound(source)
        _require_empty(output)
        Bundle(source.text, python, architecture).build(output)
    except ClientConnectError as error:
        _errors.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def read_policies(path: Path) -> Policies:
    """Read a file, or the ``*.cedar`` files of a directory."""
    return Policies.from_directory(path) if path.is_dir() else Policies.from_file(path)


def _require_empty(output: Path) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        _errors.print(f'output "{output}" is not an empty folder; name a new one', markup=False)
        raise typer.Exit(WRONG_USE)
