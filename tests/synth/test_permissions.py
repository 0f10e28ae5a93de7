"""Each function may do what docs/security.md says, and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

import cdk_client_connect
from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    DeviceSync,
    EndpointAttachment,
    EndpointAuthorizationPolicy,
    FunctionSettings,
    GradualDeployment,
    Intune,
    Notifications,
    Policies,
    Rules,
)

from .conftest import NO_BUNDLING, ROOT, endpoint, template

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"
PERMIT = Policies.from_string('@id("all") permit (principal, action, resource);')
ARN = "arn:AWS::Partition:{}:AWS::Region:AWS::AccountId:{}"

# The table's names of the functions and other principals, by the path of the role's scope.
FUNCTIONS = {
    "Stack/Handler": "the handler",
    "Stack/Handler/PreviousVersions": "the removal of versions",
    "Stack/ClientVpnConnectionsRole": "the creation of the service-linked role",
    "Stack/Attachment/0123456789abcdef0": "an attachment",
    "Stack/Monitoring/Notifications": "the forwarder of denials",
    "Stack/Deployment": "a gradual deployment",
    "Stack/Reauthorizer": "the re-authorizer",
    "Stack/Sync": "a device sync",
}
# The table's names of the resources, by the path or the ARN.
RESOURCES = {
    "Stack/Handler/Function": "the handler",
    "Stack/Handler/Function:live": "the handler's alias",
    "Stack/Handler/Function:*": "the handler's versions",
    "Stack/Handler/PreviousVersions/Function": "the removal of versions",
    "Stack/Reauthorizer/Function": "the re-authorizer",
    "Stack/Reauthorizer/Function:*": "the re-authorizer's versions",
    "Stack/Reauthorizer/Alias": "the re-authorizer's alias",
    "Stack/Reauthorizer/Schedule": "the re-authorizer's rule",
    "Stack/Inventory/Devices": "the devices table",
    "Stack/Inventory/Waivers": "the waivers table",
    "Stack/Registry/Connections": "the connections table",
    "Stack/Registry/Connections/index/byPrincipal": "the index `byPrincipal` of the connections table",
    "Stack/TablesKey": "the tables' key",
    "Stack/Credentials": "its secret",
    "Stack/SecretsKey": "the secret's key",
    ARN.format("events", "event-bus/default"): "the bus",
    "Stack/Topic": "the topic",
    "Stack/TopicKey": "the topic's key",
    "Stack/Queue": "the queue",
    ARN.format("ec2", f"client-vpn-endpoint/{ENDPOINT_ID}"): "that endpoint",
    ARN.format("ec2", "client-vpn-endpoint/*"): "all endpoints of the account and Region",
    "arn:AWS::Partition:iam::AWS::AccountId:role/aws-service-role/clientvpn-connections.amazonaws.com/"
    "AWSServiceRoleForClientVPNConnections": "the role `AWSServiceRoleForClientVPNConnections`",
    "AWS::StackId": "its stack",
    "*": "`*`",
}
Permission = tuple[str, str, str]


def everything(stack: cdk.Stack) -> None:
    """Define each construct, with all that asks for a permission."""
    key = kms.Key(stack, "TablesKey")
    settings = FunctionSettings(vpc=ec2.Vpc(stack, "Vpc"), dead_letter_queue=sqs.Queue(stack, "Queue"))
    handler = ClientConnectHandler(
        stack,
        "Handler",
        policies=Policies.from_rules(Rules(connections_per_user=1, registered_devices=True)),
        device_inventory=DeviceInventory(stack, "Inventory", encryption_key=key),
        connection_registry=ConnectionRegistry(stack, "Registry", encryption_key=key),
        encryption_key=kms.Key(stack, "EnvironmentKey"),
        tracing=lambda_.Tracing.ACTIVE,
        vpc=settings.vpc,
        dead_letter_queue=settings.dead_letter_queue,
    )
    EndpointAttachment(
        stack, "Attachment", handler=handler, endpoint_id=ENDPOINT_ID, function_settings=settings
    )
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID], function_settings=settings
    )
    secret = secretsmanager.Secret(stack, "Credentials", encryption_key=kms.Key(stack, "SecretsKey"))
    DeviceSync(
        stack,
        "Sync",
        inventory=handler.device_inventory or DeviceInventory(stack, "None"),
        source=Intune(tenant="contoso.onmicrosoft.com", secret=secret),
        reauthorizer=reauthorizer,
        function_settings=settings,
    )
    topic = sns.Topic(stack, "Topic", master_key=kms.Key(stack, "TopicKey"))
    monitoring = monitor(stack, handler, Notifications.sns(topic), settings)
    GradualDeployment(stack, "Deployment", handler=handler, monitoring=monitoring)
    native = endpoint(stack, handler)
    native.client_connect_options = None  # it asks no handler, so nothing re-authorizes it
    EndpointAuthorizationPolicy(
        stack,
        "Policy",
        endpoint=native,
        policies=Policies.from_string("permit (principal, action, resource);"),
    )


def on_a_bus(stack: cdk.Stack) -> None:
    """Define a monitoring that announces denials on a bus."""
    monitor(stack, ClientConnectHandler(stack, "Handler", policies=PERMIT), Notifications.event_bridge())


def monitor(
    stack: cdk.Stack,
    handler: ClientConnectHandler,
    notifications: Notifications,
    settings: FunctionSettings | None = None,
) -> ConnectionMonitoring:
    """Define a monitoring."""
    return ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[ENDPOINT_ID],
        connection_log_group=None,
        notifications=notifications,
        function_settings=settings,
    )


@pytest.fixture(scope="module")
def stacks() -> list[cdk.Stack]:
    """Return the stacks, with everything in them."""
    stacks = []
    for define in (everything, on_a_bus):
        context = {**NO_BUNDLING, "aws:cdk:enable-path-metadata": True}
        stacks.append(cdk.Stack(cdk.App(context=context), "Stack"))
        define(stacks[-1])
    return stacks


@pytest.fixture(scope="module")
def templates(stacks: list[cdk.Stack]) -> list[dict[str, Any]]:
    """Return the resources of each stack."""
    return [template(stack).to_json()["Resources"] for stack in stacks]


def documented() -> list[Permission]:
    """Return the rows of the table, one action and one resource each."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    (section,) = re.findall(r"^## Permissions\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| (?!function|---)(.+?) \| (.+?) \| (.+?) \| .+? \|$", section, re.MULTILINE)
    return [
        (function, action, resource)
        for function, actions, resources in rows
        for action in re.findall(r"`(.+?)`", actions)
        for resource in resources.split(", ")
    ]


