"""From what was logged of a connection to the facts that policies see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from client_connect import ConnectionRequest, Device, Facts, InvalidRequest, OsVersion

if TYPE_CHECKING:
    from client_connect.custom_facts import CustomFactsState
    from client_connect.device import Inventory

# What a connection log never holds. Waivers are taken as none: every rule names them.
_NOT_LOGGED = frozenset(
    {
        "platformVersion",
        "openvpn",
        "awsClient",
        "inventory",
        "device",
        "activeConnections",
        "custom",
        "customFacts",
    }
)

_FIRST_YEAR, _LAST_YEAR = 1970, 9990
_TOO_LONG = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A connection that somebody tried to establish, as the log has it.

    Attributes:
        facts: What the policies see of it, as far as it is logged.
        missing: The names of the facts that the log does not hold, so that their values here mean nothing.
        allowed: Whether the policies of that time allowed it.
        determining: The ids of the policies that decided then, as far as they are logged.
        erred: Whether a policy of that time could not be evaluated, so that it denied.
    """

    facts: Facts
    missing: frozenset[str]
    allowed: bool
    determining: tuple[str, ...]
    erred: bool = False


class Malformed(ValueError):
    """A line looks like an attempt, but lacks what an attempt must have."""


def of_record(record: dict[str, Any], *, time_zone: tzinfo | None = None) -> Attempt:
    """Read a decision record.

    Args:
        record: What the handler logged.
        time_zone: The zone in which policies see the clock. Default: the record's, else UTC.

    Raises:
        Malformed: When it is not what a handler writes.
    """
    try:
        return Attempt(
            facts=_facts(record, time_zone),
            missing=frozenset(),
            allowed=_boolean(record["decision"]["allowed"]),
            determining=tuple(str(id_) for id_ in record["decision"].get("determining", ())),
            erred=bool(record["decision"].get("errors")),
        )
    except Malformed:
        raise
    except InvalidRequest as error:
        raise Malformed(f"decision record with an invalid request: {error}") from error
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise Malformed("malformed decision record") from error


def of_connection_log(log: dict[str, Any], *, allowed: bool, time_zone: tzinfo | None = None) -> Attempt:
    """Read an entry of Client VPN's connection log.

    Args:
        log: The entry, of type ``connection-attempt``.
        allowed: Whether the connection was allowed.
        time_zone: The zone in which policies see the clock. Default: UTC.

    Raises:
        Malformed: When it lacks what Client VPN always logs.
    """
    event = {
        "connection-id": log.get("connection-id"),
        "endpoint-id": log.get("client-vpn-endpoint-id"),
        "common-name": _known(log.get("common-name")),
        "username": _known(log.get("username")),
        "platform": _known(log.get("device-type")) or "",
        "public-ip": log.get("device-ip"),
        "schema-version": "v3",
    }
    try:
        request = ConnectionRequest.from_event(event)
    except InvalidRequest as error:
        field = _LOGGED_AS.get(str(error).split('"')[1], "")
        raise Malformed(f"connection log without a valid {field or 'user'}") from error
    facts = Facts(request, now=_reasonable(_time_of(log)), time_zone=time_zone or UTC)
    return Attempt(facts=facts, missing=_missing(request), allowed=allowed, determining=())


_LOGGED_AS = {
    "connection-id": "connection-id",
    "endpoint-id": "client-vpn-endpoint-id",
    "common-name": "common-name",
    "platform": "device-type",
    "public-ip": "device-ip",
}


def _missing(request: ConnectionRequest) -> frozenset[str]:
    """Name what is not known. Groups belong to users, and only Windows has a version in numbers."""
    missing = set(_NOT_LOGGED)
    if request.username is not None:
        missing.add("groups")
    if not request.platform:
        missing.add("platform")
    if request.platform.lower() in ("", "win"):
        missing.add("os")
    return frozenset(missing)


def _known(value: object) -> object:
    return None if value in ("NA", "-") else value


def _time_of(log: dict[str, Any]) -> datetime:
    for name in ("connection-start-time", "connection-last-update-time", "connection-end-time"):
        if _known(text := log.get(name)):
            try:
                return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
            except ValueError as error:
                raise Malformed(f"connection log without a valid {name}") from error
    raise Malformed("connection log without a time")


def _reasonable(time: datetime) -> datetime:
    """Refuse times next to which there are none that a computer can represent."""
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise Malformed(f"time outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return time


def _facts(record: dict[str, Any], time_zone: tzinfo | None) -> Facts:
    exact = record.get("requestJson")
    known = record.get("facts") or {}
    active = known.get("activeConnections")
    return Facts(
        ConnectionRequest.from_event(record["request"] if exact is None else json.loads(exact)),
        now=_instant(record["at"]),
        time_zone=time_zone or _zone(known.get("timeZone")),
        inventory=_inventory(known.get("inventory", "disabled")),
        device=_device(known.get("device")),
        waivers=frozenset(map(_text, known.get("waivers", ()))),
        active_connections=None if active is None else _long(active),
        custom_facts=_custom_facts(known.get("customFacts", "disabled")),
        custom=_custom(known.get("custom")),
    )


def _zone(name: str | None) -> tzinfo:
    return UTC if name in (None, "UTC") else ZoneInfo(name)


def _inventory(value: object) -> Inventory:
    if value not in ("disabled", "known", "unknown", "unavailable"):
        raise ValueError("not what an inventory says")
    return value


def _custom_facts(value: object) -> CustomFactsState:
    if value not in ("disabled", "available", "unavailable"):
        raise ValueError("not what becomes of custom facts")
    return value


def _custom(value: object) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise TypeError("not a record of custom facts")
    return value


def _device(device: dict[str, Any] | None) -> Device | None:
    if device is None:
        return None
    last_seen, os, compliant = device.get("lastSeen"), device.get("os"), device.get("compliant")
    return Device(
        compliant=None if compliant is None else _boolean(compliant),
        last_seen=None if last_seen is None else _instant(last_seen),
        os=None if os is None else _os(os),
        tags={_text(name): _text(tag) for name, tag in device.get("tags", {}).items()},
    )


def _os(os: dict[str, Any]) -> OsVersion:
    build = os.get("build")
    return OsVersion(_long(os["major"]), _long(os["minor"]), None if build is None else _long(build))


def _instant(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no time zone")
    return _reasonable(time)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _long(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _TOO_LONG:
        raise TypeError("not a number that Cedar takes")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    value.encode()
    return value
