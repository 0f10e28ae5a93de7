"""Previous versions stay, and as many as the handler says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    FunctionReference,
    InvalidArgument,
    Policies,
    ProvisionedConcurrency,
)
from client_connect_tools.deployed.description import parse_description

from .conftest import NO_BUNDLING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

POLICIES = Policies.from_string(
    '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
)


def define(**arguments: Any) -> Mapping[str, Any]:
    """Synthesize a handler and its re-authorizer; return the resources."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    registry = ConnectionRegistry(stack, "Registry")
    handler = ClientConnectHandler(
        stack, "Handler", policies=POLICIES, connection_registry=registry, **arguments
    )
    ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=["cvpn-endpoint-0123456789abcdef0"]
    )
    found: dict[str, Any] = app.synth().get_stack_by_name("Stack").template["Resources"]
    return found


def of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the resources of a type, by their logical ids."""
    return {name: each for name, each in resources.items() if each["Type"] == kind}


@pytest.fixture(scope="module")
def resources() -> Mapping[str, Any]:
    """The default, three times: one synthesis for all tests of it."""
    return define()


def test_versions_stay_but_for_those_of_failed_deployments(resources: Mapping[str, Any]) -> None:
    """Of the handler and of its re-authorizer."""
    versions = of_type(resources, "AWS::Lambda::Version")
    assert len(versions) == 2
    assert {each["DeletionPolicy"] for each in versions.values()} == {"RetainExceptOnCreate"}
    assert {each["UpdateReplacePolicy"] for each in versions.values()} == {"Retain"}


def test_versions_say_whose_policies_they_have(resources: Mapping[str, Any]) -> None:
    """That of the re-authorizer even its version of the handler."""
    versions = of_type(resources, "AWS::Lambda::Version")
    (handler,) = (name for name in versions if name.startswith("Handler"))
    (reauthorizer,) = (name for name in versions if name.startswith("Reauthorizer"))
    functions = of_type(resources, "AWS::Lambda::Function")
    described, of_reauthorizer = (
        functions[versions[name]["Properties"]["FunctionName"]["Ref"]]["Properties"]["Description"]
        for name in (handler, reauthorizer)
    )
    own = parse_description(described)
    assert own.ids.split()[0] == "staff"  # with its digest
    start, number, end = of_reauthorizer["Fn::Join"][1]
    assert number == {"Fn::GetAtt": [handler, "Version"]}
    found = parse_description(f"{start}7{end}")
    assert (found.handler_version, found.digest) == ("7", own.digest)
    function = functions[versions[handler]["Properties"]["FunctionName"]["Ref"]]
    assert found.handler == function["Properties"]["FunctionName"]
    assert "Description" not in versions[handler]["Properties"]


def test_the_reauthorizer_is_run_by_its_alias_alone(resources: Mapping[str, Any]) -> None:
    """By its schedule, after deployments, and with the limits of events without a caller that waits."""
    (alias,) = (name for name in of_type(resources, "AWS::Lambda::Alias") if name.startswith("Reauthorizer"))
    (rule,) = (
        each
        for name, each in of_type(resources, "AWS::Events::Rule").items()
        if name.startswith("Reauthorizer")
    )
    assert [target["Arn"] for target in rule["Properties"]["Targets"]] == [{"Ref": alias}]
    (limits,) = of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    assert limits["Properties"]["MaximumRetryAttempts"] == 0
    assert {"Ref": alias} in limits["Properties"]["Qualifier"]["Fn::Select"][1]["Fn::Split"]


def test_a_function_removes_versions_and_cannot_remove_functions(resources: Mapping[str, Any]) -> None:
    """It may delete what has a qualifier, of these two functions."""
    (policy,) = (
        each["Properties"]["PolicyDocument"]["Statement"]
        for name, each in of_type(resources, "AWS::IAM::Policy").items()
        if name.startswith("HandlerPreviousVersionsRoleDefaultPolicy")
    )
    allowed = [
        resource
        for statement in policy
        if statement["Action"] == "lambda:DeleteFunction"
        for resource in (
            statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        )
    ]
    assert len(allowed) == 2
    assert all(resource["Fn::Join"][1][1] == ":*" for resource in allowed)


def test_none_stays_where_none_is_wanted() -> None:
    """Then nothing removes anything either."""
    found = define(previous_versions=0, provisioned_concurrency=ProvisionedConcurrency.none())
    versions = of_type(found, "AWS::Lambda::Version")
    assert {each.get("DeletionPolicy", "Delete") for each in versions.values()} == {"Delete"}
    assert not [name for name in found if "PreviousVersions" in name]


def test_versions_say_that_no_endpoint_asks_them(handler: Callable[..., ClientConnectHandler]) -> None:
    """Where endpoints run $LATEST, a way back by the alias would be none."""
    defined = handler(function_reference=FunctionReference.UNQUALIFIED, policies=POLICIES)
    stack = cdk.Stack.of(defined)
    found = cdk.assertions.Template.from_stack(stack).to_json()["Resources"]
    (description,) = (
        each["Properties"]["Description"]
        for each in of_type(found, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"] == "client_connect.handler.handler"
    )
    assert parse_description(description).is_unqualified


@pytest.mark.parametrize("number", [-1, 101, 1.5, True, "5", None])
def test_fails_for_a_number_that_is_none(number: Any, handler: Callable[..., ClientConnectHandler]) -> None:
    """A whole number from 0 to 100."""
    with pytest.raises(InvalidArgument, match=r"previous_versions=.* must be a whole number from 0 to 100"):
        handler(previous_versions=number)
