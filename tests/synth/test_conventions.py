"""The CDK's conventions: grants, connections, metrics, tokens, injectors and arguments of CDK types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Match, Template

from cdk_client_connect import (
    AlarmSettings,
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    EndpointAttachment,
    FunctionSettings,
    InvalidArgument,
    InvalidConcurrency,
    InvalidTimeZone,
    Notifications,
    ProvisionedConcurrency,
)

from .conftest import NO_BUNDLING, only, template

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"
FUNCTION = "AWS::Lambda::Function"
VERSION = lambda_.Runtime.PYTHON_3_14


def pair(stack: cdk.Stack, **arguments: Any) -> tuple[ClientConnectHandler, ConnectionReauthorizer]:
    """Define a handler and its re-authorizer."""
    handler = ClientConnectHandler(
        stack, "Handler", connection_registry=ConnectionRegistry(stack, "Registry"), **arguments
    )
    return handler, ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])


def properties(stack: cdk.Stack, entry: str) -> dict[str, Any]:
    """Return the properties of the function with this entry point."""
    functions = template(stack).find_resources(FUNCTION, {"Properties": {"Handler": entry}})
    found: dict[str, Any] = only(functions)["Properties"]
    return found


HANDLER, REAUTHORIZER = "client_connect.handler.handler", "client_connect.reauthorizer.handler.handler"


def test_grants_take_handler_and_re_authorizer(stack: cdk.Stack) -> None:
    """As they take a function of the CDK."""
    table = dynamodb.Table(
        stack, "Risk", partition_key=dynamodb.Attribute(name="user", type=dynamodb.AttributeType.STRING)
    )
    for each in pair(stack):
        table.grant_read_data(each)
        each.add_to_role_policy(iam.PolicyStatement(actions=["risk:Query"], resources=["arn:aws:risk:::x"]))
    policies = template(stack).find_resources("AWS::IAM::Policy")
    granted = [name for name, each in policies.items() if "dynamodb:Scan" in json.dumps(each)]
    allowed = [name for name, each in policies.items() if "risk:Query" in json.dumps(each)]
    assert [name[:-8] for name in granted] == ["HandlerRoleDefaultPolicy", "ReauthorizerRoleDefaultPolicy"]
    assert allowed == granted


def test_connections_in_a_vpc(stack: cdk.Stack) -> None:
    """Both may be given to rules of security groups; without a VPC they have none."""
    vpc = ec2.Vpc(stack, "Vpc")
    database = ec2.SecurityGroup(stack, "Database", vpc=vpc)
    for each in pair(stack, vpc=vpc):
        database.connections.allow_from(each, ec2.Port.POSTGRES)
    assert template(stack).find_resources("AWS::EC2::SecurityGroupIngress")


def test_fails_to_connect_without_a_vpc(stack: cdk.Stack) -> None:
    """The message says what to give."""
    for each in pair(stack):
        with pytest.raises(InvalidArgument, match="runs in no VPC, so it has no security groups; give"):
            _ = each.connections


def test_variables_that_are_added_reach_both(stack: cdk.Stack) -> None:
    """The module of extra facts runs in both functions, and a new variable is a new version."""
    handler, _ = pair(stack)
    handler.add_environment("RISK_URL", "https://risk.example.com")
    for entry in (HANDLER, REAUTHORIZER):
        assert properties(stack, entry)["Environment"]["Variables"]["RISK_URL"] == "https://risk.example.com"
    for name, value in (
        ("CLIENT_CONNECT_TIME_ZONE", "UTC"),
        ("AWS_REGION", "x"),
        ("X_Y", 1),
        ("LONG", "x" * 5000),
    ):
        with pytest.raises(InvalidArgument, match=r"environment (has|and)"):
            handler.add_environment(name, value)  # type: ignore[arg-type]


def test_default_children_are_what_overrides_are_for(stack: cdk.Stack) -> None:
    """The function of each, and the table of a registry."""
    handler, reauthorizer = pair(stack)
    registry = handler.connection_registry
    assert registry is not None
    assert isinstance(handler.node.default_child, lambda_.CfnFunction)
    assert isinstance(reauthorizer.node.default_child, lambda_.CfnFunction)
    assert isinstance(registry.node.default_child, dynamodb.CfnTable)


@pytest.mark.parametrize("policy", [cdk.RemovalPolicy.RETAIN, cdk.RemovalPolicy.DESTROY])
def test_a_removal_policy_applies_to_all_that_a_construct_defines(
    stack: cdk.Stack, policy: cdk.RemovalPolicy
) -> None:
    """Of all that a construct defines."""
    inventory = DeviceInventory(stack, "Inventory")
    handler, reauthorizer = pair(stack, device_inventory=inventory)
    registry = handler.connection_registry
    assert isinstance(registry, ConnectionRegistry)
    for each in (handler, reauthorizer, inventory, registry):
        each.apply_removal_policy(policy)
    wanted = "Retain" if policy is cdk.RemovalPolicy.RETAIN else "Delete"
    found = {
        name: each.get("DeletionPolicy")
        for name, each in template(stack).to_json()["Resources"].items()
        if name.startswith(("Handler", "Reauthorizer", "Inventory", "Registry"))
    }
    assert len(found) > 10
    assert set(found.values()) == {wanted}


def test_the_arn_can_be_exported(stack: cdk.Stack) -> None:
    """By the CDK's own means."""
    imported = stack.export_value(ClientConnectHandler(stack, "Handler").function_arn)
    (alias,) = template(stack).find_resources("AWS::Lambda::Alias")
    (output,) = template(stack).find_outputs("*").values()
    assert output["Value"] == {"Ref": alias}
    assert stack.resolve(imported) == {"Fn::ImportValue": output["Export"]["Name"]}


