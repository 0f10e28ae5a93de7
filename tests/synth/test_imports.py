"""Resources that another app deployed, as this one refers to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    EndpointAttachment,
    FunctionReference,
    GradualDeployment,
    IClientConnectHandler,
    IConnectionRegistry,
    IDeviceInventory,
    InvalidArgument,
    InvalidFunctionName,
    Policies,
    ProvisionedConcurrency,
)

from .conftest import CERTIFICATE, NO_BUNDLING, only, template

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = cdk.Environment(account="111111111111", region="eu-central-1")
ARN = "arn:aws:lambda:eu-central-1:111111111111:function:AWSClientVPN-sec:live"
TABLE_ARN = "arn:aws:dynamodb:eu-central-1:111111111111:table/connections"
ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"
ENDPOINT = "AWS::EC2::ClientVpnEndpoint"
POLICIES = Policies.from_string('@id("all") permit (principal, action, resource);')


@pytest.fixture
def stack() -> cdk.Stack:
    """The stack of another app."""
    return cdk.Stack(cdk.App(context=NO_BUNDLING), "Network", env=HERE)


def vpn(scope: cdk.Stack, handler: Any, id_: str = "Vpn") -> ec2.ClientVpnEndpoint:
    """Define an endpoint as the CDK does, which checks the name of the function where it is known."""
    vpc = ec2.Vpc(scope, f"{id_}Vpc", max_azs=1, restrict_default_security_group=False)
    return vpc.add_client_vpn_endpoint(
        id_,
        cidr="10.100.0.0/16",
        server_certificate_arn=CERTIFICATE,
        client_certificate_arn=CERTIFICATE,
        client_connection_handler=handler,
    )


def arn_given(stack: cdk.Stack) -> Any:
    """Return the ARN that the only endpoint of a stack is given."""
    properties = only(template(stack).find_resources(ENDPOINT))["Properties"]
    return properties["ClientConnectOptions"]["LambdaFunctionArn"]


def warned(stack: cdk.Stack, name: str) -> bool:
    """Whether there is a warning of this name."""
    return bool(Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp(name)))


def test_an_arn_is_enough_for_endpoints_and_attachments(stack: cdk.Stack) -> None:
    """They get it as it is, and nothing is doubtful about it."""
    handler: IClientConnectHandler = ClientConnectHandler.from_function_arn(stack, "Handler", ARN)
    vpn(stack, handler)
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=ENDPOINT_ID)
    assert arn_given(stack) == ARN
    template(stack).has_resource_properties("Custom::ClientConnectAttachment", {"HandlerArn": ARN})
    assert handler.function_name == "AWSClientVPN-sec"
    assert handler.function_reference is FunctionReference.ALIAS
    assert not warned(stack, "cdk-client-connect")
    (metric,) = [handler.metric("Duration")]
    assert metric.dimensions == {"FunctionName": "AWSClientVPN-sec", "Resource": "AWSClientVPN-sec:live"}


@pytest.mark.parametrize(
    "unknown",
    [
        lambda scope: cdk.CfnParameter(scope, "Arn").value_as_string,
        lambda scope: ssm.StringParameter.value_for_string_parameter(scope, "/vpn/handler"),
        lambda scope: ssm.StringParameter.value_from_lookup(scope, "/vpn/handler"),
    ],
    ids=["parameter", "SSM parameter", "looked up"],
)
def test_an_arn_that_is_known_later(stack: cdk.Stack, unknown: Callable[[cdk.Stack], str]) -> None:
    """A token, or the placeholder of a look-up, passes all checks."""
    arn = unknown(stack)
    handler = ClientConnectHandler.from_function_arn(stack, "Handler", arn)
    vpn(stack, handler)
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=ENDPOINT_ID)
    assert arn_given(stack) == stack.resolve(arn)
    assert not warned(stack, "cdk-client-connect")


@pytest.mark.parametrize(
    ("arn", "kind", "problem"),
    [
        (ARN.replace("AWSClientVPN-", "corp-"), InvalidFunctionName, 'must begin with "AWSClientVPN-"'),
        (
            ARN.replace("eu-central-1", "us-east-1"),
            InvalidArgument,
            "is of region us-east-1, but.*eu-central-1",
        ),
        (ARN.replace("1" * 12, "2" * 12), InvalidArgument, "is of account 222222222222"),
        ("AWSClientVPN-sec", InvalidArgument, "must be the ARN of a function, with its alias"),
        (f"{ARN}:1", InvalidArgument, "must be the ARN of a function"),
        ("", InvalidArgument, "must be the ARN of a function"),
        (None, InvalidArgument, "must be the ARN of a function"),
    ],
)
def test_fails_for_an_arn_that_endpoints_could_not_use(
    stack: cdk.Stack, arn: Any, kind: type[Exception], problem: str
) -> None:
    """Client VPN would deny every connection."""
    with pytest.raises(kind, match=problem):
        ClientConnectHandler.from_function_arn(stack, "Handler", arn)
    assert stack.node.try_find_child("Handler") is None


@pytest.mark.parametrize(
    ("qualifier", "warning"),
    [
        (":live", ""),
        (":prod", ""),
        ("", "unqualifiedArn"),
        (":$LATEST", "unqualifiedArn"),
        (":7", "pinnedVersion"),
    ],
)
def test_warns_of_an_arn_that_bypasses_the_alias(stack: cdk.Stack, qualifier: str, warning: str) -> None:
    """Provisioned concurrency, gradual shifting and alarms are about the alias."""
    arn = ARN.removesuffix(":live") + qualifier
    ClientConnectHandler.from_function_arn(stack, "Handler", arn)
    assert warned(stack, "unqualifiedArn") is (warning == "unqualifiedArn")
    assert warned(stack, "pinnedVersion") is (warning == "pinnedVersion")


@pytest.mark.parametrize(
    "concurrency", [None, ProvisionedConcurrency.fixed(1), ProvisionedConcurrency.none()]
)
def test_an_unqualified_arn_is_fine_without_provisioned_concurrency(
    stack: cdk.Stack, concurrency: ProvisionedConcurrency | None
) -> None:
    """Unless that is not known."""
    ClientConnectHandler.from_attributes(
        stack,
        "Handler",
        function_arn=ARN.removesuffix(":live"),
        provisioned_concurrency=concurrency,
    )
    assert warned(stack, "unqualifiedArn") is (concurrency != ProvisionedConcurrency.none())


def test_fails_when_the_endpoint_is_elsewhere() -> None:
    """An endpoint of another Region never reaches an imported handler either."""
    app = cdk.App(context=NO_BUNDLING)
    here = cdk.Stack(app, "Here", env=HERE)
    there = cdk.Stack(app, "There", env=cdk.Environment(account=HERE.account, region="us-east-1"))
    handler = ClientConnectHandler.from_function_arn(here, "Handler", ARN)
    vpn(there, handler)
    with pytest.raises(
        RuntimeError, match="endpoint There/VpnVpc/Vpn/Resource is in aws://111111111111/us-east-1"
    ):
        app.synth()


def imported(stack: cdk.Stack, id_: str = "Handler", **arguments: Any) -> IClientConnectHandler:
    """Import a handler with all that is known of it."""
    given = {
        "function_arn": ARN,
        "log_group": logs.LogGroup.from_log_group_name(stack, "Decisions", "vpn-decisions"),
        "timeout": cdk.Duration.seconds(5),
        "provisioned_concurrency": ProvisionedConcurrency.fixed(3),
        "policies": POLICIES,
        "device_inventory": DeviceInventory.from_attributes(
            stack,
            "Inventory",
            devices_table_arn=TABLE_ARN.replace("connections", "devices"),
            waivers_table_arn=TABLE_ARN.replace("connections", "waivers"),
        ),
        "connection_registry": ConnectionRegistry.from_attributes(stack, "Registry", table_arn=TABLE_ARN),
        **arguments,
    }
    return ClientConnectHandler.from_attributes(stack, id_, **given)


def test_all_that_watches_an_imported_handler(stack: cdk.Stack) -> None:
    """With what is known of it, it has the same alarms and variables as in its own app."""
    handler = imported(stack, time_zone="Asia/Seoul")
    endpoint = vpn(stack, handler)
    reauthorizer = ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[endpoint])
    monitoring = ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[endpoint],
        connection_log_group=None,
        reauthorizer=reauthorizer,
    )
    synthesized = template(stack)
    assert {
        "HandlerLatency",
        "Spillover",
        "InventoryErrors",
        "RegistryErrors",
        "Undecided",
    } <= monitoring.alarms.keys()
    synthesized.has_resource_properties(
        "AWS::CloudWatch::Alarm", {"MetricName": "Duration", "Threshold": 4000}
    )
    synthesized.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Environment": {
                "Variables": {
                    "CLIENT_CONNECT_TIME_ZONE": "Asia/Seoul",
                    "CLIENT_CONNECT_DEVICES_TABLE": "devices",
                    "CLIENT_CONNECT_CONNECTIONS_TABLE": "connections",
                    "CLIENT_CONNECT_HANDLER_VERSION": Match.string_like_regexp("^[0-9a-f]{64}$"),
                }
            }
        },
    )
    synthesized.has_resource_properties("AWS::Logs::SubscriptionFilter", {"LogGroupName": "vpn-decisions"})
    assert '"AWSClientVPN-sec"' in json.dumps(synthesized.find_resources("AWS::CloudWatch::Alarm"))
    assert json.dumps(synthesized.find_resources("AWS::IAM::Policy")).count(TABLE_ARN) >= 1


def test_a_monitoring_leaves_out_what_is_not_known(stack: cdk.Stack) -> None:
    """Such as the alarm on a time-out without a known value."""
    log_group = logs.LogGroup.from_log_group_name(stack, "Decisions", "vpn-decisions")
    handler = ClientConnectHandler.from_attributes(stack, "Handler", function_arn=ARN, log_group=log_group)
    monitoring = ConnectionMonitoring(
        stack, "Monitoring", handler=handler, endpoints=[], connection_log_group=None
    )
    template(stack)
    assert not {"HandlerLatency", "Spillover", "InventoryErrors"} & monitoring.alarms.keys()
    assert {"HandlerErrors", "DecisionErrors"} <= monitoring.alarms.keys()


def test_fails_when_too_little_is_known(stack: cdk.Stack) -> None:
    """The message names the attribute."""
    handler = ClientConnectHandler.from_function_arn(stack, "Handler", ARN)
    with pytest.raises(
        InvalidArgument, match=r"imported without its log group.*from_attributes\(\.\.\., log_group="
    ):
        ConnectionMonitoring(stack, "Monitoring", handler=handler, endpoints=[], connection_log_group=None)
    with pytest.raises(InvalidArgument, match=r"without its policies.*from_attributes\(\.\.\., policies="):
        ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])
    without = imported(stack, "Without", connection_registry=None, device_inventory=None)
    with pytest.raises(InvalidArgument, match="no connection_registry"):
        ConnectionReauthorizer(stack, "Reauthorizer", handler=without, endpoints=[ENDPOINT_ID])
    with pytest.raises(InvalidArgument, match="of this app; the app of an imported one deploys it"):
        GradualDeployment(stack, "Rollout", handler=handler)  # type: ignore[arg-type]


def test_fails_for_a_function_of_the_cdk(stack: cdk.Stack) -> None:
    """The message says how to import a handler."""
    function: Any = lambda_.Function.from_function_arn(stack, "Function", ARN)
    with pytest.raises(InvalidArgument, match=r"imported by ClientConnectHandler\.from_function_arn"):
        EndpointAttachment(stack, "Attachment", handler=function, endpoint_id=ENDPOINT_ID)


OTHERS = Policies.from_string('@id("other") permit (principal, action, resource);')


@pytest.mark.parametrize("changed", [{"time_zone": "Asia/Seoul"}, {"policies": OTHERS}])
def test_the_version_of_an_imported_handler_changes_with_what_is_given(changed: dict[str, Any]) -> None:
    """So a re-authorizer is run again."""
    found = []
    for each in ({}, changed):
        there = cdk.Stack(cdk.App(context=NO_BUNDLING), "Network", env=HERE)
        reauthorizer = ConnectionReauthorizer(
            there, "Reauthorizer", handler=imported(there, **each), endpoints=[ENDPOINT_ID]
        )
        (variables,) = (
            resource["Properties"]["Environment"]["Variables"]
            for resource in template(there).find_resources("AWS::Lambda::Function").values()
            if "reauthorizer" in resource["Properties"]["Handler"]
        )
        found.append(variables["CLIENT_CONNECT_HANDLER_VERSION"])
        assert reauthorizer.handler.function_name == "AWSClientVPN-sec"
    assert found[0] != found[1]


def test_an_imported_handler_may_be_invoked(stack: cdk.Stack) -> None:
    """By what endpoints are given, and nothing else of it."""
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    ClientConnectHandler.from_function_arn(stack, "Handler", ARN).grant_invoke(role)
    statement = only(template(stack).find_resources("AWS::IAM::Policy"))["Properties"]["PolicyDocument"]
    assert statement["Statement"] == [{"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": ARN}]


def test_imported_tables_serve_a_handler(stack: cdk.Stack) -> None:
    """With the permissions that tables of this app get, and those on their keys."""
    key = kms.Key(stack, "Key")
    inventory: IDeviceInventory = DeviceInventory.from_attributes(
        stack,
        "Inventory",
        devices_table_arn=ssm.StringParameter.value_for_string_parameter(stack, "/vpn/devices"),
        waivers_table_arn=ssm.StringParameter.value_from_lookup(stack, "/vpn/waivers"),
        devices_encryption_key=key,
        longest_waiver=cdk.Duration.days(7),
    )
    registry: IConnectionRegistry = ConnectionRegistry.from_attributes(stack, "Registry", table_arn=TABLE_ARN)
    handler = ClientConnectHandler(
        stack, "Handler", device_inventory=inventory, connection_registry=registry, policies=POLICIES
    )
    ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])
    granted = json.dumps(template(stack).find_resources("AWS::IAM::Policy"))
    assert TABLE_ARN in granted
    assert "kms:Decrypt" in granted
    template(stack).resource_count_is("AWS::DynamoDB::Table", 0)


@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        ("connections", 'table_arn=.* must be the ARN of a table, such as "arn:aws:dynamodb:'),
        (None, "table_arn=None must be the ARN of a table"),
        (TABLE_ARN.replace("eu-central-1", "us-east-1"), "in its own account and Region; give one there"),
    ],
)
def test_fails_for_a_table_that_cannot_be_used(stack: cdk.Stack, arn: Any, problem: str) -> None:
    """The handler looks in its own account and Region."""
    with pytest.raises(InvalidArgument, match=problem):
        ConnectionRegistry.from_attributes(stack, "Registry", table_arn=arn)


def test_a_table_of_the_teams_own_may_be_the_registry(stack: cdk.Stack) -> None:
    """If it has the key and the index."""
    key = dynamodb.Attribute(name="connectionId", type=dynamodb.AttributeType.STRING)
    table = dynamodb.Table(stack, "Table", partition_key=key)
    with pytest.raises(InvalidArgument, match='table Network/Table has no index "byPrincipal"'):
        ConnectionRegistry(stack, "Registry", table=table)
    table.add_global_secondary_index(
        index_name="byPrincipal",
        partition_key=dynamodb.Attribute(name="principal", type=dynamodb.AttributeType.STRING),
    )
    assert ConnectionRegistry(stack, "Registry", table=table).table is table
    wrong = dynamodb.Table(
        stack, "Wrong", partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
    )
    with pytest.raises(InvalidArgument, match='its key must be "connectionId"'):
        ConnectionRegistry(stack, "Other", table=wrong)
    with pytest.raises(InvalidArgument, match="encryption_key is for a new table"):
        ConnectionRegistry(stack, "Other", table=table, encryption_key=kms.Key(stack, "Key"))


def test_fails_when_two_handlers_use_the_same_imported_table(stack: cdk.Stack) -> None:
    """However often it is imported."""
    one, two = (ConnectionRegistry.from_attributes(stack, id_, table_arn=TABLE_ARN) for id_ in ("One", "Two"))
    ClientConnectHandler(stack, "Handler", connection_registry=one)
    with pytest.raises(InvalidArgument, match="is that of handler Network/Handler"):
        ClientConnectHandler(stack, "Other", connection_registry=two)


def test_the_arn_is_published(stack: cdk.Stack) -> None:
    """In a parameter that has the ARN of the alias, not that of the function."""
    handler = ClientConnectHandler(stack, "Handler")
    parameter = handler.publish_arn("/vpn/handler-arn")
    assert isinstance(parameter, ssm.StringParameter)
    (alias,) = template(stack).find_resources("AWS::Lambda::Alias")
    template(stack).has_resource_properties(
        "AWS::SSM::Parameter", {"Name": "/vpn/handler-arn", "Type": "String", "Value": {"Ref": alias}}
    )
    for name, problem in (("/vpn/again", "given once"), ("", "must be a name"), (None, "must be a string")):
        with pytest.raises(InvalidArgument, match=problem):
            handler.publish_arn(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["function", "name", "text", "handler"])
@pytest.mark.parametrize("place", ["same", "other"])
def test_warns_when_an_endpoint_is_given_the_function(how: str, place: str, tmp_path: Path) -> None:
    """By reference or by its name: it would invoke ``$LATEST``."""
    app = cdk.App(context=NO_BUNDLING, outdir=str(tmp_path))
    stack = cdk.Stack(app, "Stack", env=HERE)
    there = stack if place == "same" else cdk.Stack(app, "There", env=HERE)
    handler = ClientConnectHandler(stack, "Handler", function_name="AWSClientVPN-vpn")
    ClientConnectHandler(stack, "Other", function_name="AWSClientVPN-vpn-2")
    arn = ARN.replace("AWSClientVPN-sec:live", "AWSClientVPN-vpn")
    given = {
        "function": lambda: handler.function,
        "name": lambda: lambda_.Function.from_function_name(there, "Imported", handler.function_name),
        "text": lambda: lambda_.Function.from_function_arn(there, "Imported", arn),
        "handler": lambda: handler,
    }
    vpn(there, given[how]())
    app.synth()
    report = tmp_path / "validation-report.json"
    reported = report.read_text("utf-8") if report.exists() else ""
    assert ("is given another ARN of client connect handler Stack/Handler" in reported) is (how != "handler")
    assert "another ARN of client connect handler Stack/Other" not in reported


@pytest.mark.parametrize("known", [True, False])
def test_each_stack_may_import_the_same_handler(*, known: bool) -> None:
    """Its endpoints are those of the re-authorizer of another stack, and it has one monitoring."""
    app = cdk.App(context=NO_BUNDLING)
    stacks = [cdk.Stack(app, name, env=HERE) for name in ("Network", "Operations")]
    arns = [
        ARN if known else ssm.StringParameter.value_for_string_parameter(stack, "/vpn/handler")
        for stack in stacks
    ]
    endpoint = vpn(stacks[0], ClientConnectHandler.from_function_arn(stacks[0], "Handler", arns[0]))
    handler = imported(stacks[1], function_arn=arns[1])
    ConnectionReauthorizer(stacks[1], "Reauthorizer", handler=handler, endpoints=[endpoint])
    ConnectionMonitoring(
        stacks[1], "Monitoring", handler=handler, endpoints=[endpoint], connection_log_group=None
    )
    app.synth()
    if known:
        again = ClientConnectHandler.from_attributes(
            stacks[0], "Again", function_arn=ARN, log_group=handler.log_group
        )
        with pytest.raises(InvalidArgument, match="has the monitoring Operations/Monitoring already"):
            ConnectionMonitoring(
                stacks[0], "Monitoring", handler=again, endpoints=[], connection_log_group=None
            )


def test_fails_for_an_endpoint_of_another_imported_handler() -> None:
    """The policies of the wrong handler would decide its connections."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Network", env=HERE)
    other = ClientConnectHandler.from_function_arn(stack, "Other", ARN.replace("-sec", "-partners"))
    ConnectionReauthorizer(stack, "Reauthorizer", handler=imported(stack), endpoints=[vpn(stack, other)])
    with pytest.raises(RuntimeError, match=r"validation-report\.json"):
        app.synth()
    report = (Path(app.outdir) / "validation-report.json").read_text("utf-8")
    assert "foreignEndpoint" in report


def test_an_override_that_takes_an_imported_handler_away_is_an_error() -> None:
    """As for a handler of this app."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Network", env=HERE)
    endpoint = vpn(stack, ClientConnectHandler.from_function_arn(stack, "Handler", ARN))
    resource = endpoint.node.default_child
    assert isinstance(resource, ec2.CfnClientVpnEndpoint)
    resource.add_property_override("ClientConnectOptions.Enabled", "false")
    with pytest.raises(RuntimeError, match=r"validation-report\.json"):
        app.synth()
    assert "changedEndpoint" in (Path(app.outdir) / "validation-report.json").read_text("utf-8")
