"""The result of a replay, as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from client_connect.printable import printable
from client_connect_tools.replay.report.labels import moment, number, share
from client_connect_tools.replay.timeline import OTHERS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from rich.console import RenderableType

    from client_connect_tools.replay.tally import Change, Row, Table, Tally

_MOST_ROWS = 20


def tables(tally: Tally, *, seconds: float) -> Iterator[RenderableType]:
    """Yield what there is to print: totals, changes, what could not be decided, and what was skipped.

    Args:
        tally: What was found.
        seconds: How long it took.
    """
    yield _totals(tally)
    yield from _change("Newly denied", "denied by", tally.newly_denied)
    yield from _change("Newly allowed", "denied before by", tally.newly_allowed)
    yield from _undecidable(tally)
    yield from _kinds("Undecidable, because they cannot be read", tally.unreadable)
    yield from _kinds("Skipped, because they are no decisions to replay", tally.skipped)
    if groups := tally.misnamed_groups:
        yield Text(f"No connection had these groups of the new policies: {', '.join(groups)}")
    rate = f"{tally.attempts / seconds:,.0f} a second" if seconds else ""
    yield Text(f"{number(tally.attempts)} connections replayed in {seconds:.1f} s, {rate}. Times are UTC.")


def _totals(tally: Tally) -> RichTable:
    table = _table("Decisions of the new policies", "", "connections", "share")
    for name, count in (
        ("allowed", tally.allowed),
        ("denied", tally.denied),
        ("undecidable", tally.undecidable),
        ("newly denied", tally.newly_denied.count),
        ("newly allowed", tally.newly_allowed.count),
    ):
        table.add_row(name, number(count), share(count, tally.attempts))
    return table


def _change(title: str, by: str, change: Change) -> Iterator[RichTable]:
    if not change.count:
        return
    title = f"{title}: {number(change.count)}"
    yield _counted(
        _table(f"{title}, by policy", by, "connections", "first seen", "last seen"), change.by_policy
    )
    table = _table(f"{title}, by user", "user", "connections", "first seen", "last seen", by)
    yield _counted(table, change.by_user, notes=True)


def _undecidable(tally: Tally) -> Iterator[RichTable]:
    for side, policies in tally.blamed.items():
        if policies.rows:
            title = f"Undecidable by the {side} policies, for facts that the log does not hold"
            columns = ("policy", "connections", "first seen", "last seen", "missing")
            yield _counted(_table(title, *columns), policies, notes=True)


def _kinds(title: str, counts: Counter[str]) -> Iterator[RichTable]:
    if counts:
        table = _table(title, "kind", "lines")
        for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(Text(printable(kind)), number(count))
        yield table


def _table(title: str, *columns: str) -> RichTable:
    table = RichTable(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        right = column in ("connections", "share", "lines")
        times = column.endswith("seen")
        table.add_column(
            column, justify="right" if right else "left", no_wrap=right or times, overflow="fold"
        )
    return table


def _counted(table: RichTable, counted: Table, *, notes: bool = False) -> RichTable:
    for name, row in counted.top(_MOST_ROWS):
        table.add_row(*_cells(name, row, notes=notes))
    return table


def _cells(name: str, row: Row, *, notes: bool) -> Iterator[Text]:
    yield Text(printable(name))
    yield Text(number(row.count))
    yield Text(moment(row.first))
    yield Text(moment(row.last))
    if notes:
        yield Text("" if name == OTHERS else ", ".join(map(printable, row.notes)))
