"""A handler as changed by Aspects and overrides is compared with its definition, in the templates as deployed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    EndpointAttachment,
    FunctionReference,
    ProvisionedConcurrency,
)

from .conftest import NO_BUNDLING, endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from constructs import IConstruct

    Change = Callable[[Any], None]

HANDLER = "Stack/Handler/Function/Resource"
REAUTHORIZER = "Stack/Reauthorizer/Function/Resource"
ALIAS = "Stack/Handler/Alias/Resource"


@jsii.implements(cdk.IAspect)
class Rewrite:
    """An organization's Aspect that changes resources by their paths."""

    def __init__(self, changes: dict[str, Change]) -> None:
        self._changes = changes

    def visit(self, node: IConstruct) -> None:
        """Change a resource."""
        if (change := self._changes.get(node.node.path)) is not None:
            change(node)


def define(**arguments: Any) -> cdk.App:
    """Define a handler, a re-authorizer and an endpoint in the same stack and one in another stack."""
    app = cdk.App(context=NO_BUNDLING)
    stack, network = cdk.Stack(app, "Stack"), cdk.Stack(app, "Network")
    registry = ConnectionRegistry(stack, "Registry")
    handler = ClientConnectHandler(
        stack, "Handler", connection_registry=registry, environment={"TEAM": "network"}, **arguments
    )
    near = endpoint(stack, handler, "Near")
    endpoint(network, handler, "Far")
    ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[near, "cvpn-endpoint-0123456789abcdef0"]
    )
    return app


def synthesized(app: cdk.App, changes: dict[str, Change]) -> list[dict[str, Any]]:
    """Synthesize with an Aspect; return what the report says of this library's checks."""
    cdk.Aspects.of(app).add(Rewrite(changes))
    try:
        app.synth()
    except RuntimeError as error:
        assert "validation-report.json" in str(error)  # noqa: PT017 - of several errors, that one
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text("utf-8"))
    reports = report["pluginReports"]
    return [v for each in reports if each["pluginName"] == "cdk-client-connect" for v in each["violations"]]


def said(violations: Sequence[dict[str, Any]], severity: str) -> dict[str, str]:
    """Return what is said, with the rule of each."""
    return {each["description"]: each["ruleName"] for each in violations if each["severity"] == severity}


def override(name: str, value: Any) -> Change:
    """Return an override of a property."""
    return lambda resource: resource.add_property_override(name, value)


def in_turn(*changes: Change) -> Change:
    """Return all changes as one."""

    def change(resource: Any) -> None:
        for each in changes:
            each(resource)

    return change


