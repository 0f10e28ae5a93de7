"""``client-connect diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._matrix_shared import (
    AxisOption,
    TableFormat,
    TableFormatOption,
    ZoneOption,
    decided,
    print_table,
    sound,
)
from client_connect_tools.commands._shared import FINDINGS, GuardrailsOption

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    allow_denials: Annotated[
        bool, typer.Option("--allow-denials", help="End with status 0 when someone is newly denied, too.")
    ] = False,
    output_format: TableFormatOption = TableFormat.TEXT,
) -> None:
    """Show which policies change, and for whom that changes what is decided.

    Status 1 when a connection that is allowed now would be denied.
    """
    before, after = sound([old], guardrails), sound([new], guardrails)
    table = decided([before, after], axis, time_zone, only_changed=True)
    if output_format in (TableFormat.TEXT, TableFormat.MARKDOWN):
        for line in (*_policies(before, after), _verdict(table), ""):
            print(line)
    if table.rows or output_format not in (TableFormat.TEXT, TableFormat.MARKDOWN):
        print_table(table, 2, output_format, f"What changes from {old} to {new}")
    if _newly(table, allowed=False) and not allow_denials:
        raise typer.Exit(FINDINGS)


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

    assert isinstance(template, pst.Template)  # noqa: S101 - tells the type
    return replace(template, id="")


def _newly(table: Table, *, allowed: bool) -> int:
    """Return how many cases are newly allowed, or newly denied."""
    return sum(row.decided[1].allowed is allowed for row in table.rows)


def _verdict(table: Table) -> str:
    """Return what the change comes to, in a sentence."""
    if not table.rows:
        return "Nobody is newly denied or allowed."
    denied, allowed = _newly(table, allowed=False), _newly(table, allowed=True)
    counts = ((denied, "denied"), (allowed, "allowed"))
    parts = [f"{count} row{'' if count == 1 else 's'} newly {what}" for count, what in counts if count]
    return f"{' and '.join(parts)}:"
