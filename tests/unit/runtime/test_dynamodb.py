"""DynamoDB as the handler calls it: over a socket, with a server that checks each request by the service's model."""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
    SSLError,
)

from client_connect.sources import dynamodb_client as module
from client_connect.sources.dynamodb import ConditionFailed, Tables, TooManyItems, Unprocessed
from client_connect.sources.dynamodb_client import DynamoDbClient, InvalidAnswer
from client_connect.sources.items import Key
from tests.support.dynamodb_server import ACCESS_KEY, REGION, SECRET_KEY, TOKEN, DynamoDb, dynamodb_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_connect.sources.items import Item

VARIABLES = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": TOKEN,
    "NO_PROXY": "127.0.0.1",
    # Settings that a developer's machine may have.
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_EC2_METADATA_DISABLED": "true",
}
OTHERS = (
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_REGION"),
    *("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    *("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the longest of the random pauses pass at once; return them."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in OTHERS:
        monkeypatch.delenv(name, raising=False)
    slept: list[float] = []
    monkeypatch.setattr(module, "random", lambda: 1.0)
    monkeypatch.setattr(module, "sleep", slept.append)
    return slept


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDb]:
    """Return what answers; every answer must have been asked for."""
    with dynamodb_server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server
        assert not server._answers


def keys(*numbers: int, table: str = "devices") -> list[Key]:
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


def requests(server: DynamoDb) -> list[Any]:
    """Return what was asked for, of each request."""
    return [each.parameters["RequestItems"] for each in server.asked]


def test_what_is_asked_for_is_found_as_it_is_now(dynamodb: DynamoDb) -> None:
    """In one round trip whatever the tables; a key that comes twice is asked for once."""
    devices, waiver = keys(1, 2), Key("waivers", "holder", "user:bob")
    dynamodb.answer(answered(devices[0], waiver))
    found = Tables().get([*devices, waiver, *devices])
    assert found == {devices[0]: item(devices[0]), waiver: item(waiver)}
    assert requests(dynamodb) == [asked(*devices, waiver)]


def test_nothing_is_asked_for_nothing(dynamodb: DynamoDb) -> None:
    """Not even a round trip, nor anything when the client is made: a snapshot of the process holds no connection."""
    assert Tables().get([]) == {}
    assert dynamodb.asked == []


def test_more_keys_than_a_request_may_have_are_several_requests(dynamodb: DynamoDb) -> None:
    """Of 100 keys each."""
    wanted = keys(*range(201))
    parts = (wanted[:100], wanted[100:200], wanted[200:])
    for part in parts:
        dynamodb.answer(answered(*part))
    assert list(Tables().get(wanted)) == wanted
    assert requests(dynamodb) == [asked(*part) for part in parts]


def test_what_is_left_unprocessed_is_asked_for_again(dynamodb: DynamoDb, pauses: list[float]) -> None:
    """That alone, after a short pause."""
    first, second = keys(1, 2)
    dynamodb.answer(answered(first, left=(second,)))
    dynamodb.answer(answered(second))
    assert Tables().get([first, second]) == {first: item(first), second: item(second)}
    assert requests(dynamodb) == [asked(first, second), asked(second)]
    assert pauses == [0.05]


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [(2, [0.05, 0.1]), (8, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])],
    ids=["the handler", "patient"],
)
def test_fails_when_keys_stay_unprocessed(
    dynamodb: DynamoDb, rounds: int, expected: list[float], pauses: list[float]
) -> None:
    """The table is throttled; the pauses grow to two seconds, and the message says how much is missing."""
    (first, second), waiver = keys(1, 2), Key("waivers", "holder", "user:bob")
    left = (second, waiver)
    for wanted in ((first, *left), *[left] * (rounds - 1)):
        dynamodb.answer(answered(*(key for key in wanted if key == first), left=left))
    with pytest.raises(Unprocessed, match=r"^2 of 3 keys were left unprocessed$"):
        Tables(rounds=rounds).get([first, *left])
    assert pauses == expected


