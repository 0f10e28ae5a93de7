"""A handler within larger apps: several endpoints, stacks, nested stacks, stages and environments."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Annotations, Match, Template

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    EndpointAttachment,
    FunctionReference,
    InvalidArgument,
    InvalidFunctionName,
    Notifications,
)

from .conftest import NO_BUNDLING, endpoint, l2_endpoint, recommended_flags, template

FLAGS = pytest.mark.parametrize("flags", [{}, recommended_flags()], ids=["flags unset", "recommended flags"])
ENDPOINT = "AWS::EC2::ClientVpnEndpoint"
EUROPE = cdk.Environment(account="111111111111", region="eu-central-1")
AMERICA = cdk.Environment(account="111111111111", region="us-east-1")
OTHER_ACCOUNT = cdk.Environment(account="222222222222", region="eu-central-1")


def app(flags: dict[str, Any] | None = None) -> cdk.App:
    """Return an app that installs nothing."""
    return cdk.App(context={**(flags or {}), **NO_BUNDLING})


def test_one_stack_with_several_endpoints() -> None:
    """One handler serves L1 and L2 endpoints of its stack, which all get the alias."""
    stack = cdk.Stack(app(), "Stack")
    handler = ClientConnectHandler(stack, "Handler")
    vpc = ec2.Vpc(stack, "Vpc")
    endpoint(stack, handler, "One")
    l2_endpoint(vpc, handler, "Two")
    ec2.ClientVpnEndpoint(
        stack,
        "Three",
        vpc=vpc,
        cidr="10.101.0.0/16",
        server_certificate_arn="arn:aws:acm:eu-central-1:111111111111:certificate/x",
        client_certificate_arn="arn:aws:acm:eu-central-1:111111111111:certificate/x",
        client_connection_handler=handler,
    )
    synthesized = template(stack)
    (alias,) = synthesized.find_resources("AWS::Lambda::Alias")
    synthesized.resource_count_is(ENDPOINT, 3)
    synthesized.all_resources_properties(
        ENDPOINT, {"ClientConnectOptions": {"Enabled": True, "LambdaFunctionArn": {"Ref": alias}}}
    )


@FLAGS
@pytest.mark.parametrize("reference", FunctionReference)
def test_an_endpoint_in_another_stack_gets_the_arn_as_text(
    flags: dict[str, Any], reference: FunctionReference
) -> None:
    """An endpoint in another stack has the ARN as text, which changes when the function is renamed."""
    root = app(flags)
    producer = cdk.Stack(root, "Producer", env=EUROPE)
    consumer = cdk.Stack(root, "Consumer", env=EUROPE)
    handler = ClientConnectHandler(
        producer, "Handler", function_name="AWSClientVPN-vpn", function_reference=reference
    )
    endpoint(consumer, handler)
    nested = cdk.NestedStack(consumer, "Nested")
    endpoint(nested, handler)
    EndpointAttachment(consumer, "Attachment", handler=handler, endpoint_id="cvpn-endpoint-0123456789abcdef0")
    assembly = root.synth()
    arn = "arn:aws:lambda:eu-central-1:111111111111:function:AWSClientVPN-vpn"
    if reference is FunctionReference.ALIAS:
        arn += ":live"
    text = json.dumps(Template.from_stack(consumer).to_json()).replace('{"Ref": "AWS::Partition"}', '"aws"')
    assert "Fn::ImportValue" not in text
    assert "Fn::GetStackOutput" not in text
    for name in ("LambdaFunctionArn", "HandlerArn"):
        assert _joined(_values(json.loads(text), name)) == arn
    assert _joined(_values(Template.from_stack(nested).to_json(), "LambdaFunctionArn")) == arn
    assert "Producer" in [each.id for each in assembly.get_stack_by_name("Consumer").dependencies]


@FLAGS
def test_across_stacks_without_an_environment(flags: dict[str, Any]) -> None:
    """Account and Region are then those of the stack that is deployed."""
    root = app(flags)
    producer, consumer = cdk.Stack(root, "Producer"), cdk.Stack(root, "Consumer")
    handler = ClientConnectHandler(producer, "Handler", function_name="AWSClientVPN-vpn")
    endpoint(consumer, handler)
    ConnectionMonitoring(
        consumer,
        "Monitoring",
        handler=handler,
        endpoints=[],
        connection_log_group=None,
        notifications=Notifications.none(),
        saved_queries=False,
        dashboard=False,
    )
    text = json.dumps(Template.from_stack(consumer).to_json()["Resources"])
    assert "Fn::ImportValue" not in text
    assert "Fn::GetStackOutput" not in text
    assert '{"Ref": "AWS::AccountId"}, ":function:AWSClientVPN-vpn:live"' in text
    assert '{"Name": "Resource", "Value": "AWSClientVPN-vpn:live"}' in text


def _values(tree: Any, name: str) -> Any:
    """Return the one value of a key, wherever it is."""
    if isinstance(tree, dict):
        if name in tree:
            return tree[name]
        tree = list(tree.values())
    if isinstance(tree, list):
        return next((found for each in tree if (found := _values(each, name)) is not None), None)
    return None


def _joined(value: Any) -> str:
    """Return a text that may be joined of parts."""
    if isinstance(value, dict):
        parts = [each if isinstance(each, str) else "aws" for each in value["Fn::Join"][1]]
        return "".join(parts)
    return str(value)


@pytest.mark.parametrize("environments", [(None, EUROPE), (EUROPE, None)], ids=["handler", "endpoint"])
def test_across_stacks_of_which_one_names_no_environment(
    environments: tuple[cdk.Environment | None, ...],
) -> None:
    """The endpoint's stack waits for the handler's then too, though the CDK refers by name only."""
    root = app()
    producer = cdk.Stack(root, "Producer", env=environments[0])
    consumer = cdk.Stack(root, "Consumer", env=environments[1])
    endpoint(consumer, ClientConnectHandler(producer, "Handler"))
    assembly = root.synth()
    assert "Producer" in [each.id for each in assembly.get_stack_by_name("Consumer").dependencies]


def test_a_handler_in_a_nested_stack_serves_an_endpoint_of_its_parent() -> None:
    """A handler in a nested stack serves an endpoint of its parent."""
    parent = cdk.Stack(app(), "Parent")
    nested = cdk.NestedStack(parent, "Nested")
    endpoint(parent, ClientConnectHandler(nested, "Handler"))
    template(nested).resource_count_is("AWS::Lambda::Alias", 1)
    template(parent).has_resource_properties(
        ENDPOINT, {"ClientConnectOptions": {"LambdaFunctionArn": {"Fn::GetAtt": Match.any_value()}}}
    )


def test_endpoint_in_nested_stack() -> None:
    """A handler of the parent serves an endpoint in a nested stack."""
    parent = cdk.Stack(app(), "Parent")
    nested = cdk.NestedStack(parent, "Nested")
    endpoint(nested, ClientConnectHandler(parent, "Handler"))
    template(nested).has_resource_properties(
        ENDPOINT, {"ClientConnectOptions": {"LambdaFunctionArn": {"Ref": Match.any_value()}}}
    )


def test_stages_have_names_of_their_own() -> None:
    """The same stack in two stages gets two function names, so both fit into one account."""
    root = app()
    names = set()
    for stage_id in ("Test", "Production"):
        stage = cdk.Stage(root, stage_id, env=EUROPE)
        stack = cdk.Stack(stage, "Stack")
        handler = ClientConnectHandler(stack, "Handler")
        endpoint(stack, handler)
        names.add(handler.function_name)
    assembly = root.synth()
    assert len(names) == 2
    for nested in assembly.nested_assemblies:
        (artifact,) = nested.nested_assembly.stacks
        assert any(each["Type"] == ENDPOINT for each in artifact.template["Resources"].values())


@pytest.mark.parametrize("elsewhere", [AMERICA, OTHER_ACCOUNT], ids=["Region", "account"])
def test_fails_when_the_endpoint_is_elsewhere(elsewhere: cdk.Environment) -> None:
    """An endpoint of another Region or account, which CDK accepts, fails with both environments named."""
    root = app()
    handler = ClientConnectHandler(cdk.Stack(root, "Here", env=EUROPE), "Handler")
    endpoint(cdk.Stack(root, "There", env=elsewhere), handler)
    theirs = f"aws://{elsewhere.account}/{elsewhere.region}"
    with pytest.raises(RuntimeError) as caught:
        root.synth()
    message = str(caught.value)
    assert f"endpoint There/Endpoint is in {theirs}" in message
    assert "its client connect handler is in aws://111111111111/eu-central-1" in message
    assert "define one there" in message


def test_fails_when_an_l2_endpoint_is_elsewhere() -> None:
    """The check reaches endpoints that CDK's own construct defines."""
    root = app()
    handler = ClientConnectHandler(cdk.Stack(root, "Here", env=EUROPE), "Handler")
    there = cdk.Stack(root, "There", env=AMERICA)
    l2_endpoint(ec2.Vpc(there, "Vpc", max_azs=1), handler)
    with pytest.raises(RuntimeError, match="endpoint There/Vpc/L2Endpoint/Resource is in"):
        root.synth()


