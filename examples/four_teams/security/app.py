"""The security team's app: the handler, which looks devices up in the device team's inventory."""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

from cdk_client_connect import ClientConnectHandler, ConnectionRegistry, DeviceInventory, Policies

POLICIES = Path(__file__).parents[1] / "policies"


class SecurityStack(cdk.Stack):
    """The handler, its registry, and the parameters for other teams to find them."""

    def __init__(self, scope: cdk.App, id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        architecture: str | None = self.node.try_get_context("architecture")
        runtime: str | None = self.node.try_get_context("runtime")
        registry = ConnectionRegistry(self, "Registry")
        handler = ClientConnectHandler(
            self,
            "Handler",
            policies=Policies.from_directory(POLICIES),
            device_inventory=DeviceInventory.from_attributes(
                self,
                "Inventory",
                devices_table_arn=self._parameter("devices-table-arn"),
                waivers_table_arn=self._parameter("waivers-table-arn"),
            ),
            connection_registry=registry,
            architecture=lambda_.Architecture.custom(architecture) if architecture else None,
            runtime=lambda_.Runtime(runtime, lambda_.RuntimeFamily.PYTHON) if runtime else None,
        )
        handler.publish_arn("/vpn/handler-arn")
        for name, value in (
            ("log-group-name", handler.log_group.log_group_name),
            ("connections-table-arn", registry.table.table_arn),
        ):
            ssm.StringParameter(self, name, parameter_name=f"/vpn/{name}", string_value=value)

    def _parameter(self, name: str) -> str:
        return ssm.StringParameter.value_for_string_parameter(self, f"/vpn/{name}")


app = cdk.App()
SecurityStack(
    app,
    "VpnSecurity",
    env=cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
    ),
)
app.synth()