def test_items_are_written_changed_and_removed(dynamodb: DynamoDb) -> None:
    """Each by one request, to the table and the key that are given; bytes arrive as they are, in both directions."""
    (key,), tables = keys(1), Tables()
    packed = {**item(key), "request": {"B": b"\x00\xff"}}
    text = {**item(key), "request": {"B": b64encode(b"\x00\xff").decode()}}
    dynamodb.answer({})
    tables.put("devices", packed)
    dynamodb.answer({"Attributes": text})
    assert tables.update(key, UpdateExpression="REMOVE a")["Attributes"] == packed
    dynamodb.answer({})
    tables.delete(key)
    of_key = {"TableName": "devices", "Key": {"commonName": {"S": "laptop-1"}}}
    assert [(each.operation, each.parameters) for each in dynamodb.asked] == [
        ("PutItem", {"TableName": "devices", "Item": text}),
        ("UpdateItem", {**of_key, "UpdateExpression": "REMOVE a"}),
        ("DeleteItem", of_key),
    ]


def test_an_attribute_may_have_the_name_of_a_type(dynamodb: DynamoDb) -> None:
    """A tag that is called B is no binary."""
    (key,) = keys(1)
    tagged = {**item(key), "tags": {"M": {"B": {"S": "b"}, "S": {"S": "s"}}}}
    dynamodb.answer({"Responses": {"devices": [tagged]}})
    assert Tables().get([key]) == {key: tagged}


def test_fails_for_an_item_that_is_not_as_the_change_demands(dynamodb: DynamoDb) -> None:
    """The message says which."""
    (key,) = keys(1)
    dynamodb.refuse("ConditionalCheckFailedException")
    with pytest.raises(ConditionFailed, match="laptop-1"):
        Tables().update(key, UpdateExpression="REMOVE a")


def test_an_item_is_not_written_over_one_that_has_an_attribute(dynamodb: DynamoDb) -> None:
    """DynamoDB decides that with the write, and the message says what is in the way."""
    (key,) = keys(1)
    dynamodb.refuse("ConditionalCheckFailedException")
    with pytest.raises(ConditionFailed, match=r"^an item of devices has principal$"):
        Tables().put("devices", item(key), unless="principal")
    (request,) = dynamodb.asked
    assert request.parameters["ConditionExpression"] == "attribute_not_exists(principal)"


def test_items_of_an_index_are_found_on_every_page(dynamodb: DynamoDb) -> None:
    """Even if a page is empty."""
    first, second = keys(1, 2)
    last = {"commonName": {"S": "laptop-0"}}
    dynamodb.answer({"Items": [item(first)], "LastEvaluatedKey": last})
    dynamodb.answer({"Items": [], "LastEvaluatedKey": last})
    dynamodb.answer({"Items": [item(second)]})
    found = Tables().query("devices", "byPrincipal", KeyConditionExpression="a = b")
    assert found == [item(first), item(second)]
    parameters = {"TableName": "devices", "IndexName": "byPrincipal", "KeyConditionExpression": "a = b"}
    assert [each.parameters for each in dynamodb.asked] == [
        parameters,
        {**parameters, "ExclusiveStartKey": last},
        {**parameters, "ExclusiveStartKey": last},
    ]


def test_fails_for_a_query_that_does_not_end(dynamodb: DynamoDb) -> None:
    """A server may give page after page."""
    for _ in range(5):
        dynamodb.answer({"Items": [], "LastEvaluatedKey": {"commonName": {"S": "laptop-0"}}})
    with pytest.raises(TooManyItems, match="byPrincipal of devices has more than 5 MB"):
        Tables().query("devices", "byPrincipal", KeyConditionExpression="a = b")


def test_a_body_does_not_wait_for_the_acknowledgment_of_its_headers(dynamodb: DynamoDb) -> None:
    """Each call would take 40 ms longer: the socket sends what there is at once."""
    tables = Tables()
    dynamodb.answer({"Responses": {}, "UnprocessedKeys": {}})
    tables.get([Key("T", "k", "a")])
    pools = tables._client._session._manager.pools
    sockets = [
        connection.sock
        for key in pools.keys()  # noqa: SIM118 - it is no dict
        for connection in pools[key].pool.queue
        if connection is not None
    ]
    assert sockets
    assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


