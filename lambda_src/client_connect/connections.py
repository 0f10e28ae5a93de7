"""The connection registry: the connections that the handler allowed, each with its request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from client_connect.items import EXPIRES_AT
from client_connect.request import ConnectionRequest
from client_connect.tables import Key
from client_connect.waiver import device_holder, user_holder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect.authorizer import Decision
    from client_connect.facts import Facts
    from client_connect.items import Item
    from client_connect.tables import Tables

CONNECTION_ID = "connectionId"
PRINCIPAL = "principal"
BY_PRINCIPAL = "byPrincipal"

# Not the id of a connection: what the re-authorizer keeps beside them.
STATE = "reauthorizer"
COUNTS_VALID_UNTIL = "countsValidUntil"

# Client VPN ends a session after 24 hours at the latest. Items outlive it, for the clocks and the clean-up.
KEPT = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredConnection:
    """A connection as it was allowed.

    Attributes:
        request: The request, complete.
        at: When it was allowed.
    """

    request: ConnectionRequest
    at: datetime


class ConnectionTable:
    """The table of a registry.

    Args:
        tables: DynamoDB.
        name: The table's name.
    """

    def __init__(self, tables: Tables, *, name: str) -> None:
        self._tables = tables
        self._name = name
        self._counts_valid_until = 0.0

    def record(self, facts: Facts, decision: Decision, *, policies: str) -> None:
        """Write a connection that was allowed, with the decision and the digest of the policies: one write."""
        self._tables.put(self._name, _item(facts, decision, policies))

    def find(self, connection_ids: Iterable[str]) -> dict[str, RegisteredConnection]:
        """Return the connections that are registered; a malformed item is none."""
        items = self._tables.get(self._key(id_) for id_ in connection_ids)
        found = {key.value: _connection(item) for key, item in items.items()}
        return {id_: connection for id_, connection in found.items() if connection is not None}

    def active_connections(self, request: ConnectionRequest) -> int | None:
        """Return how many other connections of this user are open; of a device when there is no user.

        ``None`` while nobody takes closed connections out: the re-authorizer does, and says how long its last
        run counts. A number too high would lock users out.
        """
        if not self._counts_are_valid():
            return None
        return self._tables.count(
            self._name,
            BY_PRINCIPAL,
            KeyConditionExpression=f"{PRINCIPAL} = :principal",
            FilterExpression=f"{CONNECTION_ID} <> :this",
            ExpressionAttributeValues={
                ":principal": {"S": principal_of(request)},
                ":this": {"S": request.connection_id},
            },
        )

    def _counts_are_valid(self) -> bool:
        now = datetime.now(UTC).timestamp()
        if now >= self._counts_valid_until:
            key = self._key(STATE)
            item = self._tables.get([key]).get(key, {})
            self._counts_valid_until = float(item.get(COUNTS_VALID_UNTIL, {}).get("N", 0))
        return now < self._counts_valid_until

    def _key(self, connection_id: str) -> Key:
        return Key(self._name, CONNECTION_ID, connection_id)


def principal_of(request: ConnectionRequest) -> str:
    """Return whose connection it is, in the form that the index has."""
    if request.username is not None:
        return user_holder(request.username)
    return device_holder(request.common_name or "")


def _item(facts: Facts, decision: Decision, policies: str) -> Item:
    request = facts.request
    return {
        CONNECTION_ID: {"S": request.connection_id},
        PRINCIPAL: {"S": principal_of(request)},
        "endpointId": {"S": request.endpoint_id},
        "at": {"S": facts.now.astimezone(UTC).isoformat(timespec="milliseconds")},
        "request": {"S": json.dumps(request.to_event())},
        "decision": {"S": json.dumps(decision.to_record())},
        "policies": {"S": policies},
        EXPIRES_AT: {"N": str(int((facts.now + KEPT).timestamp()))},
    }


def _connection(item: Item) -> RegisteredConnection | None:
    try:
        return RegisteredConnection(
            request=ConnectionRequest.from_event(json.loads(item["request"]["S"])),
            at=datetime.fromisoformat(item["at"]["S"]),
        )
    except (ValueError, LookupError, TypeError):
        return None
