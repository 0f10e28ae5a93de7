"""Client VPN's connections, listed and terminated through EC2's API within its rate limits.

Uses botocore, which Lambda's image has.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeClientVpnConnections.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateClientVpnConnections.html,
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from random import random
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's

from client_connect.sources.open_connections import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from client_connect.reauthorizer.deadline import Deadline

ACTIVE, TERMINATED, FAILED_TO_TERMINATE = "active", "terminated", "failed-to-terminate"

# The service gives back 5 calls a second to the whole account and Region. Ours leave room for others'.
PACE_S = 0.25
_PAGE_SIZE = 1000
_IDS_PER_FILTER = 200
_LONGEST_BACKOFF_S = 20.0
_THROTTLED = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException"})
_NO_ANSWER = (ConnectionError, HTTPClientError)
_ATTEMPTS = 3
_NO_ENDPOINT = "InvalidClientVpnEndpointId.NotFound"
_NO_CONNECTION = "InvalidClientVpnConnection.IdNotFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The service's description of a connection.

    Attributes:
        connection_id: Its id.
        endpoint_id: Its endpoint's id.
        username: Only under Active Directory authentication.
        common_name: The name of the client certificate, or the Active Directory user name.
        established: When it was established, as ``YYYY-MM-DD HH:MM:SS``, which sorts by time.
        status: ``active``, ``failed-to-terminate``, ``terminating`` or ``terminated``; empty when it is not told.
    """

    connection_id: str
    endpoint_id: str
    username: str | None = None
    common_name: str | None = None
    established: str = ""
    status: str = ACTIVE

    @property
    def is_open(self) -> bool:
        """Whether it is up, unless the service says that it has ended."""
        return self.status not in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of an endpoint's connections.

    Attributes:
        connections: At most 1,000: the open ones and those that ended in the last 60 minutes.
        next_token: Where the next page begins, if there is one.
    """

    connections: tuple[Connection, ...] = ()
    next_token: str | None = None


class EndpointMissing(Exception):
    """There is no such endpoint."""


class TokenRefused(Exception):
    """The service does not return the page of a token, for example because that is too old."""


class Throttled(Exception):
    """The service refused a termination because of its rate limit, and that was waited for."""


class TerminationFailed(Exception):
    """A connection could not be terminated; the message says why."""


class ClientVpn:
    """The connections of a Region's endpoints.

    Args:
        deadline: What there is to wait in.
        pace_s: How long to wait before each termination.
    """

    def __init__(self, deadline: Deadline, *, pace_s: float = PACE_S) -> None:
        # One attempt takes less than what a run keeps to end cleanly; whether there is time for another, we ask.
        config = Config(
            connect_timeout=3, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 1}
        )
        self._client: Any = botocore.session.get_session().create_client("ec2", config=config)
        self._deadline = deadline
        self._pace_s = pace_s
        self._refusals = 0

    def page(self, endpoint_id: str, token: str | None) -> Page:
        """Return a page of an endpoint's connections.

        Args:
            endpoint_id: The endpoint's id.
            token: Where the page begins; ``None`` for the first.

        Raises:
            EndpointMissing: When there is no such endpoint.
            TokenRefused: When there is no page for the token; begin again.
            OutOfTime: When it is throttled until the time is used up.
            ClientError, BotoCoreError: When the connections cannot be listed.
        """
        return self._page(endpoint_id, token)

    def still_open(self, connections: Iterable[Connection]) -> frozenset[str]:
        """Return the ids of those connections that are open now.

        Raises:
            OutOfTime: When it is throttled until the time is used up.
            ClientError, BotoCoreError: When the connections cannot be listed.
        """
        by_endpoint: dict[str, list[str]] = {}
        for connection in connections:
            by_endpoint.setdefault(connection.endpoint_id, []).append(connection.connection_id)
        return frozenset(
            found.connection_id
            for endpoint_id, ids in by_endpoint.items()
            for first in range(0, len(ids), _IDS_PER_FILTER)
            for found in self._named(endpoint_id, ids[first : first + _IDS_PER_FILTER])
            if found.is_open
        )

    def _named(self, endpoint_id: str, connection_ids: Sequence[str]) -> Iterator[Connection]:
        filters, token = [{"Name": "connection-id", "Values": list(connection_ids)}], None
        while True:
            try:
                page = self._page(endpoint_id, token, Filters=filters)
            except EndpointMissing:
                return
            yield from page.connections
            token = page.next_token
            if token is None:
                return

    def _page(self, endpoint_id: str, token: str | None, **parameters: Any) -> Page:  # noqa: ANN401 - botocore's
        if token is not None:
            parameters["NextToken"] = token
        try:
            answer = self._with_backoff(
                self._client.describe_client_vpn_connections,
                ClientVpnEndpointId=endpoint_id,
                MaxResults=_PAGE_SIZE,
                **parameters,
            )
        except ClientError as error:
            if _code(error) == _NO_ENDPOINT:
                raise EndpointMissing(endpoint_id) from error
            if token is not None:  # by whatever code: a token that was saved must not fail every run
                raise TokenRefused(str(error)) from error
            raise
        found = tuple(_connection(endpoint_id, each) for each in answer.get("Connections", ()))
        return Page(connections=found, next_token=answer.get("NextToken") or None)

    def terminate(self, connection: Connection) -> bool:
        """Terminate a connection; return ``False`` when it is gone already.

        One that is gone after an attempt without an answer was terminated by that.

        Raises:
            Throttled: When the service throttles, after a pause: until then, what made it due may have changed.
            TerminationFailed: When the service refuses, or says that it failed.
            OutOfTime: When there is no time to wait for its turn.
        """
        self._deadline.pause(self._pace_s)
        attempts = count()
        try:
            answer = self._with_backoff(
                lambda **asked: (next(attempts), self._client.terminate_client_vpn_connections(**asked))[1],
                waits_for_rate=False,
                ClientVpnEndpointId=connection.endpoint_id,
                ConnectionId=connection.connection_id,
            )
        except (ClientError, BotoCoreError) as error:
            if _is_throttled(error):
                self._back_off(self._refusals)
                self._refusals += 1
                raise Throttled from error
            if isinstance(error, ClientError) and _code(error) == _NO_CONNECTION:
                return next(attempts) > 1
            raise TerminationFailed(f"{type(error).__name__}: {error}") from error
        self._refusals = 0
        statuses = [
            each.get("CurrentStatus", {}).get("Code") for each in answer.get("ConnectionStatuses", ())
        ]
        if FAILED_TO_TERMINATE in statuses:
            raise TerminationFailed("the service answered failed-to-terminate")
        return True

    def _with_backoff(
        self, call: Callable[..., Any], *, waits_for_rate: bool = True, **parameters: object
    ) -> Any:  # noqa: ANN401 - botocore's
        """Call, again and again while the service throttles, at random times that lie further and further apart.

        Calls that fail on the way or in the service are repeated twice.
        """
        for attempt in count():
            self._deadline.require()
            try:
                return call(**parameters)
            except (ClientError, *_NO_ANSWER) as error:
                is_repeated = (
                    waits_for_rate
                    if _is_throttled(error)
                    else _is_transient(error) and attempt + 1 < _ATTEMPTS
                )
                if not is_repeated:
                    raise
            self._back_off(attempt)
        raise AssertionError  # the loop has no end

    def _back_off(self, attempt: int) -> None:
        longest = min(_LONGEST_BACKOFF_S, 0.5 * 2 ** min(attempt, 10))
        self._deadline.pause(random() * longest)  # noqa: S311 - spreads the load


def _connection(endpoint_id: str, described: dict[str, Any]) -> Connection:
    return Connection(
        connection_id=described["ConnectionId"],
        endpoint_id=endpoint_id,
        username=described.get("Username") or None,
        common_name=described.get("CommonName") or None,
        established=described.get("ConnectionEstablishedTime") or "",
        status=described.get("Status", {}).get("Code") or "",
    )


def _is_throttled(error: Exception) -> bool:
    return isinstance(error, ClientError) and _code(error) in _THROTTLED


def _is_transient(error: Exception) -> bool:
    """Tell whether a call failed in the service, or had no answer at all."""
    if not isinstance(error, ClientError):
        return True
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code
