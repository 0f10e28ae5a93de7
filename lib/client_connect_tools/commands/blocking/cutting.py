"""``client-connect cut``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._deployed import HandlerOption, refusals_end_the_command
from client_connect_tools.commands._holders import DeviceOption, UserOption, holder_option
from client_connect_tools.commands._shared import FINDINGS, JsonOption
from client_connect_tools.commands._target import Target, target
from client_connect_tools.commands.blocking._shared import EndpointOption, cut_record, cut_text
from client_connect_tools.commands.devices._shared import json_line, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect_tools.deployed.cutting import Cut


def cut(  # noqa: PLR0913, PLR0917 - each is an option
    device: DeviceOption = None,
    user: UserOption = None,
    handler: HandlerOption = None,
    endpoint: EndpointOption = None,
    connections_table: Annotated[
        str | None,
        typer.Option(help="The table of the connection registry. Default: that of --handler, if it has one."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """End the open connections of a device or a user, and show what EC2 says of them then.

    Their clients connect again by themselves, if the handler allows it; client-connect block keeps them out. Status 1
    when one is still open.
    """
    holder = holder_option(device, user, "whose connections end")
    found = target(handler)
    cuts = cut_connections(found, holder, found.endpoints(endpoint), registry=connections_table)
    if as_json:
        print(json_line({"cut": [cut_record(each) for each in cuts]}))
    else:
        print_cuts(holder, cuts)
    if any(each.is_open for each in cuts):
        raise typer.Exit(FINDINGS)


def cut_connections(
    found: Target, holder: str, endpoints: Sequence[str], *, registry: str | None = None
) -> list[Cut]:
    """End the connections of a device or a user."""
    from client_connect_tools.deployed.cutting import Cutter

    table = registry or found.registry
    if table is None:
        print(
            "note: without a connection registry only the names that EC2 has are compared; it names users under Active "
            "Directory authentication only, so those of SAML are not found",
            file=sys.stderr,
        )
    with refusals_end_the_command():
        cutter = Cutter(endpoints, registry=table)
        cuts = cutter.find(holder)
        cutter.end(cuts)
    return cuts


def print_cuts(holder: str, cuts: Sequence[Cut]) -> None:
    """Print the fate of connections."""
    still = sum(each.is_open for each in cuts)
    ended = len(cuts) - still
    print(
        printable(f"{holder}: {number(ended, 'open connection')} ended")
        + (f", {still} NOT ENDED" if still else "")
    )
    for each in cuts:
        print(cut_text(each))
