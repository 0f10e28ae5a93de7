"""The resources of a gradual deployment, and the refused arguments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Match, Template

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    FunctionReference,
    GradualDeployment,
    InvalidArgument,
    MonitoringAlarms,
    Notifications,
    ProvisionedConcurrency,
    TrafficShifting,
)
from cdk_client_connect.deployment.gradual_deployment import ROLLBACK_ALARMS
from cdk_client_connect.monitoring._alarm_definitions import DEFINITIONS

from .conftest import NO_BUNDLING, ROOT, endpoint, only, recommended_flags, template

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "AWS::CodeDeploy::DeploymentGroup"
CONFIG = "AWS::CodeDeploy::DeploymentConfig"
DOCS = (ROOT / "docs" / "deployments.md").read_text("utf-8")


def monitoring_of(
    handler: ClientConnectHandler, id_: str = "Monitoring", **arguments: Any
) -> ConnectionMonitoring:
    """Define a monitoring without what is of no interest here."""
    arguments = {"endpoints": [], "connection_log_group": None, "dashboard": False, **arguments}
    arguments.setdefault("notifications", Notifications.none())
    return ConnectionMonitoring(cdk.Stack.of(handler), id_, handler=handler, saved_queries=False, **arguments)


def alarm(scope: cdk.Stack, id_: str = "Alarm") -> cloudwatch.Alarm:
    """Define another alarm."""
    metric = cloudwatch.Metric(namespace="Desk", metric_name="Tickets")
    return cloudwatch.Alarm(scope, id_, metric=metric, threshold=9, evaluation_periods=1)


@pytest.fixture(scope="module", params=["flags unset", "recommended flags"])
def default(request: pytest.FixtureRequest) -> Template:
    """A handler with all it may have, its endpoint, its monitoring, and a gradual deployment as it is."""
    flags = recommended_flags() if request.param == "recommended flags" else {}
    stack = cdk.Stack(cdk.App(context={**flags, **NO_BUNDLING}), "Stack")
    handler = ClientConnectHandler(
        stack,
        "Handler",
        device_inventory=DeviceInventory(stack, "Inventory"),
        connection_registry=ConnectionRegistry(stack, "Registry"),
    )
    monitoring = monitoring_of(
        handler, endpoints=[endpoint(stack, handler)], notifications=Notifications.event_bridge()
    )
    GradualDeployment(stack, "Rollout", handler=handler, monitoring=monitoring)
    return template(stack)


def id_of(template: Template, type_: str, prefix: str = "") -> str:
    """Return the logical id of the only resource of a type whose id begins so."""
    (found,) = (id_ for id_ in template.find_resources(type_) if id_.startswith(prefix))
    return found


def test_the_alias_is_updated_by_code_deploy(default: Template) -> None:
    """CloudFormation leaves the traffic of the alias to the deployment group."""
    default.has_resource(
        "AWS::Lambda::Alias",
        {
            "UpdatePolicy": {
                "CodeDeployLambdaAliasUpdate": {
                    "ApplicationName": {"Ref": id_of(default, "AWS::CodeDeploy::Application")},
                    "DeploymentGroupName": {"Ref": id_of(default, GROUP)},
                    "BeforeAllowTrafficHook": Match.absent(),
                    "AfterAllowTrafficHook": Match.absent(),
                }
            }
        },
    )


def test_the_default_is_a_tenth_for_half_an_hour(default: Template) -> None:
    """With CodeDeploy's own configuration, which has no quota."""
    default.has_resource_properties(
        GROUP,
        {
            "DeploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent30Minutes",
            "DeploymentStyle": {"DeploymentOption": "WITH_TRAFFIC_CONTROL", "DeploymentType": "BLUE_GREEN"},
        },
    )
    default.resource_count_is(CONFIG, 0)


