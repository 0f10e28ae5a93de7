"""Each argument of a handler: what it changes, and what is refused before anything is synthesized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import (
    ClientConnectError,
    ClientConnectHandler,
    FunctionReference,
    InvalidArgument,
    InvalidCode,
    InvalidConcurrency,
    InvalidFunctionName,
    InvalidMessage,
    InvalidPolicies,
    InvalidRuntime,
    InvalidTimeout,
    InvalidTimeZone,
    Policies,
    ProvisionedConcurrency,
    Rules,
    ServiceLinkedRole,
)

from .conftest import NO_BUNDLING, only, template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Define = Callable[..., ClientConnectHandler]

FUNCTION = "AWS::Lambda::Function"
ALIAS = "AWS::Lambda::Alias"
REFUSED: list[tuple[dict[str, Any], type[ClientConnectError], str]] = [
    (
        {"function_name": "vpn-handler"},
        InvalidFunctionName,
        'must begin with "AWSClientVPN-".*use "AWSClientVPN-vpn-handler"',
    ),
    ({"function_name": "AWSClientVPN-"}, InvalidFunctionName, 'and go on.*use "AWSClientVPN-handler"'),
    ({"function_name": "awsclientvpn-x"}, InvalidFunctionName, 'must begin.*use "AWSClientVPN-x"'),
    ({"function_name": "AWSClientVPN-a.b"}, InvalidFunctionName, 'may have letters.*use "AWSClientVPN-a-b"'),
    ({"function_name": "AWSClientVPN-" + "x" * 52}, InvalidFunctionName, "has 65 characters"),
    ({"function_name": cdk.Aws.STACK_NAME}, InvalidFunctionName, "is a token"),
    ({"timeout": cdk.Duration.seconds(31)}, InvalidTimeout, "31 s must be whole seconds from 1 to 30"),
    ({"timeout": cdk.Duration.seconds(0)}, InvalidTimeout, "0 s must be"),
    ({"timeout": cdk.Duration.millis(1500)}, InvalidTimeout, "1.5 s must be"),
    ({"runtime": lambda_.Runtime.PYTHON_3_10}, InvalidRuntime, "needs Python 3.11 or later"),
    ({"runtime": lambda_.Runtime.NODEJS_22_X}, InvalidRuntime, "nodejs22.x"),
    ({"default_message": "x" * 256}, InvalidMessage, "has 256 characters"),
    ({"default_message": "  "}, InvalidMessage, "is empty"),
    ({"default_message": "\U0001f98a" * 128}, InvalidMessage, "has 256 characters, counted in UTF-16"),
    (
        {"default_message": "{connection-id}" + "x" * 220},
        InvalidMessage,
        "has 260 characters, with 40 for its plac",
    ),
    ({"default_message": "{conection-id}"}, InvalidMessage, r'no placeholder; write "\{connection-id\}"'),
    ({"default_message": "{custom.ticket}"}, InvalidMessage, "declare it in custom.cedarschema"),
    ({"default_message": "TEMPORARILY closed."}, InvalidMessage, 'begins with "TEMP", so OpenVPN clients'),
    ({"default_message": "Error CRV1: call us."}, InvalidMessage, 'contains "CRV1:", so OpenVPN clients'),
    ({"time_zone": "Mars/Olympus"}, InvalidTimeZone, 'such as "Europe/Berlin"'),
    ({"time_zone": "../../etc/passwd"}, InvalidTimeZone, "is not an IANA time zone"),
    ({"reserved_concurrent_executions": 1}, InvalidConcurrency, "reserve at least as many"),
    (
        {"reserved_concurrent_executions": 0, "provisioned_concurrency": ProvisionedConcurrency.none()},
        InvalidConcurrency,
        "throttles every invocation",
    ),
    (
        {"reserved_concurrent_executions": 2, "function_reference": FunctionReference.UNQUALIFIED},
        InvalidConcurrency,
        r"every connection would be denied; use ProvisionedConcurrency.none\(\)",
    ),
    (
        {
            "reserved_concurrent_executions": 5,
            "function_reference": FunctionReference.UNQUALIFIED,
            "provisioned_concurrency": ProvisionedConcurrency.scaling(minimum=1, maximum=5),
        },
        InvalidConcurrency,
        "takes all of the reserved_concurrent_executions=5",
    ),
    ({"reserved_concurrent_executions": -1}, InvalidConcurrency, "is negative"),
    ({"architecture": lambda_.Architecture.custom("riscv")}, InvalidRuntime, 'architecture "riscv"'),
    ({"shadow_mode": "false"}, InvalidArgument, "shadow_mode='false' must be True or False.*== \"true\""),
    ({"policy_tests": "no"}, InvalidArgument, "policy_tests='no' must be True or False"),
    ({"function_reference": "unqualified"}, InvalidArgument, "FunctionReference.ALIAS or .UNQUALIFIED"),
    ({"service_linked_role": None}, InvalidArgument, "ServiceLinkedRole.ENSURE, .CLOUDFORMATION or"),
    ({"provisioned_concurrency": 0}, InvalidArgument, r"ProvisionedConcurrency.fixed\(...\)"),
    ({"policies": Rules()}, InvalidArgument, r"Policies.from_directory\(...\), .from_rules"),
    ({"policies": "vpn.cedar"}, InvalidArgument, "policies='vpn.cedar' must be Policies"),
    ({"timeout": 10}, InvalidArgument, r"a Duration, such as Duration.seconds\(10\)"),
    ({"runtime": "python3.14"}, InvalidArgument, "a lambda_.Runtime"),
    ({"memory_size": True}, InvalidArgument, "memory_size=True must be a whole number"),
    ({"memory_size": 127}, InvalidArgument, "memory_size=127 must be a number of MiB from 128 to 10240"),
    ({"memory_size": 10_241}, InvalidArgument, "memory_size=10241 must be"),
    ({"time_zone": 7, "default_message": 5}, InvalidArgument, "(?s)default_message=5.*time_zone=7"),
    (
        {"environment": {"RISK": "x" * 4000}},
        InvalidArgument,
        r"have 41\d\d bytes, but Lambda takes 4096; keep",
    ),
    ({"environment": ["RISK_URL"]}, InvalidArgument, "environment=.'RISK_URL'. must be a mapping of texts"),
    ({"environment": {"RISK_LIMIT": 3}}, InvalidArgument, "'RISK_LIMIT': its value 3 must be a text"),
    ({"environment": {"AWS_REGION": "x"}}, InvalidArgument, "'AWS_REGION': Lambda sets it itself"),
    ({"environment": {"_HANDLER": "x"}}, InvalidArgument, "'_HANDLER': a name has two or more letters"),
    ({"environment": {"A": "x"}}, InvalidArgument, "'A': a name has two or more letters"),
    (
        {"environment": {"CLIENT_CONNECT_SHADOW_MODE": "true", "RISK-URL": "x"}},
        InvalidArgument,
        "(?s)'CLIENT_CONNECT_SHADOW_MODE': .* set its arguments instead\\n.*'RISK-URL': a name has",
    ),
    ({"environment": {"CLIENT_CONNECT_EXTRA_FACTS": "risk"}}, InvalidArgument, "the handler's own"),
    ({"policies": Policies.from_string("")}, InvalidPolicies, "no policy permits anything"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_fails_for_a_wrong_argument_with_what_to_do(
    handler: Define, arguments: dict[str, Any], error: type[ClientConnectError], message: str
) -> None:
    """A wrong argument is refused at the line that passed it, with what to do."""
    with pytest.raises(error, match=message):
        handler(**arguments)


def test_fails_with_code_and_policies(handler: Define) -> None:
    """Prebuilt code has its policies in it, so other policies would silently not apply."""
    with pytest.raises(InvalidCode, match="give one"):
        handler(
            code=lambda_.Code.from_inline("x"),
            policies=Policies.from_string("permit(principal,action,resource);"),
        )


def test_fails_with_every_policy_error_at_once(handler: Define) -> None:
    """All problems of all policies are reported together, with file, line and id."""
    policies = Policies.from_string(
        "permit (principal, action, resource);\n"
        '@id("hours")\n'
        "forbid (principal, action, resource)\n"
        "when { context.weekday > 5 && context.platform == 3 };\n",
        name="vpn.cedar",
    )
    with pytest.raises(InvalidPolicies) as caught:
        handler(policies=policies)
    assert str(caught.value).startswith("the policies have 3 problems:")
    assert [(each.file, each.line, each.policy) for each in caught.value.findings] == [
        ("vpn.cedar", 1, ""),
        ("vpn.cedar", 4, "hours"),
        ("vpn.cedar", 4, "hours"),
    ]


def test_refused_argument_leaves_no_construct(handler: Define, stack: cdk.Stack) -> None:
    """After an error the tree is as before, so a caller may try again under the same id."""
    with pytest.raises(InvalidTimeout):
        handler(timeout=cdk.Duration.seconds(31))
    assert stack.node.try_find_child("Handler") is None


def test_a_given_function_name_is_known_at_synthesis(handler: Define, stack: cdk.Stack) -> None:
    """A name that is given is used and known at synthesis, so CDK's own check of the prefix can fire."""
    defined = handler(function_name="AWSClientVPN-Checker")
    assert defined.function_name == "AWSClientVPN-Checker"
    template(stack).has_resource_properties(FUNCTION, {"FunctionName": "AWSClientVPN-Checker"})


