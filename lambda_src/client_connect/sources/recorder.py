"""Tells the registry of connections that were allowed. The answer never depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client_connect.engine.authorizer import Decision
    from client_connect.facts import Facts
    from client_connect.sources.connection_registry import ConnectionTable
    from client_connect.sources.deadlines import Deadlines


class Recorder(NamedTuple):
    """Records connections.

    Attributes:
        registry: The connection registry.
        deadlines: Runs what may take long.
    """

    registry: ConnectionTable
    deadlines: Deadlines

    def record(self, facts: Facts, decision: Decision, *, policies: str, seconds: float) -> Mapping[str, str]:
        """Tell the registry of a connection that was allowed; return why that failed, by ``registry``.

        Args:
            facts: The connection.
            decision: What allowed it.
            policies: The digest of the policies.
            seconds: How long it may take.
        """
        call = {"registry": lambda: self.registry.record(facts, decision, policies=policies)}
        return self.deadlines.run(call, seconds=seconds)[1]
