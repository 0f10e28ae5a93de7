"""An attachment to an endpoint that the app does not define."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match

from cdk_client_connect import (
    AttachmentRemoval,
    ClientConnectHandler,
    EndpointAttachment,
    FunctionReference,
    InvalidArgument,
    ProvisionedConcurrency,
)
from client_connect_attachment.attachment import TAG_PREFIX
from tests.support.programs import CONTEXT, OUTDIR, run_program

from .conftest import NO_BUNDLING, ROOT, only, template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
ATTACHMENT = "Custom::ClientConnectAttachment"
EUROPE = cdk.Environment(account="111111111111", region="eu-central-1")
AMERICA = cdk.Environment(account="111111111111", region="us-east-1")
OTHER_ACCOUNT = cdk.Environment(account="222222222222", region="eu-central-1")


@pytest.fixture(scope="module")
def default() -> assertions.Template:
    """A handler with an attachment."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    EndpointAttachment(
        stack, "Attachment", handler=ClientConnectHandler(stack, "Handler"), endpoint_id=ENDPOINT
    )
    return template(stack)


def attaching_function(synthesized: assertions.Template) -> dict[str, Any]:
    """Return the attachment's function."""
    return only(
        synthesized.find_resources("AWS::Lambda::Function", {"Properties": {"Handler": "attachment.handler"}})
    )


