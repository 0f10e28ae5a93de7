"""The endpoints that a handler answers, and which connections it may query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from cdk_client_connect import ClientConnectHandler, ConnectionRegistry, EndpointAttachment, Policies, Rules
from cdk_client_connect.errors import InvalidArgument

from .conftest import NO_BUNDLING, endpoint, template

if TYPE_CHECKING:
    from collections.abc import Callable

ID, OTHER_ID = "cvpn-endpoint-0123456789abcdef0", "cvpn-endpoint-0fedcba9876543210"
COUNTING = Policies.from_rules(Rules(connections_per_user=1))
VARIABLE = "CLIENT_CONNECT_ANSWERED_ENDPOINTS"


def variables(stack: cdk.Stack) -> dict[str, Any]:
    """Return the environment variables of the handler."""
    found = template(stack).find_resources(
        "AWS::Lambda::Function", {"Properties": {"Handler": "client_connect.handler.handler"}}
    )
    (function,) = found.values()
    variables: dict[str, Any] = function["Properties"]["Environment"]["Variables"]
    return variables


def test_by_default_a_handler_answers_all(stack: cdk.Stack, handler: Callable[..., Any]) -> None:
    """And its common names are those of devices."""
    handler()
    assert {VARIABLE, "CLIENT_CONNECT_SHARED_CERTIFICATES"}.isdisjoint(variables(stack))


def test_ids_are_in_the_environment(stack: cdk.Stack, handler: Callable[..., Any]) -> None:
    """A parameter may hold one."""
    parameter = cdk.CfnParameter(stack, "EndpointId").value_as_string
    handler(endpoints=[ID, parameter], shared_certificates=True)
    found = variables(stack)
    assert found[VARIABLE] == {"Fn::Join": ["", [f"{ID},", {"Ref": "EndpointId"}]]}
    assert found["CLIENT_CONNECT_SHARED_CERTIFICATES"] == "true"


def test_names_are_in_the_environment_with_their_ids(stack: cdk.Stack, handler: Callable[..., Any]) -> None:
    """One name may be that of several endpoints, and an id may be a token."""
    parameter = cdk.CfnParameter(stack, "EndpointId").value_as_string
    handler(endpoints={"prod": parameter, "dev": [ID, OTHER_ID]}, connection_registry=None)
    assert variables(stack)[VARIABLE] == {
        "Fn::Join": ["", [{"Ref": "EndpointId"}, f"=prod,{ID}=dev,{OTHER_ID}=dev"]]
    }


NAMED = """
@id("prod") permit (principal, action, resource)
when { context has endpointName && ["prod", "staging"].contains(context.endpointName) };
"""


@pytest.mark.parametrize(
    ("endpoints", "warning"),
    [
        ({"prod": ID, "staging": OTHER_ID}, None),
        (
            {"prod": ID, "stage": OTHER_ID},
            'with "staging", but endpoints= of the handler names prod, stage; write "stage"',
        ),
        ({"dev": ID}, 'with "prod", but endpoints= of the handler names dev; name the endpoint'),
        ([ID], "names none, so it is always absent"),
        (None, "names none, so it is always absent"),
    ],
)
def test_names_that_no_endpoint_has_are_warned_of(
    stack: cdk.Stack, handler: Callable[..., Any], endpoints: Any, warning: str | None
) -> None:
    """A forbid for such an endpoint would never apply."""
    handler(policies=Policies.from_string(NAMED), endpoints=endpoints)
    warnings = assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value())
    found = [str(each.entry.data) for each in warnings if "ndpointName" in str(each.entry.data)]
    assert bool(found) is (warning is not None)
    assert warning is None or any(warning in each for each in found)


@pytest.mark.parametrize(
    ("endpoints", "problem"),
    [
        ({}, "leave it out to answer all endpoints"),
        ({"": ID}, "endpoints has the name ''; a name has 1 to 64 letters"),
        ({"a,b": ID}, "has the name 'a,b'"),
        ({"a=b": ID}, "has the name 'a=b'"),
        ({7: ID}, "has the name 7"),
        ({"a": ID, "b": [ID]}, f'endpoints has "{ID}" twice; give it one name'),
        ({"a": []}, "endpoints has the name a without an id"),
        ({"a": "vpn"}, 'endpoints has "vpn"; an id is'),
        ({"a": 7}, "endpoints has 7; give the id as a string"),
        ({ID: "prod"}, 'endpoints has "prod"; an id is'),
    ],
)
def test_fails_for_names_that_are_none(handler: Callable[..., Any], endpoints: Any, problem: str) -> None:
    """And for an id with two names, or a name without an id."""
    with pytest.raises(InvalidArgument, match=problem):
        handler(endpoints=endpoints)


def test_fails_for_a_token_as_a_name(stack: cdk.Stack, handler: Callable[..., Any]) -> None:
    """Policies would be compared with the text that stands for it."""
    name = cdk.CfnParameter(stack, "Name").value_as_string
    with pytest.raises(InvalidArgument, match="a token as a name"):
        handler(endpoints={name: ID})


@pytest.mark.parametrize(
    ("endpoints", "problem"),
    [
        ([], "leave it out to answer all endpoints"),
        (ID, "must be a list with the id of each endpoint"),
        ([ID, "vpn"], 'endpoints has "vpn"; an id is "cvpn-endpoint-" and hexadecimal digits'),
        ([ID.upper()], "an id is"),
        ([f"{ID},{OTHER_ID}"], "an id is"),
        ([ID, 7], "endpoints has 7; give the id as a string"),
    ],
)
def test_fails_for_what_is_no_id(handler: Callable[..., Any], endpoints: Any, problem: str) -> None:
    """Nothing is defined then."""
    with pytest.raises(InvalidArgument, match=problem):
        handler(endpoints=endpoints)


def test_fails_for_an_endpoint_construct(stack: cdk.Stack, handler: Callable[..., Any]) -> None:
    """The message says why, and what to do."""
    vpn = endpoint(stack, handler())
    with pytest.raises(InvalidArgument, match="each would wait for the other: deploy the endpoint first"):
        handler("Second", endpoints=[vpn])


def test_fails_for_a_reference_to_an_endpoint_that_waits_for_the_handler() -> None:
    """CloudFormation would say so only when it deploys."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    vpn = endpoint(stack, ClientConnectHandler(stack, "Other"))
    handler = ClientConnectHandler(stack, "Handler", endpoints=[vpn.ref])
    vpn.client_connect_options = handler.client_connect_options
    with pytest.raises(RuntimeError, match="reference to Stack/Endpoint, which is defined with this handler"):
        app.synth()


