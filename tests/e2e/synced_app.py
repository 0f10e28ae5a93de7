"""A handler for compliant devices only, with an inventory that follows Intune, and a re-authorizer."""

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
    Intune,
    Policies,
    Rules,
)

app = cdk.App()
stack = cdk.Stack(app, "Synced")
inventory = DeviceInventory(stack, "Inventory")
handler = ClientConnectHandler(
    stack,
    "Handler",
    policies=Policies.from_rules(Rules(compliant_devices=True)),
    device_inventory=inventory,
    connection_registry=ConnectionRegistry(stack, "Registry"),
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
secret = secretsmanager.Secret(stack, "Credentials")
sync = DeviceSync(
    stack,
    "Intune",
    inventory=inventory,
    source=Intune(tenant="contoso.example", secret=secret, tags={"owner": "userPrincipalName"}),
    reauthorizer=reauthorizer,
)
sync.function.add_environment("CLIENT_CONNECT_SYNC_TEST_SERVER", app.node.get_context("manager"))
for name, value in {
    "FunctionName": handler.function_name,
    "FunctionArn": handler.function_arn,
    "SyncName": sync.function.function_name,
    "SecretArn": secret.secret_arn,
    "DevicesTable": inventory.devices_table.table_name,
}.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
