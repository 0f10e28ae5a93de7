"""``client-connect devices import``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client_connect.printable import printable
from client_connect.settings import DEVICES_TABLE
from client_connect_tools.commands._deployed import HandlerOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._shared import FINDINGS, JsonOption, wrong_use
from client_connect_tools.commands._target import TableRegionOption, target
from client_connect_tools.commands.devices._shared import (
    DevicesTableOption,
    connect,
    json_line,
    number,
)
from client_connect_tools.errors import ClientConnectError
from client_connect_tools.inputs.time_zones import time_zone_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo

    from client_connect.sources.items import Item
    from client_connect_tools.devices.cells import Meanings
    from client_connect_tools.devices.columns import Reading
    from client_connect_tools.devices.lines import RejectedLine, Table
    from client_connect_tools.devices.reading import DeviceLine

EncodingOption = Annotated[
    str | None,
    typer.Option(help="The encoding of the file, such as cp1252. Default: as it begins, or UTF-8."),
]
_WORDS = {"true": True, "false": False, "unknown": None}


def import_devices(  # noqa: PLR0913, PLR0917 - each is an option
    file: Annotated[Path, typer.Argument(help="A file of devices: *.csv, *.tsv, *.json or *.jsonl.")],
    handler: HandlerOption = None,
    devices_table: DevicesTableOption = None,
    region: TableRegionOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the file, and neither read nor write the table.")
    ] = False,
    time_zone: Annotated[
        str | None, typer.Option(help="The zone of times that have none. Default: such times are rejected.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="The device manager that it is an export of: intune, jamf, fleet, iru, jumpcloud, crowdstrike.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help='Which column is what, such as commonName="Device name"; any name but commonName, compliant, lastSeen '
            "and os is a tag."
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(help='What a value of compliant means: "Low risk=true", =false or =unknown.'),
    ] = None,
    dates: Annotated[
        Literal["day-first", "month-first"] | None,
        typer.Option(
            help="How dates such as 04/03/2026 are meant. Default: those that may be two are rejected."
        ),
    ] = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the devices of a file to the table, each in the place of what was known of it.

    The file is read twice: nothing is written of one that cannot be understood as a whole. Lines that are not
    right are reported and left out. Status 1 when there are any, or when DynamoDB fails after a part is written;
    running it again is safe.
    """
    from client_connect_tools.devices.cells import Meanings
    from client_connect_tools.devices.reading import read_devices, repeated_names

    meanings = Meanings(
        words=_words(value or ()),
        zone=None if time_zone is None else _zone(time_zone),
        day_first=None if dates is None else dates == "day-first",
    )
    columns = _columns(column or ())
    table = None if dry_run else target(handler, region).inventory(devices_table, DEVICES_TABLE, "devices")
    tally = Tally()
    with opened(file, encoding) as found:
        reading = _reading(file, found, export, columns, meanings)
        repeated = repeated_names(found.lines if reading is None else reading.devices(found.lines))
    with opened(file, encoding) as found:
        reading = _reading(file, found, export, columns, meanings)
        lines = found.lines if reading is None else reading.devices(found.lines)
        items = _items(read_devices(lines, zone=meanings.zone, repeated=repeated), file, tally)
        problem = _count(items, tally) if table is None else _write(table, items, tally, region)
        if reading is not None:
            _note_what_is_left_out(found, reading)
    _report(tally, table, as_json=as_json)
    if problem:
        print(printable(problem), file=sys.stderr)
    if problem or tally.rejected:
        raise typer.Exit(FINDINGS)


def _words(given: Iterable[str]) -> dict[str, bool | None]:
    from client_connect_tools.devices.cells import normalized

    words: dict[str, bool | None] = {}
    for each in given:
        word, _, meaning = each.rpartition("=")
        if not normalized(word) or meaning not in _WORDS:
            wrong_use(f'--value is "{each}"; write "WORD=true", "WORD=false" or "WORD=unknown"')
        if words.setdefault(normalized(word), _WORDS[meaning]) is not _WORDS[meaning]:
            wrong_use(f'--value says twice, and otherwise, what "{word}" means; leave one of them out')
    return words


def _columns(given: Iterable[str]) -> dict[str, str]:
    from client_connect_tools.devices.columns import key_alike

    columns: dict[str, str] = {}
    for each in given:
        name, _, column = each.partition("=")
        if not (name and column):
            wrong_use(f'--column is "{each}"; write NAME=COLUMN, such as commonName="Device name"')
        if name in columns:
            wrong_use(f'--column names "{name}" twice; leave one of them out')
        if key := key_alike(name):
            wrong_use(
                f'--column names "{name}", which would be a tag; write {key}="{column}", or name it otherwise'
            )
        columns[name] = column
    return columns


def _reading(
    file: Path, table: Table, export: str | None, columns: Mapping[str, str], meanings: Meanings
) -> Reading | None:
    """Return how the devices of a file are read; nothing for those that are as the inventory has them."""
    from client_connect_tools.devices.columns import Reading, columns_of
    from client_connect_tools.devices.exports import EXPORTS
    from client_connect_tools.devices.lines import UnreadableFile

    if export is not None and export not in EXPORTS:
        wrong_use(f'--from is "{export}"; there are {", ".join(EXPORTS)}')
    try:
        found = columns_of(table, export, columns)
    except UnreadableFile as error:
        wrong_use(printable(f'cannot read "{file}": {error}'))
    return None if found is None else Reading(found, meanings)


def _note_what_is_left_out(table: Table, reading: Reading) -> None:
    """Report on standard error what is not imported, because nothing is left out silently."""
    from client_connect_tools.devices.columns import left_out
    from client_connect_tools.inputs.device_json import shown

    if names := left_out(table, reading.columns):
        print(printable(f"columns that are not imported: {', '.join(names)}"), file=sys.stderr)
    for name, places in reading.never.items():
        print(
            printable(f"no device has {name}: nothing is at {' or '.join(map(shown, places))}"),
            file=sys.stderr,
        )
    if count := reading.without_version:
        print(
            f"{number(count, 'device')} with a version of the system that has no number: it is not known",
            file=sys.stderr,
        )


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
def opened(file: Path, encoding: str | None = None) -> Iterator[Table]:
    """Open a file with a progress bar on standard error, if that is a terminal."""
    from rich.markup import escape
    from rich.progress import Progress

    from client_connect_tools.devices.encodings import require_encoding
    from client_connect_tools.devices.formats import READERS
    from client_connect_tools.devices.lines import UnreadableFile
    from client_connect_tools.output.safe_output import console

    reader = READERS.get(file.suffix.lower())
    if reader is None:
        wrong_use(
            f'"{file}" is of no known kind; give a file named {", ".join(f"*{kind}" for kind in READERS)}'
        )
    if encoding is not None:
        try:
            require_encoding(encoding)
        except ValueError as error:
            wrong_use(str(error))
    terminal = console(stderr=True)
    try:
        _require_regular(file)
        with (
            Progress(console=terminal, transient=True, disable=not terminal.is_terminal) as progress,
            progress.open(file, "rb", description=escape(printable(file.name))) as file_,
        ):
            yield reader(file_, encoding)
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
    from client_connect_tools.devices.lines import RejectedLine

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


def _write(table: str, items: Iterator[Item], tally: Tally, region: str | None) -> str:
    """Write the items; return why not all of them were written, when it is only a part."""
    dynamodb = connect(region)
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
