"""The stack of a run: the whole VPN on AWS; on this machine, what the emulator can deploy of it."""

from __future__ import annotations

import os

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from acceptance import aws_parts
from acceptance.naming import FUNCTION_PREFIX, TAG, stack_of
from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    EndpointAttachment,
    Policies,
    ProvisionedConcurrency,
)

# The fields that an endpoint sends, whose spelling is unknown beforehand.
RECORDER = """
import json

def handler(event, context):
    print(json.dumps({"recorded": event}))
    return {
        "allow": True,
        "error-msg-on-denied-connection": "",
        "posture-compliance-statuses": [],
        "schema-version": event["schema-version"],
    }
"""

app = cdk.App()
context, optional = app.node.get_context, app.node.try_get_context
run, ec2_here = context("run"), optional("ec2")
env = cdk.Environment(
    account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")
)
stack = cdk.Stack(
    app,
    stack_of(run),
    env=env,
    tags={TAG: run},
    description="Made by make acceptance of cdk-client-connect; to be removed by make leftovers",
)
cdk.Tags.of(app).add(TAG, run)

inventory, registry = DeviceInventory(stack, "Inventory"), ConnectionRegistry(stack, "Registry")
architecture = optional("architecture")
runtime = lambda_.Runtime(
    optional("runtime") or "python3.14", lambda_.RuntimeFamily.PYTHON, supports_inline_code=True
)
handler = ClientConnectHandler(
    stack,
    "Handler",
    function_name=f"{FUNCTION_PREFIX}{run}",
    policies=Policies.from_file(context("policies")),
    device_inventory=inventory,
    connection_registry=registry,
    architecture=lambda_.Architecture.custom(architecture) if architecture else None,
    runtime=runtime,
    provisioned_concurrency=ProvisionedConcurrency.fixed(1),
)
recorder = lambda_.Function(
    stack,
    "Recorder",
    function_name=f"{FUNCTION_PREFIX}recorder-{run}",
    code=lambda_.Code.from_inline(RECORDER),
    handler="index.handler",
    runtime=runtime,
    log_group=logs.LogGroup(stack, "RecorderLog", removal_policy=cdk.RemovalPolicy.DESTROY),
)
outputs = {
    "FunctionArn": handler.function_arn,
    "HandlerLogName": handler.log_group.log_group_name,
    "RecorderArn": recorder.function_arn,
    "RecorderLogName": recorder.log_group.log_group_name,
    "DevicesTable": inventory.devices_table.table_name,
    "WaiversTable": inventory.waivers_table.table_name,
    "ConnectionsTable": registry.table.table_name,
}


endpoint = optional("endpoint")
log = None
if endpoint is None:
    log = logs.LogGroup(stack, "ConnectionLog", removal_policy=cdk.RemovalPolicy.DESTROY)
    endpoint = aws_parts.endpoint(stack, handler, context("certificate"), log)
    outputs |= {"EndpointId": endpoint.endpoint_id, "ConnectionLogName": log.log_group_name}
other = optional("otherEndpoint") or aws_parts.other_endpoint(stack, context("certificate"))
outputs["OtherEndpointId"] = other
reauthorizer = ConnectionReauthorizer(
    stack,
    "Reauthorizer",
    handler=handler,
    endpoints=[endpoint, other],
    maximum_share=1.0,
    wait_after_policy_change=cdk.Duration.minutes(
        0
    ),  # what a deployment denies must be cut while the run looks
)
outputs["ReauthorizerName"] = reauthorizer.function.function_name

functions = [reauthorizer.function]
if optional("attached") == "true":
    attachment = EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=other)
    functions += [each for each in attachment.node.find_all() if isinstance(each, lambda_.Function)]
if ec2_here is not None:
    for function in functions:
        function.add_environment("AWS_ENDPOINT_URL_EC2", ec2_here)
if log is not None:
    outputs |= aws_parts.monitoring(stack, handler, endpoint, reauthorizer, log)
    outputs |= aws_parts.snapshot_handler(
        stack, f"{FUNCTION_PREFIX}snapshot-{run}", Policies.from_file(context("policies"))
    )
    if optional("native") == "true":
        aws_parts.native_policy(stack, endpoint)

for name, value in outputs.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
