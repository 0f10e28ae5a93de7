"""Shared by the exports and imports of waivers and of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from client_connect.printable import printable
from client_connect_tools.commands._shared import FINDINGS, wrong_use
from client_connect_tools.commands.devices._shared import (
    connect,
    failures_end_the_command,
    json_line,
    number,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_connect.blocks import Block
    from client_connect.waiver import Waiver
    from client_connect_tools.devices.moving import Kind, Outcome

_Entry = TypeVar("_Entry", "Waiver", "Block")

ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace", help="Let entries of the file replace others, even those that were revoked there."
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Read the file and the table, and write nothing.")
]


def export_kept(
    kind: Kind[_Entry], table: str, output: Path | None, *, region: str | None, as_json: bool
) -> None:
    """Write what counts now to a file or to standard output.

    Args:
        kind: Waivers or blocks.
        table: The table.
        output: The file; ``None`` for standard output.
        region: The Region; ``None`` for that of the environment.
        as_json: Whether the count is printed as JSON.
    """
    dynamodb = connect(region)
    from client_connect_tools.devices.export_file import first_line, last_line

    problems: list[str] = []
    count = 0
    with failures_end_the_command(), written(output) as stream:
        print(json_line(first_line(kind.name, table=table, region=dynamodb.meta.region_name)), file=stream)
        for each in kind.of_table(dynamodb, table, problems):
            if each.problem:
                problems.append(f"{each.entry.holder}: {each.problem}")
            elif each.state == "active":
                print(json_line(kind.to_line(each.entry)), file=stream)
                count += 1
        print(json_line(last_line(count)), file=stream)
    if output is not None:
        print(json_line({"exported": count}) if as_json else f"{number(count, kind.singular)} exported")
    for problem in problems:
        typer.echo(printable(f"not exported, because it cannot be read: {problem}"), err=True)
    if problems:
        raise typer.Exit(FINDINGS)


def import_kept(  # noqa: PLR0913 - each is an option
    kind: Kind[_Entry],
    describe: Callable[[_Entry], str],
    file: Path,
    table: str,
    *,
    region: str | None,
    replaces: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write what a file has and the table has not.

    Args:
        kind: Waivers or blocks.
        describe: Describes one in a line.
        file: The file.
        table: The table.
        region: The Region; ``None`` for that of the environment.
        replaces: Whether entries of the file replace others.
        dry_run: Whether nothing is written.
        as_json: Whether the outcome is printed as JSON.
    """
    given = _read(kind, file)
    dynamodb = connect(region)
    from client_connect_tools.devices.dynamodb import DynamoDbFailed, caller
    from client_connect_tools.devices.moving import Import

    with failures_end_the_command():
        by = None if dry_run else caller(region)
    importing = Import(kind=kind, dynamodb=dynamodb, table=table, by=by, replaces=replaces)
    stopped = ""
    try:
        importing.run(given)
    except DynamoDbFailed as error:
        if not importing.outcome.written:
            wrong_use(printable(str(error)))
        stopped = f"stopped: {error}; what is counted is written, and running the import again is safe"
    outcome = importing.outcome
    if as_json:
        print(json_line(_record(kind, outcome, written_=not dry_run)))
    else:
        _print(kind, outcome, describe, "would be written" if dry_run else "written")
    for conflict in outcome.conflicts:
        typer.echo(printable(f"conflict, not written: {describe(conflict.entry)}; {conflict.why}"), err=True)
        if conflict.present is not None:
            typer.echo(printable(f"  there: {describe(conflict.present)}"), err=True)
    if outcome.conflicts:
        typer.echo("to write those of the file all the same, run it again with --replace", err=True)
    if stopped:
        typer.echo(printable(stopped), err=True)
    if outcome.conflicts or stopped:
        raise typer.Exit(FINDINGS)


def _read(kind: Kind[_Entry], file: Path) -> list[_Entry]:
    from client_connect_tools.devices.encodings import lines_of, text_of
    from client_connect_tools.devices.lines import UnreadableFile

    try:
        with file.open("rb") as stream:
            found = list(kind.read(lines_of(text_of(stream, None))))
    except UnreadableFile as error:
        wrong_use(printable(f'cannot read "{file}": {error}'))
    if wrong := [(number_, each) for number_, each in found if isinstance(each, str)]:
        for number_, problem in wrong:
            typer.echo(printable(f"{file}:{number_}: {problem}"), err=True)
        raise typer.Exit(FINDINGS)
    return [each for _, each in found if not isinstance(each, str)]


def _print(kind: Kind[_Entry], outcome: Outcome[_Entry], describe: Callable[[_Entry], str], did: str) -> None:
    print(f"{number(len(outcome.written), kind.singular)} {did}, {len(outcome.same)} there already")
    for each in outcome.over:
        print(printable(f"not written, because it has ended meanwhile: {describe(each)}"))
    for each in outcome.others:
        print(printable(f"not in the file, and left as it is: {describe(each)}"))


def _record(kind: Kind[_Entry], outcome: Outcome[_Entry], *, written_: bool) -> dict[str, Any]:
    return {
        "written" if written_ else "wouldBeWritten": len(outcome.written),
        "same": len(outcome.same),
        "ended": [kind.to_line(each) for each in outcome.over],
        "others": [kind.to_line(each) for each in outcome.others],
        "conflicts": [
            {
                "entry": kind.to_line(each.entry),
                "present": each.present and kind.to_line(each.present),
                "why": each.why,
            }
            for each in outcome.conflicts
        ],
    }