def test_use_elsewhere_by_others_is_allowed() -> None:
    """Only endpoints must be near: the ARN may be shown anywhere."""
    root = app()
    handler = ClientConnectHandler(cdk.Stack(root, "Here", env=EUROPE), "Handler")
    there = cdk.Stack(root, "There", env=AMERICA)
    cdk.CfnOutput(there, "Arn", value=handler.function_arn)
    root.synth()


def test_refused_name_of_another_function() -> None:
    """The name is known at synthesis, so CDK's own check sees it; with a CDK function it never fires."""
    stack = cdk.Stack(app(), "Stack")
    assert not cdk.Token.is_unresolved(ClientConnectHandler(stack, "Handler").function_name)


@pytest.mark.parametrize(
    "environments",
    [(EUROPE, EUROPE), (EUROPE, None), (None, None), (EUROPE, AMERICA), (EUROPE, OTHER_ACCOUNT)],
)
def test_the_same_explicit_name_twice(environments: tuple[cdk.Environment | None, ...]) -> None:
    """It is an error in one environment, a warning where the environments may be the same, else neither."""
    root = app()
    one, other = (cdk.Stack(root, f"Stack{n}", env=each) for n, each in enumerate(environments))
    ClientConnectHandler(one, "Handler", function_name="AWSClientVPN-vpn")
    ClientConnectHandler(one, "Other", function_name="AWSClientVPN-other")
    if environments == (EUROPE, EUROPE):
        with pytest.raises(InvalidFunctionName, match='"AWSClientVPN-vpn" is that of Stack0/Handler already'):
            ClientConnectHandler(other, "Handler", function_name="AWSClientVPN-vpn")
        return
    ClientConnectHandler(other, "Handler", function_name="AWSClientVPN-vpn")
    warnings = Annotations.from_stack(other).find_warning("*", Match.string_like_regexp("sameFunctionName"))
    assert bool(warnings) is (None in environments)


def test_the_same_explicit_name_in_a_stack_that_knows_no_environment() -> None:
    """One stack is in one environment."""
    stack = cdk.Stack(app(), "Stack")
    ClientConnectHandler(stack, "Handler", function_name="AWSClientVPN-vpn")
    with pytest.raises(InvalidFunctionName, match="give each handler its own name"):
        ClientConnectHandler(stack, "Other", function_name="AWSClientVPN-vpn")


@pytest.mark.parametrize("region", ["cn-north-1", "cn-northwest-1"])
def test_china_has_no_client_vpn(region: str) -> None:
    """Nothing would ever invoke the handler."""
    root = app()
    there = cdk.Stack(root, "There", env=cdk.Environment(region=region))
    with pytest.raises(InvalidArgument, match=f"There is in {region}, but AWS offers no Client VPN in China"):
        ClientConnectHandler(there, "Handler")
    handler = ClientConnectHandler(cdk.Stack(root, "Here"), "Handler")
    with pytest.raises(InvalidArgument, match="no Client VPN in China"):
        EndpointAttachment(there, "Attachment", handler=handler, endpoint_id="cvpn-endpoint-0a")
