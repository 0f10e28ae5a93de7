"""Failed connections of the connection log as a metric, by reason.

Denials that the function never saw, due to a throttle or a time-out, are then counted next to those it made.

Sources: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/connection-logging.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from client_connect.record import METRIC_NAMESPACE

FAILED_CONNECTIONS = "FailedConnections"
ENDPOINT = "EndpointId"
REASON = "Reason"

# A dimension must be in the pattern. The reasons are taken as they come: AWS adds to them.
_REASON = "$.connection-attempt-failure-reason"
_ENDPOINT = "$.client-vpn-endpoint-id"
_PATTERN = logs.FilterPattern.all(
    logs.FilterPattern.string_value("$.connection-attempt-status", "=", "failed"),
    logs.FilterPattern.exists(_REASON),
    logs.FilterPattern.exists(_ENDPOINT),
)


def define_connection_log_metrics(log_group: logs.ILogGroup) -> None:
    """Define the metric ``FailedConnections`` in ``ClientConnect``, by endpoint and reason, once for a log."""
    if not _is_counted(log_group):
        log_group.add_metric_filter(
            FAILED_CONNECTIONS,
            filter_pattern=_PATTERN,
            metric_namespace=METRIC_NAMESPACE,
            metric_name=FAILED_CONNECTIONS,
            metric_value="1",
            unit=cloudwatch.Unit.COUNT,
            dimensions={ENDPOINT: _ENDPOINT, REASON: _REASON},
        )


def _is_counted(log_group: logs.ILogGroup) -> bool:
    """Return whether the stack has the metric of the log already; it may hold several imports of one log."""
    stack = Stack.of(log_group)
    name = stack.resolve(log_group.log_group_name)
    return any(
        stack.resolve(each.log_group_name) == name
        for each in stack.node.find_all()
        if isinstance(each, logs.CfnMetricFilter) and _is_ours(stack.resolve(each.metric_transformations))
    )


def _is_ours(transformations: Any) -> bool:  # noqa: ANN401 - whatever the CDK resolves
    return f"'{METRIC_NAMESPACE}'" in str(transformations) and f"'{FAILED_CONNECTIONS}'" in str(
        transformations
    )
