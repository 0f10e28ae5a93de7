"""A handler, its endpoints and what watches them in several stacks of one app."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Annotations, Match, Template

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    FunctionSettings,
    GradualDeployment,
    InvalidArgument,
    Notifications,
)

from .conftest import NO_BUNDLING, endpoint, recommended_flags, template

FLAGS = pytest.mark.parametrize("flags", [{}, recommended_flags()], ids=["flags unset", "recommended flags"])
HERE = cdk.Environment(account="111111111111", region="eu-central-1")
ENDPOINT_ID = "cvpn-endpoint-0123456789abcdef0"
FUNCTION = "AWS::Lambda::Function"


class Layout(NamedTuple):
    """The stacks of an app, each deployed after the one before it."""

    app: cdk.App
    security: cdk.Stack
    network: cdk.Stack
    operations: cdk.Stack
    handler: ClientConnectHandler

    def dependencies(self) -> dict[str, list[str]]:
        """Synthesize, and return which stacks wait for others."""
        assembly = self.app.synth()
        return {
            stack.stack_name: sorted(each.id for each in stack.dependencies if "assets" not in each.id)
            for stack in assembly.stacks
        }


def layout(flags: dict[str, Any] | None = None, **arguments: Any) -> Layout:
    """Define the stacks, and the handler with all that it may have in the first of them."""
    app = cdk.App(context={**(flags or {}), **NO_BUNDLING})
    stacks = [cdk.Stack(app, name, env=HERE) for name in ("Security", "Network", "Operations")]
    for stack in stacks:
        cdk.CfnWaitConditionHandle(stack, "NotEmpty")
    handler = ClientConnectHandler(
        stacks[0],
        "Handler",
        connection_registry=ConnectionRegistry(stacks[0], "Registry"),
        device_inventory=DeviceInventory(stacks[0], "Inventory"),
        **arguments,
    )
    return Layout(app, *stacks, handler)


def watch(scope: cdk.Stack, handler: ClientConnectHandler, **arguments: Any) -> ConnectionMonitoring:
    """Define a monitoring."""
    return ConnectionMonitoring(
        scope, "Monitoring", handler=handler, connection_log_group=None, **{"endpoints": [], **arguments}
    )


@FLAGS
@pytest.mark.parametrize("place", ["network", "operations"])
def test_what_watches_is_with_the_endpoints_or_after_them(flags: dict[str, Any], place: str) -> None:
    """The re-authorizer and the monitoring may be in the stack of the endpoints, or in a third one.

    The deployment is gradual all the same, with the same alarms in the handler's stack. No stack refers to a version,
    which would be an export that CloudFormation does not change while it is used.
    """
    built = layout(flags)
    there: cdk.Stack = getattr(built, place)
    asking = endpoint(built.network, built.handler)
    reauthorizer = ConnectionReauthorizer(
        there, "Reauthorizer", handler=built.handler, endpoints=[asking], dry_run=True
    )
    monitoring = watch(there, built.handler, endpoints=[asking], reauthorizer=reauthorizer)
    GradualDeployment(built.security, "Rollout", handler=built.handler, monitoring=monitoring)
    waiting = built.dependencies()
    assert waiting["Security"] == []
    assert waiting["Network"] == ["Security"]
    if place == "operations":
        assert waiting["Operations"] == ["Network", "Security"]
    outputs = json.dumps(Template.from_stack(built.security).to_json().get("Outputs", {}))
    assert "CurrentVersion" not in outputs
    alarms = Template.from_stack(built.security).find_resources("AWS::CloudWatch::Alarm")
    assert sorted(name[:-8] for name in alarms) == [
        f"Rollout{name}"
        for name in ("DecisionErrors", "HandlerErrors", "HandlerLatency", "InventoryErrors", "RegistryErrors")
    ]


def test_a_re_authorizer_elsewhere_follows_each_version() -> None:
    """Its template changes with the handler's version, so it is deployed and run again."""
    versions = set()
    for zone in ("UTC", "Asia/Seoul"):
        built = layout(time_zone=zone, function_name="AWSClientVPN-vpn")
        asking = endpoint(built.network, built.handler)
        ConnectionReauthorizer(built.network, "Reauthorizer", handler=built.handler, endpoints=[asking])
        functions = template(built.network).find_resources(FUNCTION).values()
        (variables,) = (
            found
            for each in functions
            if "CLIENT_CONNECT_HANDLER_VERSION"
            in (found := each["Properties"].get("Environment", {}).get("Variables", {}))
        )
        version = variables["CLIENT_CONNECT_HANDLER_VERSION"]
        assert version.startswith("HandlerFunctionCurrentVersion")
        assert version in json.dumps(template(built.network).find_resources("Custom::AWS"))
        versions.add(version)
    assert len(versions) == 2