def test_metrics_take_the_options_of_the_cdk(stack: cdk.Stack) -> None:
    """Every method, and what each means by default."""
    handler, reauthorizer = pair(stack)
    options: Any = {
        "account": "222222222222",
        "color": "#ff0000",
        "label": "mine",
        "period": cdk.Duration.minutes(1),
        "region": "us-east-1",
        "statistic": "p50",
        "unit": cloudwatch.Unit.COUNT,
    }
    methods = [
        getattr(each, name)
        for each in (handler, reauthorizer)
        for name in dir(each)
        if name.startswith("metric_")
    ]
    assert len(methods) == 18
    for method in methods:
        metric = method(**options)
        found = (metric.account, metric.color, metric.label, metric.region, metric.statistic, metric.unit)
        assert found == ("222222222222", "#ff0000", "mine", "us-east-1", "p50", cloudwatch.Unit.COUNT)
        assert method(statistic=None, label=None).label is None
    assert (handler.metric_errors().namespace, handler.metric_errors().metric_name) == (
        "AWS/Lambda",
        "Errors",
    )
    assert handler.metric_errors().statistic == "Sum"
    assert handler.metric_decision_errors().namespace == "ClientConnect"


def test_arguments_of_the_cdks_function(stack: cdk.Stack) -> None:
    """Those that a handler has no argument for are passed on; its re-authorizer has what the same code needs."""
    layer = lambda_.LayerVersion.from_layer_version_arn(
        stack, "Layer", "arn:aws:lambda:eu-central-1:111111111111:layer:risk:1"
    )
    signing = lambda_.CodeSigningConfig.from_code_signing_config_arn(
        stack, "Signing", "arn:aws:lambda:eu-central-1:111111111111:code-signing-config:csc-0123456789abcdef0"
    )
    pair(
        stack,
        function_options=lambda_.FunctionOptions(
            layers=[layer],
            code_signing_config=signing,
            runtime_management_mode=lambda_.RuntimeManagementMode.FUNCTION_UPDATE,
            dead_letter_topic=sns.Topic(stack, "Topic"),
            ephemeral_storage_size=cdk.Size.mebibytes(1024),
        ),
    )
    ours, theirs = properties(stack, HANDLER), properties(stack, REAUTHORIZER)
    assert "DeadLetterConfig" in ours
    assert "DeadLetterConfig" not in theirs
    for name in ("Layers", "CodeSigningConfigArn", "RuntimeManagementConfig", "EphemeralStorage"):
        assert ours[name] == theirs[name]


