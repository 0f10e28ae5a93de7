"""From the handler's log to a bus or a topic, by a separate small function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import jsii
from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from constructs import Construct, IValidation

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.shared._key import grant_key
from cdk_client_connect.shared._support_function import support_function
from client_connect_tools.deployed.description import ANNOUNCES
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns

    from cdk_client_connect.monitoring.notifications import Notifications
    from cdk_client_connect.shared.function_settings import FunctionSettings
    from client_connect_tools import Policies

_DENIED = logs.FilterPattern.boolean_value("$.allow", False)  # noqa: FBT003 - the CDK's signature
_ALLOWED = logs.FilterPattern.boolean_value("$.allow", True)  # noqa: FBT003

# Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_MOST_SUBSCRIPTIONS = 2


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
    function_name: str,
    log_group: logs.ILogGroup,
    notifications: Notifications,
    *,
    encryption_key: kms.IKey | None = None,
    settings: FunctionSettings | None = None,
    log_retention: logs.RetentionDays | None = None,
) -> Announcing | None:
    """Define the forwarder and its subscription to the records of the handler that are announced.

    Several handlers may share a log group, so the subscription names the handler's function.
    """
    if not notifications.enabled:
        return None
    parts = Construct(scope, "Notifications")
    bus = notifications.bus or events.EventBus.from_event_bus_name(parts, "DefaultBus", "default")
    topic = notifications.topic
    forwarder = support_function(
        parts,
        package="client_connect_notifications",
        handler="forwarder.handler",
        description=ANNOUNCES,
        timeout=Duration.minutes(1),
        environment={"DESTINATION_ARN": topic.topic_arn if topic else bus.event_bus_arn}
        | _allowing(notifications),
        encryption_key=encryption_key,
        settings=settings,
        log_retention=log_retention,
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
        filter_pattern=logs.FilterPattern.all(
            logs.FilterPattern.string_value("$.FunctionName", "=", function_name),
            logs.FilterPattern.any(_DENIED, _ALLOWED) if notifications.allowed_connections else _DENIED,
        ),
    )
    scope.node.add_validation(_SubscriptionCheck(log_group))
    resource = cast("logs.CfnSubscriptionFilter", subscription.node.default_child)
    return Announcing(log_group=log_group, filter_name=resource.ref, forwarder=forwarder)


def require_permits(notifications: Notifications, policies: Policies | None) -> None:
    """Check that the policies whose connections are announced are permits of the handler, and not in shadow mode.

    Raises:
        InvalidArgument: When one is not; not of policies that are unknown here, as those of an imported handler.
    """
    ids = notifications.allowed_connections
    if isinstance(ids, bool) or policies is None:
        return
    permits = [id_ for id_, text in policies.digests().items() if text.startswith("permit ")]
    for id_ in ids:
        if id_ not in permits:
            near = nearest(id_, permits)
            instead = f'write "{near}"' if near else f"there are {', '.join(permits)}"
            raise InvalidArgument(
                f'allowed_connections has "{id_}", which is no enforced permit of the handler, so nothing would be '
                f"announced; {instead}"
            )


def _allowing(notifications: Notifications) -> dict[str, str]:
    """Return which allowed connections the forwarder announces; all that come to it if nothing is said."""
    ids = notifications.allowed_connections
    return {} if isinstance(ids, bool) else {"ALLOWED_BY": json.dumps(list(ids))}


def _grant_publish(topic: sns.ITopic, forwarder: lambda_.Function) -> None:
    """Allow what publishing takes; the topic's own grant allows any kms:GenerateDataKey*.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    iam.Grant.add_to_principal(grantee=forwarder, actions=["sns:Publish"], resource_arns=[topic.topic_arn])
    if topic.master_key is not None:
        grant_key(topic, topic.master_key, forwarder, "kms:Decrypt", "kms:GenerateDataKey", service="sns")


@jsii.implements(IValidation)
class _SubscriptionCheck:
    """Counts the subscriptions of a log group when everything is defined."""

    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._log_group = log_group

    def validate(self) -> list[str]:
        """Return what is wrong."""
        stack = Stack.of(self._log_group)
        name = _resolved(stack, self._log_group.log_group_name)
        found = sorted(
            each.node.path
            for each in stack.node.root.node.find_all()
            if isinstance(each, logs.CfnSubscriptionFilter) and _resolved(stack, each.log_group_name) == name
        )
        if len(found) <= _MOST_SUBSCRIPTIONS:
            return []
        return [
            (
                f"log group {self._log_group.node.path} has {len(found)} subscriptions ({', '.join(found)}), but "
                f"CloudWatch Logs accepts {_MOST_SUBSCRIPTIONS}, so the deployment would fail; give each handler a "
                "separate log group, or use Notifications.none() where decisions need not be announced"
            )
        ]


def _resolved(stack: Stack, value: object) -> str:
    return json.dumps(stack.resolve(value), sort_keys=True)
