"""``client-connect block`` and ``unblock``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.blocks import BLOCKED, Block
from client_connect.printable import printable
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._holders import (
    DeviceOption,
    DurationOption,
    TimeZoneOption,
    UntilOption,
    UserOption,
    end_option,
    holder_option,
    text_option,
)
from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands._target import Target, target
from client_connect_tools.commands.blocking._shared import (
    BlocksTableOption,
    EndpointOption,
    block_text,
    cut_record,
)
from client_connect_tools.commands.blocking.cutting import cut_connections, print_cuts
from client_connect_tools.commands.devices._shared import connect, failures_end_the_command, json_line
from client_connect_tools.inputs import messages
from client_connect_tools.inputs.default_event import DEFAULT_EVENT

if TYPE_CHECKING:
    from client_connect_tools.deployed.cutting import Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """Whether the handler keeps the user or device out, and what it said."""

    is_denied: bool
    text: str


def block(  # noqa: PLR0913, PLR0917 - each is an option
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the records; no client is told.")],
    by: Annotated[str, typer.Option(help="Who decided it.")],
    device: DeviceOption = None,
    user: UserOption = None,
    until: UntilOption = None,
    duration: DurationOption = None,
    no_end: Annotated[bool, typer.Option("--no-end", help="Until it is removed.")] = False,
    message: Annotated[
        str, typer.Option(help="What the client is told. Default: the handler's default message.")
    ] = "",
    time_zone: TimeZoneOption = "UTC",
    handler: HandlerOption = None,
    waivers_table: BlocksTableOption = None,
    endpoint: EndpointOption = None,
    no_cut: Annotated[bool, typer.Option("--no-cut", help="Leave open connections open.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Keep a device or a user out at once, whatever policies, waivers and device syncs say, and end its connections.

    It shows that the handler denies them now, and what EC2 says of the connections. Status 1 when either is not so.
    """
    holder = holder_option(device, user, "who is blocked")
    if no_end and (until or duration):
        wrong_use("--no-end contradicts --until and --for; give one of them")
    wanted = Block(
        holder=holder,
        until=None if no_end else _end(until, duration, time_zone),
        reason=text_option("--reason", reason),
        by=text_option("--by", by),
        message=_message(message),
    )
    found = target(handler)
    table = found.table(waivers_table)
    wanted, former = _write(table, wanted)
    if not as_json:
        print(f"blocked {block_text(wanted)}")
        if former is not None:
            print(f"  in the place of {block_text(former)}")
        print(printable(_covered(holder)))
    proof = _proof(found, holder)
    if proof is not None and not as_json:
        print(printable(proof.text))
    # Only now, because blocking must work even if the open connections are unknown.
    endpoints = [] if no_cut or not (handler or endpoint) else found.endpoints(endpoint)
    cuts = cut_connections(found, holder, endpoints) if endpoints else []
    if as_json:
        print(json_line(_record(wanted, former, proof, cuts)))
    elif endpoints:
        print_cuts(holder, cuts)
    else:
        print("open connections were left open; the next run of the re-authorizer ends them, if there is one")
    if any(each.is_open for each in cuts) or (proof is not None and not proof.is_denied):
        raise typer.Exit(FINDINGS)


def unblock(
    device: DeviceOption = None,
    user: UserOption = None,
    handler: HandlerOption = None,
    waivers_table: BlocksTableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the block of a device or a user. Status 1 when there is none, or when another one still holds."""
    holder = holder_option(device, user, "who is no longer blocked")
    table = target(handler).table(waivers_table)
    dynamodb = connect()
    from client_connect_tools.devices.blocks import remove_block
    from client_connect_tools.devices.dynamodb import caller

    with failures_end_the_command():
        removed, still = remove_block(dynamodb, table, holder, by=caller())
    if as_json:
        record = {"removed": removed and removed.to_record(), "still": [each.to_record() for each in still]}
        print(json_line(record))
    elif removed is not None:
        print(f"unblocked {block_text(removed)}")
    if removed is None:
        wrong = f"there is no block of {holder} in this spelling; see: client-connect blocks"
        typer.echo(printable(wrong), err=True)
    for each in still:
        typer.echo(f"still kept out by the block of {block_text(each)}", err=True)
    if removed is None or still:
        raise typer.Exit(FINDINGS)


def _end(until: str | None, duration: str | None, time_zone: str) -> datetime:
    if until is None and duration is None:
        wrong_use("give --until, --for or --no-end: when the block ends")
    return end_option(until, duration, time_zone)


def _message(message: str) -> str:
    if not message:
        return ""
    text = text_option("--message", message)
    found = [problem for _, problem in messages.problems(text, None)]
    if command := messages.command(text):
        found.append(command)
    if found:
        wrong_use(f"--message {'; '.join(found)}")
    return text


def _write(table: str, wanted: Block) -> tuple[Block, Block | None]:
    dynamodb = connect()
    from client_connect_tools.devices.blocks import write_block
    from client_connect_tools.devices.dynamodb import caller

    with failures_end_the_command():
        wanted = wanted._replace(granted_by=caller(), granted_at=datetime.now(UTC).replace(microsecond=0))
        return wanted, write_block(dynamodb, table, wanted)


def _covered(holder: str) -> str:
    kind, _, name = holder.partition(":")
    if kind == "device":
        return f'  it holds for the common name "{name}" in any case of letters'
    if "@" in name or "\\" in name:
        return (
            f'  it holds for "{name}" in any case of letters, and for the same account without a domain or with one of '
            "another form"
        )
    return f'  it holds for "{name}" in any case of letters and with any domain'


def _proof(found: Target, holder: str) -> _Proof | None:
    """Ask the handler, as Client VPN does, for a client with the name."""
    if found.handler is None:
        return None
    from client_connect_tools.deployed.aws import AwsFailed, Refused
    from client_connect_tools.deployed.description import ALIAS_NAME

    kind, _, name = holder.partition(":")
    asked = {**DEFAULT_EVENT, "username" if kind == "user" else "common-name": name}
    handler = found.handler.function.name
    try:
        probed = found.handler.function.probe(ALIAS_NAME, asked)
    except (AwsFailed, Refused) as error:
        return _Proof(is_denied=False, text=f"NOT PROVEN that {handler} denies: {error}")
    if BLOCKED in probed.determining and not probed.allow:
        return _Proof(
            is_denied=True, text=f"{handler}, version {probed.version}, denies because of the block"
        )
    why = "; ".join(probed.unavailable.values()) or "it may be another handler's table, or an older version"
    return _Proof(
        is_denied=False,
        text=f"{handler}, version {probed.version}, does NOT know the block: {why}",
    )


def _record(wanted: Block, former: Block | None, proof: _Proof | None, cuts: list[Cut]) -> dict[str, Any]:
    return {
        "block": wanted.to_record(),
        "replaced": former and former.to_record(),
        "denied": proof and proof.is_denied,
        "handler": proof and proof.text,
        "cut": [cut_record(each) for each in cuts],
    }
