"""The items of the connection registry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from client_connect import ConnectionRequest, Decision, Facts
from client_connect.connections import connection_item, principal_of
from tests.unit.runtime.conftest import event

NOON = datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1)))


def test_an_item_has_what_it_takes_to_decide_again() -> None:
    """Its time is in UTC, so that it sorts, and it is kept for longer than any session lasts."""
    request, decision = ConnectionRequest.from_event(event()), Decision(allowed=True, determining=("all",))
    item = connection_item(Facts(request, now=NOON), decision, policies="a1b2")
    assert ConnectionRequest.from_event(json.loads(item.pop("request")["S"])) == request
    assert json.loads(item.pop("decision")["S"])["determining"] == ["all"]
    assert item == {
        "connectionId": {"S": request.connection_id},
        "principal": {"S": "user:bob"},
        "endpointId": {"S": request.endpoint_id},
        "at": {"S": "2026-11-22T12:00:00.000+00:00"},
        "policies": {"S": "a1b2"},
        "expiresAt": {"N": str(int(datetime(2026, 11, 23, 14, 0, tzinfo=UTC).timestamp()))},
    }


@pytest.mark.parametrize(("username", "principal"), [("Bob", "user:bob"), ("", "device:laptop-1")])
def test_connections_are_those_of_a_user_or_of_a_device(username: str, principal: str) -> None:
    """Of the device under mutual authentication alone."""
    assert principal_of(ConnectionRequest.from_event(event(username=username))) == principal
