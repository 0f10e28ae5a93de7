"""``client-connect diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._directory import GroupsFileOption  # noqa: TC001 - Typer reads it
from client_connect_tools.commands._matrix_shared import (
    AxisOption,
    TableFormat,
    TableFormatOption,
    ZoneOption,
    decided,
    print_table,
    sound,
    width_of_output,
)
from client_connect_tools.commands._settings import time_zone_or_settings
from client_connect_tools.commands._shared import (
    FINDINGS,
    GuardrailsOption,
    errors_end_the_command,
    wrong_use,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.commands._diff_in_logs import DiffInLogs
    from client_connect_tools.matrix.rows import Table
    from client_connect_tools.policies import Policies


def diff(  # noqa: PLR0913 - each parameter is an option
    old: Annotated[
        Path, typer.Argument(help="The policies as they are: a file, a directory, or module:name.")
    ],
    new: Annotated[Path, typer.Argument(help="The policies as they are to be.")],
    *,
    axis: AxisOption = None,
    guardrails: GuardrailsOption = None,
    time_zone: ZoneOption = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(
            help="Logs, whose connections and people it tells of, too: a file, a folder, or -. Repeatable."
        ),
    ] = None,
    groups: GroupsFileOption = None,
    names: Annotated[
        bool, typer.Option("--names/--no-names", help="With --logs, whether to name users. Default: named.")
    ] = True,
    allow_denials: Annotated[
        bool, typer.Option("--allow-denials", help="End with status 0 when someone is newly denied, too.")
    ] = False,
    output_format: TableFormatOption = TableFormat.TEXT,
) -> None:
    """Show which policies change, and for whom that changes what is decided.

    Status 1 when a connection that is allowed now would be denied, or one of the logs may be.
    """
    if not logs and (groups is not None or not names):
        wrong_use("--groups and --no-names are about logs; name these with --logs")
    before, after = sound([old], guardrails), sound([new], guardrails)
    table = decided([before, after], axis, time_zone, only_changed=True)
    found = _in_logs(before, after, logs, time_zone, groups, names=names) if logs else None
    if output_format in (TableFormat.TEXT, TableFormat.MARKDOWN):
        for line in (*_policies(before, after), _verdict(table), ""):
            print(line)
    if table.rows or output_format not in (TableFormat.TEXT, TableFormat.MARKDOWN):
        more = {} if found is None else {"logs": found.document()}
        page = "" if found is None else found.html()
        print_table(table, 2, output_format, f"What changes from {old} to {new}", more=more, page=page)
    if found is not None:
        _print_logs(found, output_format)
        found.end()
    if not allow_denials and (_newly(table, allowed=False) or (found and found.somebody_is_denied)):
        raise typer.Exit(FINDINGS)


def _in_logs(  # noqa: PLR0913 - each is an option
    before: Policies,
    after: Policies,
    logs: list[str],
    time_zone: str | None,
    groups: Path | None,
    *,
    names: bool,
) -> DiffInLogs:
    from client_connect_tools.commands._diff_in_logs import diff_in_logs
    from client_connect_tools.inputs.time_zones import time_zone_named

    with errors_end_the_command():
        zone = time_zone_named(time_zone_or_settings(time_zone) or "UTC")
    return diff_in_logs(before, after, logs, zone=zone, groups=groups, names=names)


def _print_logs(found: DiffInLogs, form: TableFormat) -> None:
    """Print what changes in logs, below the table; pages and JSON have it already."""
    if form is TableFormat.MARKDOWN:
        print()
        for line in found.markdown():
            print(line)
    elif form is TableFormat.TEXT:
        from rich.text import Text

        from client_connect_tools.commands._diff_in_logs import TITLE
        from client_connect_tools.output.safe_output import console
        from client_connect_tools.replay.report.terminal import table

        terminal = console(width=width_of_output())
        terminal.print(Text(f"\n{TITLE}", "bold"))
        terminal.print(Text(found.verdict), soft_wrap=True)
        for section in found.sections():
            terminal.print()
            terminal.print(table(section))


def _policies(before: Policies, after: Policies) -> Iterator[str]:
    """Yield which policies were added, removed and changed."""
    from client_connect_tools.cedar.parsing import parse

    old, new = (
        {each.id: each.template for each in parse(policies.sources) if each.template}
        for policies in (before, after)
    )
    changed = [id_ for id_ in old.keys() & new.keys() if _meaning(old[id_]) != _meaning(new[id_])]
    for verb, ids in (
        ("added", new.keys() - old.keys()),
        ("removed", old.keys() - new.keys()),
        ("changed", changed),
    ):
        if ids:
            yield f"{verb}: {', '.join(sorted(ids))}"


def _meaning(template: object) -> object:
    from dataclasses import replace

    from cedarpy import pst

    assert isinstance(template, pst.Template)  # noqa: S101 - shows the type
    return replace(template, id="")


def _newly(table: Table, *, allowed: bool) -> int:
    """Return how many cases are newly allowed, or newly denied."""
    return sum(row.decided[1].allowed is allowed for row in table.rows)


def _verdict(table: Table) -> str:
    """Return what the change comes to, in a sentence."""
    if not table.rows:
        return "No one is newly denied or allowed."
    denied, allowed = _newly(table, allowed=False), _newly(table, allowed=True)
    counts = ((denied, "denied"), (allowed, "allowed"))
    parts = [f"{count} row{'' if count == 1 else 's'} newly {what}" for count, what in counts if count]
    return f"{' and '.join(parts)}:"
