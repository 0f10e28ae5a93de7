"""Endpoints with open connections, and the registry and inventory that know them, on loopback ports."""

from __future__ import annotations

import itertools
import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any
from unittest import mock

import botocore.session

from client_connect import Authorizer, ConnectionRequest, Decision, Device, Facts
from client_connect.reauthorizer.client_vpn import ClientVpn
from client_connect.reauthorizer.deadline import Deadline
from client_connect.reauthorizer.handler import Dependencies
from client_connect.reauthorizer.records import Records
from client_connect.reauthorizer.settings import ReauthorizerSettings
from client_connect.sources.connection_registry import CONNECTION_ID, ConnectionTable, connection_item
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.dynamodb import Tables
from client_connect.sources.fact_sources import FactSources
from client_connect.sources.items import COMMON_NAME, HOLDER, Item, device_item
from local_aws.client_vpn_state import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from client_connect.reauthorizer.outcome import Outcome
    from client_connect.reauthorizer.run import Reauthorizer
    from client_connect.sources.custom_facts import CustomFacts
    from local_aws.client_vpn_api import ClientVpnApi
    from local_aws.emulator import Emulator

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
FUNCTION = "reauthorizer"
_BATCH = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client with an open connection.

    Attributes:
        connection_id: The connection's id.
        username: Its user; ``None`` under mutual authentication alone.
        common_name: Its device.
        platform: Its platform.
        groups: Its user's groups.
        age_s: How long it has been connected.
        endpoint_id: To which endpoint.
        registered: Whether the registry knows it.
        device: What the inventory holds of it, if anything.
    """

    connection_id: str
    username: str | None = "bob"
    common_name: str | None = None
    platform: str = "win"
    groups: tuple[str, ...] = ()
    age_s: float = 60
    endpoint_id: str = ENDPOINT
    registered: bool = True
    device: Device | None = None

    def request(self) -> ConnectionRequest:
        """Return the request that was allowed."""
        return ConnectionRequest(
            connection_id=self.connection_id,
            endpoint_id=self.endpoint_id,
            username=self.username,
            common_name=self.common_name,
            platform=self.platform,
            groups=self.groups,
            public_ip=IPv4Address("198.51.100.7"),
        )


@dataclass(slots=True, kw_only=True)
class LiveConnections:
    """A world with connections in it.

    Attributes:
        emulator: Has the tables.
        api: Has the connections.
        name: Begins the tables' names.
        endpoints: The endpoints' ids.
    """

    emulator: Emulator
    api: ClientVpnApi
    name: str = field(default_factory=lambda: f"world-{uuid.uuid4().hex[:8]}")
    endpoints: tuple[str, ...] = (ENDPOINT,)
    _dynamodb: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._dynamodb = self.emulator.client("dynamodb")

    def create(self) -> None:
        """Create the tables and the endpoints."""
        for kind, key in (("connections", CONNECTION_ID), ("devices", COMMON_NAME), ("waivers", HOLDER)):
            self._create_table(f"{self.name}-{kind}", key)
        for endpoint in self.endpoints:
            self.api.add_endpoint(endpoint)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the function finds this world and its tables, with the highest cap."""
        return {
            **self.emulator.environment,
            **self.api.environment,
            "CLIENT_CONNECT_CONNECTIONS_TABLE": f"{self.name}-connections",
            "CLIENT_CONNECT_DEVICES_TABLE": f"{self.name}-devices",
            "CLIENT_CONNECT_WAIVERS_TABLE": f"{self.name}-waivers",
            "CLIENT_CONNECT_ENDPOINTS": ",".join(self.endpoints),
            "CLIENT_CONNECT_INTERVAL_SECONDS": "300",
            "CLIENT_CONNECT_MAXIMUM_TERMINATIONS": "3000",
            "CLIENT_CONNECT_UNKNOWN_CONNECTIONS": "leave",
            "CLIENT_CONNECT_DRY_RUN": "false",
            "CLIENT_CONNECT_HANDLER_VERSION": "1",
        }

    def connect(self, clients: Iterable[Client]) -> None:
        """Open connections, and let the registry and the inventory know."""
        decision, now = Decision(allowed=True), datetime.now(UTC)
        for batch in _batched(clients, _BATCH):
            for client in batch:
                established = now.timestamp() - client.age_s
                self.api.connect(
                    client.endpoint_id,
                    [
                        Connection(
                            connection_id=client.connection_id,
                            username=client.username or "",
                            common_name=client.common_name or client.username or "",
                            established=established,
                        )
                    ],
                )
            self._write(
                "connections",
                [
                    connection_item(
                        Facts(client.request(), now=now - timedelta(seconds=client.age_s)),
                        decision,
                        policies="0",
                    )
                    for client in batch
                    if client.registered
                ],
            )
            devices = {
                client.common_name: device_item(client.common_name, client.device)
                for client in batch
                if client.device is not None and client.common_name is not None
            }
            self._write("devices", list(devices.values()))

    def put(self, kind: str, item: Item) -> None:
        """Write an item of the table of connections, devices or waivers."""
        self._dynamodb.put_item(TableName=f"{self.name}-{kind}", Item=item)

    def registered(self, connection_id: str) -> Item | None:
        """Return the registry's item."""
        found = self._dynamodb.get_item(
            TableName=f"{self.name}-connections", Key={CONNECTION_ID: {"S": connection_id}}
        )
        item: Item | None = found.get("Item")
        return item

    def forget(self, connection_id: str, *attributes: str) -> None:
        """Remove attributes of the registry's item, if it is there."""
        if self.registered(connection_id) is not None:
            self._dynamodb.update_item(
                TableName=f"{self.name}-connections",
                Key={CONNECTION_ID: {"S": connection_id}},
                UpdateExpression=f"REMOVE {', '.join(attributes)}",
            )

    def delete_table(self, kind: str) -> None:
        """Delete the table of connections, devices or waivers."""
        self._dynamodb.delete_table(TableName=f"{self.name}-{kind}")

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Let this process take the emulator and the API for AWS, and read the models of their calls only once."""
        with (
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch("botocore.session.get_session", _session),
        ):
            # The session keeps the credentials of the emulator that it was first used with.
            _session().set_credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
            yield

    def reauthorizer(  # noqa: PLR0913 - one keyword per part
        self,
        policies: str,
        *,
        milliseconds: Callable[[], int] = lambda: 900_000,
        sleep: Callable[[float], None] = lambda _seconds: None,
        inventory: bool = False,
        custom: CustomFacts | None = None,
        custom_type: str | None = None,
        **settings: Any,  # noqa: ANN401 - those of ReauthorizerSettings
    ) -> Reauthorizer:
        """Return a run of this process."""
        with self.reached():
            tables = Tables(rounds=5)
            registry = ConnectionTable(tables, name=f"{self.name}-connections")
            devices = DeviceTable(tables, devices=f"{self.name}-devices", waivers=f"{self.name}-waivers")
            authorizer = Authorizer(policies, custom=custom_type)
            dependencies = Dependencies(
                settings=ReauthorizerSettings(endpoints=self.endpoints, **settings),
                authorizer=authorizer,
                tables=tables,
                registry_name=f"{self.name}-connections",
                sources=FactSources(
                    registry=registry,
                    inventory=devices if inventory else None,
                    custom=custom,
                    deadlines=Deadlines(),
                ),
            )
            deadline = Deadline(milliseconds, sleep=sleep)
            records = Records(
                function_name=FUNCTION,
                policies=authorizer.policies.digest,
                dry_run=dependencies.settings.dry_run,
            )
            return dependencies.reauthorizer(deadline, records, ClientVpn(deadline))

    def run(self, policies: str, **arguments: Any) -> Outcome:  # noqa: ANN401 - those of reauthorizer()
        """Run once."""
        return self.reauthorizer(policies, **arguments).run()

    def _create_table(self, name: str, key: str) -> None:
        index: dict[str, Any] = {
            "IndexName": "byPrincipal",
            "KeySchema": [{"AttributeName": "principal", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        is_registry = key == CONNECTION_ID
        attributes = [key, "principal"] if is_registry else [key]
        self._dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in attributes],
            BillingMode="PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": [index]} if is_registry else {}),
        )

    def _write(self, kind: str, items: Sequence[Item]) -> None:
        if items:
            requests: Any = {f"{self.name}-{kind}": [{"PutRequest": {"Item": item}} for item in items]}
            self._dynamodb.batch_write_item(RequestItems=requests)


_new_session = botocore.session.get_session


def _session() -> Any:  # noqa: ANN401 - botocore's
    return _session_of(os.environ["AWS_ACCESS_KEY_ID"])


@cache
def _session_of(_access_key_id: str) -> Any:  # noqa: ANN401 - botocore's
    """Return a session, which keeps the credentials of the emulator that it was made for."""
    return _new_session()


def _batched(clients: Iterable[Client], size: int) -> Iterator[list[Client]]:
    iterator = iter(clients)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
