"""A handler under the monitoring that the emulator knows, with the example rule of docs/operations.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from cdk_client_connect import (
    AlarmSettings,
    ClientConnectHandler,
    ConnectionMonitoring,
    MonitoringAlarms,
    Policies,
)

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
POLICIES = """
@id("staff")
permit (principal, action, resource);

@id("blocked-users") @message("You may not.") @status("blocked")
forbid (principal, action, resource) when { context has username && context.username like "mallory*" };
"""

app = cdk.App()
stack = cdk.Stack(app, "Monitored")
handler = ClientConnectHandler(
    stack,
    "Handler",
    policies=Policies.from_string(POLICIES),
    architecture=lambda_.Architecture.custom(app.node.get_context("architecture")),
    runtime=lambda_.Runtime(app.node.get_context("runtime"), lambda_.RuntimeFamily.PYTHON),
)
connection_log = logs.LogGroup(stack, "ConnectionLog")
monitoring = ConnectionMonitoring(
    stack,
    "Monitoring",
    handler=handler,
    endpoints=["cvpn-endpoint-0123456789abcdef0"],
    connection_log_group=connection_log,
    # The emulator has neither anomaly detection nor alarms on several metrics, nor saved queries.
    alarms=MonitoringAlarms(
        denial_burst=AlarmSettings.off(),
        everyone_denied=AlarmSettings.off(),
        records_lost=AlarmSettings.off(),
        unexpected_shadow_mode=AlarmSettings.off(),
        authorization_policy_denials=AlarmSettings.off(),
        notification_errors=AlarmSettings.off(),
    ),
    saved_queries=False,
)
(example,) = re.findall(r"```python\n(.*?)```", OPERATIONS.split("### An example rule")[1], re.DOTALL)
names: dict[str, Any] = {"stack": stack}
exec(example, names)  # noqa: S102 - the documentation's own example

for name, value in {
    "FunctionArn": handler.function_arn,
    "LogName": handler.log_group.log_group_name,
    "ConnectionLogName": connection_log.log_group_name,
    "ForwarderName": monitoring.notification_function.function_name
    if monitoring.notification_function
    else "",
    "QueueUrl": names["queue"].queue_url,
    "DashboardName": monitoring.dashboard.dashboard_name if monitoring.dashboard else "",
}.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
