"""Shared by the commands about deployed handlers."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools import distribution
from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    from collections.abc import Iterator

HandlerArgument = "The handler: the name of its function, the ARN of it, or the name of its stack."
HANDLER = "CLIENT_CONNECT_HANDLER"
HandlerOption = Annotated[str | None, typer.Option("--handler", envvar=HANDLER, help=HandlerArgument)]


def require_boto3(extra: str = "rollback") -> None:
    """End the command when boto3 is not installed, which an extra of the distribution brings."""
    if importlib.util.find_spec("boto3") is None:
        wrong_use(f'boto3 is not installed; install it by: pip install "{distribution.name()}[{extra}]"')


@contextmanager
def refusals_end_the_command() -> Iterator[None]:
    """End with the message alone and status 2 when AWS fails, or when something is refused."""
    from client_connect_tools.deployed.aws import AwsFailed, Refused

    try:
        yield
    except (AwsFailed, Refused) as error:
        wrong_use(str(error))


def version_text(number: int, digest: str | None) -> str:
    """Name a version and its policies."""
    return f"version {number} (policies {digest or 'in prebuilt code'})"
