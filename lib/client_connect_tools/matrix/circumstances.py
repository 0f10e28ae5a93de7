"""A connection made of one value on each axis."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from client_connect import ConnectionRequest, Device, Facts
from client_connect_tools.inputs.default_event import DEFAULT_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from client_connect_tools.matrix.axis import Value

USER = "somebody"
DEVICE = "a-device"
# A Monday at noon, as the tests of policies have it.
_USUAL_DAY, _USUAL_TIME = date(2026, 1, 5), time(12)
_WEEK = 7


def facts(values: Iterable[Value], zone: tzinfo) -> Facts | None:
    """Return the connection; nothing when no connection has all of them at once.

    Args:
        values: One of each axis.
        zone: The zone of the policies' clock.
    """
    changes: dict[str, Any] = {"username": USER}
    for value in values:
        changes |= value.changes
    now = _now(changes, zone)
    if now is None:
        return None
    event = dict(DEFAULT_EVENT) | {key: each for key, each in changes.items() if key in DEFAULT_EVENT}
    if changes.get("own-certificate"):
        event["common-name"] = event["username"]
    inventory = changes.get("inventory", "disabled")
    if inventory != "disabled":
        event["common-name"] = event["common-name"] or DEVICE
    if not (event["username"] or event["common-name"]):
        return None
    return Facts(
        ConnectionRequest.from_event(event),
        now=now,
        time_zone=zone,
        inventory=inventory,
        device=_device(changes["device"], now, str(event["username"])) if inventory == "known" else None,
        active_connections=changes.get("active-connections"),
        custom_facts=changes.get("custom-facts", "disabled"),
        endpoint_name=changes.get("endpoint-name"),
        knows_blocks=inventory != "unavailable",
    )


def _device(described: dict[str, Any], now: datetime, username: str) -> Device:
    seen: timedelta | None = described.get("seen-ago")
    tags = {name: username if text is None else text for name, text in described.get("tags", {}).items()}
    return Device(
        compliant=described.get("compliant"),
        last_seen=None if seen is None else now - seen,
        os=described.get("os"),
        tags=tags,
    )


def _now(changes: dict[str, Any], zone: tzinfo) -> datetime | None:
    """Return the time; nothing when the day is not within the period."""
    begin, end = changes.get("period", (None, None))
    first = _USUAL_DAY if begin is None else begin.astimezone(zone).date()
    if begin is None and end is not None and datetime.combine(first, _USUAL_TIME, zone) >= end:
        first = end.astimezone(zone).date() - timedelta(days=2 * _WEEK)
    if "date" in changes:
        candidates = [changes["date"]]
    else:
        candidates = [first + timedelta(days=number) for number in range(_WEEK + 1)]
        if "weekday" in changes:
            candidates = [each for each in candidates if each.isoweekday() == changes["weekday"]]
    minute = changes.get("minute")
    at = _USUAL_TIME if minute is None else time(minute // 60, minute % 60)
    moments = (datetime.combine(each, at, zone) for each in candidates)
    within = (each for each in moments if (begin is None or each >= begin) and (end is None or each < end))
    found = next(within, None)
    if found is None and begin is not None and not changes.keys() & {"date", "weekday", "minute"}:
        return datetime.fromtimestamp(begin.timestamp(), zone)
    return found
