"""The result of a replay, as JSON."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from client_connect_tools.replay.people import ALLOWED, DENIED, UNDECIDED
from client_connect_tools.replay.report.sections import by_department, by_group, is_every_one
from client_connect_tools.replay.report.verdict import never_let_in, verdict
from client_connect_tools.replay.timeline import OTHERS

if TYPE_CHECKING:
    from client_connect_tools.replay.people import Directory
    from client_connect_tools.replay.report.sections import Part
    from client_connect_tools.replay.tally import Change, Row, Side, Table, Tally

_MOST_ROWS = 1000


def summary(tally: Tally, *, seconds: float = 0, directory: Directory | None = None) -> dict[str, Any]:
    """Return a replay's findings, with tables cut at a thousand rows and the rest in a row ``others``.

    Args:
        tally: What was found.
        seconds: How long it took. Default: that is not told.
        directory: What a directory knows of users, where one was given.
    """
    sides: tuple[Side, ...] = ("new", "old")
    return {
        "verdict": verdict(tally),
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
        "people": {
            "all": len(tally.people),
            "areMore": tally.people.is_cut,
            "allowed": tally.people.count(ALLOWED),
            "denied": tally.people.count(DENIED),
            "undecidable": tally.people.count(UNDECIDED),
            "newlyDenied": tally.newly_denied.people,
            "newlyDeniedAndNeverLetIn": never_let_in(tally),
            "newlyAllowed": tally.newly_allowed.people,
        },
        "newlyDenied": _change(tally, tally.newly_denied, directory),
        "newlyAllowed": _change(tally, tally.newly_allowed, directory),
        "undecidable": [
            {"policies": side, **row}
            for side in sides
            for row in _rows(tally.blamed[side], "policy", "missing")
        ],
        "unreadable": dict(sorted(tally.unreadable.items())),
        "skipped": dict(sorted(tally.skipped.items())),
        "groupsNeverSeen": tally.misnamed_groups,
        **_speed(tally, seconds),
    }


def _speed(tally: Tally, seconds: float) -> dict[str, Any]:
    if not seconds:
        return {}
    return {"seconds": round(seconds, 3), "decisionsPerSecond": round(tally.attempts / seconds)}


def _change(tally: Tally, change: Change, directory: Directory | None) -> dict[str, Any]:
    return {
        "byPolicy": _rows(change.by_policy, "policy"),
        "byUser": _users(tally, change),
        "byGroup": [_part("group", part) for part in by_group(tally, change, directory)],
        "byDepartment": [_part("department", part) for part in by_department(tally, change, directory)],
        "byWeekdayAndHour": [
            {"weekday": weekday, "hour": hour, "people": len(row.people), "count": row.count}
            for (weekday, hour), row in sorted(change.by_hour.rows.items())
        ],
    }


def _part(kind: str, part: Part) -> dict[str, Any]:
    return {kind: part.name, "people": part.people, "of": part.of, "count": part.connections}


def _users(tally: Tally, change: Change) -> list[dict[str, Any]]:
    return [
        {"user": OTHERS if person is None else tally.people.label(person)}
        | _row(row, "policies")
        | ({} if person is None else {"everyOne": is_every_one(tally, change, person)})
        for person, row in change.by_person.top(_MOST_ROWS)
    ]


def _rows(table: Table[str], name: str, notes: str = "") -> list[dict[str, Any]]:
    return [
        {name: OTHERS if key is None else key, "people": len(row.people), **_row(row, notes)}
        for key, row in table.top(_MOST_ROWS)
    ]


def _row(row: Row, notes: str) -> dict[str, Any]:
    times = {"first": row.first, "last": row.last}
    seen = {
        key: time and time.astimezone(UTC).isoformat(timespec="milliseconds") for key, time in times.items()
    }
    return {"count": row.count, **seen, **({notes: sorted(row.notes)} if notes else {})}
