"""The resources of a handler without arguments, with feature flags unset and with the recommended ones."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from cdk_client_connect import ClientConnectHandler

from .conftest import NO_BUNDLING, endpoint, recommended_flags, template

SERVICE = "clientvpn-connections.amazonaws.com"


@pytest.fixture(scope="module", params=["flags unset", "recommended flags"])
def default(request: pytest.FixtureRequest) -> Template:
    """The template of a handler without arguments and an endpoint that uses it."""
    flags = recommended_flags() if request.param == "recommended flags" else {}
    stack = cdk.Stack(cdk.App(context={**flags, **NO_BUNDLING}), "Stack")
    endpoint(stack, ClientConnectHandler(stack, "Handler"))
    return template(stack)


def logical_id(default: Template, type_: str, properties: dict[str, Any] | None = None) -> str:
    """Return the logical id of the only such resource, or of the only one that ours is."""
    (id_,) = default.find_resources(type_, {"Properties": properties or {}})
    return id_


def test_the_function_runs_the_bundled_handler_on_arm64(default: Template) -> None:
    """The function runs the bundled handler on the newest Python on arm64, with 10 seconds and 512 MiB."""
    default.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "FunctionName": Match.string_like_regexp("^AWSClientVPN-Stack-Handler"),
            "Handler": "client_connect.handler.handler",
            "Runtime": "python3.14",
            "Architectures": ["arm64"],
            "Timeout": 10,
            "MemorySize": 512,
            "ReservedConcurrentExecutions": Match.absent(),
            "VpcConfig": Match.absent(),
            "TracingConfig": Match.absent(),
            "KmsKeyArn": Match.absent(),
        },
    )


def test_the_function_logs_json_to_a_group_that_outlives_the_stack(default: Template) -> None:
    """The function logs JSON of level INFO to its own log group, which outlives the stack."""
    group = logical_id(default, "AWS::Logs::LogGroup", {"RetentionInDays": 731})
    default.has_resource_properties(
        "AWS::Lambda::Function",
        {"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": {"Ref": group}}},
    )
    default.has_resource(
        "AWS::Logs::LogGroup", {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    )


def test_the_settings_are_always_explicit(default: Template) -> None:
    """The settings are always explicit: enforced, a message that helps, UTC."""
    default.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Environment": {
                "Variables": {
                    "CLIENT_CONNECT_SHADOW_MODE": "false",
                    "CLIENT_CONNECT_TIME_ZONE": "UTC",
                    "CLIENT_CONNECT_DEFAULT_MESSAGE": Match.string_like_regexp("contact your administrator"),
                }
            }
        },
    )


def test_the_role_may_write_to_its_log_group_only(default: Template) -> None:
    """The role may write to that one log group, and nothing else."""
    policies = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for id_, each in default.find_resources("AWS::IAM::Policy").items()
        if id_.startswith("HandlerRole")
    ]
    group = logical_id(default, "AWS::Logs::LogGroup", {"RetentionInDays": 731})
    assert policies == [
        [
            {
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Effect": "Allow",
                "Resource": {"Fn::GetAtt": [group, "Arn"]},
            }
        ]
    ]
    roles = default.find_resources("AWS::IAM::Role", {"Properties": {"ManagedPolicyArns": Match.any_value()}})
    assert roles == {}


def test_the_alias_keeps_two_environments_of_the_current_version(default: Template) -> None:
    """The alias `live` keeps two environments of the current version."""
    version = logical_id(default, "AWS::Lambda::Version")
    default.has_resource_properties(
        "AWS::Lambda::Alias",
        {
            "Name": "live",
            "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
            "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2},
        },
    )


def test_endpoint_is_given_the_alias(default: Template) -> None:
    """An endpoint refers to the alias, so provisioned concurrency takes effect."""
    alias = logical_id(default, "AWS::Lambda::Alias")
    default.has_resource_properties(
        "AWS::EC2::ClientVpnEndpoint",
        {"ClientConnectOptions": {"Enabled": True, "LambdaFunctionArn": {"Ref": alias}}},
    )


def test_service_linked_role(default: Template) -> None:
    """The role of the service is created if it is missing, never deleted, before the alias can be used."""
    custom = logical_id(default, "Custom::AWS")
    properties = default.find_resources("Custom::AWS")[custom]["Properties"]
    assert '"action":"createServiceLinkedRole"' in properties["Create"]
    assert '"AWSServiceName":"clientvpn-connections.amazonaws.com"' in properties["Create"]
    assert '"ignoreErrorCodesMatching":"InvalidInput|EntityAlreadyExists"' in properties["Create"]
    assert "Delete" not in properties
    assert "Update" not in properties
    default.has_resource("AWS::Lambda::Alias", {"DependsOn": Match.array_with([custom])})


def test_service_linked_role_permission(default: Template) -> None:
    """Only that one role can be created."""
    default.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "iam:CreateServiceLinkedRole",
                        "Effect": "Allow",
                        "Condition": {"StringEquals": {"iam:AWSServiceName": SERVICE}},
                        "Resource": {
                            "Fn::Join": [
                                "",
                                Match.array_with(
                                    [
                                        f":role/aws-service-role/{SERVICE}/AWSServiceRoleForClientVPNConnections"
                                    ]
                                ),
                            ]
                        },
                    }
                ],
                "Version": "2012-10-17",
            }
        },
    )


def test_a_handler_defines_nothing_beyond_what_is_named_here(default: Template) -> None:
    """A handler defines nothing beyond what is named here."""
    types = sorted(resource["Type"] for resource in default.to_json()["Resources"].values())
    assert types == [
        "AWS::EC2::ClientVpnEndpoint",
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::IAM::Policy",
        "AWS::IAM::Policy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::IAM::Role",
        "AWS::IAM::Role",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Lambda::Function",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::Logs::LogGroup",
        "AWS::Logs::LogGroup",
        "Custom::AWS",
    ]
