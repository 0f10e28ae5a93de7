"""The network team's app: the endpoint, which asks the security team's handler."""

from __future__ import annotations

import os

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ssm as ssm

from cdk_client_connect import ClientConnectHandler

HANDLER_ARN = "/vpn/handler-arn"


class NetworkStack(cdk.Stack):
    """The VPC and the endpoint."""

    def __init__(self, scope: cdk.App, id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        handler = ClientConnectHandler.from_function_arn(
            self, "Handler", ssm.StringParameter.value_for_string_parameter(self, HANDLER_ARN)
        )
        vpc = ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=0, restrict_default_security_group=False)
        certificates = f"arn:aws:acm:{self.region}:{self.account}:certificate"
        ec2.ClientVpnEndpoint(
            self,
            "Endpoint",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            cidr="10.100.0.0/16",
            server_certificate_arn=f"{certificates}/11111111-1111-1111-1111-111111111111",
            client_certificate_arn=f"{certificates}/22222222-2222-2222-2222-222222222222",
            client_connection_handler=handler,
            split_tunnel=True,
        )


app = cdk.App()
NetworkStack(
    app,
    "VpnNetwork",
    env=cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
    ),
)
app.synth()
