"""A handler whose function is renamed, and another stack that keeps its ARN, as an endpoint would.

The emulator has no endpoints. The code is never run.
"""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

import client_connect_attachment
from cdk_client_connect import ClientConnectHandler, ProvisionedConcurrency, ServiceLinkedRole

app = cdk.App()
env = cdk.Environment(account=os.environ["CDK_DEFAULT_ACCOUNT"], region=os.environ["CDK_DEFAULT_REGION"])
producer, consumer = cdk.Stack(app, "Producer", env=env), cdk.Stack(app, "Consumer", env=env)
handler = ClientConnectHandler(
    producer,
    "Handler",
    function_name=app.node.get_context("functionName"),
    code=lambda_.Code.from_asset(str(Path(client_connect_attachment.__file__).parent)),
    runtime=lambda_.Runtime(app.node.get_context("runtime"), lambda_.RuntimeFamily.PYTHON),
    architecture=lambda_.Architecture.X86_64,
    provisioned_concurrency=ProvisionedConcurrency.none(),
    service_linked_role=ServiceLinkedRole.EXISTING,
)
ssm.StringParameter(
    consumer, "Endpoint", parameter_name="/endpoint/handler", string_value=handler.function_arn
)
app.synth()
