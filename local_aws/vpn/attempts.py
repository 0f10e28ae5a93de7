"""One client's attempt to connect, as the service sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_aws.deployed_handler import Invocation


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt.

    Attributes:
        client: The server's number of the client.
        seen: What the server knows of the client, such as ``IV_PLAT`` and ``untrusted_ip``.
        event: What the handler was asked; empty when the user could not be authenticated.
        invocation: What the handler answered and recorded.
        failure: Why there is no answer.
        told: The message that the service sent to the client; empty where it sent none.
        is_established: Whether the connection was established.
        has_ended: Whether it has ended, or the client has left.
    """

    client: str
    seen: Mapping[str, str]
    event: dict[str, Any] = field(default_factory=dict)
    invocation: Invocation | None = None
    failure: str = ""
    told: str = ""
    is_established: bool = False
    has_ended: bool = False

    @property
    def connection_id(self) -> str:
        """The connection's id; empty without an event."""
        return str(self.event.get("connection-id", ""))

    @property
    def is_settled(self) -> bool:
        """Whether there is an answer, or the reason why it is missing."""
        return self.invocation is not None or bool(self.failure)

    @property
    def is_allowed(self) -> bool:
        """Whether the handler has allowed it."""
        return self.invocation is not None and self.invocation.answer["allow"] is True

    @property
    def determining(self) -> list[str]:
        """The policies that decided."""
        record = {} if self.invocation is None else self.invocation.record
        policies: list[str] = record.get("decision", {}).get("determining", [])
        return policies
