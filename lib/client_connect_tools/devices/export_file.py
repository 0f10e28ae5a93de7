"""Files of exports: the first line says what follows, and the last one how much, so one cut short is noticed.

They are JSON, an object a line::

    {"clientConnectExport": "waivers", "at": "2026-11-22T09:00:00Z", "region": "eu-central-1", "table": "Waivers"}
    {"approvedBy": "carol", "holder": "user:bob", "policyId": "minimum-windows", "reason": "...", "until": "..."}
    {"exported": 1}
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from client_connect_tools.devices.lines import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIRST, _LAST = "clientConnectExport", "exported"
IMPORTS = {
    "devices": "client-connect devices import",
    "waivers": "client-connect devices waivers import",
    "blocks": "client-connect blocks import",
}
"""The command that imports an export, by its kind."""


def first_line(kind: str, *, table: str, region: str) -> dict[str, str]:
    """Return what an export begins with."""
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {_FIRST: kind, "table": table, "region": region, "at": at}


def last_line(count: int) -> dict[str, int]:
    """Return what an export of so many entries ends with."""
    return {_LAST: count}


def is_export(line: str) -> bool:
    """Tell whether an export begins with this line."""
    return _object(line).get(_FIRST) is not None


def entries(lines: Iterable[str], kind: str) -> Iterator[tuple[int, str]]:
    """Yield the lines between the first and the last one, with their numbers from 1; of several exports, of each.

    Raises:
        UnreadableFile: When it is no export, one of something else, or not complete.
    """
    count: int | None = None
    is_empty = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        is_empty = False
        if count is None:
            _require_kind(line, kind, number)
            count = 0
        elif (said := _object(line).get(_LAST)) is None:
            count += 1
            yield number, line
        elif said != count:
            raise UnreadableFile(
                f"line {number} says that {said} {kind} were exported, but {count} are there; export again"
            )
        else:
            count = None
    if is_empty:
        raise UnreadableFile(f"it is empty; an export of no {kind} has a first and a last line")
    if count is not None:
        raise UnreadableFile(
            f'it is cut short: after {count} {kind} comes no last line {{"{_LAST}": ...}}; export again'
        )


def _require_kind(line: str, kind: str, number: int) -> None:
    found = _object(line).get(_FIRST)
    if found is None:
        export = IMPORTS[kind].removesuffix("import") + "export"
        raise UnreadableFile(f"line {number} does not begin an export of {kind}; make one by: {export}")
    if found != kind:
        other = IMPORTS.get(str(found))
        do = f"import it by: {other}" if other else "it is of no kind that this version knows"
        raise UnreadableFile(f"line {number} begins an export of {found!s:.40}, not of {kind}; {do}")


def _object(line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
