"""The connection registry: the connections that the handler allowed, each with its request."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from client_connect.names import lower_case
from client_connect.request import ConnectionRequest
from client_connect.sources.dynamodb import ConditionFailed
from client_connect.sources.items import COMMON_NAME, EXPIRES_AT, Key
from client_connect.waiver import device_holder, user_holder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from client_connect.engine.authorizer import Decision
    from client_connect.facts import Facts
    from client_connect.sources.dynamodb import Tables
    from client_connect.sources.items import Item

CONNECTION_ID = "connectionId"
PRINCIPAL = "principal"
USERNAME = "username"
BY_PRINCIPAL = "byPrincipal"
ENDPOINT_ID = "endpointId"
AT = "at"
CONFIRMED = "confirmed"
TERMINATED = "terminatedAt"
_REQUEST, _DECISION = "request", "decision"

# Not the id of a connection: keys that the re-authorizer keeps next to them.
STATE = "reauthorizer"
COUNTS_VALID_UNTIL = "countsValidUntil"

# For how long a process takes the last scan that it knows to be the last.
_SCAN_READ_EVERY = timedelta(minutes=1)

# By how much the clocks of the re-authorizer and the handler may differ.
_SKEW = timedelta(minutes=5)

# For how long EC2 may still show a connection as active that was terminated. Afterwards, the termination has failed.
TERMINATING = timedelta(minutes=5)

# DynamoDB's items have at most 400 KB, the names of the attributes included. What is longer than a page is compressed.
_MAX_ITEM_BYTES = 400 * 1024
_MAX_PLAIN_BYTES = 4096
# Lambda's events have at most 6 MB; anything larger was not written here.
_MAX_TEXT_BYTES = 8 * 1024 * 1024

# Client VPN ends a session after 24 hours at the latest. Items outlive it: clocks differ, and the clean-up takes time.
KEPT = timedelta(hours=26)


class NotCounted(Exception):
    """The number of a user's connections is not known, because no re-authorizer has seen all of them lately."""