def test_what_nobody_changed_is_not_reported() -> None:
    """Neither are tags, tracing, a dead-letter queue and an added variable, which do no harm."""
    harmless = in_turn(
        override("Tags", [{"Key": "owner", "Value": "network"}]),
        override("TracingConfig", {"Mode": "Active"}),
        override("DeadLetterConfig", {"TargetArn": "arn:aws:sqs:eu-central-1:111111111111:dead"}),
        override("Environment.Variables.DD_SITE", "example.com"),
        override("Timeout", "10"),
    )
    app = define()
    assert synthesized(app, {HANDLER: harmless}) == []


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        (
            HANDLER,
            lambda f: setattr(f, "function_name", "corp-" + f.function_name),
            'FunctionName "corp-AWSC',
        ),
        (HANDLER, override("FunctionName", "AWSClientVPN-other"), 'FunctionName "AWSClientVPN-other"'),
        (HANDLER, lambda f: f.add_property_deletion_override("FunctionName"), "FunctionName none in the"),
        (HANDLER, lambda f: setattr(f, "runtime", "python3.12"), 'Runtime "python3.12"'),
        (HANDLER, override("Architectures", ["x86_64"]), r'Architectures \["x86_64"\]'),
        (HANDLER, lambda f: setattr(f, "timeout", 60), 'Timeout "60"'),
        (HANDLER, lambda f: f.add_override("Properties.Timeout", 31), 'Timeout "31"'),
        (HANDLER, override("Environment.Variables.CLIENT_CONNECT_SHADOW_MODE", "true"), 'SHADOW_MODE "true"'),
        (HANDLER, override("Environment.Variables.CLIENT_CONNECT_NEW", "1"), "CLIENT_CONNECT_NEW"),
        (HANDLER, lambda f: f.add_property_deletion_override("Environment"), "TIME_ZONE none"),
        (HANDLER, override("Code", {"S3Key": "other.zip"}), "other code"),
        (HANDLER, lambda f: f.add_override("Type", "Custom::Function"), "is not in the template"),
        (HANDLER, override("LoggingConfig.LogFormat", "Text"), "does not log in JSON"),
        (HANDLER, override("LoggingConfig.ApplicationLogLevel", "ERROR"), "does not log in JSON"),
        (HANDLER, override("ReservedConcurrentExecutions", 0), 'ReservedConcurrentExecutions "0".*2 or more'),
        (ALIAS, override("Name", "blue"), 'Alias of .* has Name "blue"'),
        (ALIAS, override("FunctionVersion", "$LATEST"), r'has FunctionVersion "\$LATEST"'),
        (ALIAS, override("FunctionName", "other"), 'has FunctionName "other"'),
        (ALIAS, lambda a: a.add_property_deletion_override("ProvisionedConcurrencyConfig"), "null in the"),
        (ALIAS, override("RoutingConfig", {"AdditionalVersionWeights": []}), "has RoutingConfig"),
        (REAUTHORIZER, lambda f: setattr(f, "timeout", 30), 're-authorizer .* has Timeout "30"'),
        (REAUTHORIZER, override("Environment.Variables.CLIENT_CONNECT_DRY_RUN", "true"), 'DRY_RUN "true"'),
        (REAUTHORIZER, override("Runtime", "python3.13"), 're-authorizer .* has Runtime "python3.13"'),
        ("Stack/Near", lambda e: setattr(e, "client_connect_options", None), "was given .* null"),
        ("Network/Far", override("ClientConnectOptions.LambdaFunctionArn", "arn:x"), 'was given .*"arn:x"'),
        ("Stack/Near", override("ClientConnectOptions.Enabled", False), 'was given .*"false"'),  # noqa: FBT003
    ],
)
def test_a_change_that_denies_or_admits_clients_is_an_error(path: str, change: Change, message: str) -> None:
    """Whether by an assignment, an override or a deletion; what to do is said, and nothing can acknowledge it."""
    app = define()
    cdk.Validations.of(app).acknowledge(
        *(
            cdk.Acknowledgment(id=f"cdk-client-connect::{rule}", reason="none")
            for rule in ("changedFunction", "changedAlias", "changedEndpoint")
        )
    )
    cdk.Aspects.of(app).add(Rewrite({path: change}))
    with pytest.raises(RuntimeError, match=f"(?s){message}.*Suggested fix"):
        app.synth()


WARNINGS = {
    "changedHandler": override("Handler", "wrapper.handler"),
    "changedMemorySize": lambda f: setattr(f, "memory_size", 1024),
    "changedLayers": lambda f: setattr(
        f, "layers", ["arn:aws:lambda:eu-central-1:111111111111:layer:watch:1"]
    ),
    "changedRole": override("Role", "arn:aws:iam::111111111111:role/standard"),
    "changedVpcConfig": override("VpcConfig", {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}),
    "changedKmsKeyArn": override("KmsKeyArn", "arn:aws:kms:eu-central-1:111111111111:key/1"),
    "changedEnvironment": override("Environment.Variables.TEAM", "other"),
    "changedLoggingConfig": override("LoggingConfig.LogGroup", "elsewhere"),
    "changedReservedConcurrentExecutions": override("ReservedConcurrentExecutions", 5),
    "changedFileSystemConfigs": override("FileSystemConfigs", []),
}


def test_what_may_be_meant_is_a_warning() -> None:
    """Such as the wrapper of an observability tool; the re-authorizer's function is no exception."""
    changes = {HANDLER: in_turn(*WARNINGS.values()), REAUTHORIZER: override("Handler", "wrapper.handler")}
    found = synthesized(define(), changes)
    assert said(found, "fatal") == {}
    assert sorted(said(found, "warning").values()) == sorted([*WARNINGS, "changedHandler"])
    assert sum("client connect handler Stack/Handler" in each for each in said(found, "warning")) == 10


def test_a_wrapper_in_a_variable_is_a_warning_too() -> None:
    """Lambda runs it before the handler."""
    change = override("Environment.Variables.AWS_LAMBDA_EXEC_WRAPPER", "/opt/wrapper")
    found = synthesized(define(), {HANDLER: change})
    assert list(said(found, "warning").values()) == ["changedHandler"]


def test_a_warning_can_be_acknowledged() -> None:
    """On the handler, by the name of this library and of the rule."""
    app = define()
    handler = app.node.find_child("Stack").node.find_child("Handler")
    reason = cdk.Acknowledgment(id="cdk-client-connect::changedHandler", reason="traced")
    cdk.Validations.of(handler).acknowledge(reason)
    found = synthesized(app, {HANDLER: in_turn(WARNINGS["changedHandler"], WARNINGS["changedLayers"])})
    assert list(said(found, "warning").values()) == ["changedLayers"]


