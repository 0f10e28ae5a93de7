"""DynamoDB as botocore calls it: each request is checked against the service's model, and answered from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from client_connect.sources import dynamodb as module
from client_connect.sources.dynamodb import ConditionFailed, Tables, Unprocessed
from client_connect.sources.items import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect.sources.items import Item


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the longest of the random pauses pass at once; return them."""
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nowhere")
    slept: list[float] = []
    monkeypatch.setattr(module, "random", lambda: 1.0)
    monkeypatch.setattr(module, "sleep", slept.append)
    return slept


@pytest.fixture
def tables() -> Tables:
    """Return tables as the handler has them."""
    return Tables()


@pytest.fixture
def dynamodb(tables: Tables) -> Iterator[Stubber]:
    """Return what answers; every answer must have been asked for."""
    with Stubber(tables._client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def keys(*numbers: int, table: str = "d") -> list[Key]:
    """Return keys."""
    return [Key(table, "commonName", f"laptop-{number}") for number in numbers]


def item(key: Key) -> Item:
    """Return the item of a key."""
    return {key.name: {"S": key.value}, "compliant": {"BOOL": True}}


def asked(*wanted: Key) -> dict[str, Any]:
    """Return the part of a request that asks for these keys, strongly consistent."""
    request: dict[str, Any] = {}
    for key in wanted:
        of_table = request.setdefault(key.table, {"ConsistentRead": True, "Keys": []})
        of_table["Keys"].append({key.name: {"S": key.value}})
    return request


def answered(*found: Key, left: tuple[Key, ...] = ()) -> dict[str, Any]:
    """Return an answer with items, and with keys that are left unprocessed."""
    responses: dict[str, Any] = {}
    for key in found:
        responses.setdefault(key.table, []).append(item(key))
    return {"Responses": responses, "UnprocessedKeys": asked(*left)}


def test_what_is_asked_for_is_found_as_it_is_now(tables: Tables, dynamodb: Stubber) -> None:
    """In one round trip whatever the tables; a key that comes twice is asked for once."""
    devices, waiver = keys(1, 2), Key("w", "holder", "user:bob")
    dynamodb.add_response(
        "batch_get_item", answered(devices[0], waiver), {"RequestItems": asked(*devices, waiver)}
    )
    found = tables.get([*devices, waiver, *devices])
    assert found == {devices[0]: item(devices[0]), waiver: item(waiver)}


def test_nothing_is_asked_for_nothing(tables: Tables, dynamodb: Stubber) -> None:
    """Not even a round trip."""
    dynamodb.assert_no_pending_responses()
    assert tables.get([]) == {}


def test_more_keys_than_a_request_may_have_are_several_requests(tables: Tables, dynamodb: Stubber) -> None:
    """Of 100 keys each."""
    wanted = keys(*range(201))
    for part in (wanted[:100], wanted[100:200], wanted[200:]):
        dynamodb.add_response("batch_get_item", answered(*part), {"RequestItems": asked(*part)})
    assert list(tables.get(wanted)) == wanted


def test_what_is_left_unprocessed_is_asked_for_again(
    tables: Tables, dynamodb: Stubber, pauses: list[float]
) -> None:
    """That alone, after a short pause."""
    first, second = keys(1, 2)
    dynamodb.add_response(
        "batch_get_item", answered(first, left=(second,)), {"RequestItems": asked(first, second)}
    )
    dynamodb.add_response("batch_get_item", answered(second), {"RequestItems": asked(second)})
    assert tables.get([first, second]) == {first: item(first), second: item(second)}
    assert pauses == [0.05]


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [(2, [0.05, 0.1]), (8, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])],
    ids=["the handler", "patient"],
)
def test_fails_when_keys_stay_unprocessed(rounds: int, expected: list[float], pauses: list[float]) -> None:
    """The table is throttled; the pauses grow to two seconds, and the message tells how much is missing."""
    tables, (first, second), waiver = Tables(rounds=rounds), keys(1, 2), Key("w", "holder", "user:bob")
    left = (second, waiver)
    with Stubber(tables._client) as dynamodb:
        for wanted in ((first, *left), *[left] * (rounds - 1)):
            answer = answered(*(key for key in wanted if key == first), left=left)
            dynamodb.add_response("batch_get_item", answer, {"RequestItems": asked(*wanted)})
        with pytest.raises(Unprocessed, match=r"^2 of 3 keys were left unprocessed$"):
            tables.get([first, *left])
        dynamodb.assert_no_pending_responses()
    assert pauses == expected


def test_items_are_written_changed_and_removed(tables: Tables, dynamodb: Stubber) -> None:
    """Each by one request, to the table and the key that are given."""
    (key,) = keys(1)
    dynamodb.add_response("put_item", {}, {"TableName": "d", "Item": item(key)})
    tables.put("d", item(key))
    of_key = {"TableName": "d", "Key": {"commonName": {"S": "laptop-1"}}}
    dynamodb.add_response(
        "update_item", {"Attributes": item(key)}, {**of_key, "UpdateExpression": "REMOVE a"}
    )
    assert tables.update(key, UpdateExpression="REMOVE a")["Attributes"] == item(key)
    dynamodb.add_response("delete_item", {}, of_key)
    tables.delete(key)


def test_fails_for_an_item_that_is_not_as_the_change_demands(tables: Tables, dynamodb: Stubber) -> None:
    """The message tells which."""
    (key,) = keys(1)
    dynamodb.add_client_error("update_item", "ConditionalCheckFailedException")
    with pytest.raises(ConditionFailed, match="laptop-1"):
        tables.update(key, UpdateExpression="REMOVE a")


def test_an_item_is_not_written_over_one_that_has_an_attribute(tables: Tables, dynamodb: Stubber) -> None:
    """DynamoDB decides that with the write, and the message tells what is in the way."""
    (key,) = keys(1)
    condition = {"ConditionExpression": "attribute_not_exists(principal)"}
    dynamodb.add_client_error(
        "put_item",
        "ConditionalCheckFailedException",
        expected_params={"TableName": "d", "Item": item(key), **condition},
    )
    with pytest.raises(ConditionFailed, match=r"^an item of d has principal$"):
        tables.put("d", item(key), unless="principal")


def test_items_of_an_index_are_found(tables: Tables, dynamodb: Stubber) -> None:
    """On the first page."""
    (key,) = keys(1)
    parameters = {"TableName": "d", "IndexName": "byPrincipal", "KeyConditionExpression": "a = b"}
    dynamodb.add_response("query", {"Items": [item(key)], "Count": 1}, parameters)
    assert tables.query("d", "byPrincipal", KeyConditionExpression="a = b") == [item(key)]


@pytest.mark.parametrize("rounds", [None, 5])
def test_dynamodb_is_not_waited_for_long(rounds: int | None) -> None:
    """A second to connect and one to answer, and a request that fails is tried no more often than keys are."""
    tables = Tables() if rounds is None else Tables(rounds=rounds)
    config = tables._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 1)
    assert config.retries == {"mode": "standard", "total_max_attempts": rounds or 2}
