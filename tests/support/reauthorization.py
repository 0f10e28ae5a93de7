"""Runs of the re-authorizer: policies, clients, and their fate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_aws.live_connections import ENDPOINT, Client, LiveConnections

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_connect.reauthorizer.run import Outcome

PERMIT = '@id("all") permit (principal, action, resource);'
NO_MACS = PERMIT + '@id("no-macs") forbid (principal, action, resource) when { context.platform == "mac" };'
OTHER_ENDPOINT = "cvpn-endpoint-0fedcba9876543210"


def client(name: str, **fields: Any) -> Client:
    """Return a client whose connection is named after it."""
    return Client(connection_id=f"cvpn-connection-{name}", **{"username": name, **fields})


def ids(*names: str) -> list[str]:
    """Return the ids of connections."""
    return [f"cvpn-connection-{name}" for name in names]


def terminated(world: LiveConnections) -> list[str]:
    """Return what was terminated, sorted; what was twice is there twice."""
    return sorted(world.api.terminations)


def tally(outcome: Outcome, endpoint: str = ENDPOINT) -> tuple[int, int, int]:
    """Return how many were decided, left alone and undecided."""
    assert outcome.scan is not None
    found = outcome.scan.tallies[endpoint]
    return found.decided, found.left_alone, found.undecided


def out_of_time_after(calls: int) -> Callable[[], int]:
    """Return a time that is used up after so many looks at it."""
    left = [calls]

    def milliseconds() -> int:
        left[0] -= 1
        return 900_000 if left[0] >= 0 else 10_000

    return milliseconds
