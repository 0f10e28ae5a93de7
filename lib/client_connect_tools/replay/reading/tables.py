"""Tables of Logs Insights, the console, Athena, Splunk and others: a header, and a row for each entry."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

_DELIMITERS = (",", ";", "\t")
_COLUMN = re.compile(r"[@A-Za-z_][\w.@ -]{0,80}")
_MESSAGES = frozenset({"message", "@message", "_raw"})
# Two columns of these make a header.
_KNOWN = frozenset(
    {"connection-log-type", "connection-attempt-status", "connection-id", "client-vpn-endpoint-id"}
    | {
        "connection-start-time",
        "device-ip",
        "decision",
        "request",
        "at",
        "decision.allowed",
        "request.username",
    }
    | {"request.connection-id", "content"}
)
_TIMES = frozenset({"timestamp", "@timestamp", "_time", "date", "time"})
_NUMBER = re.compile(r"(facts\.activeConnections|facts\.device\.os\.(major|minor|build))")
_FLAG = re.compile(r"(allow|decision\.allowed|facts\.device\.compliant)")
_LIST = re.compile(r"(decision\.\w+|request\.groups|facts\.waivers)")
_JSON = (
    "request",
    "decision",
    "facts",
    "request.groups",
    "decision.determining",
    "facts.device",
    "facts.waivers",
)
_MARKS = re.compile(r"\.(\d{1,4})$")

csv.field_size_limit(16 * 1024 * 1024)


class Table:
    """A table, after its header.

    Attributes:
        columns: The names of its columns.
    """

    def __init__(self, columns: tuple[str, ...], delimiter: str) -> None:
        self.columns = columns
        self._delimiter = delimiter

    @classmethod
    def with_header(cls, line: str) -> Table | None:
        """Return the table that begins with this line; nothing when none does."""
        line = line.strip("\ufeff\r\n")
        if "{" in line:
            return None
        for delimiter in _DELIMITERS:
            columns = tuple(cell.strip().strip("`") for cell in _cells(line, delimiter) or ())
            if columns and _is_header(columns):
                return cls(columns, delimiter)
        return None

    def entry(self, text: str) -> bytes | None:
        """Return a row as a JSON object by column; nothing when it is not a row of this table."""
        cells = self.cells(text)
        if cells is None or len(cells) != len(self.columns):
            return None
        if tuple(cells) == self.columns:
            return b""  # the header again, where tables were put together
        row = dict(zip(self.columns, cells, strict=True))
        return json.dumps(entry_of_row(row) or row).encode()

    def cells(self, text: str) -> list[str] | None:
        """Take a row apart."""
        return _cells(text, self._delimiter)


def cells_with_json(text: str) -> list[str]:
    """Return the cells of a row that hold JSON, whatever the table is."""
    for delimiter in _DELIMITERS:
        found = [cell for cell in _cells(text, delimiter) or () if cell.lstrip().startswith("{")]
        if found:
            return found
    return []


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _is_header(columns: tuple[str, ...]) -> bool:
    if len(set(columns)) != len(columns) or not all(map(_COLUMN.fullmatch, columns)):
        return False
    lower = {column.lower() for column in columns}
    if lower & _MESSAGES and (len(columns) == 1 or lower & (_TIMES | {"@message", "_raw", "@ptr"})):
        return True
    return len({_dashed(column) for column in columns} & _KNOWN) > 1 or {"content", "date"} <= lower


def _dashed(column: str) -> str:
    return column.lower().replace("_", "-")


def entry_of_row(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a row says whose columns are the keys of an entry; nothing when they are not.

    A key inside another is written with a dot, as by Logs Insights, and a dash as an underscore, as by Athena.
    """
    names = {_dashed(str(name)): name for name in row}
    if "connection-log-type" in names and "connection-log-type" not in row:
        return {dashed: row[name] for dashed, name in names.items() if row[name] not in ("", None)}
    if "at" not in row or not any(str(name).partition(".")[0] == "decision" for name in row):
        return None
    entry: dict[str, Any] = {}
    for name, cell in row.items():
        if isinstance(cell, str) and cell != "":
            _put(entry, str(name), cell)
    return entry if isinstance(entry.get("decision"), dict) else None


def _put(entry: dict[str, Any], name: str, cell: str) -> None:
    name, position = _MARKS.sub("", name), _MARKS.search(name)
    *parents, last = name.split(".")
    for parent in parents:
        inner = entry.setdefault(parent, {})
        if not isinstance(inner, dict):
            return
        entry = inner
    if position is not None and _LIST.fullmatch(name):
        entry.setdefault(last, []).append(cell)
    else:
        entry.setdefault(last, _value(name, cell))


def _value(name: str, cell: str) -> object:
    if name in _JSON and cell[:1] in "{[":
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    if _FLAG.fullmatch(name) and cell.lower() in ("0", "1", "true", "false"):
        return cell.lower() in ("1", "true")
    if _NUMBER.fullmatch(name) and cell.isdigit():
        return int(cell)
    return cell