@pytest.mark.parametrize("role", ["Handler", "Reauthorizer"])
def test_permissions_that_are_taken_away_are_a_warning(role: str) -> None:
    """A managed policy may have them instead."""

    def change(policy: Any) -> None:
        policy.add_property_override("PolicyDocument.Statement", [])

    found = synthesized(define(), {f"Stack/{role}/Role/DefaultPolicy/Resource": change})
    ((message, rule),) = said(found, "warning").items()
    assert rule == "missingPermission"
    assert "dynamodb:PutItem" in message
    assert "logs:PutLogEvents" in message


def test_scaled_environments_are_checked() -> None:
    """An Aspect that saves money by no minimum would let connections wait for cold starts."""
    scaled = ProvisionedConcurrency.scaling(minimum=2, maximum=5)
    app = define(provisioned_concurrency=scaled)

    @jsii.implements(cdk.IAspect)
    class Save:
        def visit(self, node: IConstruct) -> None:
            if isinstance(node, scaling.CfnScalableTarget):
                node.min_capacity = 0

    cdk.Aspects.of(app).add(Save())
    with pytest.raises(RuntimeError, match='has MinCapacity "0" in the template, but 2 was defined'):
        app.synth()


def test_environments_are_scaled_for_the_alias() -> None:
    """Elsewhere, they would leave the alias without any."""
    app = define(provisioned_concurrency=ProvisionedConcurrency.scaling(minimum=2, maximum=5))
    (target,) = [each for each in app.node.find_all() if isinstance(each, scaling.CfnScalableTarget)]
    found = synthesized(app, {target.node.path: override("ResourceId", "function:AWSClientVPN-other:live")})
    assert [each["severity"] for each in found] == ["fatal"]
    assert 'has ResourceId "function:AWSClientVPN-other:live"' in found[0]["description"]


@pytest.mark.parametrize("change", [None, "HandlerArn", "EndpointId", "Replace"])
def test_an_attachment_that_is_changed_is_an_error(change: str | None) -> None:
    """Its endpoint would have another handler, or another endpoint would have this one."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    handler = ClientConnectHandler(stack, "Handler")
    id_ = "cvpn-endpoint-0123456789abcdef0"
    attachment = EndpointAttachment(cdk.Stack(app, "Network"), "At", handler=handler, endpoint_id=id_)
    (resource,) = [
        each.node.path
        for each in attachment.node.find_all()
        if isinstance(each, cdk.CfnResource) and each.cfn_resource_type == "Custom::ClientConnectAttachment"
    ]
    found = synthesized(app, {resource: override(change, "other")} if change else {})
    assert [each["ruleName"] for each in found] == (["changedEndpoint"] if change else [])
    assert [each["severity"] for each in found] == (["fatal"] if change else [])


@pytest.mark.parametrize("which", ["function", "version", "alias"])
def test_an_endpoint_that_is_given_another_arn_of_the_handler_is_a_warning(which: str) -> None:
    """The function that it invokes has no provisioned environments, and gradual deployments do not shift it."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    handler = ClientConnectHandler(stack, "Handler")
    arns = {
        "function": handler.function.function_arn,
        "version": handler.function.current_version.function_arn,
        "alias": handler.alias.function_arn,
    }
    endpoint(stack, handler).client_connect_options = ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty(
        enabled=True, lambda_function_arn=arns[which]
    )
    ((text, rule),) = said(synthesized(app, {}), "warning").items()
    assert rule == "changedEndpoint"
    assert "another ARN of client connect handler Stack/Handler than its function_arn" in text


@pytest.mark.parametrize(
    ("of", "class_"),
    [("Handler", "INFREQUENT_ACCESS"), ("Handler", "DELIVERY"), ("Reauthorizer", "INFREQUENT_ACCESS")],
)
def test_a_log_group_without_metrics_is_an_error(of: str, class_: str) -> None:
    """All alarms would be silent."""
    app = define()
    found = synthesized(app, {f"Stack/{of}/LogGroup/Resource": override("LogGroupClass", class_)})
    ((text, rule),) = said(found, "fatal").items()
    assert rule == "changedLoggingConfig"
    assert f"is of the class {class_} in the template" in text


