"""Client VPN endpoints and their connections, as EC2 sees them; every time is given in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ConnectionStatus = Literal["active", "failed-to-terminate", "terminating", "terminated"]

# Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeClientVpnConnections.html
VISIBLE_SECONDS = 3600.0


@dataclass(slots=True, kw_only=True)
class Connection:
    """A client's connection, small enough that an endpoint's 126,000 fit into memory.

    Attributes:
        connection_id: Unique in its endpoint.
        username: Empty under mutual authentication alone.
        common_name: That of the client's certificate.
        client_ip: The address in the VPN.
        established: When it was established, in seconds since 1970.
        stubborn: Whether it fails to terminate.
        asked: The time of the last call to terminate it.
        settled: When the termination is over, or the client has left by itself.
    """

    connection_id: str
    username: str = ""
    common_name: str = ""
    client_ip: str = "10.0.0.2"
    established: float = 0.0
    stubborn: bool = False
    asked: float | None = None
    settled: float | None = None

    def status(self, now: float) -> ConnectionStatus:
        """Return what it is."""
        if self.settled is None:
            return "active"
        if now < self.settled:
            return "terminating"
        return "failed-to-terminate" if self.stubborn and self.asked is not None else "terminated"

    def is_shown(self, now: float) -> bool:
        """Whether ``DescribeClientVpnConnections`` still knows it."""
        return (
            self.settled is None or now < self.settled + VISIBLE_SECONDS or self.status(now) != "terminated"
        )

    def terminate(self, now: float, *, seconds: float) -> None:
        """Begin to terminate it, unless that has begun already or it has ended."""
        if self.status(now) in ("active", "failed-to-terminate"):
            self.asked, self.settled = now, now + seconds

    def leave(self, now: float) -> None:
        """End it as the client does."""
        self.asked, self.settled = None, now


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConnectOptions:
    """An endpoint's client connect handler.

    Attributes:
        enabled: Whether new connections are authorized by it.
        function_arn: Its ARN, or an empty text.
    """

    enabled: bool = False
    function_arn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfiguration:
    """The other settings of an endpoint; an empty text is none.

    Attributes:
        connection_log_group: Where it logs connections.
        server_certificate: The ARN of its certificate.
        client_authority: The ARN of the certificate that clients' certificates are checked with.
        saml_provider: The ARN of its identity provider.
        revocation_list: Its revocation list, as PEM.
        profile: What clients connect by, as OpenVPN reads it.
    """

    connection_log_group: str = ""
    server_certificate: str = ""
    client_authority: str = ""
    saml_provider: str = ""
    revocation_list: str = ""
    profile: str = ""


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """An endpoint with its connections, in order of arrival.

    Attributes:
        endpoint_id: Such as ``cvpn-endpoint-0123456789abcdef0``.
        created: When it was created, in seconds since 1970.
        client_connect_options: Its handler.
        configuration: What else it is configured with.
        tags: Its tags.
        connections: All of them, including those that have ended.
    """

    endpoint_id: str
    created: float
    client_connect_options: ClientConnectOptions = ClientConnectOptions()
    configuration: EndpointConfiguration = EndpointConfiguration()
    tags: dict[str, str] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    _tags_before: dict[str, str] = field(default_factory=dict)
    _tagged: float = 0.0
    _by_id: dict[str, Connection] = field(default_factory=dict)

    def add(self, connections: Iterable[Connection]) -> None:
        """Add connections."""
        for connection in connections:
            if connection.connection_id in self._by_id:
                raise ValueError(f"{connection.connection_id} is already a connection of {self.endpoint_id}")
            self.connections.append(connection)
            self._by_id[connection.connection_id] = connection

    def tag(self, tags: Mapping[str, str], now: float) -> None:
        """Replace all tags."""
        self._tags_before, self._tagged = self.tags, now
        self.tags = dict(tags)

    def shown_tags(self, now: float, *, stale_seconds: float) -> dict[str, str]:
        """Return the tags that are described, which for some time are those of before the last change."""
        return self._tags_before if now < self._tagged + stale_seconds else self.tags

    def find(self, connection_id: str) -> Connection | None:
        """Return a connection by its id."""
        return self._by_id.get(connection_id)
