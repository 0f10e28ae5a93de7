"""Shared by ``matrix`` and ``diff``: their options, and how they decide and print."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._settings import read_handler, time_zone_or_settings
from client_connect_tools.commands._shared import errors_end_the_command, wrong_use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from client_connect_tools.matrix.rows import Table
    from client_connect_tools.policies import Policies


class TableFormat(StrEnum):
    """How a table is printed; ``html`` is a complete page."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


AxisOption = Annotated[
    list[str] | None,
    typer.Option(help="An axis to keep, such as group; the others have one value. Repeatable. Default: all."),
]
ZoneOption = Annotated[
    str | None,
    typer.Option(help="The handler's time zone, an IANA name. Default: of the settings, else UTC."),
]
TableFormatOption = Annotated[TableFormat, typer.Option(help="text, markdown, html or json.")]
_WIDTH_WITHOUT_TERMINAL = 160


def sound(paths: list[Path] | None, guardrails: Path | None) -> Policies:
    """Return the policies of some paths as one set; end when they have errors."""
    from client_connect_tools.checking.checks import require_sound

    with errors_end_the_command():
        policies = read_handler(paths, guardrails)
        require_sound(policies)
    return policies


def decided(
    sets: Sequence[Policies],
    axis: list[str] | None,
    time_zone: str | None,
    *,
    by_policy: bool = True,
    only_changed: bool = False,
) -> Table:
    """Return the table of some sets of policies."""
    from client_connect_tools.errors import ClientConnectError
    from client_connect_tools.inputs.time_zones import time_zone_named
    from client_connect_tools.matrix.cells import axes_of, matrix
    from client_connect_tools.matrix.rows import table

    axes = axes_of(sets)
    names = [each.name for each in axes]
    if unknown := [each for each in axis or () if each not in names]:
        there = f"there are {', '.join(names)}" if names else "they tell no connections apart"
        wrong_use(f'the policies have no axis "{unknown[0]}"; {there}')
    try:
        found = matrix(sets, axes, time_zone_named(time_zone_or_settings(time_zone)), shown=axis or ())
    except ClientConnectError as error:
        wrong_use(error)
    return table(found, sets, by_policy=by_policy, only_changed=only_changed)


def width_of_output() -> int | None:
    """Return how wide tables may be where it is not set, as in the log of a pipeline."""
    return None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL


def print_table(  # noqa: PLR0913 - each is a part of what is printed
    table: Table,
    sets: int,
    form: TableFormat,
    title: str,
    *,
    more: Mapping[str, object] | None = None,
    page: str = "",
) -> None:
    """Print a table; JSON with more keys, and a page with more at its end."""
    from client_connect_tools.matrix import rendering

    match form:
        case TableFormat.TEXT:
            _print_text(table, sets)
        case TableFormat.MARKDOWN:
            print(f"{rendering.markdown(table, sets)}\n\n{rendering.note(table)}")
            for told in rendering.markdown_messages(table):
                print(told)
        case TableFormat.HTML:
            print(rendering.html(table, sets, title, page))
        case TableFormat.JSON:
            print(rendering.as_json(table, more))


def _print_text(table: Table, sets: int) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    from client_connect_tools.matrix import rendering
    from client_connect_tools.output.safe_output import console

    styles = {"allow": "green", "deny": "red"}
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rendering.header(table, sets):
        shown.add_column(Text(name), overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(text, style=styles.get(text, "")) for text in rendering.cells(table, row)))
    terminal = console(width=width_of_output())
    terminal.print(shown)
    terminal.print(rendering.note(table))
    for told in rendering.messages(table):
        terminal.print(f"  {told}")