def test_generated_function_name_is_long_enough_and_distinct(stack: cdk.Stack) -> None:
    """A generated name keeps Lambda's limit and differs by path, however deep the construct is."""
    scope = cdk.Stack.of(stack)
    names = set()
    for id_ in ("A" * 80, "B" * 80):
        name = ClientConnectHandler(scope, id_).function_name
        assert name.startswith("AWSClientVPN-")
        assert len(name) <= 64
        names.add(name)
    assert len(names) == 2


def test_arguments_of_a_lambda_function_are_passed_on(handler: Define, stack: cdk.Stack) -> None:
    """The arguments of a Lambda function are passed on."""
    handler(
        timeout=cdk.Duration.seconds(30),
        memory_size=1024,
        architecture=lambda_.Architecture.X86_64,
        runtime=lambda_.Runtime.PYTHON_3_12,
        reserved_concurrent_executions=50,
        tracing=lambda_.Tracing.ACTIVE,
        encryption_key=kms.Key(stack, "Key"),
        shadow_mode=True,
        default_message="Ask the help desk.",
        time_zone="Europe/Berlin",
    )
    template(stack).has_resource_properties(
        FUNCTION,
        {
            "Timeout": 30,
            "MemorySize": 1024,
            "Architectures": ["x86_64"],
            "Runtime": "python3.12",
            "ReservedConcurrentExecutions": 50,
            "TracingConfig": {"Mode": "Active"},
            "KmsKeyArn": Match.any_value(),
            "Environment": {
                "Variables": {
                    "CLIENT_CONNECT_SHADOW_MODE": "true",
                    "CLIENT_CONNECT_DEFAULT_MESSAGE": "Ask the help desk.",
                    "CLIENT_CONNECT_TIME_ZONE": "Europe/Berlin",
                }
            },
        },
    )


