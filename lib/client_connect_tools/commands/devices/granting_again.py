"""``client-connect devices import-waivers``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.blocks import Block
from client_connect.printable import printable
from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands.devices._shared import (
    WaiversTableOption,
    connect,
    failures_end_the_command,
    json_line,
    number,
    require_waivers_table,
)

if TYPE_CHECKING:
    from client_connect.waiver import Waiver


def import_waivers(
    file: Annotated[Path, typer.Argument(help="What devices waivers --json or blocks --json has printed.")],
    waivers_table: WaiversTableOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, and write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write waivers and blocks of a list into a table, such as that of another Region or of a restored inventory.

    Each keeps who granted it and when, and takes the place of one of the same policy and holder. What has ended is
    passed over. Nothing is written while a line is wrong: status 1.
    """
    entries = _read(file)
    if not dry_run:
        _write(require_waivers_table(waivers_table), entries)
    blocks = sum(isinstance(each, Block) for each in entries)
    if as_json:
        print(json_line({"waivers": len(entries) - blocks, "blocks": blocks, "written": not dry_run}))
        return
    did = "would be written" if dry_run else "written"
    print(f"{number(len(entries) - blocks, 'waiver')} and {number(blocks, 'block')} {did}")


def _read(file: Path) -> list[Waiver | Block]:
    from client_connect_tools.devices.granting_again import read_list

    try:
        found = list(read_list(file.read_text("utf-8").splitlines()))
    except UnicodeDecodeError:
        wrong_use(f'"{file}" is not UTF-8; it is what --json has printed')
    if wrong := [each for each in found if each.problem]:
        for each in wrong:
            typer.echo(printable(f"{file}:{each.number}: {each.problem}"), err=True)
        raise typer.Exit(FINDINGS)
    return [each.entry for each in found if each.entry is not None]


def _write(table: str, entries: list[Waiver | Block]) -> None:
    dynamodb = connect()
    from client_connect_tools.devices.blocks import write_block
    from client_connect_tools.devices.dynamodb import caller
    from client_connect_tools.devices.waivers import waive

    with failures_end_the_command():
        by = caller()
        for each in entries:
            if isinstance(each, Block):
                write_block(dynamodb, table, each, by=by)
            else:
                waive(dynamodb, table, each, by=by)
