"""A limit of connections at the handler: over real connections to DynamoDB and to EC2's Client VPN API."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import Authorizer
from client_connect import handler as handler_module
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from client_connect.sources import dynamodb as tables
from client_connect.sources import open_connections
from client_connect.sources.connection_registry import CompleteScan, ConnectionTable
from client_connect.sources.dynamodb import Tables
from client_connect.sources.fact_sources import configured_sources
from client_connect_tools import Rules
from local_aws import client_vpn_state
from local_aws.client_vpn_api import ClientVpnApi
from local_aws.emulator import Emulator
from local_aws.live_connections import ENDPOINT, Client, LiveConnections
from local_aws.rate_limit import RateLimit
from tests.support.log_lines import Log, captured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Clients = Callable[..., Client]

pytestmark = pytest.mark.e2e

LIMIT = Rules(connections_per_user=1).to_cedar()
DESCRIBE = "DescribeClientVpnConnections"
OTHER_ENDPOINT = "cvpn-endpoint-0fedcba9876543210"


@pytest.fixture(scope="module")
def api() -> Iterator[ClientVpnApi]:
    """EC2's Client VPN calls, not throttled."""
    with ClientVpnApi(limits={}, termination_seconds=0) as api:
        yield api


@pytest.fixture(scope="module")
def created(emulator: Emulator, api: ClientVpnApi) -> LiveConnections:
    """An endpoint whose connections the re-authorizer has all just seen; each test has its own user."""
    return scanned(LiveConnections(emulator=emulator, api=api))


@pytest.fixture
def world(created: LiveConnections) -> LiveConnections:
    """The same, with no call counted yet."""
    created.api.requests.clear()
    return created


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine be slow; how long anything is waited for has its own tests."""
    for module, name in (
        (handler_module, "COUNTING_S"),
        (handler_module, "GATHERING_S"),
        (handler_module, "REGISTERING_S"),
        (open_connections, "_CONNECT_TIMEOUT_S"),
        (open_connections, "_READ_TIMEOUT_S"),
        (tables, "CONNECT_TIMEOUT_S"),
        (tables, "READ_TIMEOUT_S"),
    ):
        monkeypatch.setattr(module, name, 60)


@pytest.fixture
def log() -> Iterator[Log]:
    """The handler's records."""
    with captured() as log:
        yield log


def scanned(world: LiveConnections) -> LiveConnections:
    """Create a world, with a scan that counts."""
    world.create()
    now = datetime.now(UTC)
    scan = CompleteScan(
        valid_until=now + timedelta(minutes=15),
        endpoints=world.endpoints,
        confirmed_before=now - timedelta(minutes=40),
    )
    with world.reached():
        ConnectionTable(Tables(), name=f"{world.name}-connections").complete(scan)
    return world


def handler(world: LiveConnections, policies: str = LIMIT, **settings: Any) -> Callable[[Client], bool]:
    """Return what asks a new handler, and returns whether it allows."""
    authorizer = Authorizer(policies)
    chosen = Settings(connections_table=f"{world.name}-connections", **settings)
    with world.reached():
        around = configured_sources(chosen, authorizer, counts_connections=True)
        connect = ConnectHandler(authorizer.decide, chosen, policies="0", sources=around)

    def allows(client: Client) -> bool:
        with world.reached():
            allowed: bool = connect(client.request().to_event())["allow"]
            return allowed

    return allows


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Callable[..., Client]:
    """Return what describes a client of the test's own user, whose connection began half an hour ago if it is open."""
    test = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]

    def described(name: str, device: str | None = None, **fields: Any) -> Client:
        named = {"connection_id": f"cvpn-connection-{test}-{name}", "username": f"Bob-{test}"}
        return Client(**named | {"common_name": device, "age_s": 1800} | fields)

    return described


def test_an_open_connection_of_another_device_counts(
    world: LiveConnections, client: Clients, log: Log
) -> None:
    """The limit is one; the message also helps a user who has disconnected a moment ago."""
    world.connect([client("a", "laptop")])
    assert handler(world)(client("b", "phone")) is False
    record = log.record()
    assert record["facts"]["activeConnections"] == 1
    assert record["decision"]["determining"] == ["connections-per-user"]
    assert "If you have just disconnected, wait a minute" in record["decision"]["message"]
    assert "unavailable" not in record