def test_what_is_passed_on_is_not_reported(tmp_path: Path) -> None:
    """Only Aspects and overrides change what was defined."""
    app = cdk.App(context=NO_BUNDLING, outdir=str(tmp_path))
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="1" * 12, region="eu-central-1"))
    pair(
        stack,
        function_options=lambda_.FunctionOptions(
            insights_version=lambda_.LambdaInsightsVersion.VERSION_1_0_498_0,
            layers=[
                lambda_.LayerVersion.from_layer_version_arn(
                    stack, "Layer", "arn:aws:lambda:eu-central-1:111111111111:layer:risk:1"
                )
            ],
        ),
    )
    app.synth()
    report = tmp_path / "validation-report.json"
    assert not report.exists() or "cdk-client-connect" not in report.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"memory_size": 1024},
            "function_options has memory_size, but memory_size is an argument of the handler",
        ),
        ({"log_retention": logs.RetentionDays.ONE_DAY}, "decisions are recorded as JSON"),
        ({"logging_format": lambda_.LoggingFormat.TEXT}, "decisions are recorded as JSON"),
        ({"events": []}, "Client VPN alone invokes a handler"),
        (
            {"timeout": cdk.Duration.seconds(3), "durable_config": None},
            "timeout is an argument of the handler",
        ),
    ],
)
def test_fails_for_arguments_that_contradict_a_handler(
    stack: cdk.Stack, options: dict[str, Any], problem: str
) -> None:
    """The message says where to set them instead, or why not."""
    with pytest.raises(InvalidArgument, match=problem):
        ClientConnectHandler(stack, "Handler", function_options=lambda_.FunctionOptions(**options))
    assert stack.node.try_find_child("Handler") is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"vpc": "vpc-1"},
        {"vpc_subnets": ec2.SubnetSelection()},
        {"vpc_subnets": "subnet-1"},
        {"security_groups": "sg-1"},
        {"log_group": "log"},
        {"encryption_key": "alias/x"},
        {"dead_letter_queue": "queue"},
        {"tracing": "Active"},
        {"function_options": {"layers": []}},
        {"support_log_retention": 30},
        {"device_inventory": "table"},
        {"memory_size": "512"},
        {"memory_size": None},
    ],
    ids=lambda each: next(iter(each)),
)
def test_fails_for_wrong_types_in_our_words(stack: cdk.Stack, arguments: dict[str, Any]) -> None:
    """The CDK's errors name neither the argument nor what it must be."""
    (name,) = arguments
    with pytest.raises(InvalidArgument, match=f"{name}=.* must be"):
        ClientConnectHandler(stack, "Handler", **arguments)


@pytest.mark.parametrize(
    "define",
    [
        lambda stack: DeviceInventory(stack, "X", devices_table="devices"),
        lambda stack: DeviceInventory(stack, "X", encryption_key="key"),
        lambda stack: DeviceInventory(stack, "X", longest_waiver=7),
        lambda stack: DeviceInventory(stack, "X", removal_policy="destroy"),
        lambda stack: ConnectionRegistry(stack, "X", table="connections"),
        lambda stack: ConnectionRegistry(stack, "X", removal_policy=None),
        lambda _: FunctionSettings(log_retention=30),
        lambda stack: FunctionSettings(vpc=ec2.Vpc(stack, "V"), vpc_subnets="subnet-1"),
        lambda _: Notifications(bus="default"),
        lambda _: Notifications(topic="topic"),
        lambda _: Notifications(enabled="yes"),
    ],
)
def test_fails_for_wrong_types_of_other_constructs(stack: cdk.Stack, define: Any) -> None:
    """Likewise."""
    with pytest.raises(InvalidArgument, match=r"^\w+=.* must be"):
        define(stack)