def test_it_goes_back_on_its_own(default: Template) -> None:
    """When an alarm goes off, the deployment fails or is stopped, and when alarms cannot be read."""
    default.has_resource_properties(
        GROUP,
        {
            "AutoRollbackConfiguration": {
                "Enabled": True,
                "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
            },
            "AlarmConfiguration": {"Enabled": True, "IgnorePollAlarmFailure": False},
        },
    )


def test_the_alarms_are_those_of_the_handler(default: Template) -> None:
    """Not those of endpoints, of certificates or of the forwarder, because no new version is to blame for those."""
    alarms = only(default.find_resources(GROUP))["Properties"]["AlarmConfiguration"]["Alarms"]
    names = [each["Name"]["Ref"].removeprefix("Monitoring")[:-8] for each in alarms]
    assert names == list(ROLLBACK_ALARMS)
    assert set(ROLLBACK_ALARMS) < {each.name for each in DEFINITIONS}


@pytest.mark.parametrize("name", ["DenialBurst", "HandlerThrottles", "Spillover", "OpenConnectionsErrors"])
def test_no_alarm_that_a_single_user_or_another_caller_of_ec2_controls_rolls_back(name: str) -> None:
    """Many attempts, many at once, or calls of anybody in the account would bring back the policies before."""
    assert name in {each.name for each in DEFINITIONS}
    assert name not in ROLLBACK_ALARMS


def test_the_role_may_shift_this_alias_and_read_these_alarms(default: Template) -> None:
    """And nothing else: no managed policy, no further policy, no wildcard."""
    id_ = id_of(default, "AWS::IAM::Role", "Rollout")
    role = default.find_resources("AWS::IAM::Role")[id_]["Properties"]
    function = {"Fn::GetAtt": [id_of(default, "AWS::Lambda::Function", "HandlerFunction"), "Arn"]}
    alarms = [
        {"Fn::GetAtt": [alarm, "Arn"]}
        for name in ROLLBACK_ALARMS
        for alarm in default.find_resources("AWS::CloudWatch::Alarm")
        if alarm.startswith(f"Monitoring{name}")
    ]
    assert set(role) == {"AssumeRolePolicyDocument", "Policies"}
    ((shift, read),) = (each["PolicyDocument"]["Statement"] for each in role["Policies"])
    assert shift == {
        "Action": ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
        "Effect": "Allow",
        "Resource": [function, {"Fn::Join": ["", [function, ":live"]]}],
    }
    assert sorted(read.pop("Resource"), key=str) == sorted(alarms, key=str)
    assert read == {"Action": "cloudwatch:DescribeAlarms", "Effect": "Allow"}
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    policies = default.find_resources("AWS::IAM::Policy").values()
    assert not [each for each in policies if {"Ref": id_} in each["Properties"]["Roles"]]


@pytest.mark.parametrize(
    ("shifting", "name"),
    [
        (TrafficShifting.canary(), "Canary10Percent30Minutes"),
        (TrafficShifting.canary(interval=Duration.minutes(5)), "Canary10Percent5Minutes"),
        (TrafficShifting.canary(interval=Duration.seconds(600)), "Canary10Percent10Minutes"),
        (TrafficShifting.canary(interval=Duration.minutes(15)), "Canary10Percent15Minutes"),
        (TrafficShifting.linear(), "Linear10PercentEvery10Minutes"),
        (TrafficShifting.linear(interval=Duration.minutes(1)), "Linear10PercentEvery1Minute"),
        (TrafficShifting.linear(interval=Duration.minutes(2)), "Linear10PercentEvery2Minutes"),
        (TrafficShifting.linear(interval=Duration.minutes(3)), "Linear10PercentEvery3Minutes"),
    ],
)
def test_what_code_deploy_has_is_used(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler], shifting: TrafficShifting, name: str
) -> None:
    """An account may have only fifty custom configurations."""
    GradualDeployment(stack, "Rollout", handler=handler(), alarms=[alarm(stack)], shifting=shifting)
    found = template(stack)
    found.has_resource_properties(GROUP, {"DeploymentConfigName": f"CodeDeployDefault.Lambda{name}"})
    found.resource_count_is(CONFIG, 0)


