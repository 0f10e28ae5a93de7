"""Where denials are announced."""

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

    The announcements come from the decision log, so that no client waits for them. Their format is in
    docs/operations.md. A denial may be announced twice, with the same ``id``.

    Attributes:
        enabled: Whether there are any.
        bus: The event bus; without one and without a topic, the account's default bus.
        topic: The topic.
    """

    enabled: bool = True
    bus: events.IEventBus | None = None
    topic: sns.ITopic | None = None

    @staticmethod
    def none() -> Notifications:
        """Announce nothing."""
        return Notifications(enabled=False)

    @staticmethod
    def event_bridge(bus: events.IEventBus | None = None) -> Notifications:
        """Send each denial to an event bus of EventBridge, where rules take it further.

        Args:
            bus: In the handler's account and Region. Default: the account's default bus.

        Raises:
            InvalidArgument: When ``bus`` is no event bus.
        """
        if bus is not None and not hasattr(bus, "event_bus_arn"):
            raise InvalidArgument(f"bus={bus!r} must be an events.EventBus, or nothing for the default bus")
        return Notifications(bus=bus)

    @staticmethod
    def sns(topic: sns.ITopic) -> Notifications:
        """Send each denial to a topic of SNS.

        Args:
            topic: A standard topic, not a FIFO one; in the handler's account and Region.

        Raises:
            InvalidArgument: When ``topic`` is no topic, or a FIFO topic.
        """
        if not hasattr(topic, "topic_arn"):
            raise InvalidArgument(f"topic={topic!r} must be an sns.Topic")
        if topic.fifo:
            raise InvalidArgument(f"topic {topic.node.path} is a FIFO topic; give a standard one")
        return Notifications(topic=topic)
