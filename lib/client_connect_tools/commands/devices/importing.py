"""``client-connect devices import``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect.printable import printable
from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands.devices._shared import (
    DevicesTableOption,
    connect,
    json_line,
    number,
    require_devices_table,
)
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.inputs.time_zones import time_zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from client_connect.sources.items import Item
    from client_connect_tools.devices.formats import Line, RejectedLine
    from client_connect_tools.devices.reading import DeviceLine


def import_devices(
    file: Annotated[Path, typer.Argument(help="A file of devices: *.csv, *.json or *.jsonl.")],
    devices_table: DevicesTableOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the file, and neither read nor write the table.")
    ] = False,
    time_zone: Annotated[
        str | None, typer.Option(help="The zone of times that have none. Default: such times are rejected.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the devices of a file to the table, each in the place of what was known of it.

    The file is read twice: nothing is written of one that cannot be understood as a whole. Lines that are not
    right are reported and left out. Status 1 when there are any, or when DynamoDB fails after a part is written;
    running it again is safe.
    """
    from client_connect_tools.devices.reading import read_devices, repeated_names

    zone = None if time_zone is None else _zone(time_zone)
    table = None if dry_run else require_devices_table(devices_table)
    tally = Tally()
    with _opened(file) as lines:
        repeated = repeated_names(lines)
    with _opened(file) as lines:
        items = _items(read_devices(lines, zone=zone, repeated=repeated), file, tally)
        problem = _count(items, tally) if table is None else _write(table, items, tally)
    _report(tally, table, as_json=as_json)
    if problem:
        print(printable(problem), file=sys.stderr)
    if problem or tally.rejected:
        raise typer.Exit(FINDINGS)


@dataclass(slots=True)
class Tally:
    """How many devices were imported, or would be, and how many lines were rejected."""

    imported: int = 0
    rejected: int = 0


def _zone(name: str) -> tzinfo:
    try:
        return time_zone_named(name)
    except ClientConnectError as error:
        wrong_use(f"--time-zone: {error}")


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[Line]]:
    """Open a file with a progress bar on standard error, if that is a terminal."""
    from rich.markup import escape
    from rich.progress import Progress

    from client_connect_tools.devices.formats import READERS, UnreadableFile
    from client_connect_tools.output.safe_output import console

    reader = READERS.get(file.suffix.lower())
    if reader is None:
        wrong_use(
            f'"{file}" is of no known kind; give a file named {", ".join(f"*{kind}" for kind in READERS)}'
        )
    terminal = console(stderr=True)
    try:
        _require_regular(file)
        with (
            Progress(console=terminal, transient=True, disable=not terminal.is_terminal) as progress,
            progress.open(file, "rb", description=escape(printable(file.name))) as opened,
        ):
            yield reader(opened)
    except (OSError, UnreadableFile) as error:
        wrong_use(printable(f'cannot read "{file}": {error}'))


def _require_regular(file: Path) -> None:
    """Refuse a pipe, which cannot be read twice, and a device, which may never end.

    Raises:
        OSError: When it is one.
    """
    if file.exists() and not file.is_file():
        raise OSError("it is a folder, pipe or device, not a file")


def _items(lines: Iterator[DeviceLine | RejectedLine], file: Path, tally: Tally) -> Iterator[Item]:
    """Yield what can be imported; report the rest."""
    from client_connect_tools.devices.formats import RejectedLine

    for line in lines:
        if isinstance(line, RejectedLine):
            tally.rejected += 1
            entry = "" if line.entry is None else f"entry {line.entry}: "
            print(printable(f"{file}:{line.line}: {entry}{line.problem}"), file=sys.stderr)
        else:
            yield line.item


def _count(items: Iterator[Item], tally: Tally) -> str:
    for _ in items:
        tally.imported += 1
    return ""


def _write(table: str, items: Iterator[Item], tally: Tally) -> str:
    """Write the items; return why not all of them were written, when it is only a part."""
    dynamodb = connect()
    from client_connect_tools.devices.dynamodb import DynamoDbFailed
    from client_connect_tools.devices.writing import write

    try:
        for taken in write(dynamodb, table, items):
            tally.imported += taken
    except DynamoDbFailed as error:
        if not tally.imported:
            wrong_use(printable(str(error)))
        return f"stopped: {error}; the devices counted are written, and running the import again is safe"
    return ""


def _report(tally: Tally, table: str | None, *, as_json: bool) -> None:
    if as_json:
        print(json_line({"dryRun": table is None, "imported": tally.imported, "rejected": tally.rejected}))
        return
    imported = number(tally.imported, "device")
    done = f"{imported} would be imported" if table is None else f"{imported} imported"
    print(done + (f", {number(tally.rejected, 'line')} rejected" if tally.rejected else ""))