@pytest.mark.parametrize("late", [False, True], ids=["at once", "added"])
@pytest.mark.parametrize("kind", ["re-authorizer", "monitoring"])
def test_fails_with_the_layout_that_works(kind: str, *, late: bool) -> None:
    """The CDK's own error, a dependency cycle, does not name what to do."""
    built = layout()
    asking = endpoint(built.network, built.handler)
    problem = (
        r"^endpoint Network/Endpoint is in stack Network, which is deployed after Security, .*"
        r"define this in Network or in a third stack, .*or give the endpoint's id as a string once it is deployed$"
    )

    def define(endpoints: list[Any]) -> ConnectionMonitoring | ConnectionReauthorizer:
        if kind == "monitoring":
            return watch(built.security, built.handler, endpoints=endpoints)
        return ConnectionReauthorizer(
            built.security, "Reauthorizer", handler=built.handler, endpoints=endpoints
        )

    act = define([ENDPOINT_ID]).add_endpoint if late else lambda each: define([each])
    with pytest.raises(InvalidArgument, match=problem):
        act(asking)


def test_fails_when_the_endpoints_stack_waits_for_another_reason() -> None:
    """A declared dependency closes the same circle."""
    built = layout()
    built.network.add_stack_dependency(built.security)
    imported = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        built.network, "Imported", endpoint_id=ENDPOINT_ID, security_groups=[]
    )
    with pytest.raises(InvalidArgument, match="is deployed after Security"):
        watch(built.security, built.handler, endpoints=[imported])


def test_endpoints_of_a_stack_before_the_handlers() -> None:
    """Endpoints that do not refer to the handler, because attachments turn it on, may be given as they are."""
    built = layout()
    ids = built.network
    imported = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        ids, "Imported", endpoint_id=cdk.CfnParameter(ids, "Id").value_as_string, security_groups=[]
    )
    watch(built.security, built.handler, endpoints=[imported])
    assert built.dependencies()["Security"] == ["Network"]


def test_endpoints_are_added_to_both() -> None:
    """As if they had been given at once: variables, permissions, alarms and widgets."""
    found = []
    for late in (False, True):
        built = layout(recommended_flags())
        asking = [endpoint(built.network, built.handler, f"Endpoint{number}") for number in range(3)]
        first = asking[:1] if late else asking
        reauthorizer = ConnectionReauthorizer(
            built.network, "Reauthorizer", handler=built.handler, endpoints=first
        )
        monitoring = watch(built.network, built.handler, endpoints=first, reauthorizer=reauthorizer)
        for each in asking[1:] if late else []:
            reauthorizer.add_endpoint(each)
            monitoring.add_endpoint(each)
        found.append((sorted(monitoring.alarms), _comparable(template(built.network).to_json())))
    at_once, added = found
    assert at_once[0] == added[0]
    assert at_once[1] == added[1]


