"""One key for everything, and what compliance packs ask of every function."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match, Template

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    EndpointAttachment,
    FunctionSettings,
    InvalidArgument,
)

from .conftest import NO_BUNDLING, template

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
# The CDK's own function of all AwsCustomResources of a stack: its role, log group and network are set, no more.
SHARED = "AWS679f53fac002430cb0da5b7982bd2287"


def define(key: kms.IKey | None, settings: FunctionSettings | None = None, **arguments: Any) -> cdk.Stack:
    """Define everything in the stack of a key."""
    stack = cdk.Stack.of(key) if key is not None else cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    handler = ClientConnectHandler(
        stack,
        "Handler",
        encryption_key=key,
        device_inventory=DeviceInventory(stack, "Inventory", encryption_key=key),
        connection_registry=ConnectionRegistry(stack, "Registry", encryption_key=key),
        **arguments,
    )
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT], function_settings=settings
    )
    ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[ENDPOINT],
        connection_log_group=None,
        reauthorizer=reauthorizer,
        function_settings=settings,
    )
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=ENDPOINT, function_settings=settings)
    return stack


def new_key() -> kms.Key:
    """Return a key in its own app."""
    return kms.Key(cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack"), "Key")


@pytest.fixture(scope="module")
def encrypted() -> Template:
    """Everything, with one key."""
    return template(define(new_key()))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("AWS::Logs::LogGroup", ("KmsKeyId",)),
        ("AWS::DynamoDB::Table", ("SSESpecification", "KMSMasterKeyId")),
        ("AWS::Lambda::Function", ("KmsKeyArn",)),
    ],
)
def test_one_key_encrypts_everything(encrypted: Template, kind: str, path: tuple[str, ...]) -> None:
    """Including the logs and variables of the re-authorizer, the forwarder, the attachment and the custom resources."""
    (key,) = encrypted.find_resources("AWS::KMS::Key")
    found = encrypted.find_resources(kind)
    assert len(found) >= 3
    for name, resource in found.items():
        value = resource["Properties"]
        if kind == "AWS::Lambda::Function" and name.startswith(SHARED):
            assert "Environment" not in value
            continue
        for part in path:
            value = value[part]
        assert value == {"Fn::GetAtt": [key, "Arn"]}, name


def test_cloudwatch_logs_may_use_the_key(encrypted: Template) -> None:
    """Once, and for the log groups of this account and Region only."""
    (key,) = encrypted.find_resources("AWS::KMS::Key").values()
    statements = [
        each
        for each in key["Properties"]["KeyPolicy"]["Statement"]
        if '"logs.' in json.dumps(each["Principal"])
    ]
    (statement,) = statements
    (condition,) = statement["Condition"].values()
    assert '":log-group:*"' in json.dumps(condition["kms:EncryptionContext:aws:logs:arn"])


def test_an_imported_key_is_not_allowed_here() -> None:
    """Its policy belongs to another team, so there is a warning."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-central-1:111111111111:key/1")
    ClientConnectHandler(stack, "Handler", encryption_key=key)
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("logs.*to use it"))


def test_every_function_takes_what_a_pack_asks_for() -> None:
    """A network, a queue for what failed, and reserved concurrency; nothing but the CDK's own function lacks one."""
    key = new_key()
    stack = cdk.Stack.of(key)
    vpc, queue = ec2.Vpc(stack, "Vpc", nat_gateways=1), sqs.Queue(stack, "Dead")
    settings = FunctionSettings(vpc=vpc, dead_letter_queue=queue, reserved_concurrent_executions=5)
    define(key, settings, vpc=vpc, dead_letter_queue=queue, reserved_concurrent_executions=5)
    functions = template(stack).find_resources("AWS::Lambda::Function")
    ours = {
        name: each["Properties"]
        for name, each in functions.items()
        if not name.startswith((SHARED, "CustomVpcRestrict", "Custom"))
    }
    assert len(ours) == 5
    for name, properties in ours.items():
        for wanted in ("VpcConfig", "DeadLetterConfig", "ReservedConcurrentExecutions"):
            assert wanted in properties, (name, wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"reserved_concurrent_executions": 0},
            "reserved_concurrent_executions=0 must be a whole number of 1",
        ),
        ({"reserved_concurrent_executions": True}, "reserved_concurrent_executions=True must be"),
        ({"dead_letter_queue": "dead"}, "dead_letter_queue='dead' must be an sqs.Queue"),
        ({"vpc": "vpc-1"}, "vpc='vpc-1' must be an ec2.Vpc"),
        ({"security_groups": []}, "need vpc"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    """Before they reach the CDK."""
    with pytest.raises(InvalidArgument, match=message):
        FunctionSettings(**arguments)


def test_settings_are_of_their_type() -> None:
    """A mapping would be misread."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    handler = ClientConnectHandler(stack, "Handler")
    wrong: Any = {"vpc": None}
    with pytest.raises(InvalidArgument, match=r"function_settings=.* must be FunctionSettings"):
        EndpointAttachment(stack, "A", handler=handler, endpoint_id=ENDPOINT, function_settings=wrong)