@pytest.mark.parametrize("device", [None, "phone"])
def test_a_connection_that_has_ended_does_not_count(
    world: LiveConnections, client: Clients, log: Log, device: str | None
) -> None:
    """The next scan is minutes away, but EC2 knows."""
    world.connect([client("a", "laptop")])
    world.api.disconnect(ENDPOINT, client("a").connection_id)
    assert handler(world)(client("b", device)) is True
    assert log.record()["facts"]["activeConnections"] == 0


def test_a_connection_with_a_status_that_is_not_known_counts(
    world: LiveConnections, client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be up, and the re-authorizer counts it as open, too."""
    world.connect([client("a", "laptop")])
    monkeypatch.setattr(client_vpn_state.Connection, "status", lambda *_: "reconnecting")
    assert handler(world)(client("b", "phone")) is False


def test_a_client_that_never_came_up_does_not_count(
    world: LiveConnections, client: Clients, log: Log
) -> None:
    """EC2 does not list its connection. A moment after it was allowed, it may still come up."""
    allows = handler(world)
    assert allows(client("a", "laptop")) is True
    assert allows(client("b", "phone")) is False
    minute_ago = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="milliseconds")
    item = world.registered(client("a").connection_id)
    assert item is not None
    world.put("connections", {**item, "at": {"S": minute_ago}})
    assert allows(client("b", "phone")) is True
    assert [record["allow"] for record in log.records()] == [True, False, True]


def test_a_terminated_connection_does_not_count(world: LiveConnections, client: Clients) -> None:
    """EC2 need not be queried for it, though it may still list it as open for a moment."""
    world.connect([client("a", "laptop")])
    with world.reached():
        table = ConnectionTable(Tables(), name=f"{world.name}-connections")
        table.remember_termination(client("a").connection_id, now=datetime.now(UTC))
    assert handler(world)(client("b", "phone")) is True
    assert world.api.requests[DESCRIBE] == 0


@pytest.mark.parametrize("minutes", [6, 60, -6])
def test_a_termination_that_had_no_effect_ends_no_connection(
    world: LiveConnections, client: Clients, log: Log, minutes: int
) -> None:
    """Five minutes later, EC2 knows what is over; a time far ahead is none."""
    world.connect([client("a", "laptop"), client("b", "tablet")])
    with world.reached():
        table = ConnectionTable(Tables(), name=f"{world.name}-connections")
        for name in "ab":
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            table.remember_termination(client(name).connection_id, now=at)
    world.api.disconnect(ENDPOINT, client("a").connection_id)
    assert handler(world)(client("c", "phone")) is False
    assert log.record()["facts"]["activeConnections"] == 1


def test_a_device_replaces_its_own_connection(world: LiveConnections, client: Clients) -> None:
    """After an outage EC2 may take it for open for some time."""
    world.connect([client("a", "laptop")])
    assert handler(world)(client("b", "laptop")) is True
    assert world.api.requests[DESCRIBE] == 0


@pytest.mark.parametrize(
    ("device", "settings"),
    [("everybody", {"shared_certificates": True}), ("the user", {}), (None, {})],
    ids=["a shared certificate", "the user's name", "no certificate"],
)
def test_what_names_no_device_does_not_replace(
    world: LiveConnections, client: Clients, device: str | None, settings: dict[str, Any]
) -> None:
    """Otherwise a limit would not limit."""
    device = client("a").username.upper() if device == "the user" else device
    world.connect([client("a", device)])
    assert handler(world, **settings)(client("b", device)) is False


def test_ec2_is_queried_only_where_a_limit_would_deny(world: LiveConnections, client: Clients) -> None:
    """Not below the limit, and not where another policy denies anyway."""
    world.connect([client("a", "laptop")])
    assert handler(world, Rules(connections_per_user=2).to_cedar())(client("b", "phone")) is True
    blocked = Rules(connections_per_user=1, blocked_users=[client("a").username]).to_cedar()
    only_blocked = Rules(connections_per_user=2, blocked_users=[client("a").username]).to_cedar()
    assert handler(world, only_blocked)(client("b", "phone")) is False
    assert world.api.requests[DESCRIBE] == 0
    assert handler(world, blocked)(client("b", "phone")) is False
    assert handler(world)(client("b", "phone")) is False
    assert world.api.requests[DESCRIBE] == 2


def test_a_limit_in_shadow_mode_counts_alike(world: LiveConnections, client: Clients, log: Log) -> None:
    """A trial must say what enforcing would do."""
    world.connect([client("a", "laptop")])
    allows = handler(
        world, LIMIT.replace('@id("connections-per-user")', '@id("connections-per-user") @shadow')
    )
    assert allows(client("b", "phone")) is True
    assert log.record()["decision"]["shadowDenied"] == ["connections-per-user"]
    world.api.disconnect(ENDPOINT, client("a").connection_id)
    assert allows(client("b", "phone")) is True
    assert log.record()["decision"]["shadowDenied"] == []


def test_a_permit_that_counts_is_asked_about_too(world: LiveConnections, client: Clients) -> None:
    """Whether a forbid or the lack of a permit denies makes no difference."""
    policies = '@id("first") permit (principal, action, resource) when { context has activeConnections && '
    allows = handler(world, policies + "context.activeConnections < 1 };")
    world.connect([client("a", "laptop")])
    assert allows(client("b", "phone")) is False
    world.api.disconnect(ENDPOINT, client("a").connection_id)
    assert allows(client("b", "phone")) is True


def test_connections_to_several_endpoints_are_counted(
    emulator: Emulator, api: ClientVpnApi, client: Clients
) -> None:
    """One call each; one to an endpoint that was deleted is over."""
    api.requests.clear()
    endpoints = (ENDPOINT, OTHER_ENDPOINT)
    world = scanned(LiveConnections(emulator=emulator, api=api, endpoints=endpoints))
    world.connect([client("a", "laptop"), client("b", "tablet", endpoint_id=OTHER_ENDPOINT)])
    assert handler(world, Rules(connections_per_user=2).to_cedar())(client("c", "phone")) is False
    assert api.requests[DESCRIBE] == 2
    api.remove_endpoint(OTHER_ENDPOINT)
    assert handler(world, Rules(connections_per_user=2).to_cedar())(client("c", "phone")) is True


@pytest.mark.parametrize("most_pages", [1, 2])
def test_connections_on_another_page_count(
    world: LiveConnections, client: Clients, log: Log, monkeypatch: pytest.MonkeyPatch, most_pages: int
) -> None:
    """EC2 may answer with fewer than asked for; if it never comes to an end, the number is not known."""
    monkeypatch.setattr(open_connections, "_PAGE_SIZE", 5)
    monkeypatch.setattr(open_connections, "_MOST_PAGES", most_pages)
    world.connect([client(str(number), f"device-{number}") for number in range(7)])
    assert handler(world, Rules(connections_per_user=6).to_cedar())(client("b", "phone")) is (most_pages == 1)
    assert world.api.requests[DESCRIBE] == most_pages
    assert ("more than 1 pages" in str(log.record().get("unavailable"))) is (most_pages == 1)


@pytest.mark.parametrize("most_pages", [1, 5])
def test_connections_on_another_page_of_the_registry_count(
    world: LiveConnections, client: Clients, log: Log, monkeypatch: pytest.MonkeyPatch, most_pages: int
) -> None:
    """A page ends after 1 MB, before the filter; if there are too many pages, the number is not known."""
    monkeypatch.setattr(tables, "_MOST_PAGES", most_pages)
    old = datetime.now(UTC) - timedelta(hours=3)
    for number in range(9):
        world.connect([client(f"{number}-open", f"device-{number}")])
        item = world.registered(client(f"{number}-open").connection_id) or {}
        never_came_up: dict[str, dict[str, Any]] = {
            "connectionId": {"S": f"{item['connectionId']['S']}-{number}"},
            "at": {"S": old.isoformat()},
            "padding": {"B": bytes(300_000)},
        }
        world.put("connections", item | never_came_up)
    limit = Rules(connections_per_user=9).to_cedar()
    assert handler(world, limit)(client("b", "phone")) is (most_pages == 1)
    assert ("more than 1 MB" in str(log.record().get("unavailable"))) is (most_pages == 1)


@pytest.mark.parametrize("most", [1000, 6])
def test_every_connection_is_looked_at(
    world: LiveConnections, client: Clients, log: Log, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However many newer ones did not come up; if there are too many, the number is not known."""
    monkeypatch.setattr(open_connections, "_IDS_PER_CALL", 3)
    monkeypatch.setattr(open_connections, "_MOST_CONNECTIONS", most)
    world.connect([client("open", "laptop")])
    attempts = [client(f"{number}", "laptop", age_s=60) for number in range(6)]
    world.connect(attempts)
    for each in attempts:
        world.api.disconnect(ENDPOINT, each.connection_id)
    assert handler(world)(client("b", "phone")) is (most == 6)
    assert ("has 7, more than 6" in str(log.record().get("unavailable"))) is (most == 6)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InternalError", "RequestLimitExceeded"])
def test_where_ec2_does_not_say_the_limit_lets_pass(
    world: LiveConnections, client: Clients, log: Log, code: str
) -> None:
    """The record says so, and EC2 is left alone for a moment."""
    world.connect([client("a", "laptop")])
    world.api.fail_next(DESCRIBE, code=code, status=HTTPStatus.FORBIDDEN)
    allows = handler(world)
    assert allows(client("b", "phone")) is True
    record = log.record()
    assert code in record["unavailable"]["openConnections"]
    assert (record["level"], record["OpenConnectionsErrors"]) == ("WARNING", 1)
    assert "RegistryErrors" not in record  # that rolls a deployment back, and others can have EC2 throttle
    assert "activeConnections" not in record["facts"]
    assert allows(client("c", "tablet")) is True
    assert "not queried for 10 seconds" in log.record()["unavailable"]["openConnections"]
    assert world.api.requests[DESCRIBE] == 1


def test_without_a_way_to_ec2_nobody_waits_long(
    world: LiveConnections, client: Clients, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a VPC without an endpoint for EC2: a server that takes no connection."""
    world.connect([client("a", "laptop")])
    environment = {**world.api.environment, "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1"}
    monkeypatch.setattr(ClientVpnApi, "environment", environment)
    assert handler(world)(client("b", "phone")) is True
    assert "EndpointConnectionError" in log.record()["unavailable"]["openConnections"]


def test_a_limit_counts_with_every_emulator_of_a_process(world: LiveConnections, client: Clients) -> None:
    """Each has its own credentials, and takes no others."""
    assert handler(world)(client("a", "laptop")) is True
    with Emulator() as emulator:
        assert (
            handler(scanned(LiveConnections(emulator=emulator, api=world.api)))(client("b", "laptop")) is True
        )


def users(client: Clients, device: str | None = None) -> tuple[list[Client], list[Client]]:
    """Return thirty users' connections, and their next ones."""
    before = [client(f"old-{n}", device, username=f"user-{n}") for n in range(30)]
    return before, [dataclasses.replace(each, connection_id=f"{each.connection_id}-new") for each in before]


def test_after_an_outage_every_device_reconnects_at_once(world: LiveConnections, client: Clients) -> None:
    """Though EC2 still counts their connections as open."""
    before, again = users(client, "laptop")
    world.connect(before)
    assert list(map(handler(world), again)) == [True] * 30
    assert world.api.requests[DESCRIBE] == 0


def test_after_an_outage_everybody_reconnects_at_once(emulator: Emulator, client: Clients) -> None:
    """Without certificates EC2 is queried for each user, and throttles."""
    limits = {DESCRIBE: RateLimit(burst=5, per_second=0.001)}
    with ClientVpnApi(limits=limits, termination_seconds=0) as api:
        world = scanned(LiveConnections(emulator=emulator, api=api))
        before, again = users(client)
        world.connect(before)
        for each in before:
            api.disconnect(ENDPOINT, each.connection_id)
        assert list(map(handler(world), again)) == [True] * 30
        assert (api.requests[DESCRIBE], api.throttled[DESCRIBE]) == (6, 1)