def _comparable(found: dict[str, Any]) -> Any:
    """Return a template without the order of the alarms on the dashboard, which is that of their definition."""
    resources = found["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            resource["Properties"] = len(json.dumps(resource["Properties"]))
    return resources


def test_fails_to_add_an_endpoint_twice() -> None:
    """Its alarms would have the same names, and its connections would be terminated twice."""
    built = layout()
    reauthorizer = ConnectionReauthorizer(
        built.security, "Reauthorizer", handler=built.handler, endpoints=[ENDPOINT_ID]
    )
    monitoring = watch(built.security, built.handler, endpoints=[ENDPOINT_ID])
    for construct in (reauthorizer, monitoring):
        with pytest.raises(InvalidArgument, match=f"{ENDPOINT_ID} is among the endpoints already"):
            construct.add_endpoint(ENDPOINT_ID)
        with pytest.raises(InvalidArgument, match="endpoints has 7; give an"):
            construct.add_endpoint(7)  # type: ignore[arg-type]


def test_one_monitoring_for_a_handler() -> None:
    """A second one would announce each denial twice."""
    built = layout()
    watch(built.security, built.handler)
    with pytest.raises(
        InvalidArgument,
        match=r"^handler Security/Handler has the monitoring Security/Monitoring already, .*add_endp",
    ):
        watch(built.network, built.handler)
    assert built.network.node.try_find_child("Monitoring") is None


def test_handlers_that_share_a_log_group_announce_their_own_denials() -> None:
    """Each subscription names its function, and the logs of more handlers than there may be subscriptions fail."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    group = logs.LogGroup(stack, "Decisions")
    names = []
    for number in range(2):
        handler = ClientConnectHandler(stack, f"Handler{number}", log_group=group)
        ConnectionMonitoring(
            stack, f"Monitoring{number}", handler=handler, endpoints=[], connection_log_group=None
        )
        names.append(handler.function_name)
    subscriptions = template(stack).find_resources("AWS::Logs::SubscriptionFilter").values()
    patterns = [each["Properties"]["FilterPattern"] for each in subscriptions]
    assert [name in pattern for name, pattern in zip(names, patterns, strict=True)] == [True, True]


@pytest.mark.parametrize("place", ["same", "other"])
def test_fails_with_more_subscriptions_than_a_log_group_accepts(place: str) -> None:
    """The deployment would fail; other filters count too."""
    app = cdk.App(context=NO_BUNDLING)
    stack, other = cdk.Stack(app, "Stack"), cdk.Stack(app, "Other")
    there = stack if place == "same" else other
    handler = ClientConnectHandler(stack, "Handler")
    for number in range(2):
        logs.CfnSubscriptionFilter(
            there,
            f"Own{number}",
            destination_arn="arn:aws:firehose:eu-central-1:111111111111:deliverystream/x",
            filter_pattern="",
            log_group_name=handler.log_group.log_group_name,
        )
    watch(there, handler)
    with pytest.raises(RuntimeError, match="log group Stack/Handler/LogGroup has 3 subscriptions"):
        app.synth()


def test_a_re_authorizer_runs_in_its_handlers_vpc() -> None:
    """With its security groups, which a service of the module of extra facts may allow."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    vpc = ec2.Vpc(stack, "Vpc")
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    handler = ClientConnectHandler(
        stack,
        "Handler",
        vpc=vpc,
        security_groups=[group],
        connection_registry=ConnectionRegistry(stack, "Registry"),
    )
    settings = FunctionSettings(reserved_concurrent_executions=3)
    ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID], function_settings=settings
    )
    functions = template(stack).find_resources(FUNCTION)
    ours = {name: each["Properties"] for name, each in functions.items() if "client_connect" in str(each)}
    networks = [json.dumps(each["VpcConfig"], sort_keys=True) for each in ours.values()]
    assert len(networks) == 2
    assert networks[0] == networks[1]
    assert Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("unreachable")) == []


@pytest.mark.parametrize(
    ("endpoints", "missing"),
    [((), "dynamodb and ec2"), (("ec2",), "dynamodb"), (("ec2", "dynamodb"), "")],
)
def test_warns_of_services_out_of_reach(endpoints: tuple[str, ...], missing: str) -> None:
    """In subnets without a NAT, the function reaches only the services that the VPC has endpoints for."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        nat_gateways=0,
        subnet_configuration=[
            ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        ],
    )
    handler = ClientConnectHandler(
        stack, "Handler", vpc=vpc, connection_registry=ConnectionRegistry(stack, "Registry")
    )
    ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT_ID])
    if "ec2" in endpoints:
        vpc.add_interface_endpoint("Ec2", service=ec2.InterfaceVpcEndpointAwsService.EC2)
    if "dynamodb" in endpoints:
        vpc.add_gateway_endpoint("Tables", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
    template(stack)
    found = Annotations.from_stack(stack).find_warning(
        "/Stack/Reauthorizer", Match.string_like_regexp("unreachableService")
    )
    assert [missing in str(each.entry.data) for each in found] == ([True] if missing else [])


def test_no_announcements_need_no_subscription() -> None:
    """A log group with two other subscriptions is watched without announcements."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    handler = ClientConnectHandler(stack, "Handler")
    watch(stack, handler, notifications=Notifications.none())
    template(stack).resource_count_is("AWS::Logs::SubscriptionFilter", 0)
