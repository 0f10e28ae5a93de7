"""The result of a replay, as one page that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.replay.report.charts import chart
from client_connect_tools.replay.report.labels import moment, number, share
from client_connect_tools.replay.timeline import OTHERS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from client_connect_tools.replay.tally import Change, Row, Table, Tally
    from client_connect_tools.replay.timeline import Series

_PAGE = Path(__file__).with_name("report.html")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SERIES: tuple[Series, ...] = ("decisions", "changes", "denials by policy", "denials by platform")
_MOST_ROWS = 1000
_SECONDS = {60: "minute", 3600: "hour", 86_400: "day", 604_800: "week"}


def page(tally: Tally, *, description: str, seconds: float) -> str:
    """Return the page. Everything that comes from a log is escaped, and the browser runs no other script.

    Args:
        tally: What was found.
        description: What was replayed, in a sentence.
        seconds: How long it took.
    """
    template = _PAGE.read_text("utf-8")
    (script,) = _SCRIPT.findall(template)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Template(template).substitute(
        script_digest=digest,
        description=escape(printable(description)),
        written=moment(datetime.now(UTC)),
        tiles="".join(_tiles(tally)),
        interval=_interval(tally.timeline.width),
        charts="".join(chart(tally.timeline, series) for series in _SERIES),
        tables="".join(_tables(tally)),
        footer=f"{number(tally.lines)} lines, {number(tally.attempts)} connections, in {seconds:.1f} s.",
    )


def _tiles(tally: Tally) -> Iterator[str]:
    for name, count, kind in (
        ("newly denied", tally.newly_denied.count, "bad"),
        ("newly allowed", tally.newly_allowed.count, "good"),
        ("allowed", tally.allowed, ""),
        ("denied", tally.denied, ""),
        ("undecidable", tally.undecidable, "open"),
        ("replayed", tally.attempts, ""),
    ):
        emphasis = kind if count else ""
        part = share(count, tally.attempts)
        yield f'<li class="{emphasis}"><b>{number(count)}</b> {name} <small>{part}</small></li>'


def _tables(tally: Tally) -> Iterator[str]:
    yield from _change("Newly denied", "denied by", tally.newly_denied)
    yield from _change("Newly allowed", "denied before by", tally.newly_allowed)
    for side, policies in tally.blamed.items():
        if policies.rows:
            title = f"Undecidable by the {side} policies, for facts that the log does not hold"
            yield _table(title, ("policy", *_COUNTED, "missing"), _rows(policies, notes=True))
    yield from _kinds("Undecidable, because they cannot be read", tally.unreadable)
    yield from _kinds("Skipped, because they are no decisions to replay", tally.skipped)


def _kinds(title: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        yield _table(title, ("kind", "lines"), ([_cell(kind), _count(count)] for kind, count in rows))


_COUNTED = ("connections", "first seen", "last seen")


def _change(title: str, by: str, change: Change) -> Iterator[str]:
    if change.count:
        yield _table(f"{title}, by policy", (by, *_COUNTED), _rows(change.by_policy))
        yield _table(f"{title}, by user", ("user", *_COUNTED, by), _rows(change.by_user, notes=True))


def _rows(table: Table, *, notes: bool = False) -> Iterator[list[str]]:
    for name, row in table.top(_MOST_ROWS):
        cells = [_cell(name), _count(row.count), *_times(row)]
        yield [*cells, _cell("" if name == OTHERS else ", ".join(row.notes))] if notes else cells


def _table(title: str, columns: Iterable[str], rows: Iterable[list[str]]) -> str:
    heads = "".join(
        f'<th scope="col"><button type="button">{escape(column)}</button></th>' for column in columns
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<section><h2>{escape(title)}</h2><div class="scroll"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _cell(text: str) -> str:
    return f"<td>{escape(printable(text))}</td>"


def _count(count: int) -> str:
    return f'<td class="number" data-value="{count}">{number(count)}</td>'


def _times(row: Row) -> Iterator[str]:
    for time in (row.first, row.last):
        yield f'<td class="time">{moment(time)}</td>'


def _interval(seconds: int) -> str:
    """Name a width: "1 hour", "3 hours"."""
    for unit in sorted(_SECONDS, reverse=True):
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count} {_SECONDS[unit]}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
