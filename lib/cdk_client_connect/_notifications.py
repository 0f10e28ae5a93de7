"""From the handler's log to a bus or a topic, by a small function of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from constructs import Construct

from cdk_client_connect._key import grant_key
from cdk_client_connect._support_function import support_function

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns

    from cdk_client_connect.notifications import Notifications

_DENIALS = logs.FilterPattern.boolean_value("$.allow", False)  # noqa: FBT003 - the CDK's signature


def define_notifications(
    scope: Construct, log_group: logs.ILogGroup, notifications: Notifications
) -> lambda_.Function | None:
    """Define the forwarder and its subscription to the denials in the log."""
    if not notifications.enabled:
        return None
    parts = Construct(scope, "Notifications")
    bus = notifications.bus or events.EventBus.from_event_bus_name(parts, "DefaultBus", "default")
    topic = notifications.topic
    forwarder = support_function(
        parts,
        package="client_connect_notifications",
        handler="forwarder.handler",
        description="Announces the Client VPN connections that the handler denied",
        timeout=Duration.minutes(1),
        environment={"DESTINATION_ARN": topic.topic_arn if topic else bus.event_bus_arn},
    )
    if topic:
        _grant_publish(topic, forwarder)
    else:
        bus.grant_put_events_to(forwarder)
    logs.SubscriptionFilter(
        parts,
        "Denials",
        log_group=log_group,
        destination=destinations.LambdaDestination(forwarder),
        filter_pattern=_DENIALS,
    )
    return forwarder


def _grant_publish(topic: sns.ITopic, forwarder: lambda_.Function) -> None:
    """Allow what publishing takes; the topic's own grant allows any kms:GenerateDataKey*.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    iam.Grant.add_to_principal(grantee=forwarder, actions=["sns:Publish"], resource_arns=[topic.topic_arn])
    if topic.master_key is not None:
        grant_key(topic, topic.master_key, forwarder, "kms:Decrypt", "kms:GenerateDataKey", service="sns")