@pytest.mark.parametrize(
    ("shifting", "routing"),
    [
        (
            TrafficShifting.canary(percent=1, interval=Duration.hours(48)),
            {
                "Type": "TimeBasedCanary",
                "TimeBasedCanary": {"CanaryInterval": 2880, "CanaryPercentage": 1},
            },
        ),
        (
            TrafficShifting.linear(percent=25, interval=Duration.minutes(7)),
            {"Type": "TimeBasedLinear", "TimeBasedLinear": {"LinearInterval": 7, "LinearPercentage": 25}},
        ),
    ],
    ids=["canary", "linear"],
)
def test_other_shifting_is_configured(
    stack: cdk.Stack,
    handler: Callable[..., ClientConnectHandler],
    shifting: TrafficShifting,
    routing: dict[str, Any],
) -> None:
    """By a configuration of the stack's own."""
    GradualDeployment(stack, "Rollout", handler=handler(), alarms=[alarm(stack)], shifting=shifting)
    found = template(stack)
    found.has_resource_properties(CONFIG, {"ComputePlatform": "Lambda", "TrafficRoutingConfig": routing})
    found.has_resource_properties(GROUP, {"DeploymentConfigName": {"Ref": id_of(found, CONFIG)}})


@pytest.mark.parametrize(
    ("shifting", "minutes"),
    [
        (TrafficShifting.canary(), 30),
        (TrafficShifting.linear(), 90),
        (TrafficShifting.linear(percent=30, interval=Duration.minutes(5)), 15),
        (TrafficShifting.linear(percent=99, interval=Duration.minutes(5)), 5),
    ],
)
def test_the_total_time_counts_the_first_step_as_taken_at_once(
    shifting: TrafficShifting, minutes: int
) -> None:
    """The first step is taken at once, so three of thirty percent and a tenth take three intervals."""
    assert shifting.total_minutes == minutes


@pytest.mark.parametrize("factory", [TrafficShifting.canary, TrafficShifting.linear])
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"percent": 0}, "percent=0 must be a whole number from 1 to 99"),
        ({"percent": 100}, "percent=100 must be"),
        ({"percent": 12.5}, r"percent=12\.5 must be"),
        ({"percent": True}, "percent=True must be"),
        ({"interval": 30}, r"interval=30 must be a Duration, such as Duration\.minutes\(30\)"),
        ({"interval": Duration.seconds(90)}, "interval of 90 s must be whole minutes, 1 or more"),
        ({"interval": Duration.minutes(0)}, "interval of 0 s must be whole minutes"),
        ({"interval": Duration.minutes(2881)}, "but CodeDeploy gives up after 2880; shorten interval"),
    ],
    ids=["none", "all", "a fraction", "a flag", "a number", "half a minute", "no time", "too long"],
)
def test_fails_for_shifting_out_of_range(
    factory: Callable[..., TrafficShifting], arguments: dict[str, Any], problem: str
) -> None:
    """Before CodeDeploy would refuse it, in the middle of a deployment."""
    with pytest.raises(InvalidArgument, match=problem):
        factory(**arguments)


def test_fails_for_many_small_steps() -> None:
    """99 steps of half an hour are 49 and a half hours."""
    with pytest.raises(InvalidArgument, match="is shifted for 2970 minutes"):
        TrafficShifting.linear(percent=1, interval=Duration.minutes(30))


