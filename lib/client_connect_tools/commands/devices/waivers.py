"""``client-connect devices waivers``, ``waivers export`` and ``waivers import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect.settings import WAIVERS_TABLE
from client_connect.sources.items import HOLDER, MalformedItem
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._groups import lists_only
from client_connect_tools.commands._shared import FINDINGS, JsonOption
from client_connect_tools.commands._summaries import WholeSummaries
from client_connect_tools.commands._target import TableRegionOption, target
from client_connect_tools.commands.devices._moving import (
    DryRunOption,
    ReplaceOption,
    export_kept,
    import_kept,
)
from client_connect_tools.commands.devices._shared import (
    OutputOption,
    WaiversTableOption,
    connect,
    failures_end_the_command,
    json_line,
    waiver_text,
)
from client_connect_tools.output.local_times import local_time, local_time_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect.waiver import Waiver
    from client_connect_tools.devices.waivers import KeptWaiver


waivers: typer.Typer = typer.Typer(cls=WholeSummaries, rich_markup_mode=None)


@waivers.callback(invoke_without_command=True)
def list_waivers(  # noqa: PLR0913, PLR0917 - each is an option
    context: typer.Context,
    active: Annotated[bool, typer.Option("--active", help="Only those that count now.")] = False,
    handler: HandlerOption = None,
    waivers_table: WaiversTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all waivers: those that count, and for 400 days those that expired, were revoked or replaced.

    Items that are malformed are reported; status 1 when there are any. --json prints one object a line. "waivers
    export" and "waivers import" move them into another table.
    """
    if not lists_only(context):
        return
    table = _table(handler, waivers_table, region)
    malformed: list[str] = []
    for each in _kept(table, malformed, region):
        if each.state == "active" or not active:
            print(json_line(_record(each)) if as_json else _line(each))
    for problem in malformed:
        print(printable(problem), file=sys.stderr)
    if malformed:
        raise typer.Exit(FINDINGS)


@waivers.command("export")
def export_waivers(
    output: OutputOption = None,
    handler: HandlerOption = None,
    waivers_table: WaiversTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the waivers that count now as lines of JSON, with who granted each and when, as import reads them.

    Those that cannot be read are reported and left out; status 1 when there are any.
    """
    table = _table(handler, waivers_table, region)
    from client_connect_tools.devices.moving import WAIVERS

    export_kept(WAIVERS, table, output, region=region, as_json=as_json)


@waivers.command("import")
def import_waivers(  # noqa: PLR0913, PLR0917 - each is an option
    file: Annotated[Path, typer.Argument(help="What waivers export has written.")],
    handler: HandlerOption = None,
    waivers_table: WaiversTableOption = None,
    region: TableRegionOption = None,
    replace: ReplaceOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the waivers of an export into a table, such as that of another Region or of a restored inventory.

    Each keeps who granted it and when. What the table says otherwise is reported and stays: status 1. Importing a file
    twice is the same as once. Nothing is written of a file that is not complete, or has a wrong line.
    """
    table = _table(handler, waivers_table, region)
    from client_connect_tools.devices.moving import WAIVERS

    import_kept(
        WAIVERS,
        _described,
        file,
        table,
        region=region,
        replaces=replace,
        dry_run=dry_run,
        as_json=as_json,
    )


def _table(handler: str | None, given: str | None, region: str | None) -> str:
    return target(handler, region).inventory(given, WAIVERS_TABLE, "waivers")


def _described(waiver: Waiver) -> str:
    return f"{waiver.holder} {waiver_text(waiver)}"


def _kept(table: str, malformed: list[str], region: str | None) -> Iterator[KeptWaiver]:
    dynamodb = connect(region)
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
