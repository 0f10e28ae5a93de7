"""``client-connect versions``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect_tools.commands._deployed import (
    HandlerArgument,
    refusals_end_the_command,
    require_boto3,
)
from client_connect_tools.commands._shared import JsonOption  # noqa: TC001 - Typer reads it
from client_connect_tools.output.local_times import local_time_of

if TYPE_CHECKING:
    from client_connect_tools.deployed.functions import Alias, Version


def versions(
    handler: Annotated[str, typer.Argument(help=HandlerArgument)],
    as_json: JsonOption = False,
) -> None:
    """List the versions of a deployed handler, and which of them answers."""
    require_boto3()
    from client_connect_tools.deployed.finding import find_handler

    with refusals_end_the_command():
        found = find_handler(handler)
        listed = found.function.versions()
    rows = [_row(version, found.alias) for version in listed]
    if as_json:
        print(json.dumps({"function": found.function.name, "versions": rows}))
        return
    print(f"{found.function.name}, newest first; the alias live points to version {found.alias.version}")
    for row in rows:
        print(_line(row))


def _row(version: Version, alias: Alias) -> dict[str, Any]:
    return {
        "version": version.number,
        "published": version.modified,
        "policies": version.described.digest,
        "ids": version.described.ids,
        "shadowMode": version.is_shadow,
        "share": alias.share(version.number),
    }


def _line(row: dict[str, Any]) -> str:
    share = f"answers {row['share']:.0%}" if row["share"] else ""
    published = local_time_of(row["published"])
    policies = row["policies"] or "unknown"
    shadow = "SHADOW MODE  " if row["shadowMode"] else ""
    return printable(
        f"{row['version']:>6}  {published:<20}  {policies:<12}  {share:<12}  {shadow}{row['ids']}".rstrip()
    )