def test_a_connection_is_used_again(dynamodb: DynamoDb) -> None:
    """After errors too."""
    tables = Tables()
    for _ in range(3):
        dynamodb.answer(answered())
        tables.get(keys(1))
        dynamodb.refuse("AccessDeniedException")
        with pytest.raises(ClientError):
            tables.get(keys(1))
    assert len({each.connection for each in dynamodb.asked}) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(dynamodb: DynamoDb) -> None:
    """As it is after a function was frozen for long, or resumed from a snapshot."""
    tables = Tables()
    for _ in range(3):
        dynamodb.answer(answered(), headers={"X-Says": "nothing of closing"})
        tables.get(keys(1))
        dynamodb.misbehave(_hang_up)
        dynamodb.answer(answered())
        tables.get(keys(1))
    assert len(dynamodb.asked) == 9


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def _break_off(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"Responses": ')
    request.close_connection = True


def _never_end(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while True:
        request.wfile.write(chunk)


def _say_nothing(_request: BaseHTTPRequestHandler) -> None:
    time.sleep(2)


def _talk_nonsense(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"SSH-2.0-server\r\n")
    request.close_connection = True


FAULTS: dict[str, tuple[Callable[[DynamoDb], None], type[Exception], str]] = {
    "no answer": (lambda server: server.misbehave(_hang_up), ConnectionClosedError, "closed"),
    "another protocol": (lambda server: server.misbehave(_talk_nonsense), ConnectionClosedError, "closed"),
    "silence": (lambda server: server.misbehave(_say_nothing), ReadTimeoutError, "Read timeout"),
    "half of it": (lambda server: server.misbehave(_break_off), InvalidAnswer, "broke off"),
    "without an end": (
        lambda server: server.misbehave(_never_end),
        InvalidAnswer,
        "more than 1,000,000 bytes",
    ),
    "a page": (lambda server: server.answer("<html>"), InvalidAnswer, "not its JSON: JSONDecodeError"),
    "a list": (lambda server: server.answer("[]"), InvalidAnswer, "it is no object"),
    "too deep": (lambda server: server.answer("[" * 100_000), InvalidAnswer, "RecursionError"),
    "no base64": (lambda server: server.answer('{"a": {"B": "!"}}'), InvalidAnswer, "not its JSON"),
    "damaged": (
        lambda server: server.answer("{}", headers={"x-amz-crc32": "1"}),
        InvalidAnswer,
        "another checksum",
    ),
    "its own fault": (
        lambda server: server.refuse("InternalServerError", "sorry", status=500),
        ClientError,
        r"An error occurred \(InternalServerError\) when calling the BatchGetItem operation: sorry",
    ),
    "a proxy's fault": (
        lambda server: server.answer("<html>Bad gateway</html>", status=502),
        ClientError,
        r"An error occurred \(502\)",
    ),
    "throttled": (
        lambda server: server.refuse("ProvisionedThroughputExceededException"),
        ClientError,
        "ProvisionedThroughputExceededException",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_tried_again(
    dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch, pauses: list[float], fault: str
) -> None:
    """As often as the caller allows, after a pause; then it fails, and says how."""
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1_000_000)
    misbehave, kind, message = FAULTS[fault]
    (key,) = keys(1)
    misbehave(dynamodb)
    dynamodb.answer(answered(key))
    client = DynamoDbClient(attempts=2, connect_timeout=1, read_timeout=0.2)
    assert client.call("BatchGetItem", RequestItems=asked(key)) == answered(key)
    assert pauses == [0.05]
    for _ in range(2):
        misbehave(dynamodb)
    with pytest.raises(kind, match=message):
        client.call("BatchGetItem", RequestItems=asked(key))
    assert len(dynamodb.asked) == 4


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"]
)
def test_a_refusal_is_not_tried_again(dynamodb: DynamoDb, pauses: list[float], code: str) -> None:
    """It would be the same."""
    dynamodb.refuse(code, "no")
    with pytest.raises(
        ClientError, match=rf"An error occurred \({code}\) when calling the BatchGetItem"
    ) as error:
        Tables(rounds=5).get(keys(1))
    assert error.value.response["Error"] == {"Code": code, "Message": "no"}
    assert (len(dynamodb.asked), pauses) == (1, [])


def test_a_checksum_that_fits_is_no_fault(dynamodb: DynamoDb) -> None:
    """DynamoDB sends one with each answer."""
    (key,) = keys(1)
    text = json.dumps(answered(key))
    dynamodb.answer(text, headers={"x-amz-crc32": str(zlib.crc32(text.encode()))})
    assert Tables().get([key]) == {key: item(key)}


def test_dynamodb_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second to connect and one to answer, and a request that fails is tried no more often than keys are."""
    made: list[dict[str, object]] = []
    monkeypatch.setattr(module, "DynamoDbClient", lambda **limits: made.append(limits))
    Tables()
    Tables(rounds=5)
    assert made == [{"attempts": rounds, "connect_timeout": 1, "read_timeout": 1} for rounds in (2, 5)]


def test_an_endpoint_that_is_not_there_is_tried_twice(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """The table may be reached by the next attempt."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.server_address[:2]))
    with pytest.raises(EndpointConnectionError):
        Tables().get(keys(1))
    assert pauses == [0.05]


def test_a_server_without_a_certificate_is_not_believed(
    dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is verified; whoever speaks none there is not asked without it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb.url.replace("http:", "https:"))
    with pytest.raises(SSLError):
        Tables().get(keys(1))
    assert dynamodb.asked == []


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, "https://dynamodb.eu-central-1.amazonaws.com/"),
        ({"AWS_DEFAULT_REGION": "ap-southeast-7"}, "https://dynamodb.ap-southeast-7.amazonaws.com/"),
        ({"AWS_DEFAULT_REGION": "us-gov-west-1"}, "https://dynamodb.us-gov-west-1.amazonaws.com/"),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, "https://dynamodb.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_DEFAULT_REGION": "us-iso-east-1"}, "https://dynamodb.us-iso-east-1.c2s.ic.gov/"),
        (
            {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-east-1"},
            "https://dynamodb-fips.us-east-1.amazonaws.com/",
        ),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://dynamodb.eu-central-1.api.aws/"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1/base"}, "http://127.0.0.1:1/base/"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2/"},
            "http://127.0.0.1:2/",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://dynamodb.eu-central-1.amazonaws.com/",
        ),
    ],
)
def test_the_endpoint_is_that_of_botocore(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str
) -> None:
    """Whatever the Region and the variables; those that botocore reads in files too."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Tables()._client._url == endpoint
    from botocore.session import get_session  # noqa: PLC0415 - with these variables

    assert get_session().create_client("dynamodb").meta.endpoint_url.rstrip("/") == endpoint.rstrip("/")


def test_fails_for_an_endpoint_that_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message repeats it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    with pytest.raises(
        ValueError, match=r'^"localhost:4566" is no endpoint; give a URL that begins with https'
    ):
        Tables()


def test_fails_without_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """As botocore does."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(NoRegionError):
        Tables()


