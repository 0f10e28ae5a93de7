"""A handler with a registry and a re-authorizer, which the emulator knows but for EC2's Client VPN calls."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    Policies,
)

app = cdk.App()
stack = cdk.Stack(app, app.node.try_get_context("stack") or "Reauthorized")
inventory = DeviceInventory(stack, "Inventory") if app.node.try_get_context("inventory") else None
registry = ConnectionRegistry(stack, "Registry")
handler = ClientConnectHandler(
    stack,
    "Handler",
    policies=Policies.from_file(app.node.get_context("policies")),
    connection_registry=registry,
    device_inventory=inventory,
    architecture=lambda_.Architecture.custom(app.node.get_context("architecture")),
    runtime=lambda_.Runtime(app.node.get_context("runtime"), lambda_.RuntimeFamily.PYTHON),
)
reauthorizer = ConnectionReauthorizer(
    stack,
    "Reauthorizer",
    handler=handler,
    endpoints=[app.node.get_context("endpoint")],
    wait_after_policy_change=cdk.Duration.minutes(0),
)
reauthorizer.function.add_environment("AWS_ENDPOINT_URL_EC2", app.node.get_context("ec2"))
outputs = {
    "FunctionName": handler.function_name,
    "FunctionArn": handler.function_arn,
    "ReauthorizerName": reauthorizer.function.function_name,
    "Connections": registry.table.table_name,
}
if inventory is not None:
    outputs |= {"Devices": inventory.devices_table.table_name, "Waivers": inventory.waivers_table.table_name}
for name, value in outputs.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