def test_in_a_vpc_the_function_may_manage_its_interfaces(handler: Define, stack: cdk.Stack) -> None:
    """In a VPC the function may manage its network interfaces."""
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    handler(
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        security_groups=[group],
    )
    synthesized = template(stack)
    synthesized.has_resource_properties(
        FUNCTION, {"VpcConfig": {"SecurityGroupIds": [Match.any_value()], "SubnetIds": [Match.any_value()]}}
    )
    managed = {"Properties": {"ManagedPolicyArns": Match.any_value()}}
    assert synthesized.find_resources("AWS::IAM::Role", managed) == {}
    assert "ec2:CreateNetworkInterface" in str(synthesized.find_resources("AWS::IAM::Policy"))


def test_a_given_log_group_replaces_the_default_one(handler: Define, stack: cdk.Stack) -> None:
    """A log group that is given takes the place of the default one."""
    group = logs.LogGroup(stack, "Mine", retention=logs.RetentionDays.ONE_WEEK)
    assert handler(log_group=group).log_group is group
    synthesized = template(stack)
    (mine,) = synthesized.find_resources("AWS::Logs::LogGroup", {"Properties": {"RetentionInDays": 7}})
    synthesized.has_resource_properties(
        FUNCTION, {"LoggingConfig": Match.object_like({"LogFormat": "JSON", "LogGroup": {"Ref": mine}})}
    )
    # Mine, that of the service-linked role, and that of what removes versions.
    synthesized.resource_count_is("AWS::Logs::LogGroup", 3)


def test_fails_with_a_log_group_elsewhere() -> None:
    """Lambda would look for a log group of that name where the function is."""
    here = cdk.Environment(account="1" * 12, region="eu-central-1")
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack", env=here)
    for region, account in (("us-east-1", "1" * 12), ("eu-central-1", "2" * 12)):
        arn = f"arn:aws:logs:{region}:{account}:log-group:central:*"
        log_group = logs.LogGroup.from_log_group_arn(stack, f"{region}{account}", arn)
        with pytest.raises(
            InvalidArgument, match=f"is in aws://{account}/{region}, .* give a log group there"
        ):
            ClientConnectHandler(stack, "Handler", log_group=log_group)


def test_prebuilt_code_is_used_as_it_is(handler: Define, stack: cdk.Stack) -> None:
    """Prebuilt code is used as it is."""
    handler(code=lambda_.Code.from_inline("def handler(event, context): ..."))
    template(stack).has_resource_properties(FUNCTION, {"Code": {"ZipFile": Match.any_value()}})