def test_notifications_check_themselves(stack: cdk.Stack) -> None:
    """However they are made: CloudWatch's FIFO topics take no plain messages."""
    with pytest.raises(InvalidArgument, match="is a FIFO topic"):
        Notifications(topic=sns.Topic(stack, "Topic", fifo=True))
    with pytest.raises(InvalidArgument, match="give one"):
        Notifications(topic=sns.Topic(stack, "Plain"), bus=cdk.aws_events.EventBus(stack, "Bus"))


@pytest.mark.parametrize(
    "values",
    [
        {"minimum": -1, "maximum": 1},
        {"minimum": 2, "maximum": 1},
        {"minimum": 1, "maximum": 2},
        {"minimum": 1, "maximum": 1, "target_utilization": 1.0},
        {"minimum": True, "maximum": True},
        {"minimum": 0, "maximum": 2, "target_utilization": 0.5},
    ],
)
def test_provisioned_concurrency_checks_itself(values: dict[str, Any]) -> None:
    """However it is made."""
    with pytest.raises(InvalidConcurrency):
        ProvisionedConcurrency(**values)


def test_numbers_that_are_known_later(stack: cdk.Stack) -> None:
    """Where nothing depends on their value at synthesis, the template refers to them."""

    def number(name: str) -> Any:
        return cdk.CfnParameter(stack, name, type="Number").value_as_number

    handler = ClientConnectHandler(
        stack,
        "Handler",
        memory_size=number("Memory"),
        reserved_concurrent_executions=number("Reserved"),
        connection_registry=ConnectionRegistry(stack, "Registry"),
    )
    ConnectionReauthorizer(
        stack,
        "Reauthorizer",
        handler=handler,
        endpoints=[ENDPOINT_ID],
        maximum_terminations=number("Most"),
        maximum_share=number("Share"),
        share_floor=number("Floor"),
        connections_per_user=number("PerUser"),
        memory_size=number("MoreMemory"),
        function_settings=FunctionSettings(reserved_concurrent_executions=number("Few")),
    )
    assert AlarmSettings(threshold=number("Threshold")).threshold is not None
    assert properties(stack, HANDLER)["MemorySize"] == {"Ref": "Memory"}
    assert properties(stack, HANDLER)["ReservedConcurrentExecutions"] == {"Ref": "Reserved"}
    variables = properties(stack, REAUTHORIZER)["Environment"]["Variables"]
    for name, reference in (
        ("MAXIMUM_TERMINATIONS", "Most"),
        ("MAXIMUM_SHARE", "Share"),
        ("SHARE_FLOOR", "Floor"),
        ("CONNECTIONS_PER_USER", "PerUser"),
    ):
        assert variables[f"CLIENT_CONNECT_{name}"] == {"Ref": reference}


def test_messages_say_that_a_value_is_a_token(stack: cdk.Stack) -> None:
    """And not a number with 289 zeros, nor a mark of the CDK."""
    text = cdk.CfnParameter(stack, "Text").value_as_string
    number: Any = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    with pytest.raises(InvalidTimeZone, match="time_zone is a token"):
        ClientConnectHandler(stack, "Handler", time_zone=text)
    with pytest.raises(
        InvalidArgument, match=r"^shadow_mode is a token, whose value only the deployment knows"
    ):
        ClientConnectHandler(stack, "Handler", shadow_mode=text)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="evaluation_periods is a token"):
        AlarmSettings(evaluation_periods=number)
    with pytest.raises(InvalidConcurrency, match="environments is a token"):
        ProvisionedConcurrency.fixed(number)