class TestDefault:
    """With the endpoint and the handler alone."""

    def test_attaches_the_alias_and_detaches(self, default: assertions.Template) -> None:
        """The custom resource names the endpoint and the alias, replaces nothing, and is deleted when removed."""
        (alias,) = default.find_resources("AWS::Lambda::Alias")
        (function,) = default.find_resources(
            "AWS::Lambda::Function", {"Properties": {"Handler": "attachment.handler"}}
        )
        assert only(default.find_resources(ATTACHMENT)) == {
            "Type": ATTACHMENT,
            "Properties": {
                "ServiceToken": {"Fn::GetAtt": [function, "Arn"]},
                "ServiceTimeout": "600",
                "EndpointId": ENDPOINT,
                "HandlerArn": {"Ref": alias},
                "Replace": "false",
            },
            "UpdateReplacePolicy": "Delete",
            "DeletionPolicy": "Delete",
        }

    def test_waits_for_the_service_linked_role(self, default: assertions.Template) -> None:
        """The alias, which the attachment refers to, is there only after the role that invokes it."""
        alias = only(default.find_resources("AWS::Lambda::Alias"))
        assert [name for name in alias["DependsOn"] if name.startswith("ClientVpnConnectionsRole")]

    def test_may_modify_this_endpoint_alone(self, default: assertions.Template) -> None:
        """Its role may write to its log, modify and mark the one endpoint and describe endpoints; nothing else."""
        function = attaching_function(default)
        (role,) = [key for key in default.find_resources("AWS::IAM::Role") if key.startswith("Attachment")]
        (log_group,) = [
            key for key in default.find_resources("AWS::Logs::LogGroup") if key.startswith("Attachment")
        ]
        policies = default.find_resources("AWS::IAM::Policy", {"Properties": {"Roles": [{"Ref": role}]}})
        endpoint = [
            *("arn:", {"Ref": "AWS::Partition"}, ":ec2:", {"Ref": "AWS::Region"}, ":"),
            *({"Ref": "AWS::AccountId"}, f":client-vpn-endpoint/{ENDPOINT}"),
        ]
        statements = [
            statement
            for policy in policies.values()
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        assert sorted(statements, key=lambda statement: str(statement["Action"])) == [
            {
                "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
                "Effect": "Allow",
                "Resource": {"Fn::Join": ["", endpoint]},
                "Condition": {
                    "ForAllValues:StringLike": {"aws:TagKeys": f"{TAG_PREFIX}*"},
                    "Null": {"aws:TagKeys": "false"},
                },
            },
            {
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Effect": "Allow",
                "Resource": {"Fn::GetAtt": [log_group, "Arn"]},
            },
            {
                "Action": "cloudformation:DescribeStacks",
                "Effect": "Allow",
                "Resource": {"Ref": "AWS::StackId"},
            },
            {"Action": "ec2:DescribeClientVpnEndpoints", "Effect": "Allow", "Resource": "*"},
            {
                "Action": "ec2:ModifyClientVpnEndpoint",
                "Effect": "Allow",
                "Resource": {"Fn::Join": ["", endpoint]},
            },
        ]
        assert "ManagedPolicyArns" not in default.find_resources("AWS::IAM::Role")[role]["Properties"]
        assert function["Properties"]["Role"] == {"Fn::GetAtt": [role, "Arn"]}
        assert set(policies) == set(function["DependsOn"])

    def test_what_the_function_may_turn_on_is_in_its_environment(self, default: assertions.Template) -> None:
        """Whoever invokes it, and whatever the request says."""
        (alias,) = default.find_resources("AWS::Lambda::Alias")
        (logical_id,) = default.find_resources("Custom::ClientConnectAttachment")
        assert attaching_function(default)["Properties"]["Environment"]["Variables"] == {
            "CLIENT_CONNECT_ENDPOINT_IDS": ENDPOINT,
            "CLIENT_CONNECT_HANDLER_ARNS": {"Ref": alias},
            "CLIENT_CONNECT_LOGICAL_IDS": logical_id,
            "CLIENT_CONNECT_REPLACE": "false",
        }

    def test_the_function_can_always_answer(self, default: assertions.Template) -> None:
        """It is given two minutes, and CloudFormation waits longer than Lambda's repetitions take."""
        assert attaching_function(default)["Properties"]["Timeout"] == 120


@pytest.mark.parametrize("value", [False, True])
def test_its_permissions_are_there_before_and_after_it(*, value: bool) -> None:
    """All its role may do, with and without the CDK's flag for one policy per permission, is waited for."""
    flag = "@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy"
    stack = cdk.Stack(cdk.App(context={**NO_BUNDLING, flag: value}), "Stack")
    EndpointAttachment(
        stack, "Attachment", handler=ClientConnectHandler(stack, "Handler"), endpoint_id=ENDPOINT
    )
    synthesized = template(stack)
    policies = [key for key in synthesized.find_resources("AWS::IAM::Policy") if key.startswith("Attachment")]
    assert policies == attaching_function(synthesized)["DependsOn"]


def test_leave_keeps_the_handler_on(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """CloudFormation forgets the attachment without asking to turn it off, unless it rolls back its creation."""
    EndpointAttachment(
        *(stack, "Attachment"),
        handler=handler(),
        endpoint_id=ENDPOINT,
        replace=True,
        on_removal=AttachmentRemoval.LEAVE,
    )
    template(stack).has_resource(
        ATTACHMENT,
        {
            "Properties": Match.object_like({"Replace": "true"}),
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
        },
    )


def test_takes_what_the_handler_gives_to_endpoints(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """An unqualified ARN where the handler is configured so."""
    unqualified = handler(
        function_reference=FunctionReference.UNQUALIFIED,
        provisioned_concurrency=ProvisionedConcurrency.none(),
    )
    EndpointAttachment(stack, "Attachment", handler=unqualified, endpoint_id=ENDPOINT)
    function = stack.get_logical_id(unqualified.function.node.default_child)
    template(stack).has_resource_properties(ATTACHMENT, {"HandlerArn": {"Fn::GetAtt": [function, "Arn"]}})


def test_another_endpoint_has_resources_of_its_own() -> None:
    """The old ones, with the old permission, are deleted after they have detached the old endpoint."""
    ids = []
    for endpoint_id in (ENDPOINT, "cvpn-endpoint-0fedcba9876543210"):
        stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
        handler = ClientConnectHandler(stack, "Handler")
        EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=endpoint_id)
        resources = template(stack).to_json()["Resources"]
        ids.append({key for key in resources if key.startswith("Attachment")})
    assert ids[0].isdisjoint(ids[1])
    assert len(ids[0]) == len(ids[1]) == 5


def test_the_endpoint_may_be_a_token(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """A parameter of the stack is a resource's property and part of the permission's ARN."""
    parameter = cdk.CfnParameter(stack, "EndpointId")
    EndpointAttachment(stack, "Attachment", handler=handler(), endpoint_id=parameter.value_as_string)
    template(stack).has_resource_properties(ATTACHMENT, {"EndpointId": {"Ref": "EndpointId"}})


@pytest.mark.parametrize("environments", [(EUROPE, EUROPE), (None, EUROPE), (EUROPE, None)], ids=str)
def test_the_attachments_stack_waits_for_the_handlers(
    environments: tuple[cdk.Environment | None, ...],
) -> None:
    """The attachment's stack waits for the handler's, even if one of them names no environment."""
    root = cdk.App(context=NO_BUNDLING)
    producer = cdk.Stack(root, "Producer", env=environments[0])
    consumer = cdk.Stack(root, "Consumer", env=environments[1])
    EndpointAttachment(
        consumer, "Attachment", handler=ClientConnectHandler(producer, "Handler"), endpoint_id=ENDPOINT
    )
    assembly = root.synth()
    assert "Producer" in [each.id for each in assembly.get_stack_by_name("Consumer").dependencies]


def test_with_customized_roles_the_report_says_what_to_permit(tmp_path: Path) -> None:
    """Where an app may create no roles, the CDK's report says what the one made elsewhere must permit."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING, outdir=str(tmp_path)), "Stack")
    iam.Role.customize_roles(stack)
    EndpointAttachment(
        stack, "Attachment", handler=ClientConnectHandler(stack, "Handler"), endpoint_id=ENDPOINT
    )
    synthesized = template(stack)
    synthesized.resource_count_is("AWS::IAM::Role", 0)
    assert not [key for key in synthesized.find_resources("AWS::IAM::Policy") if key.startswith("Attachment")]
    report = (tmp_path / "iam-policy-report.txt").read_text("utf-8")
    assert "ec2:ModifyClientVpnEndpoint" in report
    assert "ec2:DescribeClientVpnEndpoints" in report


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    """It runs as it stands, and its stack has the attachment."""
    document = (ROOT / "docs" / "endpoint-attachment.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    variables = {OUTDIR: str(tmp_path), CONTEXT: json.dumps(NO_BUNDLING)}
    assert run_program(example, folder=tmp_path, variables=variables).returncode == 0
    synthesized = json.loads((tmp_path / "VpnHandler.template.json").read_text("utf-8"))
    assert ATTACHMENT in [resource["Type"] for resource in synthesized["Resources"].values()]


@pytest.mark.parametrize("elsewhere", [AMERICA, OTHER_ACCOUNT], ids=["another Region", "another account"])
def test_fails_for_a_handler_elsewhere(elsewhere: cdk.Environment) -> None:
    """Both environments are named."""
    root = cdk.App(context=NO_BUNDLING)
    handler = ClientConnectHandler(cdk.Stack(root, "Producer", env=elsewhere), "Handler")
    consumer = cdk.Stack(root, "Consumer", env=EUROPE)
    with pytest.raises(InvalidArgument) as caught:
        EndpointAttachment(consumer, "Attachment", handler=handler, endpoint_id=ENDPOINT)
    assert f"aws://{EUROPE.account}/{EUROPE.region}" in str(caught.value)
    assert f"aws://{elsewhere.account}/{elsewhere.region}" in str(caught.value)
    assert consumer.node.try_find_child("Attachment") is None


@pytest.mark.parametrize(
    "endpoint_id", ["", "cvpn-endpoint-", "vpn-0123", "cvpn-endpoint-012X", f"{ENDPOINT}\n"]
)
def test_fails_for_what_is_no_endpoint(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler], endpoint_id: str
) -> None:
    """A name or an ARN is not an endpoint's id."""
    with pytest.raises(InvalidArgument, match='must be "cvpn-endpoint-" and hexadecimal digits'):
        EndpointAttachment(stack, "Attachment", handler=handler(), endpoint_id=endpoint_id)


def test_fails_for_wrong_types(stack: cdk.Stack) -> None:
    """All of them are reported at once."""
    wrong: dict[str, Any] = {"handler": "arn", "endpoint_id": 7, "replace": "false", "on_removal": "leave"}
    with pytest.raises(InvalidArgument) as caught:
        EndpointAttachment(stack, "Attachment", **wrong)
    lines = str(caught.value).splitlines()
    assert [line.partition("=")[0] for line in lines] == list(wrong)