@pytest.mark.parametrize("token", [TOKEN, None])
def test_credentials_of_the_environment_sign_a_request(
    dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """With the token of a session, if there is one; the server checks the signature."""
    if token is None:
        monkeypatch.delenv("AWS_SESSION_TOKEN")
    dynamodb.answer(answered())
    Tables().get(keys(1))
    assert dynamodb.asked[0].headers["X-Amz-Security-Token"] == token


def test_fails_without_credentials(dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(NoCredentialsError):
        Tables().get(keys(1))
    assert dynamodb.asked == []


def test_credentials_of_a_container_are_asked_for_at_the_first_call(
    dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that is resumed from a snapshot has them; what its initialization saw may have expired."""
    paths: list[str | None] = []

    class Container(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.headers["Authorization"])
            text = json.dumps(
                {
                    "AccessKeyId": "AKIDCONTAINER",
                    "SecretAccessKey": SECRET_KEY,
                    "Token": "of a container",
                    "Expiration": "2099-01-01T00:00:00Z",
                }
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    tables = Tables()
    with HTTPServer(("127.0.0.1", 0), Container) as container:
        threading.Thread(target=container.serve_forever, args=(0.05,), daemon=True).start()
        address = "http://{}:{}/creds".format(*container.server_address[:2])
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret of the container")
        for _ in range(2):
            dynamodb.answer(answered())
            tables.get(keys(1))
        container.shutdown()
    assert paths == ["secret of the container"]
    for request in dynamodb.asked:
        assert request.headers["X-Amz-Security-Token"] == "of a container"
        assert "AKIDCONTAINER/" in request.headers["Authorization"]