def test_a_role_of_ones_own(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """It is given AWS's managed policy, and no other role is defined."""
    role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
    rollout = GradualDeployment(stack, "Rollout", handler=handler(), alarms=[alarm(stack)], role=role)
    assert rollout.deployment_group.role.role_arn == role.role_arn
    roles = template(stack).find_resources("AWS::IAM::Role")
    (own,) = (each for id_, each in roles.items() if id_.startswith("Own"))
    assert "AWSCodeDeployRoleForLambdaLimited" in json.dumps(own["Properties"]["ManagedPolicyArns"])
    assert not [id_ for id_ in roles if id_.startswith("Rollout")]


def test_alarms_of_ones_own_come_last(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """Beside those of the monitoring, imported ones too."""
    defined = handler()
    arn = "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:Desk"
    imported = cloudwatch.Alarm.from_alarm_arn(stack, "Imported", arn)
    monitoring = monitoring_of(defined)
    GradualDeployment(
        stack, "Rollout", handler=defined, monitoring=monitoring, alarms=[alarm(stack), imported]
    )
    alarms = only(template(stack).find_resources(GROUP))["Properties"]["AlarmConfiguration"]["Alarms"]
    assert alarms[-1] == {"Name": "Desk"}
    assert alarms[-2]["Name"]["Ref"].startswith("Alarm")
    assert len(alarms) == 5


def fails(problem: str, scope: cdk.Stack, **arguments: Any) -> None:
    """Expect that a gradual deployment is refused, and that nothing of it is left."""
    with pytest.raises(InvalidArgument, match=problem):
        GradualDeployment(scope, "Rollout", **arguments)
    assert scope.node.try_find_child("Rollout") is None


def test_fails_for_wrong_types(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """All at once, and a single alarm is no list."""
    arguments = {"monitoring": "M", "alarms": alarm(stack), "shifting": "canary"}
    fails(
        "(?s)monitoring='M' must be a ConnectionMonitoring.*alarms=.* must be a list.*shifting='canary' must be",
        stack,
        handler=handler(),
        **arguments,
    )
    fails("alarms=.'Alarm'. must be a list", stack, handler=handler("Other"), alarms=["Alarm"])
    fails("handler=None must be a ClientConnectHandler", stack, handler=None, alarms=[])


def test_fails_without_an_alarm(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """Nothing would ever go back."""
    defined = handler()
    monitoring = monitoring_of(defined, alarms=MonitoringAlarms.none())
    fails("no alarm would roll back.*give monitoring, or alarms", stack, handler=defined)
    fails("no alarm would roll back", stack, handler=defined, monitoring=monitoring)


def test_an_alarm_that_is_given_twice_counts_once(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """CodeDeploy refuses two alarms of one name, and a caller may name one that the monitoring has."""
    defined = handler()
    monitoring = monitoring_of(defined)
    own = alarm(stack)
    again = [monitoring.alarms["HandlerErrors"], own, own]
    GradualDeployment(stack, "Rollout", handler=defined, monitoring=monitoring, alarms=again)
    alarms = only(template(stack).find_resources(GROUP))["Properties"]["AlarmConfiguration"]["Alarms"]
    assert len(alarms) == 4
    assert len({each["Name"]["Ref"] for each in alarms}) == 4


def test_fails_for_more_alarms_than_code_deploy_takes(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """Ten in all, with those of the monitoring."""
    defined = handler()
    monitoring = monitoring_of(defined)
    own = [alarm(stack, f"Alarm{number}") for number in range(8)]
    fails(
        "^11 alarms would roll back, .* but CodeDeploy takes at most 10; give fewer alarms, or switch",
        stack,
        handler=defined,
        monitoring=monitoring,
        alarms=own,
    )
    GradualDeployment(stack, "Rollout", handler=defined, monitoring=monitoring, alarms=own[:7])


def test_fails_for_an_imported_alarm_of_elsewhere() -> None:
    """CodeDeploy knows an alarm by its name, and would look for it here."""
    stack = cdk.Stack(
        cdk.App(context=NO_BUNDLING),
        "Europe",
        env=cdk.Environment(account="1" * 12, region="eu-central-1"),
    )
    defined = ClientConnectHandler(stack, "Handler")
    for id_, where in (("Region", f"us-east-1:{'1' * 12}"), ("Account", f"eu-central-1:{'2' * 12}")):
        imported = cloudwatch.Alarm.from_alarm_arn(stack, id_, f"arn:aws:cloudwatch:{where}:alarm:Desk")
        fails(
            f"^Europe/{id_} is in aws://.* CodeDeploy looks for alarms in its own account and Region",
            stack,
            handler=defined,
            alarms=[imported],
        )


def test_fails_for_the_alarm_of_an_endpoint_that_waits(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """An endpoint that asks the handler waits for the alias; that of another one, and one elsewhere, do not."""
    defined, other = handler(), handler("Other")
    asking, beside = endpoint(stack, defined), endpoint(stack, other, "Beside")
    elsewhere = "cvpn-endpoint-0123456789abcdef0"
    monitoring = monitoring_of(defined, endpoints=[asking, beside, elsewhere])
    fails(
        "^alarms has Stack/Monitoring/HandlerTimeouts-Stack-Endpoint, which watches the endpoint Stack/Endpoint: "
        ".* in a circle; leave it out",
        stack,
        handler=defined,
        monitoring=monitoring,
        alarms=[monitoring.alarms["HandlerTimeouts-Stack-Endpoint"]],
    )
    fine = [monitoring.alarms[f"HandlerTimeouts-{name}"] for name in ("Stack-Beside", elsewhere)]
    GradualDeployment(stack, "Rollout", handler=defined, monitoring=monitoring, alarms=fine)


def test_fails_for_a_composite_alarm(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """CodeDeploy would have to see all alarms of the account."""
    composite = cloudwatch.CompositeAlarm(stack, "Any", alarm_rule=cloudwatch.AlarmRule.any_of(alarm(stack)))
    fails("composite alarm Stack/Any", stack, handler=handler(), alarms=[composite])


def test_fails_for_the_alarms_of_the_reauthorizer(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """It is deployed after the alias, which waits for the alarms; another handler's may be watched."""
    defined = handler("Handler", connection_registry=ConnectionRegistry(stack, "Registry"))
    other = handler("Other")
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=defined, endpoints=["cvpn-endpoint-0123456789abcdef0"]
    )
    monitoring = monitoring_of(defined, reauthorizer=reauthorizer)
    failures = cloudwatch.MathExpression(
        expression="a + b",
        using_metrics={"a": reauthorizer.metric_termination_failures(), "b": reauthorizer.metric("Errors")},
    ).create_alarm(stack, "Failures", threshold=1, evaluation_periods=1)
    for alarm_ in (monitoring.alarms["CapExceeded"], monitoring.alarms["ReauthorizerErrors"], failures):
        fails(
            f"^alarms has {alarm_.node.path}, which watches the re-authorizer Stack/Reauthorizer: .* leave it out",
            stack,
            handler=defined,
            monitoring=monitoring,
            alarms=[alarm(stack, f"{alarm_.node.id}Beside"), alarm_],
        )
    GradualDeployment(stack, "OtherRollout", handler=other, alarms=[failures])
    imported = cloudwatch.Alarm.from_alarm_arn(
        stack, "Imported", f"arn:aws:cloudwatch:x:{'1' * 12}:alarm:Cap"
    )
    GradualDeployment(stack, "Rollout", handler=defined, monitoring=monitoring, alarms=[imported])


def test_fails_for_the_unqualified_arn(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """The newest code runs at once, whatever the alias says."""
    defined = handler(
        function_reference=FunctionReference.UNQUALIFIED,
        provisioned_concurrency=ProvisionedConcurrency.none(),
    )
    fails(
        "Stack/Handler is invoked by its unqualified ARN.*use FunctionReference.ALIAS",
        stack,
        handler=defined,
        alarms=[alarm(stack)],
    )


def test_fails_for_a_second_one(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """The alias is updated by one deployment group."""
    defined = handler()
    GradualDeployment(stack, "First", handler=defined, alarms=[alarm(stack)])
    fails(
        "Stack/Handler has a gradual deployment already", stack, handler=defined, alarms=[alarm(stack, "B")]
    )


def test_fails_for_the_monitoring_of_another_handler(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """Its alarms would not notice."""
    monitoring = monitoring_of(handler("Other"))
    fails(
        "Stack/Monitoring watches Stack/Other, but Stack/Handler is deployed",
        stack,
        handler=handler(),
        monitoring=monitoring,
    )


def test_fails_in_another_stack(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """The stacks would wait for each other, or the alarm be unknown."""
    other = cdk.Stack(stack.node.scope, "Elsewhere")
    defined = handler()
    fails("Stack/Handler is in another stack than its gradual", other, handler=defined, alarms=[alarm(other)])
    fails(
        "Elsewhere/Alarm is in another stack.*, in Stack,",
        stack,
        handler=defined,
        alarms=[other.node.find_child("Alarm")],
    )


@pytest.mark.parametrize(
    ("concurrency", "shifting", "warned"),
    [
        (ProvisionedConcurrency.fixed(2), TrafficShifting.canary(), []),
        (ProvisionedConcurrency.fixed(2), TrafficShifting.canary(interval=Duration.minutes(10)), []),
        (
            ProvisionedConcurrency.fixed(2),
            TrafficShifting.canary(interval=Duration.minutes(9)),
            ["shiftsBeforeAlarms"],
        ),
        (
            ProvisionedConcurrency.scaling(minimum=2, maximum=4),
            TrafficShifting.canary(),
            ["scalesWhileShifting"],
        ),
    ],
    ids=["default", "just long enough", "too short", "scaling"],
)
def test_warns_of_shifts_before_alarms_and_of_scaling_meanwhile(
    stack: cdk.Stack,
    handler: Callable[..., ClientConnectHandler],
    concurrency: ProvisionedConcurrency,
    shifting: TrafficShifting,
    warned: list[str],
) -> None:
    """Where the traffic is shifted before alarms look, and where environments would be scaled meanwhile."""
    defined = handler(provisioned_concurrency=concurrency)
    monitoring = monitoring_of(defined)
    rollout = GradualDeployment(stack, "Rollout", handler=defined, monitoring=monitoring, shifting=shifting)
    data = [str(each.data) for each in rollout.node.metadata if each.type == "aws:cdk:warning"]
    assert [name for name in ("shiftsBeforeAlarms", "scalesWhileShifting") if name in str(data)] == warned
    assert len(data) == len(warned)


def test_the_documentation_lists_what_rolls_back() -> None:
    """In the same order."""
    first, _, _ = DOCS.partition("### What rolls back\n")[2].partition(" says what each means")
    assert tuple(re.findall(r"`([A-Z]\w+)`", first)) == ROLLBACK_ALARMS


def test_the_documentation_shifts_as_it_says() -> None:
    """Each expression of the table is right, and those that are the default take the time that it names."""
    names = {"TrafficShifting": TrafficShifting, "Duration": Duration}
    rows = re.findall(r"^\| `(TrafficShifting\..*)` \| (.*) \|$", DOCS, re.MULTILINE)
    shiftings = [eval(code, names) for code, _ in rows]  # noqa: S307 - the documentation's own examples
    assert [each.total_minutes for each in shiftings] == [30, 120, 90, 45]
    assert "for 30 minutes" in rows[0][1]
    assert "all after 90" in rows[2][1]


def hook(stack: cdk.Stack, id_: str) -> lambda_.Function:
    """Define a function that CodeDeploy may run before or after it shifts traffic."""
    return lambda_.Function(
        stack,
        id_,
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
    )


@pytest.mark.parametrize("own_role", [False, True])
def test_hooks_may_be_invoked_before_the_alias_changes(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler], *, own_role: bool
) -> None:
    """Whoever's the role is; the template has no circle, which CDK's assertions find."""
    role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
    defined = handler()
    deployment = GradualDeployment(
        stack, "Rollout", handler=defined, alarms=[alarm(stack)], role=role if own_role else None
    )
    deployment.deployment_group.add_pre_hook(hook(stack, "Before"))
    deployment.deployment_group.add_post_hook(hook(stack, "After"))
    synthesized = template(stack)
    policies = {
        name: each["Properties"]["PolicyDocument"]
        for name, each in synthesized.find_resources("AWS::IAM::Policy").items()
        if ("lambda:InvokeFunction" in json.dumps(each) and "Own" in json.dumps(each)) or "Hook" in name
    }
    assert len(policies) == (1 if own_role else 2)
    (alias,) = synthesized.find_resources("AWS::Lambda::Alias").values()
    assert policies.keys() <= set(alias["DependsOn"])
    assert {"Before", "After"} == {
        name[:-8]
        for name in synthesized.find_resources("AWS::Lambda::Function")
        if name in json.dumps(policies)
    }


def test_added_alarms_may_be_read(stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]) -> None:
    """An alarm that CodeDeploy may not read rolls every deployment back."""
    group = GradualDeployment(stack, "Rollout", handler=handler(), alarms=[alarm(stack)]).deployment_group
    second = alarm(stack, "Second")
    group.add_alarm(second)
    group.add_alarm(second)
    synthesized = template(stack)
    (found,) = synthesized.find_resources("AWS::CodeDeploy::DeploymentGroup").values()
    assert len(found["Properties"]["AlarmConfiguration"]["Alarms"]) == 2
    (role,) = synthesized.find_resources(
        "AWS::IAM::Role", {"Properties": {"Policies": Match.any_value()}}
    ).values()
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (readable,) = (each["Resource"] for each in statements if "DescribeAlarms" in str(each["Action"]))
    assert len(readable) == 2


def test_fails_to_add_an_alarm_that_cannot_roll_back(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler]
) -> None:
    """By the same rules as those of the constructor."""
    group = GradualDeployment(stack, "Rollout", handler=handler(), alarms=[alarm(stack)]).deployment_group
    composite = cloudwatch.CompositeAlarm(
        stack, "Any", alarm_rule=cloudwatch.AlarmRule.any_of(alarm(stack, "Part"))
    )
    for wrong, problem in (
        (composite, "composite alarm Stack/Any"),
        ("x", "alarm='x' must be a cloudwatch.Alarm"),
    ):
        with pytest.raises(InvalidArgument, match=problem):
            group.add_alarm(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["ALL_AT_ONCE", "CANARY_10_PERCENT_5_MINUTES", "LINEAR_10_PERCENT_EVERY_10_MINUTES"]
)
def test_configurations_of_the_cdk(
    stack: cdk.Stack, handler: Callable[..., ClientConnectHandler], name: str
) -> None:
    """They are taken as they are; one that shifts before alarms can fire draws the warning."""
    defined = handler()
    monitoring = ConnectionMonitoring(
        stack, "Monitoring", handler=defined, endpoints=[], connection_log_group=None
    )
    config = getattr(codedeploy.LambdaDeploymentConfig, name)
    GradualDeployment(stack, "Rollout", handler=defined, monitoring=monitoring, shifting=config)
    template(stack).has_resource_properties(
        "AWS::CodeDeploy::DeploymentGroup", {"DeploymentConfigName": config.deployment_config_name}
    )
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("shiftsBeforeAlarms"))
    assert bool(found) is not name.startswith("LINEAR")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"kind": "blue", "percent": 10, "interval_minutes": 5},
            'kind=\'blue\' must be "canary" or "linear"',
        ),
        ({"kind": "canary", "percent": 0, "interval_minutes": 5}, "percent=0"),
        ({"kind": "canary", "percent": 10, "interval_minutes": 0}, "interval_minutes=0"),
        ({"kind": "linear", "percent": 1, "interval_minutes": 60}, "CodeDeploy gives up after"),
    ],
)
def test_traffic_shifting_checks_itself(values: dict[str, Any], problem: str) -> None:
    """However it is made."""
    with pytest.raises(InvalidArgument, match=problem):
        TrafficShifting(**values)
