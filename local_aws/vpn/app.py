"""The stack behind the local VPN: a handler, devices as a device manager has them, and a re-authorizer."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    DeviceSync,
    JsonSource,
    Policies,
)

app = cdk.App()
context = app.node.get_context
stack = cdk.Stack(app, "LocalVpn")
inventory = DeviceInventory(stack, "Inventory")
registry = ConnectionRegistry(stack, "Registry")
handler = ClientConnectHandler(
    stack,
    "Handler",
    policies=Policies.from_file(context("policies")),
    device_inventory=inventory,
    connection_registry=registry,
    architecture=lambda_.Architecture.custom(context("architecture")),
    runtime=lambda_.Runtime(context("runtime"), lambda_.RuntimeFamily.PYTHON),
)
reauthorizer = ConnectionReauthorizer(
    stack,
    "Reauthorizer",
    handler=handler,
    endpoints=[context("endpoint")],
    wait_after_policy_change=cdk.Duration.minutes(0),  # or no one would be cut while one looks
)
token = secretsmanager.Secret(stack, "Token")
sync = DeviceSync(
    stack,
    "Sync",
    inventory=inventory,
    source=JsonSource(
        url=context("managerUrl"),
        id="id",
        common_name="certificate",
        compliant="compliant",
        secret=token,
    ),
    reauthorizer=reauthorizer,
)

# Servers of this machine stand for EC2 and for the device manager.
for function in (handler, reauthorizer.function):
    function.add_environment("AWS_ENDPOINT_URL_EC2", context("ec2"))
sync.function.add_environment("CLIENT_CONNECT_SYNC_TEST_SERVER", context("manager"))

outputs = {
    "FunctionArn": handler.function_arn,
    "ReauthorizerName": reauthorizer.function.function_name,
    "SyncName": sync.function.function_name,
    "TokenArn": token.secret_arn,
    "DevicesTable": inventory.devices_table.table_name,
    "WaiversTable": inventory.waivers_table.table_name,
}
for name, value in outputs.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
