"""What the commands about blocks share: where a handler's tables and endpoints are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect.settings import ANSWERED_ENDPOINTS, CONNECTIONS_TABLE, WAIVERS_TABLE
from client_connect_tools.commands._deployed import HANDLER, refusals_end_the_command
from client_connect_tools.commands._shared import wrong_use
from client_connect_tools.commands.devices._shared import require_boto3
from client_connect_tools.output.local_times import local_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect.blocks import Block
    from client_connect_tools.deployed.cutting import Cut
    from client_connect_tools.deployed.finding import DeployedHandler

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
# As the re-authorizer has it; the module of its settings is not imported for a name.
_WATCHED_ENDPOINTS = "CLIENT_CONNECT_ENDPOINTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A handler, as far as it is known, and its variables."""

    handler: DeployedHandler | None
    variables: Mapping[str, str]

    def table(self, given: str | None) -> str:
        """Return the table of blocks, or end the command."""
        name = given or self.variables.get(WAIVERS_TABLE)
        if name:
            return name
        if self.handler is None:
            wrong_use(
                f"there is neither a handler nor a table; give --handler, or --waivers-table, or set {HANDLER}"
            )
        return wrong_use(
            f"the handler {self.handler.function.name} has no device_inventory, so nobody can be blocked while it "
            "runs: give it a DeviceInventory; until then, deploy Rules(blocked_users=..., blocked_common_names=...), "
            "and end open connections by client-connect cut"
        )

    def endpoints(self, given: list[str] | None) -> list[str]:
        """Return the endpoints whose connections are looked at, or end the command."""
        if given:
            return given
        if self.handler is None:
            wrong_use("it is not known at which endpoints connections are open; give --handler or --endpoint")
        with refusals_end_the_command():
            reauthorizer = self.handler.reauthorizer()
            watched = {} if reauthorizer is None else reauthorizer.environment()
        text = watched.get(_WATCHED_ENDPOINTS) or self.variables.get(ANSWERED_ENDPOINTS) or ""
        if not (found := list(filter(None, text.split(",")))):
            wrong_use(
                f"the handler {self.handler.function.name} has no re-authorizer that names its endpoints; give "
                "--endpoint, once for each"
            )
        return found

    @property
    def registry(self) -> str | None:
        """The table of the connection registry."""
        return self.variables.get(CONNECTIONS_TABLE)


def target(handler: str | None) -> Target:
    """Return a handler and its variables, or end the command."""
    require_boto3()
    if handler is None:
        return Target(handler=None, variables={})
    from client_connect_tools.deployed.finding import find_handler

    with refusals_end_the_command():
        found = find_handler(handler)
        _require_region(found.region)
        return Target(handler=found, variables=found.function.environment())


def _require_region(region: str | None) -> None:
    """End the command for a handler of another Region: its table would be looked for in that of the environment."""
    import boto3

    here = boto3.Session().region_name
    if region is not None and region != here:
        wrong_use(
            f"the handler is in {region}, but the Region of the environment is {here or 'not set'}; set "
            f"AWS_DEFAULT_REGION={region}"
        )


def block_text(block: Block) -> str:
    """Describe a block in a line."""
    until = "until it is removed"
    if block.until is not None:
        until = f"until {local_time(block.until, separator='T')}"
    by = f" (by {block.by})" if block.by else ""
    return printable(f"{block.holder} {until}: {block.reason or '?'}{by}")


def cut_text(cut: Cut) -> str:
    """Describe what became of a connection in a line."""
    connection = cut.connection
    who = ", ".join(filter(None, (cut.username, cut.common_name))) or "unknown"
    failure = f"; {cut.failure}" if cut.failure else ""
    return printable(
        f"  {connection.connection_id} at {connection.endpoint_id}: {who}; was {connection.status or 'open'}, EC2 now "
        f"says: {cut.now}{failure}"
    )


def cut_record(cut: Cut) -> dict[str, object]:
    """Return what became of a connection, as --json has it."""
    return {
        "connection": cut.connection.connection_id,
        "endpoint": cut.connection.endpoint_id,
        "username": cut.username,
        "commonName": cut.common_name,
        "was": cut.connection.status,
        "now": cut.now,
        "failure": cut.failure,
    }