def test_no_provisioned_concurrency(handler: Define, stack: cdk.Stack) -> None:
    """`none()` leaves the alias without."""
    handler(provisioned_concurrency=ProvisionedConcurrency.none())
    template(stack).has_resource_properties(ALIAS, {"ProvisionedConcurrencyConfig": Match.absent()})


def test_scaling_is_left_to_application_auto_scaling(handler: Define, stack: cdk.Stack) -> None:
    """Scaling is left to Application Auto Scaling on the alias, which a deployment must not set back."""
    handler(
        provisioned_concurrency=ProvisionedConcurrency.scaling(minimum=3, maximum=40, target_utilization=0.6)
    )
    synthesized = template(stack)
    synthesized.has_resource_properties(ALIAS, {"ProvisionedConcurrencyConfig": Match.absent()})
    synthesized.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "MinCapacity": 3,
            "MaxCapacity": 40,
            "ScalableDimension": "lambda:function:ProvisionedConcurrency",
            "ServiceNamespace": "lambda",
        },
    )
    synthesized.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
                },
                "TargetValue": 0.6,
            }
        },
    )


WARNING = Match.string_like_regexp("never applies provisioned concurrency.*FunctionReference.ALIAS")


def test_the_alias_does_not_tell_scaling_from_none() -> None:
    """So that a number has to be in between, which the documentation says."""

    def alias(concurrency: ProvisionedConcurrency) -> dict[str, Any]:
        stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
        ClientConnectHandler(stack, "Handler", provisioned_concurrency=concurrency)
        return only(template(stack).find_resources(ALIAS))

    none, fixed = ProvisionedConcurrency.none(), ProvisionedConcurrency.fixed(1)
    scaling = ProvisionedConcurrency.scaling(minimum=5, maximum=50)
    assert alias(scaling) == alias(none) != alias(fixed)


def test_an_unqualified_reference_is_given_with_a_warning(handler: Define, stack: cdk.Stack) -> None:
    """By the rule of 2020 the endpoint gets the unqualified ARN, and a warning says what that costs."""
    defined = handler(function_reference=FunctionReference.UNQUALIFIED)
    (function,) = template(stack).find_resources(
        FUNCTION, {"Properties": {"Handler": "client_connect.handler.handler"}}
    )
    assert stack.resolve(defined.function_arn) == {"Fn::GetAtt": [function, "Arn"]}
    Annotations.from_stack(stack).has_warning("/Stack/Handler", WARNING)


def test_unqualified_waits_for_the_service_linked_role(handler: Define, stack: cdk.Stack) -> None:
    """Then it is the function that waits."""
    handler(function_reference=FunctionReference.UNQUALIFIED)
    synthesized = template(stack)
    (custom,) = synthesized.find_resources("Custom::AWS")
    synthesized.has_resource(
        FUNCTION,
        {
            "Properties": {"Handler": "client_connect.handler.handler"},
            "DependsOn": Match.array_with([custom]),
        },
    )


def test_unqualified_without_provisioned_concurrency(handler: Define, stack: cdk.Stack) -> None:
    """Without provisioned concurrency there is nothing to warn of."""
    handler(
        function_reference=FunctionReference.UNQUALIFIED,
        provisioned_concurrency=ProvisionedConcurrency.none(),
    )
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_warning_can_be_acknowledged(handler: Define, stack: cdk.Stack) -> None:
    """Who means it can say so."""
    defined = handler(function_reference=FunctionReference.UNQUALIFIED)
    cdk.Annotations.of(defined).acknowledge_warning("cdk-client-connect:provisionedConcurrencyHasNoEffect")
    Annotations.from_stack(stack).has_no_warning("*", WARNING)


def test_one_service_linked_role_per_stack(handler: Define, stack: cdk.Stack) -> None:
    """However many handlers a stack has, the role is created once."""
    handler("One")
    handler("Two")
    template(stack).resource_count_is("Custom::AWS", 1)


def test_service_linked_role_of_cloudformation(handler: Define, stack: cdk.Stack) -> None:
    """CloudFormation may own the role; it stays when the stack goes."""
    handler("One", service_linked_role=ServiceLinkedRole.CLOUDFORMATION)
    handler("Two", service_linked_role=ServiceLinkedRole.CLOUDFORMATION)
    synthesized = template(stack)
    (role,) = synthesized.find_resources(
        "AWS::IAM::ServiceLinkedRole",
        {
            "Properties": {"AWSServiceName": "clientvpn-connections.amazonaws.com"},
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
        },
    )
    synthesized.all_resources(ALIAS, {"DependsOn": [role]})
    synthesized.resource_count_is("Custom::AWS", 0)


