"""The result of a replay, as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from client_connect.printable import printable
from client_connect_tools.replay.report.labels import number
from client_connect_tools.replay.report.sections import Heat, sections, text_of
from client_connect_tools.replay.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from client_connect_tools.replay.people import Directory
    from client_connect_tools.replay.report.sections import Section
    from client_connect_tools.replay.tally import Tally

_MOST_ROWS = 20
_RIGHT = frozenset({"people", "of", "connections", "share", "lines"})


def tables(tally: Tally, *, seconds: float, directory: Directory | None = None) -> Iterator[RenderableType]:
    """Yield what there is to print: the verdict, changes, what could not be decided, and what was skipped.

    Args:
        tally: What was found.
        seconds: How long it took.
        directory: What a directory knows of users, where one was given.
    """
    yield Text(verdict(tally), "bold")
    for section in sections(tally, directory, most=_MOST_ROWS):
        yield table(section)
    if groups := tally.misnamed_groups:
        yield Text(printable(f"No connection had these groups of the new policies: {', '.join(groups)}"))
    rate = f"{tally.attempts / seconds:,.0f} a second" if seconds else ""
    yield Text(f"{number(tally.attempts)} connections replayed in {seconds:.1f} s, {rate}. Times are UTC.")


def table(section: Section) -> RichTable:
    """Return a section as a table."""
    shown = RichTable(title=section.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for position, column in enumerate(section.columns):
        is_heat = bool(section.rows) and isinstance(section.rows[0][position], Heat)
        right = column in _RIGHT or is_heat
        shown.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=right or column.endswith("seen"),
            overflow="fold",
        )
    for row in section.rows:
        shown.add_row(*(Text(printable(text_of(cell))) for cell in row))
    return shown
