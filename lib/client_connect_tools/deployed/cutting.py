"""Open connections of one device or user, found, ended, and looked at again until EC2 says that they have ended."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from client_connect import blocks
from client_connect.reauthorizer.client_vpn import (
    FAILED_TO_TERMINATE,
    TERMINATED,
    ClientVpn,
    EndpointMissing,
    TerminationFailed,
    Throttled,
    TokenRefused,
)
from client_connect.reauthorizer.deadline import Deadline, OutOfTime
from client_connect.request import ConnectionRequest
from client_connect.sources.connection_registry import ConnectionTable
from client_connect.sources.items import Key
from client_connect_tools.deployed.aws import AwsFailed, aws_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from client_connect.reauthorizer.client_vpn import Connection
    from client_connect.sources.connection_registry import RegisteredConnection
    from client_connect.sources.items import Item

# How long the service may throttle, and how long an ended connection may be shown as open.
_PATIENCE_S, _PROOF_S, _PAUSE_S = 120.0, 30.0, 1.0
_BATCH = 100
GONE = "not listed any more"


@dataclass(slots=True, kw_only=True)
class Cut:
    """An open connection that was to end.

    Attributes:
        connection: As EC2 listed it.
        username: Its user, by EC2 or the registry.
        common_name: Its common name, by EC2 or the registry.
        now: What EC2 says of it now.
        failure: Why it could not be terminated.
    """

    connection: Connection
    username: str
    common_name: str
    now: str = ""
    failure: str = ""

    @property
    def is_open(self) -> bool:
        """Whether EC2 does not say yet that it has ended; it may be ``terminating``."""
        return self.now not in (TERMINATED, GONE)


class Cutter:
    """Ends the connections of a device or a user.

    Args:
        endpoints: The ids of the endpoints.
        registry: The name of the registry's table; ``None`` to compare only EC2's data.
    """

    def __init__(self, endpoints: Sequence[str], *, registry: str | None) -> None:
        self._endpoints = endpoints
        with aws_errors():
            started = time.monotonic()
            deadline = Deadline(lambda: int((_PATIENCE_S - (time.monotonic() - started)) * 1000), reserve_s=0)
            self._vpn = ClientVpn(deadline)
            tables: Any = _Tables() if registry else None
        self._registry = None if registry is None else ConnectionTable(tables, name=registry)

    def find(self, holder: str) -> list[Cut]:
        """Return the open connections of a device or a user.

        Raises:
            AwsFailed: When the connections or the registry cannot be read.
        """
        with _failures():
            return [
                cut
                for endpoint in dict.fromkeys(self._endpoints)
                for batch in _batches(self._open(endpoint))
                for cut in self._of(holder, batch)
            ]

    def end(self, cuts: Sequence[Cut]) -> None:
        """Terminate connections, and wait until EC2 says that they have ended, or for half a minute.

        Raises:
            AwsFailed: When EC2 cannot be asked any more.
        """
        with _failures():
            for cut in cuts:
                self._terminate(cut)
            self._prove(cuts)

    def _open(self, endpoint: str) -> list[Connection]:
        found: dict[str, Connection] = {}
        token = None
        try:
            while True:
                page = self._vpn.page(endpoint, token)
                found |= {each.connection_id: each for each in page.connections if each.is_open}
                if (token := page.next_token) is None:
                    return list(found.values())
        except EndpointMissing:
            raise AwsFailed(
                f"there is no endpoint {endpoint} in the account and Region; give --endpoint"
            ) from None

    def _of(self, holder: str, connections: Sequence[Connection]) -> Iterator[Cut]:
        known = (
            {} if self._registry is None else self._registry.find(each.connection_id for each in connections)
        )
        for connection in connections:
            entry = known.get(connection.connection_id)
            if any(_is_of(holder, request) for request in _requests(connection, entry)):
                names = _names(entry)
                yield Cut(
                    connection=connection,
                    username=names[0] or connection.username or "",
                    common_name=names[1] or connection.common_name or "",
                )

    def _terminate(self, cut: Cut) -> None:
        while True:
            try:
                if not self._vpn.terminate(cut.connection):
                    cut.now = GONE
            except Throttled:
                continue
            except TerminationFailed as error:
                cut.failure = str(error)
            return

    def _prove(self, cuts: Sequence[Cut]) -> None:
        until = time.monotonic() + _PROOF_S
        while True:
            for endpoint in {cut.connection.endpoint_id for cut in cuts}:
                found = self._statuses(endpoint)
                for cut in cuts:
                    if cut.connection.endpoint_id == endpoint:
                        cut.now = found.get(cut.connection.connection_id, GONE)
            waits = any(cut.is_open and not cut.failure and cut.now != FAILED_TO_TERMINATE for cut in cuts)
            if not waits or time.monotonic() >= until:
                return
            time.sleep(_PAUSE_S)

    def _statuses(self, endpoint: str) -> dict[str, str]:
        found: dict[str, str] = {}
        token = None
        while True:
            page = self._vpn.page(endpoint, token)
            found |= {each.connection_id: each.status for each in page.connections}
            if (token := page.next_token) is None:
                return found


class _Tables:
    """The registry's client of DynamoDB, with boto3's settings."""

    def __init__(self) -> None:
        self._client: Any = boto3.Session().client("dynamodb")

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        requests: Any = {}
        for key in wanted:
            requests.setdefault(key.table, {"ConsistentRead": True, "Keys": []})["Keys"].append(
                {key.name: {"S": key.value}}
            )
        names = {key.table: key.name for key in wanted}
        until = time.monotonic() + _PATIENCE_S
        while requests:
            answer = self._client.batch_get_item(RequestItems=requests)
            for table, items in answer["Responses"].items():
                found |= {Key(table, names[table], item[names[table]]["S"]): item for item in items}
            if (requests := answer.get("UnprocessedKeys")) and time.monotonic() >= until:
                raise AwsFailed("the connection registry is throttled; try again")
        return found


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what fails on the way into one error."""
    try:
        yield
    except (BotoCoreError, ClientError, TokenRefused) as error:
        raise AwsFailed(str(error)) from error
    except OutOfTime:
        raise AwsFailed(
            f"EC2 throttles for {_PATIENCE_S:.0f} s already; run client-connect cut again"
        ) from None


def _requests(connection: Connection, entry: RegisteredConnection | None) -> Iterator[ConnectionRequest]:
    """Yield by what a connection may be known: by the registry, and by EC2."""
    for username, common_name in (_names(entry), (connection.username, connection.common_name)):
        if username or common_name:
            yield ConnectionRequest(
                connection_id=connection.connection_id,
                endpoint_id=connection.endpoint_id,
                username=username,
                common_name=common_name,
                platform="",
                public_ip=None,  # type: ignore[arg-type] # it is never asked for
            )


def _names(entry: RegisteredConnection | None) -> tuple[str | None, str | None]:
    if entry is None:
        return None, None
    if entry.request is not None:
        return entry.request.username, entry.request.common_name
    return entry.username, entry.common_name


def _is_of(holder: str, request: ConnectionRequest) -> bool:
    kind, _, name = holder.partition(":")
    key = blocks.device_key(name) if kind == "device" else blocks.user_key(name)
    return any(blocks.covering(request, key, [blocks.Block(holder)]))


def _batches(connections: Sequence[Connection]) -> Iterator[Sequence[Connection]]:
    for first in range(0, len(connections), _BATCH):
        yield connections[first : first + _BATCH]
