"""The handler that the user means, and where its tables and endpoints are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.settings import ANSWERED_ENDPOINTS, CONNECTIONS_TABLE, WAIVERS_TABLE
from client_connect_tools.commands._deployed import HANDLER, refusals_end_the_command, require_boto3
from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect_tools.deployed.finding import DeployedHandler

TableRegionOption = Annotated[
    str | None,
    typer.Option(
        "--region", help="The Region of the handler and the table. Default: that of the environment."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A handler, as far as it is known, and its variables."""

    handler: DeployedHandler | None
    variables: Mapping[str, str]

    def table(self, given: str | None) -> str:
        """Return the table of blocks, or end the command."""
        name = self.named(given, WAIVERS_TABLE, "waivers")
        if name or self.handler is None:
            return name or ""
        return wrong_use(
            f"the handler {self.handler.function.name} has no device_inventory, so no one can be blocked while it "
            "runs: give it a DeviceInventory; until then, deploy Rules(blocked_users=..., blocked_common_names=...), "
            "and end open connections by client-connect cut"
        )

    def named(self, given: str | None, variable: str, kind: str) -> str | None:
        """Return the table that is given, or that of the handler, or end the command.

        Args:
            given: By its option, or by the environment.
            variable: The variable that names it, of the handler as of the environment.
            kind: What is in it.
        """
        if self.handler is None and not given:
            wrong_use(
                f"there is no table of {kind}; give --{kind}-table or --handler, or set {variable} or {HANDLER}"
            )
        own = self.variables.get(variable)
        if own and given and own != given:
            wrong_use(
                f"the table of {kind} of the handler is {own}, but --{kind}-table or {variable} is {given}; leave one "
                "of them out"
            )
        return given or own

    def inventory(self, given: str | None, variable: str, kind: str) -> str:
        """Return a table of the inventory, or end the command; the arguments are those of :meth:`named`."""
        return self.named(given, variable, kind) or wrong_use(
            f"the handler has no device_inventory, so it has no table of {kind}"
        )

    def endpoints(self, given: list[str] | None) -> list[str]:
        """Return the endpoints whose connections are looked at, or end the command."""
        if given:
            return given
        if self.handler is None:
            wrong_use("it is not known at which endpoints connections are open; give --handler or --endpoint")
        from client_connect_tools.deployed.description import WATCHED_ENDPOINTS

        with refusals_end_the_command():
            reauthorizer = self.handler.reauthorizer()
            watched = {} if reauthorizer is None else reauthorizer.environment()
        text = watched.get(WATCHED_ENDPOINTS) or self.variables.get(ANSWERED_ENDPOINTS) or ""
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


def target(handler: str | None, region: str | None = None) -> Target:
    """Return a handler and its variables, or end the command.

    Args:
        handler: By its function or stack.
        region: The Region; ``None`` for that of the environment.
    """
    require_boto3("devices")
    if handler is None:
        return Target(handler=None, variables={})
    from client_connect_tools.deployed.finding import find_handler

    with refusals_end_the_command():
        found = find_handler(handler, region=region)
        _require_region(found.region, region)
        return Target(handler=found, variables=found.function.environment())


def _require_region(region: str | None, given: str | None) -> None:
    """End the command for a handler of another Region: its table would be looked for in the one that is meant."""
    import boto3

    here = given or boto3.Session().region_name
    if region is not None and region != here:
        which = "--region" if given else "the Region of the environment"
        do = f"give --region {region}" if given else f"set AWS_DEFAULT_REGION={region}"
        wrong_use(f"the handler is in {region}, but {which} is {here or 'not set'}; {do}")
