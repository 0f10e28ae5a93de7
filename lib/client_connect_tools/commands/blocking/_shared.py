"""Shared by the commands about blocks: their options, and how they describe what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect.settings import WAIVERS_TABLE
from client_connect_tools.output.local_times import local_time

if TYPE_CHECKING:
    from client_connect.blocks import Block
    from client_connect_tools.deployed.cutting import Cut

BlocksTableOption = Annotated[
    str | None,
    typer.Option(
        envvar=WAIVERS_TABLE,
        help="The inventory's table of waivers, which has the blocks too. Default: that of --handler.",
    ),
]
EndpointOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ID",
        help="An endpoint whose connections are looked at; may be given several times. Default: those of the "
        "handler's re-authorizer.",
    ),
]


def block_text(block: Block) -> str:
    """Describe a block in a line."""
    until = "until it is removed"
    if block.until is not None:
        until = f"until {local_time(block.until, separator='T')}"
    by = f" (by {block.by})" if block.by else ""
    return printable(f"{block.holder} {until}: {block.reason or '?'}{by}")


def cut_text(cut: Cut) -> str:
    """Describe the fate of a connection in a line."""
    connection = cut.connection
    who = ", ".join(filter(None, (cut.username, cut.common_name))) or "unknown"
    failure = f"; {cut.failure}" if cut.failure else ""
    return printable(
        f"  {connection.connection_id} at {connection.endpoint_id}: {who}; was {connection.status or 'open'}, EC2 now "
        f"says: {cut.now}{failure}"
    )


def cut_record(cut: Cut) -> dict[str, object]:
    """Return the fate of a connection, as --json has it."""
    return {
        "connection": cut.connection.connection_id,
        "endpoint": cut.connection.endpoint_id,
        "username": cut.username,
        "commonName": cut.common_name,
        "was": cut.connection.status,
        "now": cut.now,
        "failure": cut.failure,
    }
