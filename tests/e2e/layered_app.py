"""A handler in one stack, and in a second one the re-authorizer that decides its open connections again."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import ClientConnectHandler, ConnectionReauthorizer, ConnectionRegistry, Policies

app = cdk.App()
security, operations = cdk.Stack(app, "LayeredSecurity"), cdk.Stack(app, "LayeredOperations")
handler = ClientConnectHandler(
    security,
    "Handler",
    policies=Policies.from_file(app.node.get_context("policies")),
    connection_registry=ConnectionRegistry(security, "Registry"),
    architecture=lambda_.Architecture.custom(app.node.get_context("architecture")),
    runtime=lambda_.Runtime(app.node.get_context("runtime"), lambda_.RuntimeFamily.PYTHON),
)
reauthorizer = ConnectionReauthorizer(
    operations,
    "Reauthorizer",
    handler=handler,
    endpoints=[app.node.get_context("endpoint")],
    wait_after_policy_change=cdk.Duration.minutes(0),
)
reauthorizer.function.add_environment("AWS_ENDPOINT_URL_EC2", app.node.get_context("ec2"))
cdk.CfnOutput(security, "FunctionArn", value=handler.function_arn)
app.synth()
