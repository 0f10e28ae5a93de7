"""Which of a user's connections are open, according to EC2: queried before a limit of connections denies anybody.

The registry knows what was allowed. That a client has disconnected, or never came up, only EC2 knows.

Uses botocore, which Lambda's image has.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeClientVpnConnections.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client_connect.sources.connection_registry import OtherConnection

# Short, because a client waits: in a VPC without a way to EC2 there is no answer.
_CONNECT_TIMEOUT_S = 0.5
_READ_TIMEOUT_S = 1.0

_IDS_PER_CALL = 200
_PAGE_SIZE = 1000
_MOST_PAGES = 5
_MOST_CONNECTIONS = 5 * _IDS_PER_CALL

# Any other connection may be up: one that failed to terminate is, and so may be one with a status that is not known.
ENDED = frozenset({"terminating", "terminated"})
_NO_ENDPOINT = "InvalidClientVpnEndpointId.NotFound"

# A connection that was allowed a moment ago is not listed yet; an older one that is not listed never came up.
_ESTABLISHING = timedelta(seconds=30)

# After a call that failed: EC2 throttles an account's calls together, and many clients may reconnect at once.
_PAUSE = timedelta(seconds=10)


class QueriesPaused(Exception):
    """EC2 did not answer a moment ago, so it is not queried now."""


class TooManyPages(Exception):
    """EC2 did not come to an end."""


class TooManyConnections(Exception):
    """The registry has so many connections of one user that not all of them can be looked at."""


class OpenConnections:
    """Queries EC2 for connections: one call for up to 200 of each endpoint, without a second attempt."""

    def __init__(self) -> None:
        self._paused_until = datetime.min.replace(tzinfo=UTC)

    def count(self, connections: Sequence[OtherConnection]) -> int:
        """Return how many connections are open.

        Raises:
            QueriesPaused: When a call failed within the last 10 seconds.
            TooManyConnections: When there are more than 1,000.
            TooManyPages: When EC2 gives token after token.
            ClientError, BotoCoreError: When EC2 cannot be queried, or throttles.
        """
        now = datetime.now(UTC)
        if now < self._paused_until:
            raise QueriesPaused("EC2 did not answer a moment ago, so it is not queried for 10 seconds")
        if len(connections) > _MOST_CONNECTIONS:
            raise TooManyConnections(f"the registry has {len(connections)}, more than {_MOST_CONNECTIONS}")
        by_endpoint: dict[str, list[OtherConnection]] = {}
        for connection in connections:
            by_endpoint.setdefault(connection.endpoint_id, []).append(connection)
        self._paused_until = now + _PAUSE  # including a call that timed out
        number = sum(
            self._count(id_, group[first : first + _IDS_PER_CALL], now)
            for id_, group in by_endpoint.items()
            for first in range(0, len(group), _IDS_PER_CALL)
        )
        self._paused_until = now
        return number

    def _count(self, endpoint_id: str, connections: Sequence[OtherConnection], now: datetime) -> int:
        statuses = self._statuses(endpoint_id, [each.connection_id for each in connections])
        return sum(
            statuses[each.connection_id] not in ENDED
            if each.connection_id in statuses
            else now < each.allowed + _ESTABLISHING
            for each in connections
        )

    def _statuses(self, endpoint_id: str, connection_ids: list[str]) -> dict[str, str | None]:
        parameters: dict[str, Any] = {
            "ClientVpnEndpointId": endpoint_id,
            "Filters": [{"Name": "connection-id", "Values": connection_ids}],
            "MaxResults": _PAGE_SIZE,
        }
        statuses: dict[str, str | None] = {}
        for _ in range(_MOST_PAGES):
            try:
                answer = self._client.describe_client_vpn_connections(**parameters)
            except self._client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] == _NO_ENDPOINT:
                    return {}
                raise
            found = answer.get("Connections", ())
            statuses |= {each["ConnectionId"]: each.get("Status", {}).get("Code") for each in found}
            # A page may be empty though others follow.
            parameters["NextToken"] = answer.get("NextToken")
            if not parameters["NextToken"]:
                return statuses
        raise TooManyPages(f"EC2 has more than {_MOST_PAGES} pages of connections")

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - Lambda's image has no stubs
        from botocore.config import Config  # noqa: PLC0415 - the constructs do without botocore
        from botocore.session import get_session  # noqa: PLC0415

        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return get_session().create_client("ec2", config=config)