def test_fails_with_two_choices_of_the_service_linked_role(handler: Define) -> None:
    """One stack cannot both own the role and create it if it is missing."""
    handler("One")
    with pytest.raises(InvalidArgument, match="another handler of stack Stack has chosen otherwise"):
        handler("Two", service_linked_role=ServiceLinkedRole.CLOUDFORMATION)


def test_a_handler_works_with_customized_roles(tmp_path: Path) -> None:
    """Where an app may create no roles, `iam.Role.customize_roles` works as everywhere."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING, outdir=str(tmp_path)), "Stack")
    iam.Role.customize_roles(stack)
    ClientConnectHandler(stack, "Handler")
    template(stack).resource_count_is("AWS::IAM::Role", 0)


def test_existing_service_linked_role(handler: Define, stack: cdk.Stack) -> None:
    """Who knows that the role exists defines nothing for it."""
    handler(service_linked_role=ServiceLinkedRole.EXISTING)
    synthesized = template(stack)
    synthesized.resource_count_is("Custom::AWS", 0)
    synthesized.resource_count_is("AWS::IAM::ServiceLinkedRole", 0)
    synthesized.has_resource(ALIAS, {"DependsOn": Match.absent()})


def test_other_custom_resources_of_the_stack(handler: Define, stack: cdk.Stack) -> None:
    """A custom resource that a caller has in the stack keeps working next to ours: they share one function."""
    cdk.custom_resources.AwsCustomResource(
        stack,
        "Theirs",
        on_create=cdk.custom_resources.AwsSdkCall(
            service="SSM",
            action="getParameter",
            parameters={"Name": "x"},
            physical_resource_id=cdk.custom_resources.PhysicalResourceId.of("x"),
        ),
        policy=cdk.custom_resources.AwsCustomResourcePolicy.from_sdk_calls(
            resources=cdk.custom_resources.AwsCustomResourcePolicy.ANY_RESOURCE
        ),
    )
    handler()
    synthesized = template(stack)
    synthesized.resource_count_is("Custom::AWS", 2)
    synthesized.resource_count_is(FUNCTION, 3)
    function = only(synthesized.find_resources(FUNCTION, {"Properties": {"Handler": "index.handler"}}))
    role = function["Properties"]["Role"]["Fn::GetAtt"][0]
    ours = only(
        synthesized.find_resources(
            "AWS::IAM::Policy",
            {
                "Properties": {
                    "PolicyDocument": {
                        "Statement": [Match.object_like({"Action": "iam:CreateServiceLinkedRole"})],
                    }
                }
            },
        )
    )
    assert ours["Properties"]["Roles"] == [{"Ref": role}]


def test_others_may_be_granted_to_invoke_the_alias(handler: Define, stack: cdk.Stack) -> None:
    """Others may be allowed to invoke the alias."""
    defined = handler()
    grant = defined.grant_invoke(iam.Role(stack, "Tester", assumed_by=iam.AccountRootPrincipal()))
    assert grant.success
    (alias,) = template(stack).find_resources(ALIAS)
    template(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    Match.object_like({"Action": "lambda:InvokeFunction", "Resource": {"Ref": alias}})
                ]
            }
        },
    )


def test_metric_of_the_alias(handler: Define, stack: cdk.Stack) -> None:
    """Lambda's metrics are those of the alias: those of the function would miss its traffic."""
    metric = handler(function_name="AWSClientVPN-X").metric(
        "Throttles", statistic="Sum", period=cdk.Duration.minutes(1)
    )
    dimensions = stack.resolve(metric.dimensions)
    assert metric.namespace == "AWS/Lambda"
    assert metric.metric_name == "Throttles"
    assert metric.statistic == "Sum"
    assert metric.period.to_seconds() == 60
    assert "live" in str(dimensions["Resource"])


@pytest.mark.parametrize(
    ("method", "name", "statistic"),
    [
        ("metric_allowed", "Allowed", "Sum"),
        ("metric_denied", "Denied", "Sum"),
        ("metric_decision_errors", "Errors", "Sum"),
        ("metric_shadow_denied", "ShadowDenied", "Sum"),
        ("metric_decision_time", "DecisionTime", "p99"),
    ],
)
def test_decision_metrics_are_those_that_the_handler_writes(
    handler: Define, method: str, name: str, statistic: str
) -> None:
    """Our own metrics carry the name, namespace and dimension that the handler writes."""
    metric = getattr(handler(function_name="AWSClientVPN-X"), method)()
    assert (metric.namespace, metric.metric_name, metric.statistic) == ("ClientConnect", name, statistic)
    assert metric.dimensions == {"FunctionName": "AWSClientVPN-X"}
