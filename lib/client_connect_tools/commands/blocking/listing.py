"""``client-connect blocks``, ``blocks export`` and ``blocks import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_connect.printable import printable
from client_connect.sources.items import HOLDER, MalformedItem
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._groups import lists_only
from client_connect_tools.commands._shared import FINDINGS, JsonOption
from client_connect_tools.commands._summaries import WholeSummaries
from client_connect_tools.commands._target import TableRegionOption, target
from client_connect_tools.commands.blocking._shared import BlocksTableOption, block_text
from client_connect_tools.commands.devices._moving import (
    DryRunOption,
    ReplaceOption,
    export_kept,
    import_kept,
)
from client_connect_tools.commands.devices._shared import (
    OutputOption,
    connect,
    failures_end_the_command,
    json_line,
)
from client_connect_tools.output.local_times import local_time, local_time_of

if TYPE_CHECKING:
    from client_connect_tools.devices.blocks import KeptBlock

blocks: typer.Typer = typer.Typer(cls=WholeSummaries, rich_markup_mode=None)


@blocks.callback(invoke_without_command=True)
def list_blocks(  # noqa: PLR0913, PLR0917 - each is an option
    context: typer.Context,
    active: Annotated[bool, typer.Option("--active", help="Only those that count now.")] = False,
    handler: HandlerOption = None,
    waivers_table: BlocksTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all blocks: those that count, and for 400 days those that expired, were removed or replaced.

    A block that is malformed counts, and is reported; status 1 when there are any. --json prints one object a line.
    "blocks export" and "blocks import" move them into another table.
    """
    if not lists_only(context):
        return
    table = target(handler, region).table(waivers_table)
    problems: list[str] = []
    for each in _kept(table, problems, region):
        if each.state == "active" or not active:
            print(json_line(_kept_record(each)) if as_json else _line(each))
    for problem in problems:
        print(printable(problem), file=sys.stderr)
    if problems:
        raise typer.Exit(FINDINGS)


@blocks.command("export")
def export_blocks(
    output: OutputOption = None,
    handler: HandlerOption = None,
    waivers_table: BlocksTableOption = None,
    region: TableRegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the blocks that count now as lines of JSON, with who wrote each and when, as import reads them.

    A block that cannot be read is reported and left out, though it holds; status 1 when there are any.
    """
    table = target(handler, region).table(waivers_table)
    from client_connect_tools.devices.moving import BLOCKS

    export_kept(BLOCKS, table, output, region=region, as_json=as_json)


@blocks.command("import")
def import_blocks(  # noqa: PLR0913, PLR0917 - each is an option
    file: Annotated[Path, typer.Argument(help="What blocks export has written.")],
    handler: HandlerOption = None,
    waivers_table: BlocksTableOption = None,
    region: TableRegionOption = None,
    replace: ReplaceOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the blocks of an export into a table, such as that of another Region or of a restored inventory.

    Each keeps who wrote it and when. What the table says otherwise is reported and stays: status 1. Importing a file
    twice is the same as once. Nothing is written of a file that is not complete, or has a wrong line.
    """
    table = target(handler, region).table(waivers_table)
    from client_connect_tools.devices.moving import BLOCKS

    import_kept(
        BLOCKS,
        block_text,
        file,
        table,
        region=region,
        replaces=replace,
        dry_run=dry_run,
        as_json=as_json,
    )


def _kept(table: str, problems: list[str], region: str | None) -> list[KeptBlock]:
    dynamodb = connect(region)
    from client_connect_tools.devices.blocks import is_of_blocks, kept_blocks
    from client_connect_tools.devices.dynamodb import scan

    found: list[KeptBlock] = []
    with failures_end_the_command():
        for item in filter(is_of_blocks, scan(dynamodb, table)):
            try:
                found += kept_blocks(item)
            except MalformedItem as error:
                problems.append(f'"{item[HOLDER]["S"]}": {error}')
    problems += [
        f"{each.block.holder}: {each.problem}; it holds all the same" for each in found if each.problem
    ]
    return found


def _kept_record(each: KeptBlock) -> dict[str, Any]:
    ended = {"endedAt": each.ended_at, "endedBy": each.ended_by} if each.ended_by else {}
    return {**each.block.to_record(), "state": each.state, **ended}


def _line(each: KeptBlock) -> str:
    granted = f", written by {each.block.granted_by}" if each.block.granted_by else ""
    if each.block.granted_at is not None:
        granted += f" at {local_time(each.block.granted_at, separator='T')}"
    ended = f", ended at {local_time_of(each.ended_at)} by {each.ended_by}" if each.ended_by else ""
    return f"{each.state} {block_text(each.block)}{printable(granted + ended)}"
