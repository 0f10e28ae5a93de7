"""The app's stack ``ClientConnect`` written with the CDK's own constructs: what a team would write by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import custom_resources as custom

if TYPE_CHECKING:
    from pathlib import Path

    from constructs import Construct

SERVICE = "clientvpn-connections.amazonaws.com"
ROLE = "AWSServiceRoleForClientVPNConnections"


class PlainStack(cdk.Stack):
    """The function, its version and alias with provisioned concurrency, its role and log, and the linked role.

    Args:
        scope: The app.
        id: The stack's id.
        code: The folder of the function's code.
        code_hash: Its hash.
    """

    def __init__(self, scope: Construct, id: str, *, code: Path, code_hash: str) -> None:
        super().__init__(scope, id, description="Client connect handler of AWS Client VPN")
        log_group = logs.LogGroup(self, "LogGroup", removal_policy=cdk.RemovalPolicy.RETAIN)
        function = lambda_.Function(
            self,
            "Function",
            function_name="AWSClientVPN-Plain",
            description="Decides whether a Client VPN connection may be established",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="client_connect.handler.handler",
            code=lambda_.Code.from_asset(str(code), asset_hash=code_hash),
            memory_size=512,
            timeout=cdk.Duration.seconds(10),
            role=self._role("Role", log_group),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            environment={
                "CLIENT_CONNECT_DEFAULT_MESSAGE": "Please contact your administrator.",
                "CLIENT_CONNECT_SHADOW_MODE": "false",
                "CLIENT_CONNECT_TIME_ZONE": "UTC",
            },
        )
        alias = lambda_.Alias(
            self,
            "Alias",
            alias_name="live",
            version=function.current_version,
            provisioned_concurrent_executions=2,
        )
        alias.node.add_dependency(self._linked_role())
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
        cdk.CfnOutput(self, "FunctionArn", value=alias.function_arn)

    def _role(self, id_: str, log_group: logs.LogGroup) -> iam.Role:
        role = iam.Role(self, id_, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        return role

    def _linked_role(self) -> custom.AwsCustomResource:
        log_group = logs.LogGroup(
            self,
            "LinkedRoleLogGroup",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        return custom.AwsCustomResource(
            self,
            "LinkedRole",
            role=self._role("LinkedRoleRole", log_group),
            log_group=log_group,
            install_latest_aws_sdk=False,
            on_create=custom.AwsSdkCall(
                service="IAM",
                action="createServiceLinkedRole",
                parameters={"AWSServiceName": SERVICE},
                physical_resource_id=custom.PhysicalResourceId.of(ROLE),
                ignore_error_codes_matching="InvalidInput|EntityAlreadyExists",
            ),
            policy=custom.AwsCustomResourcePolicy.from_statements(
                [
                    iam.PolicyStatement(
                        actions=["iam:CreateServiceLinkedRole"],
                        resources=[f"arn:aws:iam::*:role/aws-service-role/{SERVICE}/{ROLE}"],
                        conditions={"StringEquals": {"iam:AWSServiceName": SERVICE}},
                    )
                ]
            ),
        )
