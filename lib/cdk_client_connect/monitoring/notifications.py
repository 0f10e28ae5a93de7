"""Where decisions are announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._unknown_values import is_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_events as events
    from aws_cdk import aws_sns as sns


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Where each denial is announced, within seconds of the decision; made by one of the factories.

    The announcements come from the decision log, so no client waits for them. Their format is in
    docs/operations.md. A decision may be announced twice, with the same ``id``.

    Attributes:
        enabled: Whether there are any.
        allowed_connections: Whether connections that are allowed are announced too: all, or those that one of these
            policies allows.
        bus: The event bus; without one and without a topic, the account's default bus.
        topic: The topic.
    """

    enabled: bool = True
    allowed_connections: bool | Sequence[str] = False
    bus: events.IEventBus | None = None
    topic: sns.ITopic | None = None

    def __post_init__(self) -> None:
        """Check the values; the flag is easily mistaken for the bus."""
        if not isinstance(self.enabled, bool):
            raise InvalidArgument(f"enabled={self.enabled!r} must be True or False")
        if not isinstance(self.allowed_connections, bool):
            _require_ids(self.allowed_connections)
        if self.bus is not None and not hasattr(self.bus, "event_bus_arn"):
            raise InvalidArgument(
                f"bus={self.bus!r} must be an events.EventBus, or nothing for the default bus"
            )
        if self.topic is not None and not hasattr(self.topic, "topic_arn"):
            raise InvalidArgument(f"topic={self.topic!r} must be an sns.Topic")
        if self.topic is not None and self.topic.fifo:
            raise InvalidArgument(f"topic {self.topic.node.path} is a FIFO topic; give a standard one")
        if self.bus is not None and self.topic is not None:
            raise InvalidArgument(
                "bus and topic are both given, but decisions are announced in one place; give one"
            )

    @staticmethod
    def none() -> Notifications:
        """Announce nothing."""
        return Notifications(enabled=False)

    @staticmethod
    def event_bridge(
        bus: events.IEventBus | None = None, *, allowed_connections: bool | Sequence[str] = False
    ) -> Notifications:
        """Send each denial to an event bus of EventBridge, where rules take it further.

        Args:
            bus: In the handler's account and Region. Default: the account's default bus.
            allowed_connections: Whether each allowed connection is announced too: who connected, from where, and
                which policies allowed it. One event, and about one invocation, for each connection. Or the ids of
                permits, such as ``["break-glass"]``: then only connections that one of them allowed are announced.
                Default: ``False``.

        Raises:
            InvalidArgument: When ``bus`` is no event bus, or ``allowed_connections`` is neither a boolean nor
                ids.
        """
        return Notifications(bus=bus, allowed_connections=allowed_connections)

    @staticmethod
    def sns(topic: sns.ITopic, *, allowed_connections: bool | Sequence[str] = False) -> Notifications:
        """Send each denial to a topic of SNS.

        Args:
            topic: A standard topic, not a FIFO one; in the handler's account and Region.
            allowed_connections: Which allowed connections are announced too, as for ``event_bridge``.
                Default: ``False``.

        Raises:
            InvalidArgument: When ``topic`` is no topic, or a FIFO topic, or ``allowed_connections`` is neither a
                boolean nor ids.
        """
        if topic is None:
            raise InvalidArgument("topic=None must be an sns.Topic")
        return Notifications(topic=topic, allowed_connections=allowed_connections)


def _require_ids(allowed_connections: object) -> None:
    """Refuse what are no ids of policies.

    Raises:
        InvalidArgument: When they are of another type, or empty.
    """
    ids = allowed_connections if isinstance(allowed_connections, list | tuple) else ()
    if not ids or not all(isinstance(each, str) and each and not is_unknown(each) for each in ids):
        raise InvalidArgument(
            f"allowed_connections={allowed_connections!r} must be True or False, or a list with the ids of permits, "
            'such as ["break-glass"]'
        )
