"""``client-connect names``."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._deployed import (
    HANDLER,
    HandlerArgument,
    refusals_end_the_command,
    require_boto3,
)
from client_connect_tools.commands._shared import FINDINGS, JsonOption
from client_connect_tools.commands._target import TableRegionOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands.devices._shared import json_line


def names(
    handler: Annotated[str, typer.Argument(envvar=HANDLER, help=HandlerArgument)],
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the names of what belongs to a handler, as variables of a shell, so documented commands run as pasted.

    Use it by: eval "$(client-connect names STACK)". Status 1 when something could not be found out.
    """
    require_boto3()
    from client_connect_tools.deployed.finding import find_handler
    from client_connect_tools.deployed.names import names_of

    with refusals_end_the_command():
        deployed = find_handler(handler, region=region)
        found, problems = names_of(deployed)
    if as_json:
        print(json_line(found))
    else:
        for name, value in found.items():
            print(f"export {name}={shlex.quote(value)}")
        print(f"export {HANDLER}={shlex.quote(found['FUNCTION'])}")
        if deployed.region is not None:
            print(f"export AWS_DEFAULT_REGION={shlex.quote(deployed.region)}")
    for problem in problems:
        print(printable(f"not found out: {problem}"), file=sys.stderr)
    if problems:
        raise typer.Exit(FINDINGS)
