"""The items of the connection registry."""

from __future__ import annotations

import json
import random
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

import pytest

from client_connect import ConnectionRequest, Decision, Facts
from client_connect.sources.connection_registry import (
    ConnectionTable,
    RequestTooLarge,
    connection_item,
    device_name,
    principal_of,
)
from tests.support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_connect.sources.dynamodb import Tables
    from client_connect.sources.items import Item, Key

NOON = datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1)))


def test_an_item_has_what_it_takes_to_decide_again() -> None:
    """Its time is in UTC, so it sorts, and it is kept for longer than any session lasts."""
    request, decision = ConnectionRequest.from_event(event()), Decision(allowed=True, determining=("all",))
    item = connection_item(Facts(request, now=NOON), decision, policies="a1b2")
    assert ConnectionRequest.from_event(json.loads(item.pop("request")["S"])) == request
    assert json.loads(item.pop("decision")["S"])["determining"] == ["all"]
    assert item == {
        "connectionId": {"S": request.connection_id},
        "principal": {"S": "user:bob"},
        "endpointId": {"S": request.endpoint_id},
        "at": {"S": "2026-11-22T12:00:00.000+00:00"},
        "username": {"S": "Bob"},
        "commonName": {"S": "laptop-1"},
        "policies": {"S": "a1b2"},
        "expiresAt": {"N": str(int(datetime(2026, 11, 23, 14, 0, tzinfo=UTC).timestamp()))},
    }


@pytest.mark.parametrize(("username", "principal"), [("Bob", "user:bob"), ("", "device:laptop-1")])
def test_connections_are_those_of_a_user_or_of_a_device(username: str, principal: str) -> None:
    """Of the device under mutual authentication alone."""
    assert principal_of(ConnectionRequest.from_event(event(username=username))) == principal


class Written:
    """A table that holds what was put."""

    def __init__(self, *items: Item) -> None:
        self.items = {item["connectionId"]["S"]: item for item in items}

    def put(self, _table: str, item: Item, **_: object) -> None:
        """Keep an item."""
        self.items[item["connectionId"]["S"]] = item

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items."""
        return {key: self.items[key.value] for key in keys if key.value in self.items}


def table(written: Written) -> ConnectionTable:
    """Return a registry over it."""
    return ConnectionTable(cast("Tables", written), name="open")


def facts(groups: list[str]) -> Facts:
    """Return the facts of a user in these groups."""
    return Facts(ConnectionRequest.from_event(event(groups=groups)), now=NOON)


def bytes_of(item: Item) -> int:
    """Return how large DynamoDB takes an item to be, or a little larger."""
    return sum(
        len(name.encode()) + sum(len(v if isinstance(v, bytes) else v.encode()) for v in value.values())
        for name, value in item.items()
    )


NAMES = {
    "long": [f"{number:03}" + "CN=staff,OU=groups,DC=corp,DC=example," * 60 for number in range(200)],
    "not ASCII": [f"{number:03}" + "\N{CJK UNIFIED IDEOGRAPH-90E8}" * 1500 for number in range(200)],
    "hexadecimal": [f"{random.Random(number).getrandbits(8000):x}" for number in range(200)],  # noqa: S311
    "few": ["staff"],
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_user_in_many_groups_is_registered_with_all_of_them(kind: str) -> None:
    """DynamoDB takes 400 KB, and Lambda's events have up to 6 MB."""
    written, asked = Written(), facts(NAMES[kind])
    table(written).record(asked, Decision(allowed=True), policies="")
    (item,) = written.items.values()
    assert bytes_of(item) <= 400 * 1024
    (found,) = table(written).find(written.items).values()
    assert found.request == asked.request


@pytest.mark.parametrize("length", [4_000, 20_000])
def test_what_does_not_fit_is_registered_without_its_request(length: int) -> None:
    """It counts for a limit, and the record of the connection says what is missing."""
    names = [f"{random.Random(number).getrandbits(4 * length):x}" for number in range(200)]  # noqa: S311
    written = Written()
    with pytest.raises(RequestTooLarge, match=r"^the item has [0-9,]+ bytes, and DynamoDB takes 409,600; "):
        table(written).record(facts(names), Decision(allowed=True), policies="")
    (item,) = written.items.values()
    assert (item["principal"], item["endpointId"]) == ({"S": "user:bob"}, {"S": event()["endpoint-id"]})
    (found,) = table(written).find(written.items).values()
    assert (found.request, found.problem) == (None, "it was registered without its request")
    assert (found.principal, found.username, found.common_name) == ("user:bob", "Bob", "laptop-1")


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        ({"B": b"not compressed"}, "error: Error -3"),
        ({"B": zlib.compress(b"{}")[:-1]}, "ValueError: the compressed text is cut off"),
        (
            {"B": zlib.compress(bytes(9_000_000))},
            "ValueError: the compressed text is cut off, or longer than",
        ),
        ({"B": zlib.compress(b"[" * 100_000)}, "RecursionError: "),
        ({"S": "{"}, "JSONDecodeError: "),
        ({"S": json.dumps(event(platform=1))}, 'InvalidRequest: "platform" is a number, not a string'),
        ({"N": "1"}, "ValueError: it is neither text nor compressed text"),
    ],
    ids=["other bytes", "cut off", "a bomb", "deep", "no JSON", "refused today", "a number"],
)
def test_a_request_that_cannot_be_read_is_none(packed: dict[str, Any], problem: str) -> None:
    """And it is said why: the connection is registered all the same."""
    item = {"connectionId": {"S": "cvpn-connection-1"}, "request": packed}
    (found,) = table(Written(item)).find(["cvpn-connection-1"]).values()
    assert found.request is None
    assert found.problem.startswith(problem)


def test_an_item_that_only_remembers_a_termination_is_no_registration() -> None:
    """The registry does not know such a connection, so nothing of it is unreadable."""
    item = {"connectionId": {"S": "cvpn-connection-1"}, "terminatedAt": {"S": NOON.isoformat()}}
    (found,) = table(Written(item)).find(["cvpn-connection-1"]).values()
    assert (found.request, found.problem, found.terminated) == (None, "", NOON)


@pytest.mark.parametrize(
    ("username", "common_name", "device"),
    [("bob", "laptop", "laptop"), ("Bob", "bOB", None), ("bob", "", None), ("", "kiosk", "kiosk")],
)
def test_a_common_name_that_is_the_users_names_no_device(
    username: str, common_name: str, device: str | None
) -> None:
    """Without client certificates, all devices of a user would have it."""
    request = ConnectionRequest.from_event(event(username=username, common_name=common_name))
    assert device_name(request) == device