class RequestTooLarge(Exception):
    """A request does not fit into an item, even compressed, so the connection is registered without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredConnection:
    """The registry's entry of a connection.

    Attributes:
        request: The request, complete, as it was allowed; ``None`` when it cannot be read.
        problem: Why a connection that was registered has no request; empty when it has one, and when the item only
            remembers a termination.
        principal: Whose it is, in the form that the index has.
        username: Its user as the request named it, where the item has that.
        common_name: The common name that the request had, where the item has it.
        terminated: When the re-authorizer last asked to terminate it.
        confirmed: Whether the re-authorizer has seen it active.
    """

    request: ConnectionRequest | None
    problem: str = ""
    principal: str | None = None
    username: str | None = None
    common_name: str | None = None
    terminated: datetime | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherConnection:
    """Another connection of the same user that was allowed and, as far as the registry knows, is open.

    Attributes:
        connection_id: Its id.
        endpoint_id: Its endpoint's id.
        allowed: When it was allowed.
    """

    connection_id: str
    endpoint_id: str
    allowed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteScan:
    """The state of a re-authorizer that confirms connections, for whoever counts them.

    Attributes:
        valid_until: When its successor is overdue.
        endpoints: Of which endpoints it saw all connections, sorted.
        confirmed_before: It confirmed each active connection that was allowed before this time. One that it did
            not is no connection: its client was allowed to connect, and then did not.
    """

    valid_until: datetime
    endpoints: tuple[str, ...]
    confirmed_before: datetime


class ConnectionTable:
    """The table of a registry.

    Args:
        tables: DynamoDB.
        name: The table's name.
        shared_certificates: Whether several devices use the same client certificate.
    """

    def __init__(self, tables: Tables, *, name: str, shared_certificates: bool = False) -> None:
        self._tables = tables
        self._name = name
        self._shared_certificates = shared_certificates
        self._last_scan: CompleteScan | None = None
        self._read_again = datetime.min.replace(tzinfo=UTC)

    def record(self, facts: Facts, decision: Decision, *, policies: str) -> None:
        """Write a connection that was allowed, with the decision and the digest of the policies: one write.

        The first record of a connection stands: no one who can invoke the handler rewrites what it asked.

        Raises:
            ValueError: When its id could be mistaken for what the re-authorizer keeps.
            RequestTooLarge: When it was written without the request: it is counted, and can be decided again only by
                its ids, its user and its common name.
        """
        connection_id = facts.request.connection_id
        if connection_id.startswith(STATE):
            raise ValueError(f"{connection_id!r:.100} is not the id of a connection")
        item = connection_item(facts, decision, policies=policies)
        size = _size(item)
        if size > _MAX_ITEM_BYTES:
            del item[_REQUEST], item[_DECISION]
        with suppress(ConditionFailed):
            self._tables.put(self._name, item, unless=PRINCIPAL)
        if size > _MAX_ITEM_BYTES:
            raise RequestTooLarge(
                f"the item has {size:,} bytes, and DynamoDB takes {_MAX_ITEM_BYTES:,}; the connection was registered "
                "without its request, so it counts, but only its user and common name can be re-authorized"
            )

    def find(self, connection_ids: Iterable[str]) -> dict[str, RegisteredConnection]:
        """Return what there is of connections; up to 100 of them are one round trip."""
        items = self._tables.get(self._key(id_) for id_ in connection_ids)
        return {key.value: _connection(item) for key, item in items.items()}

    def remove(self, connection_id: str) -> None:
        """Forget a connection, because it has ended."""
        self._tables.delete(self._key(connection_id))

    def confirm(self, connection_id: str) -> None:
        """Remember that a connection was seen active."""
        with suppress(ConditionFailed):  # it has ended meanwhile
            self._tables.update(
                self._key(connection_id),
                UpdateExpression=f"SET {CONFIRMED} = :yes",
                ConditionExpression=f"attribute_exists({CONNECTION_ID})",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )

    def remember_termination(self, connection_id: str, *, now: datetime) -> None:
        """Remember that a connection is about to be terminated, even one that is not registered."""
        self._tables.update(
            self._key(connection_id),
            UpdateExpression=f"SET {TERMINATED} = :now, {EXPIRES_AT} = if_not_exists({EXPIRES_AT}, :end)",
            ExpressionAttributeValues={
                ":now": {"S": _text(now)},
                ":end": {"N": str(int((now + KEPT).timestamp()))},
            },
        )

    def forget_termination(self, connection_id: str) -> None:
        """Forget that a connection was to be terminated, because that failed."""
        self._tables.update(self._key(connection_id), UpdateExpression=f"REMOVE {TERMINATED}")

    def others(self, request: ConnectionRequest) -> tuple[OtherConnection, ...]:
        """Return the other connections of this user; of a device when there is no user.

        One that the re-authorizer has not confirmed though it would have seen it is left out, because it never came
        up. So are those of the device that asks, which this one replaces, and those that were terminated a moment ago.
        Others may have ended: which ones, EC2 knows.

        Raises:
            NotCounted: While no scan counts: the re-authorizer says how long its last one does.
        """
        scan = self._current_scan()
        if scan is None:
            raise NotCounted(
                "no re-authorizer has completed a scan with policies that count connections lately, so the number is "
                "not known"
            )
        now = datetime.now(UTC)
        endpoints = {f":endpoint{number}": {"S": id_} for number, id_ in enumerate(scan.endpoints)}
        items = self._tables.query(
            self._name,
            BY_PRINCIPAL,
            KeyConditionExpression=f"{PRINCIPAL} = :principal",
            FilterExpression=(
                f"{CONNECTION_ID} <> :this AND {ENDPOINT_ID} IN ({', '.join(endpoints)}) "
                f"AND (attribute_exists({CONFIRMED}) OR #at >= :confirmed) "
                f"AND (attribute_not_exists({TERMINATED}) OR NOT ({TERMINATED} BETWEEN :settling AND :latest))"
            ),
            ExpressionAttributeNames={"#at": AT},
            ExpressionAttributeValues={
                ":principal": {"S": principal_of(request)},
                ":this": {"S": request.connection_id},
                ":confirmed": {"S": _text(scan.confirmed_before)},
                ":settling": {"S": _text(now - TERMINATING)},
                ":latest": {"S": _text(now + TERMINATING)},
                **endpoints,
            },
        )
        device = None if self._shared_certificates else device_name(request)
        return tuple(_other(item) for item in items if device is None or _string(item, COMMON_NAME) != device)

    def complete(self, scan: CompleteScan) -> None:
        """Say what the re-authorizer's last complete scan saw."""
        self._tables.update(
            self._key(STATE),
            UpdateExpression=(
                f"SET {COUNTS_VALID_UNTIL} = :until, countedEndpoints = :endpoints, confirmedBefore = :confirmed"
            ),
            ExpressionAttributeValues={
                ":until": {"N": str(scan.valid_until.timestamp())},
                ":endpoints": {"SS": list(scan.endpoints)},
                ":confirmed": {"S": _text(scan.confirmed_before)},
            },
        )

    def last_scan(self) -> CompleteScan | None:
        """Return what the last complete scan saw; ``None`` when there was none, or one that is yet to come."""
        key = self._key(STATE)
        item = self._tables.get([key]).get(key, {})
        try:
            scan = CompleteScan(
                valid_until=datetime.fromtimestamp(float(item[COUNTS_VALID_UNTIL]["N"]), UTC),
                endpoints=tuple(sorted(item["countedEndpoints"]["SS"])),  # DynamoDB's sets have no order
                confirmed_before=datetime.fromisoformat(item["confirmedBefore"]["S"]).astimezone(UTC),
            )
        except (LookupError, ValueError, TypeError, OverflowError):
            return None
        return scan if scan.confirmed_before <= datetime.now(UTC) + _SKEW else None

    def _current_scan(self) -> CompleteScan | None:
        now = datetime.now(UTC)
        if now >= self._read_again:
            scan = self.last_scan()
            self._last_scan = scan if scan is not None and now < scan.valid_until else None
            self._read_again = now if scan is None else min(scan.valid_until, now + _SCAN_READ_EVERY)
        return self._last_scan

    def _key(self, connection_id: str) -> Key:
        return Key(self._name, CONNECTION_ID, connection_id)


