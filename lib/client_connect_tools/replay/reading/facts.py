"""From what was logged of a connection to the facts that policies see."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args
from zoneinfo import ZoneInfo

from client_connect import ConnectionRequest, Device, Facts, InvalidRequest, OsVersion
from client_connect.blocks import Block
from client_connect.log_line import CUT
from client_connect.names import lower_case
from client_connect.states import CustomFactsState, Inventory

if TYPE_CHECKING:
    from collections.abc import Callable


_T = TypeVar("_T")

# Facts that a connection log never holds. Waivers count as none: every rule names them.
_NOT_LOGGED = frozenset(
    {
        "endpointName",
        "platformVersion",
        "openvpn",
        "awsClient",
        "inventory",
        "device",
        "ownerTags",
        "activeConnections",
        "custom",
        "customFacts",
    }
)

_FIRST_YEAR, _LAST_YEAR = 1970, 9990
_TOO_LONG = 2**63
_ONLY_ZONE = frozenset({"timeZone"})
_INVENTORY: tuple[Inventory, ...] = get_args(Inventory)
_BLOCKED = (None, "yes", "unavailable")
# Whose block it was matters to no policy.
_BLOCK = Block("")
_CUSTOM_FACTS: tuple[CustomFactsState, ...] = get_args(CustomFactsState)


class Attempt(NamedTuple):
    """A connection that a client tried to establish, as the log has it.

    Attributes:
        facts: What the policies see of it, as far as it is logged.
        missing: The names of the facts that the log does not hold, so their values here mean nothing.
        allowed: Whether the policies of that time allowed it.
        determining: The ids of the policies that decided then, as far as they are logged.
        erred: Whether a policy of that time could not be evaluated, so it denied.
        answered: Whether the client was let in, where a record says so: in shadow mode it is, whatever policies say.
    """

    facts: Facts
    missing: frozenset[str]
    allowed: bool
    determining: tuple[str, ...]
    erred: bool = False
    answered: bool | None = None


class Malformed(ValueError):
    """A line looks like an attempt, but lacks what an attempt must have."""


def of_record(record: dict[str, Any], *, time_zone: tzinfo | None = None) -> Attempt:
    """Read a decision record.

    Args:
        record: What the handler logged.
        time_zone: The zone of the policies' clock. Default: the record's, else UTC.

    Raises:
        Malformed: When it is not what a handler writes.
    """
    decision = _object(_whole(record, "decision"), "decision")
    return Attempt(
        facts=_facts(record, time_zone),
        missing=frozenset(),
        allowed=_boolean(decision.get("allowed"), "decision.allowed"),
        determining=tuple(map(str, _list(decision.get("determining", []), "decision.determining"))),
        erred=bool(decision.get("errors")),
        answered=record["allow"] if isinstance(record.get("allow"), bool) else None,
    )


def of_connection_log(log: dict[str, Any], *, allowed: bool, time_zone: tzinfo | None = None) -> Attempt:
    """Read an entry of Client VPN's connection log.

    Args:
        log: The entry, of type ``connection-attempt``.
        allowed: Whether the connection was allowed.
        time_zone: The zone of the policies' clock. Default: UTC.

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


def end_of(log: dict[str, Any]) -> datetime | None:
    """Return when a session ended, by an entry of type ``connection-reset``; nothing where it does not say."""
    try:
        return datetime.fromisoformat(str(log.get("connection-end-time"))).replace(tzinfo=UTC)
    except ValueError:
        return None