def test_an_override_at_definition_is_checked_too() -> None:
    """And with the unqualified ARN, one environment besides the provisioned ones must be left."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    handler = ClientConnectHandler(stack, "Handler", function_reference=FunctionReference.UNQUALIFIED)
    function = handler.function.node.default_child
    assert isinstance(function, lambda_.CfnFunction)
    function.add_property_override("ReservedConcurrentExecutions", 2)
    with pytest.raises(RuntimeError, match="needs 3 or more"):
        app.synth()


@pytest.mark.parametrize(
    "regions", [("eu-central-1", "eu-west-1"), ("eu-central-1", "eu-central-1"), (None, None)]
)
def test_each_stack_has_a_handler_and_an_endpoint(regions: tuple[str | None, str | None]) -> None:
    """To look for the endpoints of one handler makes no stack wait for another, and none seem to be elsewhere."""
    app = cdk.App(context=NO_BUNDLING)
    for name, region in zip("AB", regions, strict=True):
        account = region and "111111111111"
        stack = cdk.Stack(app, name, env=cdk.Environment(account=account, region=region))
        endpoint(stack, ClientConnectHandler(stack, "Handler"))
    app.synth()


def test_handlers_with_the_same_id_in_nested_stacks_are_told_apart() -> None:
    """In each stack, the alias has the same logical id."""
    app = cdk.App(context=NO_BUNDLING)
    parent = cdk.Stack(app, "Parent")
    stacks = (parent, cdk.NestedStack(parent, "One"), cdk.NestedStack(parent, "Two"))
    for number, stack in enumerate(stacks):
        handler = ClientConnectHandler(stack, "Handler")
        for other in stacks[: number + 1]:
            endpoint(other, handler, f"Endpoint{number}")
    assert synthesized(app, {}) == []


def test_stages_and_nested_stacks_are_checked() -> None:
    """The templates of both lie elsewhere."""
    app = cdk.App(context=NO_BUNDLING)
    stage = cdk.Stage(app, "Stage")
    nested = cdk.NestedStack(cdk.Stack(stage, "Stack"), "Nested")
    ClientConnectHandler(nested, "Handler")
    cdk.Aspects.of(stage).add(
        Rewrite({"Stage/Stack/Nested/Handler/Function/Resource": override("Timeout", 900)})
    )
    with pytest.raises(RuntimeError, match='Stage/Stack/Nested/Handler has Timeout "900"'):
        app.synth()


def test_a_handler_in_a_vpc_with_a_key_and_other_settings_is_not_reported() -> None:
    """The construct's own settings, tokens included, are as expected."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack")
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    handler = ClientConnectHandler(
        stack,
        "Handler",
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        encryption_key=cdk.aws_kms.Key(stack, "Key"),
        reserved_concurrent_executions=10,
        environment={"TABLE": cdk.CfnParameter(stack, "Parameter").value_as_string},
        tracing=lambda_.Tracing.ACTIVE,
    )
    handler.role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::a/b"]))
    handler.function.connections.add_security_group(ec2.SecurityGroup(stack, "Group", vpc=vpc))
    assert synthesized(app, {}) == []


TABLE, RULE = "Stack/Registry/Connections/Resource", "Stack/Reauthorizer/Schedule/Resource"


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        (
            TABLE,
            lambda t: t.add_property_deletion_override("TimeToLiveSpecification"),
            "TimeToLiveSpecification null",
        ),
        (TABLE, lambda t: setattr(t, "time_to_live_specification", None), "TimeToLiveSpecification null"),
        (TABLE, override("TimeToLiveSpecification.Enabled", "false"), '"Enabled": "false"'),
        (TABLE, override("GlobalSecondaryIndexes.0.IndexName", "other"), '"IndexName": "other"'),
        (
            TABLE,
            lambda t: t.add_property_deletion_override("GlobalSecondaryIndexes"),
            "GlobalSecondaryIndexes null",
        ),
        (RULE, override("State", "DISABLED"), 'State "DISABLED"'),
        (RULE, lambda r: setattr(r, "state", "DISABLED"), 'State "DISABLED"'),
        (RULE, override("ScheduleExpression", "rate(1 day)"), 'ScheduleExpression "rate\\(1 day\\)"'),
        (RULE, override("Targets", []), r"Targets \[\]"),
    ],
)
def test_a_change_of_a_table_or_the_schedule_is_an_error(path: str, change: Change, message: str) -> None:
    """Connections would not be counted, not be removed, or not be decided again."""
    errors = said(synthesized(define(), {path: change}), "fatal")
    rule = "changedTable" if path == TABLE else "changedSchedule"
    assert [name for text, name in errors.items() if re.search(message, text)] == [rule]
