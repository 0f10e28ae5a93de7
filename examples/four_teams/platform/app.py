"""The platform team's app: what watches the handler and the endpoint, and decides open connections again.

It decides with the same policies as the handler, so it is deployed from the same commit of the policies.
"""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    Policies,
    ProvisionedConcurrency,
)

POLICIES = Path(__file__).parents[1] / "policies"


class PlatformStack(cdk.Stack):
    """The re-authorizer and the monitoring of what other teams deployed."""

    def __init__(self, scope: cdk.App, id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        architecture: str | None = self.node.try_get_context("architecture")
        runtime: str | None = self.node.try_get_context("runtime")
        handler = ClientConnectHandler.from_attributes(
            self,
            "Handler",
            function_arn=self._parameter("handler-arn"),
            log_group=logs.LogGroup.from_log_group_name(self, "Decisions", self._parameter("log-group-name")),
            timeout=cdk.Duration.seconds(10),
            provisioned_concurrency=ProvisionedConcurrency.fixed(2),
            policies=Policies.from_directory(POLICIES),
            device_inventory=DeviceInventory.from_attributes(
                self,
                "Inventory",
                devices_table_arn=self._parameter("devices-table-arn"),
                waivers_table_arn=self._parameter("waivers-table-arn"),
            ),
            connection_registry=ConnectionRegistry.from_attributes(
                self, "Registry", table_arn=self._parameter("connections-table-arn")
            ),
            architecture=lambda_.Architecture.custom(architecture) if architecture else None,
            runtime=lambda_.Runtime(runtime, lambda_.RuntimeFamily.PYTHON) if runtime else None,
        )
        topic_arn = f"arn:{self.partition}:sns:{self.region}:{self.account}:vpn-alarms"
        endpoint_id = self._parameter("endpoint-id")
        reauthorizer = ConnectionReauthorizer(
            self, "Reauthorizer", handler=handler, endpoints=[endpoint_id], dry_run=True
        )
        ConnectionMonitoring(
            self,
            "Monitoring",
            handler=handler,
            endpoints=[endpoint_id],
            connection_log_group=None,
            reauthorizer=reauthorizer,
            alarm_topic=sns.Topic.from_topic_arn(self, "Alarms", topic_arn),
        )

    def _parameter(self, name: str) -> str:
        return ssm.StringParameter.value_for_string_parameter(self, f"/vpn/{name}")


app = cdk.App()
PlatformStack(
    app,
    "VpnPlatform",
    env=cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
    ),
)
app.synth()
