"""``client-connect devices waivers``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect.sources.items import HOLDER, MalformedItem
from client_connect_tools.commands._shared import FINDINGS, JsonOption
from client_connect_tools.commands.devices._shared import (
    WaiversTableOption,
    connect,
    failures_end_the_command,
    json_line,
    require_waivers_table,
    waiver_text,
)
from client_connect_tools.output.local_times import local_time, local_time_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.devices.waivers import KeptWaiver


def waivers(
    active: Annotated[bool, typer.Option("--active", help="Only those that count now.")] = False,
    waivers_table: WaiversTableOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all waivers: those that count, and for 400 days those that expired, were revoked or replaced.

    Items that are malformed are reported; status 1 when there are any. --json prints one object a line.
    """
    table = require_waivers_table(waivers_table)
    malformed: list[str] = []
    for each in _kept(table, malformed):
        if each.state == "active" or not active:
            print(json_line(_record(each)) if as_json else _line(each))
    for problem in malformed:
        print(printable(problem), file=sys.stderr)
    if malformed:
        raise typer.Exit(FINDINGS)


def _kept(table: str, malformed: list[str]) -> Iterator[KeptWaiver]:
    dynamodb = connect()
    from client_connect_tools.devices.blocks import is_of_blocks
    from client_connect_tools.devices.dynamodb import scan
    from client_connect_tools.devices.waivers import kept

    with failures_end_the_command():
        for item in scan(dynamodb, table):
            if is_of_blocks(item):
                continue
            try:
                found = kept(item)
            except MalformedItem as error:
                malformed.append(f'waivers of "{item[HOLDER]["S"]}": {error}')
            else:
                yield from found


def _record(each: KeptWaiver) -> dict[str, Any]:
    ended = {"endedAt": each.ended_at, "endedBy": each.ended_by} if each.ended_by else {}
    return {**each.waiver.to_record(), "state": each.state, **ended}


def _line(each: KeptWaiver) -> str:
    granted = f", granted by {each.waiver.granted_by}" if each.waiver.granted_by else ""
    if each.waiver.granted_at is not None:
        granted += f" at {local_time(each.waiver.granted_at, separator='T')}"
    ended = f", ended at {local_time_of(each.ended_at)} by {each.ended_by}" if each.ended_by else ""
    return (
        printable(f"{each.state}\t{each.waiver.holder}\t".replace("\t", " "))
        + waiver_text(each.waiver)
        + printable(granted + ended)
    )
