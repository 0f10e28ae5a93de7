"""A handler with all that is kept, in a stack whose last resource cannot be created."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import ClientConnectHandler, ConnectionRegistry, DeviceInventory

app = cdk.App()
stack = cdk.Stack(app, "Failing")
handler = ClientConnectHandler(
    stack,
    "Handler",
    architecture=lambda_.Architecture.custom(app.node.get_context("architecture")),
    runtime=lambda_.Runtime(app.node.get_context("runtime"), lambda_.RuntimeFamily.PYTHON),
    device_inventory=DeviceInventory(stack, "Inventory"),
    connection_registry=ConnectionRegistry(stack, "Registry"),
)
missing = stack.format_arn(
    service="lambda",
    resource="function",
    resource_name="missing",
    arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
)
cdk.CustomResource(stack, "Last", service_token=missing).node.add_dependency(handler)
app.synth()