def permissions(resources: dict[str, Any]) -> Iterator[Permission]:
    """Yield what the roles of a template may do."""
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            function = function_of(logical_id, resources)
            for policy in properties.get("ManagedPolicyArns", ()):
                yield function, text_of(policy, resources).rpartition("/")[2], "`*`"
            for policy in properties.get("Policies", ()):
                yield from allowed(policy, function, resources)
        if resource["Type"] == "AWS::IAM::Policy":
            assert not {"Users", "Groups"} & properties.keys()
            for role in properties["Roles"]:
                yield from allowed(properties, function_of(role["Ref"], resources), resources)


def allowed(policy: dict[str, Any], function: str, resources: dict[str, Any]) -> Iterator[Permission]:
    """Yield what a policy allows a function."""
    for statement in policy["PolicyDocument"]["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        for action in listed(statement["Action"]):
            for on in listed(statement["Resource"]):
                yield function, action, name_of(text_of(on, resources), function)


def function_of(role: str, resources: dict[str, Any]) -> str:
    """Return what the table calls the function of a role."""
    return FUNCTIONS[path_of(role, resources).removesuffix("/Role")]


def name_of(resource: str, function: str) -> str:
    """Return what the table calls a resource that a function may use."""
    scope, _, last = resource.rpartition("/")
    if scope == "Stack/Monitoring":
        return "its alarms"
    return "its log group" if last == "LogGroup" and FUNCTIONS.get(scope) == function else RESOURCES[resource]


def path_of(logical_id: str, resources: dict[str, Any]) -> str:
    """Return the path of the construct that a resource is of."""
    path: str = resources[logical_id]["Metadata"]["aws:cdk:path"]
    return path.removesuffix("/Resource")


def text_of(value: Any, resources: dict[str, Any]) -> str:
    """Return a value of a template as text, with paths in place of logical ids."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), [*parts]]}:
            return separator.join(text_of(part, resources) for part in parts)
        case {"Fn::GetAtt": [logical_id, "Arn"]}:
            return path_of(logical_id, resources)
        case {"Ref": str(name)}:
            return path_of(name, resources) if name in resources else name
    raise AssertionError(value)


def listed(value: Any) -> list[Any]:
    """Return a list, of what may be a single one."""
    return value if isinstance(value, list) else [value]


def test_everything_is_synthesized(stacks: list[cdk.Stack]) -> None:
    """A construct that is added to the library must be added here, with its permissions in the table."""
    public = (getattr(cdk_client_connect, name) for name in cdk_client_connect.__all__)
    constructs = {each for each in public if isinstance(each, type) and issubclass(each, Construct)}
    assert constructs <= {type(node) for stack in stacks for node in stack.node.find_all()}


def test_the_permissions_are_those_in_the_table(templates: list[dict[str, Any]]) -> None:
    """Each action on each resource is listed once, and none is listed that is not there."""
    rows = documented()
    assert len(rows) == len(set(rows))
    assert {each for resources in templates for each in permissions(resources)} == set(rows)


def test_no_code_manages_network_interfaces(templates: list[dict[str, Any]]) -> None:
    """Lambda's permissions in a VPC are denied to requests of the function itself, and nothing else is denied."""
    statements = [
        statement
        for each in templates[0].values()
        if each["Type"] == "AWS::IAM::Policy"
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
    ]
    allowed_to_lambda = [
        each for each in statements if "ec2:CreateNetworkInterface" in listed(each["Action"])
    ]
    denied = [each for each in allowed_to_lambda if each["Effect"] == "Deny"]
    assert len(allowed_to_lambda) == 2 * len(denied) == 12
    assert [each for each in statements if each["Effect"] != "Allow"] == denied
    for each in denied:
        assert each["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}
        assert {**each, "Effect": "Allow"} == {**allowed_to_lambda[0], "Condition": each["Condition"]}


def test_no_function_may_write_to_the_logs_of_others(templates: list[dict[str, Any]]) -> None:
    """As AWS's managed policies for functions would allow."""
    on = {
        resource
        for resources in templates
        for _, action, resource in permissions(resources)
        if not action.partition(":")[2] or action.startswith("logs:")
    }
    assert on == {"its log group"}


def test_every_function_has_a_role_of_its_own(templates: list[dict[str, Any]]) -> None:
    """The table is about roles; no function shares one, and only Lambda assumes it."""
    for resources in templates:
        functions = [
            each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::Function"
        ]
        roles = [function["Role"]["Fn::GetAtt"][0] for function in functions]
        assert len(roles) == len(set(roles))
        assert {function_of(role, resources) for role in roles} <= set(FUNCTIONS.values())
        for role in roles:
            trust = json.dumps(resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"])
            assert re.findall(r'"Principal": (\{.*?\})', trust) == ['{"Service": "lambda.amazonaws.com"}']


def test_who_may_invoke(templates: list[dict[str, Any]]) -> None:
    """Functions' own policies permit CloudWatch Logs, on the handler's log group, and schedules."""
    found = {
        (
            each["Properties"]["Principal"],
            text_of(each["Properties"]["FunctionName"], resources),
            text_of(each["Properties"]["SourceArn"], resources),
        )
        for resources in templates
        for each in resources.values()
        if each["Type"] == "AWS::Lambda::Permission"
    }
    assert found == {
        ("logs.amazonaws.com", "Stack/Monitoring/Notifications/Function", "Stack/Handler/LogGroup"),
        (
            "events.amazonaws.com",
            "Stack/Handler/PreviousVersions/Function",
            "Stack/Handler/PreviousVersions/Schedule",
        ),
        ("events.amazonaws.com", "Stack/Reauthorizer/Alias", "Stack/Reauthorizer/Schedule"),
        ("events.amazonaws.com", "Stack/Sync/Function", "Stack/Sync/Schedule"),
    }


def test_the_service_linked_role_is_the_only_one_that_can_be_created(templates: list[dict[str, Any]]) -> None:
    """A condition names the one service."""
    statements = [
        statement
        for resources in templates
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy"
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
        if "iam:" in str(statement["Action"])
    ]
    assert len(statements) == len(templates)
    for statement in statements:
        assert statement["Condition"] == {
            "StringEquals": {"iam:AWSServiceName": "clientvpn-connections.amazonaws.com"}
        }