def _missing(request: ConnectionRequest) -> frozenset[str]:
    """Name what is not known. Groups belong to users, and only Windows has a version in numbers."""
    missing = set(_NOT_LOGGED)
    if request.username is not None:
        missing.add("groups")
    if not request.platform:
        missing.add("platform")
    if lower_case(request.platform) in ("", "win"):
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
    """Refuse times at the very end of what a computer can represent."""
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise Malformed(f"time outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return time


def _facts(record: dict[str, Any], time_zone: tzinfo | None) -> Facts:
    logged = _exact(record, "facts", "factsJson")
    known = _object({} if logged is None else logged, "facts")
    now = _reasonable(_instant(record.get("at"), "at"))
    zone = time_zone or _zone(known.get("timeZone"))
    if known.keys() <= _ONLY_ZONE:
        return Facts(_request(record), now, zone)
    waivers = _list(known.get("waivers", []), "facts.waivers")
    blocked = _one_of(_BLOCKED, known.get("blocked"), "facts.blocked")
    try:
        return Facts(
            _request(record),
            now=now,
            time_zone=zone,
            inventory=_one_of(_INVENTORY, known.get("inventory", "disabled"), "facts.inventory"),
            device=_optional(_device, known, "device", "facts"),
            waivers=frozenset([_text(id_, "facts.waivers") for id_ in waivers]),
            active_connections=_optional(_long, known, "activeConnections", "facts"),
            custom_facts=_one_of(_CUSTOM_FACTS, known.get("customFacts", "disabled"), "facts.customFacts"),
            custom=_optional(_object, known, "custom", "facts"),
            block=_BLOCK if blocked == "yes" else None,
            knows_blocks=blocked != "unavailable",
            endpoint_name=_optional(_text, known, "endpointName", "facts"),
        )
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed('malformed decision record: its "facts" contradict each other') from error


def _request(record: dict[str, Any]) -> ConnectionRequest:
    try:
        return ConnectionRequest.from_event(_exact(record, "request", "requestJson"))
    except InvalidRequest as error:
        raise Malformed(f"decision record with an invalid request: {error}") from error


def _exact(record: dict[str, Any], name: str, escaped: str) -> object:
    """Return a part of a record, without loss where the log had to escape it."""
    text = _whole(record, escaped)
    if text is None:
        return _whole(record, name)
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _wrong(escaped) from error


def _whole(record: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a part of a record, which was not too long for the log."""
    if CUT in record:
        names = record[CUT]
        if isinstance(names, list) and key in names:
            raise Malformed(f'decision record whose "{key}" was too long for the log')
    return record.get(key)


def _wrong(key: str) -> Malformed:
    return Malformed(f'malformed decision record: "{key}"')


def _optional(read: Callable[[Any, str], _T], values: dict[str, Any], name: str, parent: str) -> _T | None:
    value = values.get(name)
    return None if value is None else read(value, f"{parent}.{name}")


def _zone(name: object) -> tzinfo:
    if name in (None, "UTC"):
        return UTC
    try:
        return ZoneInfo(_text(name, "facts.timeZone"))
    except (ValueError, LookupError, OSError) as error:
        raise _wrong("facts.timeZone") from error


def _device(value: object, key: str) -> Device:
    device = _object(value, key)
    tags = _object(device.get("tags", {}), f"{key}.tags")
    return Device(
        compliant=_optional(_boolean, device, "compliant", key),
        last_seen=_optional(_instant, device, "lastSeen", key),
        os=_optional(_os, device, "os", key),
        tags={_text(name, f"{key}.tags"): _text(tag, f"{key}.tags") for name, tag in tags.items()},
    )


def _os(value: object, key: str) -> OsVersion:
    os = _object(value, key)
    return OsVersion(
        _long(os.get("major"), f"{key}.major"),
        _long(os.get("minor"), f"{key}.minor"),
        _optional(_long, os, "build", key),
    )


def _instant(value: object, key: str) -> datetime:
    """Read a time that a policy can see."""
    try:
        time = datetime.fromisoformat(_text(value, key))
        time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(key) from error
    if time.tzinfo is None:
        raise _wrong(key)
    return time


def _one_of(allowed: tuple[_T, ...], value: object, key: str) -> _T:
    for each in allowed:
        if each == value:
            return each
    raise _wrong(key)


def _object(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(key)
    return value


def _list(value: object, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(key)
    return value


def _boolean(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(key)
    return value


def _long(value: object, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _TOO_LONG:
        raise _wrong(key)
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _wrong(key)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _wrong(key) from error
    return value
