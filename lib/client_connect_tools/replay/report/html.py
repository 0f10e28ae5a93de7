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
from client_connect_tools.replay.people import ALLOWED, DENIED, UNDECIDED
from client_connect_tools.replay.report.charts import chart
from client_connect_tools.replay.report.labels import moment, number, share
from client_connect_tools.replay.report.sections import Heat, sections
from client_connect_tools.replay.report.verdict import people_text, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.replay.people import Directory
    from client_connect_tools.replay.report.sections import Cell, Section
    from client_connect_tools.replay.tally import Tally
    from client_connect_tools.replay.timeline import Series

_PAGE = Path(__file__).with_name("report.html")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SERIES: tuple[Series, ...] = ("decisions", "changes", "denials by policy", "denials by platform")
_MOST_ROWS = 1000
_PRINTED = 50  # as report.html has it
_SECONDS = {60: "minute", 3600: "hour", 86_400: "day", 604_800: "week"}


def page(tally: Tally, *, description: str, seconds: float, directory: Directory | None = None) -> str:
    """Return the page. Everything that comes from a log is escaped, and the browser runs no other script.

    Args:
        tally: What was found.
        description: What was replayed, in a sentence.
        seconds: How long it took.
        directory: What a directory knows of users, where one was given.
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
        verdict=escape(verdict(tally)),
        tables="".join(map(_table, sections(tally, directory, most=_MOST_ROWS))),
        footer=f"{number(tally.lines)} lines, {number(tally.attempts)} connections, in {seconds:.1f} s.",
    )


def _tiles(tally: Tally) -> Iterator[str]:
    for name, count, people, kind in (
        ("newly denied", tally.newly_denied.count, tally.newly_denied.people, "bad"),
        ("newly allowed", tally.newly_allowed.count, tally.newly_allowed.people, "good"),
        ("allowed", tally.allowed, tally.people.count(ALLOWED), ""),
        ("denied", tally.denied, tally.people.count(DENIED), ""),
        ("undecidable", tally.undecidable, tally.people.count(UNDECIDED), "open"),
        ("replayed", tally.attempts, len(tally.people), ""),
    ):
        emphasis = kind if count else ""
        part = share(count, tally.attempts)
        yield (
            f'<li class="{emphasis}"><b>{number(count)}</b> {name} <small>{part}</small>'
            f"<br>{people_text(people, tally)}</li>"
        )


def _table(section: Section) -> str:
    heads = "".join(
        f'<th scope="col"><button type="button">{escape(column)}</button></th>' for column in section.columns
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in section.rows)
    more = len(section.rows) - _PRINTED
    note = (
        f'<p class="printed">{number(more)} more rows are in the page, and not printed.</p>'
        if more > 0
        else ""
    )
    return (
        f'<section><h2>{escape(section.title)}</h2><div class="scroll"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>{note}</section>"
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, Heat):
        heat = -(-4 * cell.value // cell.largest) if cell.largest else 0
        return f'<td class="number h{heat}" data-value="{cell.value}">{number(cell.value) if cell.value else ""}</td>'
    if isinstance(cell, int):
        return f'<td class="number" data-value="{cell}">{number(cell)}</td>'
    if isinstance(cell, datetime) or cell is None:
        return f'<td class="time">{moment(cell)}</td>'
    return f"<td>{escape(printable(cell))}</td>"


def _interval(seconds: int) -> str:
    """Name a width: "1 hour", "3 hours"."""
    for unit in sorted(_SECONDS, reverse=True):
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count} {_SECONDS[unit]}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