def test_a_reference_to_the_endpoint_of_another_handler_is_no_circle(stack: cdk.Stack) -> None:
    """Neither waits for the other."""
    vpn = endpoint(stack, ClientConnectHandler(stack, "Other"))
    ClientConnectHandler(stack, "Handler", endpoints=[vpn.ref])
    assert variables_of_handler(stack) == {"Ref": stack.get_logical_id(vpn)}


def test_an_endpoint_of_the_app_may_be_attached(stack: cdk.Stack) -> None:
    """The attachment waits for both."""
    vpn = endpoint(stack, ClientConnectHandler(stack, "Other"))
    vpn.client_connect_options = None
    handler = ClientConnectHandler(stack, "Handler", endpoints=[vpn.ref])
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=vpn.ref)
    assert variables_of_handler(stack) == {"Ref": stack.get_logical_id(vpn)}


def variables_of_handler(stack: cdk.Stack) -> Any:
    """Return the variable of the one handler that has it."""
    functions = template(stack).find_resources("AWS::Lambda::Function").values()
    (found,) = (
        value
        for each in functions
        if (value := each["Properties"].get("Environment", {}).get("Variables", {}).get(VARIABLE))
    )
    return found


@pytest.mark.parametrize(
    ("endpoints", "resources"),
    [(None, ["*"]), ([ID], [ID]), ([ID, OTHER_ID], [ID, OTHER_ID])],
    ids=["all", "one", "two"],
)
def test_a_handler_that_counts_may_query_connections(
    stack: cdk.Stack, handler: Callable[..., Any], endpoints: list[str] | None, resources: list[str]
) -> None:
    """Of the endpoints that it answers; without a list, of those in the account and Region."""
    handler(policies=COUNTING, connection_registry=ConnectionRegistry(stack, "Registry"), endpoints=endpoints)
    arns = [
        {
            "Fn::Join": [
                "",
                [
                    *("arn:", {"Ref": "AWS::Partition"}, ":ec2:", {"Ref": "AWS::Region"}, ":"),
                    *({"Ref": "AWS::AccountId"}, f":client-vpn-endpoint/{id_}"),
                ],
            ]
        }
        for id_ in resources
    ]
    statement = {
        "Action": "ec2:DescribeClientVpnConnections",
        "Effect": "Allow",
        "Resource": arns if len(arns) > 1 else arns[0],
    }
    template(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {"PolicyDocument": {"Statement": assertions.Match.array_with([statement])}},
    )


def test_others_may_not_query_connections(stack: cdk.Stack, handler: Callable[..., Any]) -> None:
    """A registry alone is only written."""
    handler(connection_registry=ConnectionRegistry(stack, "Registry"))
    assert "ec2:" not in str(template(stack).find_resources("AWS::IAM::Policy"))


def test_the_index_has_what_counting_reads(stack: cdk.Stack) -> None:
    """Whose device a connection is, and whether it was terminated."""
    ConnectionRegistry(stack, "Registry")
    (table,) = template(stack).find_resources("AWS::DynamoDB::Table").values()
    (index,) = table["Properties"]["GlobalSecondaryIndexes"]
    assert index["Projection"]["NonKeyAttributes"] == [
        "endpointId",
        "at",
        "confirmed",
        "terminatedAt",
        "commonName",
    ]
