"""The security team's app: the handler, its policies, and a new version that is rolled out gradually."""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import ClientConnectHandler, ConnectionMonitoring, GradualDeployment, Policies

HERE = Path(__file__).parent
HANDLER_ARN = "/vpn/handler-arn"


class SecurityStack(cdk.Stack):
    """The handler and its monitoring; other teams need the parameter alone."""

    def __init__(self, scope: cdk.App, id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        architecture: str | None = self.node.try_get_context("architecture")
        runtime: str | None = self.node.try_get_context("runtime")
        handler = ClientConnectHandler(
            self,
            "Handler",
            policies=Policies.from_directory(HERE / "policies"),
            architecture=lambda_.Architecture.custom(architecture) if architecture else None,
            runtime=lambda_.Runtime(runtime, lambda_.RuntimeFamily.PYTHON) if runtime else None,
        )
        handler.publish_arn(HANDLER_ARN)
        if self.node.try_get_context("monitored") != "false":
            monitoring = ConnectionMonitoring(
                self, "Monitoring", handler=handler, endpoints=[], connection_log_group=None
            )
            GradualDeployment(self, "Rollout", handler=handler, monitoring=monitoring)


app = cdk.App()
SecurityStack(
    app,
    "VpnSecurity",
    env=cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
    ),
)
app.synth()