def principal_of(request: ConnectionRequest) -> str:
    """Return whose connection it is, in the form that the index has."""
    if request.username is not None:
        return user_holder(request.username)
    return device_holder(request.common_name or "")


def device_name(request: ConnectionRequest) -> str | None:
    """Return the common name of a request's device: none if it only repeats the name of the user."""
    name, user = request.common_name, request.username
    return None if name is not None and user is not None and lower_case(name) == lower_case(user) else name


def connection_item(facts: Facts, decision: Decision, *, policies: str) -> Item:
    """Return the item of a connection that was allowed."""
    request = facts.request
    user = {} if request.username is None else {USERNAME: {"S": request.username}}
    device = {} if request.common_name is None else {COMMON_NAME: {"S": request.common_name}}
    return {
        CONNECTION_ID: {"S": request.connection_id},
        PRINCIPAL: {"S": principal_of(request)},
        **user,
        ENDPOINT_ID: {"S": request.endpoint_id},
        AT: {"S": _text(facts.now)},
        **device,
        _REQUEST: _packed(request.to_event()),
        _DECISION: _packed(decision.to_record()),
        "policies": {"S": policies},
        EXPIRES_AT: {"N": str(int((facts.now + KEPT).timestamp()))},
    }


def _connection(item: Item) -> RegisteredConnection:
    request, problem = _request(item) if {PRINCIPAL, _REQUEST} & item.keys() else (None, "")
    return RegisteredConnection(
        request=request,
        problem=problem,
        principal=_string(item, PRINCIPAL),
        username=_string(item, USERNAME),
        common_name=_string(item, COMMON_NAME),
        terminated=_time(_string(item, TERMINATED)),
        confirmed=CONFIRMED in item,
    )


def _request(item: Item) -> tuple[ConnectionRequest | None, str]:
    """Return the request of a connection, or why it cannot be read."""
    if _REQUEST not in item:
        return None, "it was registered without its request"
    try:
        return ConnectionRequest.from_event(_unpacked(item[_REQUEST])), ""
    except (ValueError, LookupError, TypeError, RecursionError, zlib.error) as error:
        return None, f"{type(error).__name__}: {error}"


def _packed(value: object) -> dict[str, Any]:
    """Return JSON as an attribute: readable, or compressed when it is long, as with very many groups."""
    text = json.dumps(value, ensure_ascii=False)
    data = text.encode()
    return {"S": text} if len(data) <= _MAX_PLAIN_BYTES else {"B": zlib.compress(data)}


def _unpacked(attribute: Mapping[str, Any]) -> object:
    if "S" in attribute:
        return json.loads(attribute["S"])
    if "B" not in attribute:
        raise ValueError("it is neither text nor compressed text")
    decompressor = zlib.decompressobj()
    data = decompressor.decompress(attribute["B"], _MAX_TEXT_BYTES)
    if not decompressor.eof:
        raise ValueError(f"the compressed text is cut off, or longer than {_MAX_TEXT_BYTES:,} bytes")
    return json.loads(data)


def _size(item: Item) -> int:
    """Return how large DynamoDB takes an item to be: the bytes of its names and values."""
    values = (value for attribute in item.values() for value in attribute.values())
    contents = sum(len(value if isinstance(value, bytes) else str(value).encode()) for value in values)
    return contents + sum(len(name.encode()) for name in item)


def _other(item: Item) -> OtherConnection:
    return OtherConnection(
        connection_id=item[CONNECTION_ID]["S"],
        endpoint_id=item[ENDPOINT_ID]["S"],
        allowed=datetime.fromisoformat(item[AT]["S"]),
    )


def _string(item: Item, name: str) -> str | None:
    value: str | None = item.get(name, {}).get("S")
    return value


def _text(time: datetime) -> str:
    """Return a time in a form that sorts by time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _time(text: str | None) -> datetime | None:
    """Return the time that an item has; ``None`` where it has none, or something else in its place."""
    try:
        time = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None
