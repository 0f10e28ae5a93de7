"""The result of a replay, as JSON."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_connect_tools.replay.tally import Change, Row, Side, Table, Tally

_MOST_ROWS = 1000


def summary(tally: Tally, *, seconds: float) -> dict[str, Any]:
    """Return a replay's findings, with tables cut at a thousand rows and the rest in a row ``others``.

    Args:
        tally: What was found.
        seconds: How long it took.
    """
    sides: tuple[Side, ...] = ("new", "old")
    return {
        "totals": {
            "lines": tally.lines,
            "decisions": tally.attempts,
            "fromConnectionLogs": tally.incomplete,
            "allowed": tally.allowed,
            "denied": tally.denied,
            "undecidable": tally.undecidable,
            "unreadable": tally.unreadable.total(),
            "newlyDenied": tally.newly_denied.count,
            "newlyAllowed": tally.newly_allowed.count,
            "skipped": tally.skipped.total(),
            "duplicates": tally.duplicates,
        },
        "newlyDenied": _change(tally.newly_denied),
        "newlyAllowed": _change(tally.newly_allowed),
        "undecidable": [
            {"policies": side, **row}
            for side in sides
            for row in _rows(tally.blamed[side], "policy", "missing")
        ],
        "unreadable": dict(sorted(tally.unreadable.items())),
        "skipped": dict(sorted(tally.skipped.items())),
        "groupsNeverSeen": tally.misnamed_groups,
        "seconds": round(seconds, 3),
        "decisionsPerSecond": round(tally.attempts / seconds) if seconds else None,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "byPolicy": _rows(change.by_policy, "policy"),
        "byUser": _rows(change.by_user, "user", "policies"),
    }


def _rows(table: Table, name: str, notes: str = "") -> list[dict[str, Any]]:
    return [{name: key, **_row(row, notes)} for key, row in table.top(_MOST_ROWS)]


def _row(row: Row, notes: str) -> dict[str, Any]:
    times = {"first": row.first, "last": row.last}
    seen = {
        key: time and time.astimezone(UTC).isoformat(timespec="milliseconds") for key, time in times.items()
    }
    return {"count": row.count, **seen, **({notes: sorted(row.notes)} if notes else {})}
