"""The facts of a connection, and how a handler without tables and extra facts collects them."""

from __future__ import annotations

from client_connect.facts import Facts
from client_connect.light_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from client_connect.networks import Networks
    from client_connect.request import ConnectionRequest
    from client_connect.sources.connection_registry import OtherConnection
    from client_connect.waiver import Waiver

_NO_PROBLEMS: Mapping[str, str] = {}


class CollectedFacts(NamedTuple):
    """The facts of a connection, with what they were collected from.

    Attributes:
        facts: What the policies see.
        waivers: The waivers that count now, in full.
        long_waivers: Those that would count if they were not longer than is allowed.
        problems: Why a source is unavailable, by its name: ``inventory``, ``waivers``, ``blocks``,
            ``registry``, ``openConnections`` (EC2) or ``customFacts``.
        others: The user's other connections, as the registry has them.
        knows_waivers: Whether these are all waivers; with an inventory that is unavailable there may be others.
    """

    facts: Facts
    waivers: tuple[Waiver, ...] = ()
    long_waivers: tuple[Waiver, ...] = ()
    problems: Mapping[str, str] = _NO_PROBLEMS
    others: tuple[OtherConnection, ...] = ()
    knows_waivers: bool = True


class NoSources:
    """The sources of a handler without tables and extra facts: the request, the clock and the named networks.

    Args:
        time_zone: The zone of the policies' clock.
        networks: The named networks, if there are any.
        endpoints: The endpoints that are answered, each with its name, if it has one.
    """

    def __init__(
        self,
        time_zone: tzinfo,
        networks: Networks | None = None,
        endpoints: Mapping[str, str | None] | None = None,
    ) -> None:
        self._time_zone = time_zone
        self._networks = networks
        self._endpoints = endpoints or {}

    def collect(self, request: ConnectionRequest, *, seconds: float) -> CollectedFacts:  # noqa: ARG002 - needs no time
        """Return the facts of a connection."""
        networks = None if self._networks is None else self._networks.names_of(request.public_ip)
        name = self._endpoints.get(request.endpoint_id)
        return CollectedFacts(
            Facts(request, time_zone=self._time_zone, networks=networks, endpoint_name=name)
        )

    def verify_count(self, collected: CollectedFacts, *, seconds: float) -> CollectedFacts:  # noqa: ARG002 - as above
        """Return the facts as they are: there is no number of connections in them."""
        return collected

    def recorder(self) -> None:
        """Return nothing: no connection is recorded."""
