"""From the handler's log to a bus or a topic, by a small function of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from constructs import Construct

from cdk_client_connect.shared._key import grant_key
from cdk_client_connect.shared._support_function import support_function

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns

    from cdk_client_connect.monitoring.notifications import Notifications
    from cdk_client_connect.shared.function_settings import FunctionSettings

_DENIED = logs.FilterPattern.boolean_value("$.allow", False)  # noqa: FBT003 - the CDK's signature
_ALLOWED = logs.FilterPattern.boolean_value("$.allow", True)  # noqa: FBT003


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcing:
    """The way of an announcement.

    Attributes:
        log_group: Where the records are.
        filter_name: The name of the subscription that invokes the forwarder.
        forwarder: What announces them.
    """

    log_group: logs.ILogGroup
    filter_name: str
    forwarder: lambda_.Function


def define_notifications(
    scope: Construct,
    log_group: logs.ILogGroup,
    notifications: Notifications,
    encryption_key: kms.IKey | None = None,
    settings: FunctionSettings | None = None,
) -> Announcing | None:
    """Define the forwarder and its subscription to the records that are announced."""
    if not notifications.enabled:
        return None
    parts = Construct(scope, "Notifications")
    bus = notifications.bus or events.EventBus.from_event_bus_name(parts, "DefaultBus", "default")
    topic = notifications.topic
    forwarder = support_function(
        parts,
        package="client_connect_notifications",
        handler="forwarder.handler",
        description="Announces the Client VPN connections that the handler decided",
        timeout=Duration.minutes(1),
        environment={"DESTINATION_ARN": topic.topic_arn if topic else bus.event_bus_arn},
        encryption_key=encryption_key,
        settings=settings,
    )
    if topic:
        _grant_publish(topic, forwarder)
    else:
        bus.grant_put_events_to(forwarder)
    subscription = logs.SubscriptionFilter(
        parts,
        "Denials",
        log_group=log_group,
        destination=destinations.LambdaDestination(forwarder),
        filter_pattern=(
            logs.FilterPattern.any(_DENIED, _ALLOWED) if notifications.allowed_connections else _DENIED
        ),
    )
    resource = cast("logs.CfnSubscriptionFilter", subscription.node.default_child)
    return Announcing(log_group=log_group, filter_name=resource.ref, forwarder=forwarder)


def _grant_publish(topic: sns.ITopic, forwarder: lambda_.Function) -> None:
    """Allow what publishing takes; the topic's own grant allows any kms:GenerateDataKey*.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    iam.Grant.add_to_principal(grantee=forwarder, actions=["sns:Publish"], resource_arns=[topic.topic_arn])
    if topic.master_key is not None:
        grant_key(topic, topic.master_key, forwarder, "kms:Decrypt", "kms:GenerateDataKey", service="sns")