def test_placeholders_of_look_ups_pass(stack: cdk.Stack) -> None:
    """The CDK synthesizes once before the CLI has looked a parameter up."""

    def parameter(name: str) -> str:
        return ssm.StringParameter.value_from_lookup(there, name)

    there = cdk.Stack(
        cdk.Stage.of(stack), "There", env=cdk.Environment(account="1" * 12, region="eu-central-1")
    )
    handler = ClientConnectHandler(
        there,
        "Handler",
        function_name=parameter("/vpn/name"),
        time_zone=parameter("/vpn/zone"),
        default_message=parameter("/vpn/message"),
        endpoints=[parameter("/vpn/other-endpoint")],
        environment={"RISK_URL": parameter("/vpn/url")},
        connection_registry=ConnectionRegistry(there, "Registry"),
    )
    endpoint = parameter("/vpn/endpoint")
    EndpointAttachment(there, "Attachment", handler=handler, endpoint_id=endpoint)
    ConnectionReauthorizer(there, "Reauthorizer", handler=handler, endpoints=[endpoint])
    ConnectionMonitoring(
        there, "Monitoring", handler=handler, endpoints=[endpoint], connection_log_group=None
    )
    template(there).resource_count_is("Custom::ClientConnectAttachment", 1)


def test_logs_of_small_functions_are_kept_as_long_as_an_organization_asks(stack: cdk.Stack) -> None:
    """All of them by one argument of the handler, each by its settings."""
    handler = ClientConnectHandler(
        stack,
        "Handler",
        support_log_retention=logs.RetentionDays.ONE_YEAR,
        connection_registry=ConnectionRegistry(stack, "Registry"),
    )
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=ENDPOINT_ID)
    ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[],
        connection_log_group=None,
        function_settings=FunctionSettings(log_retention=logs.RetentionDays.TWO_YEARS),
    )
    groups = template(stack).find_resources("AWS::Logs::LogGroup")
    found = {name[:-8]: each["Properties"]["RetentionInDays"] for name, each in groups.items()}
    assert sorted(found.values()) == [365, 365, 365, 731, 731]
    assert found["HandlerLogGroup"] == 731


@jsii.implements(cdk.IPropertyInjector)
class Injector:
    """An organization's defaults for every function."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    @property
    def construct_unique_id(self) -> str:
        """Its purpose."""
        return str(lambda_.Function.PROPERTY_INJECTION_ID)

    def inject(self, original_props: Any, *, scope: Any, id: str) -> Any:  # noqa: ARG002 - the CDK's signature
        """Return the properties with these values."""
        return {**original_props, **self._values}


def injected(**values: Any) -> cdk.Stack:
    """Return a stack of an app with an injector."""
    return cdk.Stack(cdk.App(context=NO_BUNDLING, property_injectors=[Injector(**values)]), "Stack")


def test_property_injectors_pass() -> None:
    """Settings that do not change how a handler decides."""
    stack = injected(tracing=lambda_.Tracing.ACTIVE)
    pair(stack)
    for entry in (HANDLER, REAUTHORIZER):
        assert properties(stack, entry)["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"functionName": "corp-vpn"}, "function_name is 'corp-vpn', but 'AWSClientVPN-Stack-Handler"),
        ({"runtime": lambda_.Runtime.PYTHON_3_12}, "runtime is 'python3.12'"),
        ({"timeout": cdk.Duration.seconds(60)}, "timeout is 60"),
    ],
)
def test_fails_when_an_injector_changes_how_a_handler_works(values: dict[str, Any], problem: str) -> None:
    """Client VPN would not invoke it, or it would not run."""
    with pytest.raises(InvalidArgument, match=f"a property injector changed the function.*{problem}"):
        ClientConnectHandler(injected(**values), "Handler")


def test_nothing_of_it_is_in_the_template_by_default(stack: cdk.Stack) -> None:
    """Each of these is an option."""
    ClientConnectHandler(stack, "Handler")
    synthesized = Template.from_stack(stack)
    synthesized.resource_count_is("AWS::SSM::Parameter", 0)
    synthesized.has_resource_properties(FUNCTION, {"Layers": Match.absent(), "VpcConfig": Match.absent()})
