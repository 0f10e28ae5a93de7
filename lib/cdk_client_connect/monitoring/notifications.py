"""Where decisions are announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_client_connect.errors import InvalidArgument

if TYPE_CHECKING:
    from aws_cdk import aws_events as events
    from aws_cdk import aws_sns as sns


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Where each denial is announced, within seconds of the decision; made by one of the factories.

    The announcements come from the decision log, so no client waits for them. Their format is in
    docs/operations.md. A decision may be announced twice, with the same ``id``.

    Attributes:
        enabled: Whether there are any.
        allowed_connections: Whether connections that are allowed are announced too.
        bus: The event bus; without one and without a topic, the account's default bus.
        topic: The topic.
    """

    enabled: bool = True
    allowed_connections: bool = False
    bus: events.IEventBus | None = None
    topic: sns.ITopic | None = None

    def __post_init__(self) -> None:
        """Check the flag, which is easily mistaken for the bus."""
        if not isinstance(self.allowed_connections, bool):
            raise InvalidArgument(f"allowed_connections={self.allowed_connections!r} must be True or False")

    @staticmethod
    def none() -> Notifications:
        """Announce nothing."""
        return Notifications(enabled=False)

    @staticmethod
    def event_bridge(
        bus: events.IEventBus | None = None, *, allowed_connections: bool = False
    ) -> Notifications:
        """Send each denial to an event bus of EventBridge, where rules take it further.

        Args:
            bus: In the handler's account and Region. Default: the account's default bus.
            allowed_connections: Whether each allowed connection is announced too: who connected, from where, and
                which policies allowed it. One event, and about one invocation, for each connection. Default: ``False``.

        Raises:
            InvalidArgument: When ``bus`` is no event bus, or ``allowed_connections`` is no boolean.
        """
        if bus is not None and not hasattr(bus, "event_bus_arn"):
            raise InvalidArgument(f"bus={bus!r} must be an events.EventBus, or nothing for the default bus")
        return Notifications(bus=bus, allowed_connections=allowed_connections)

    @staticmethod
    def sns(topic: sns.ITopic, *, allowed_connections: bool = False) -> Notifications:
        """Send each denial to a topic of SNS.

        Args:
            topic: A standard topic, not a FIFO one; in the handler's account and Region.
            allowed_connections: Whether each allowed connection is announced too, as for ``event_bridge``.
                Default: ``False``.

        Raises:
            InvalidArgument: When ``topic`` is no topic, or a FIFO topic, or ``allowed_connections`` is no boolean.
        """
        if not hasattr(topic, "topic_arn"):
            raise InvalidArgument(f"topic={topic!r} must be an sns.Topic")
        if topic.fifo:
            raise InvalidArgument(f"topic {topic.node.path} is a FIFO topic; give a standard one")
        return Notifications(topic=topic, allowed_connections=allowed_connections)
