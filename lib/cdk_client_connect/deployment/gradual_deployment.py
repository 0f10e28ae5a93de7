"""The construct that rolls a new version of a handler out gradually."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_client_connect.deployment._deployment_group import DeploymentGroup
from cdk_client_connect.deployment.traffic_shifting import TrafficShifting
from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.handler.client_connect_handler import ClientConnectHandler
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.monitoring._alarm_definitions import define_alarms
from cdk_client_connect.monitoring._targets import MonitoringTargets
from cdk_client_connect.monitoring.connection_monitoring import ConnectionMonitoring
from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer
from cdk_client_connect.shared._arguments import Argument, require_all, typed
from cdk_client_connect.shared._environment_check import require_same_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Failures that a new version can cause. Left out are
# - what a single user controls, who could bring back the policies that a deployment replaces: DenialBurst, by having
#   themselves denied; HandlerThrottles and Spillover, by many connections at once. HandlerLatency sees a version that
#   takes too long;
# - what anybody controls who may call EC2's API in the account, which throttles them all together:
#   OpenConnectionsErrors;
# - alarms of endpoints: an endpoint in this stack waits for the alias, which waits for its deployment group, which
#   waits for its alarms.
ROLLBACK_ALARMS = (
    "HandlerErrors",
    "HandlerLatency",
    "DecisionErrors",
    "InventoryErrors",
    "RegistryErrors",
)

# The period that the alarms look at, and as long again for the metrics of its end to arrive.
_ALARMS_NEED_MINUTES = 10

# Source: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html
_MOST_ALARMS = 10

# CodeDeploy's own configurations; all of them shift ten percent.
_PREDEFINED = {
    TrafficShifting(kind="canary", percent=10, interval_minutes=5): "LambdaCanary10Percent5Minutes",
    TrafficShifting(kind="canary", percent=10, interval_minutes=10): "LambdaCanary10Percent10Minutes",
    TrafficShifting(kind="canary", percent=10, interval_minutes=15): "LambdaCanary10Percent15Minutes",
    TrafficShifting(kind="canary", percent=10, interval_minutes=30): "LambdaCanary10Percent30Minutes",
    TrafficShifting(kind="linear", percent=10, interval_minutes=1): "LambdaLinear10PercentEvery1Minute",
    TrafficShifting(kind="linear", percent=10, interval_minutes=2): "LambdaLinear10PercentEvery2Minutes",
    TrafficShifting(kind="linear", percent=10, interval_minutes=3): "LambdaLinear10PercentEvery3Minutes",
    TrafficShifting(kind="linear", percent=10, interval_minutes=10): "LambdaLinear10PercentEvery10Minutes",
}


class GradualDeployment(Construct):
    """Rolls each new version of a handler out gradually, and back when an alarm goes off.

    CodeDeploy moves the traffic of the alias ``live`` from the old version to the new one, while
    CloudFormation waits. When an alarm goes off, the deployment fails or is stopped, all traffic goes
    back to the old version, and the stack is rolled back. The first deployment of a handler has nothing to
    shift from. What is known of it together with provisioned concurrency is in docs/deployments.md.

    It must be in the stack of its handler and of its alarms, because CloudFormation updates the alias by what
    is defined here. A monitoring may be in another stack, such as that of the endpoints; then its alarms that roll
    back are defined here once more, with the same settings and without a topic.

    Sources: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatepolicy.html

    Args:
        scope: The construct to define it in, in the handler's stack.
        id: Its id in ``scope``.
        handler: The handler, which endpoints must invoke by its alias. One gradual deployment for each.
        monitoring: The handler's monitoring, whose alarms on the handler itself roll back: errors, throttles,
            latency, spill-over, errors of decisions, of the inventory and of the registry. Not the one on bursts
            of denials, because users could cause it to bring back the old policies. Default: none.
        alarms: Further alarms that roll back; metric alarms of the same account and Region, because to see composite
            ones CodeDeploy would have to be allowed to see all alarms of the account; none of the handler's
            re-authorizer, nor of an endpoint in this stack that asks the handler, because both wait for the alias. One
            that is among the monitoring's counts once. There must be 1 to 10 alarms in all. Default: none.
        shifting: How the traffic moves: a ``TrafficShifting``, or the CDK's ``codedeploy.LambdaDeploymentConfig``.
            Default: ``TrafficShifting.canary()``, ten percent for 30 minutes.
        role: CodeDeploy's role. To one that is given here the CDK attaches AWS's managed policy
            ``AWSCodeDeployRoleForLambdaLimited``. Default: a new one, which may shift this alias, read its
            provisioned concurrency and these alarms, and nothing else.

    Raises:
        InvalidArgument: When an argument is of a wrong type, there is no alarm or more than 10, one is composite,
            is in another account or Region, or watches what waits for the alias, endpoints invoke the function without
            the alias, the handler has a gradual deployment already, the monitoring is another handler's, or something
            is in another stack.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: ClientConnectHandler,
        monitoring: ConnectionMonitoring | None = None,
        alarms: Sequence[cloudwatch.IAlarm] = (),
        shifting: TrafficShifting | codedeploy.ILambdaDeploymentConfig | None = None,
        role: iam.IRole | None = None,
    ) -> None:
        shifting = TrafficShifting.canary() if shifting is None else shifting
        require_all(
            typed(
                "handler",
                handler,
                ClientConnectHandler,
                "a ClientConnectHandler of this app; the app of an imported one deploys it",
            ),
            typed(
                "monitoring",
                monitoring,
                ConnectionMonitoring,
                "a ConnectionMonitoring or None",
                optional=True,
            ),
            Argument("alarms", alarms, _are_alarms(alarms), "a list of cloudwatch.Alarm"),
            Argument(
                "shifting",
                shifting,
                isinstance(shifting, TrafficShifting) or hasattr(shifting, "deployment_config_name"),
                "TrafficShifting.canary(...) or .linear(...), or a codedeploy.LambdaDeploymentConfig",
            ),
        )
        _require_shiftable(handler)
        _require_one_stack(scope, [handler, *alarms])
        _require_same_handler(handler, monitoring)
        of_monitoring = _of_monitoring(monitoring)
        _require_alarms(alarms, of_monitoring)
        _require_same_place(scope, alarms)
        _require_no_circle(handler, alarms)

        super().__init__(scope, id)
        self._handler = handler
        if monitoring is not None and not _is_in_stack_of(monitoring, handler):
            of_monitoring = self._once_more(handler, monitoring)
        watched = _each_once([*of_monitoring.values(), *alarms])
        self._warn(handler, monitoring, shifting)
        self._deployment_group = DeploymentGroup(
            self,
            "Group",
            handler=handler,
            alarms=watched,
            config=_config(self, shifting),
            role=role,
            check=self._check_added,
        )

    @property
    def deployment_group(self) -> codedeploy.LambdaDeploymentGroup:
        """CodeDeploy's deployment group, with its application and its role.

        Alarms and hooks may be added to it; CodeDeploy's role is then allowed to read or invoke them.
        """
        return self._deployment_group

    def _check_added(self, alarm: cloudwatch.IAlarm, alarms: Sequence[cloudwatch.IAlarm]) -> None:
        """Refuse an alarm that is added to the group."""
        require_all(Argument("alarm", alarm, _are_alarms([alarm]), "a cloudwatch.Alarm"))
        _require_one_stack(self, [alarm])
        _require_alarms(alarms, {})
        _require_same_place(self, [alarm])
        _require_no_circle(self._handler, [alarm])

    def _once_more(
        self, handler: ClientConnectHandler, monitoring: ConnectionMonitoring
    ) -> Mapping[str, cloudwatch.IAlarm]:
        """Define the alarms that roll back here, because the monitoring is in another stack.

        The alias waits for them, and that stack waits for the alias, as its endpoints do.
        """
        watched = MonitoringTargets(handler=handler, endpoints=(), announcing=None)
        settings = monitoring.alarm_settings
        return define_alarms(self, watched, settings, wanted=lambda each, _: each.name in ROLLBACK_ALARMS)

    def _warn(
        self,
        handler: ClientConnectHandler,
        monitoring: ConnectionMonitoring | None,
        shifting: TrafficShifting | codedeploy.ILambdaDeploymentConfig,
    ) -> None:
        minutes = _total_minutes(shifting)
        warnings = Annotations.of(self)
        if monitoring is not None and minutes is not None and minutes < _ALARMS_NEED_MINUTES:
            warnings.add_warning_v2(
                "cdk-client-connect:shiftsBeforeAlarms",
                f"the traffic is shifted within {minutes} minutes, but the monitoring's alarms look at "
                f"5 minutes, and need up to {_ALARMS_NEED_MINUTES} to go off: shift more slowly",
            )
        if handler.provisioned_concurrency.target_utilization is not None:
            warnings.add_warning_v2(
                "cdk-client-connect:scalesWhileShifting",
                "Lambda does not change the provisioned concurrency of an alias between two versions, so do not count "
                "on scaling while traffic is shifted; use ProvisionedConcurrency.fixed(...) or .for_clients(...)",
            )


def _are_alarms(alarms: object) -> bool:
    # Not isinstance: what CDK imports is a proxy of an interface.
    return isinstance(alarms, list | tuple) and all(hasattr(alarm, "alarm_arn") for alarm in alarms)


def _require_shiftable(handler: ClientConnectHandler) -> None:
    path = handler.node.path
    if handler.function_reference is not FunctionReference.ALIAS:
        raise InvalidArgument(
            f"handler {path} is invoked by its unqualified ARN, which always runs the newest code, so there is "
            "no traffic to shift; use FunctionReference.ALIAS"
        )
    alias = handler.alias.node.default_child
    if isinstance(alias, lambda_.CfnAlias) and alias.cfn_options.update_policy is not None:
        raise InvalidArgument(f"handler {path} has a gradual deployment already; define one for each handler")


def _require_same_handler(handler: ClientConnectHandler, monitoring: ConnectionMonitoring | None) -> None:
    if monitoring is not None and monitoring.handler is not handler:
        raise InvalidArgument(
            f"monitoring {monitoring.node.path} watches {monitoring.handler.node.path}, but {handler.node.path} is "
            "deployed; give the monitoring of the same handler"
        )


def _of_monitoring(monitoring: ConnectionMonitoring | None) -> Mapping[str, cloudwatch.IAlarm]:
    """Return the alarms of a monitoring that roll back."""
    alarms = {} if monitoring is None else monitoring.alarms
    return {name: alarms[name] for name in ROLLBACK_ALARMS if name in alarms}


def _is_in_stack_of(construct: Construct, other: Construct) -> bool:
    return Stack.of(construct).node.addr == Stack.of(other).node.addr


def _each_once(alarms: Sequence[cloudwatch.IAlarm]) -> list[cloudwatch.IAlarm]:
    """Return the alarms in their order; CodeDeploy refuses one that is named twice."""
    return list({alarm.alarm_arn: alarm for alarm in alarms}.values())


def _require_alarms(
    alarms: Sequence[cloudwatch.IAlarm], of_monitoring: Mapping[str, cloudwatch.IAlarm]
) -> None:
    found = _each_once([*of_monitoring.values(), *alarms])
    if not found:
        raise InvalidArgument(
            "no alarm would roll back, so a gradual deployment is only slower; give monitoring, or alarms"
        )
    if len(found) > _MOST_ALARMS:
        raise InvalidArgument(
            f"{len(found)} alarms would roll back, with those of the monitoring, but CodeDeploy takes at most "
            f"{_MOST_ALARMS}; give fewer alarms, or switch some of the monitoring's off by MonitoringAlarms(...)"
        )
    for alarm in alarms:
        if isinstance(alarm, cloudwatch.CompositeAlarm):
            raise InvalidArgument(
                f"alarms has the composite alarm {alarm.node.path}, which CodeDeploy sees only if it may see every "
                "alarm of the account; give the metric alarms that it is made of"
            )


def _require_one_stack(scope: Construct, others: Sequence[ClientConnectHandler | cloudwatch.IAlarm]) -> None:
    stack = Stack.of(scope)
    for other in others:
        if Stack.of(other).node.addr != stack.node.addr:
            raise InvalidArgument(
                f"{other.node.path} is in another stack than its gradual deployment, in {stack.node.path}, but the "
                "alias, what shifts it and the alarms depend on each other; define them in one stack"
            )


def _require_same_place(scope: Construct, alarms: Sequence[cloudwatch.IAlarm]) -> None:
    require_same_environment(
        scope,
        alarms,
        because="CodeDeploy looks for alarms in its own account and Region; give one there",
    )


def _require_no_circle(handler: ClientConnectHandler, alarms: Sequence[cloudwatch.IAlarm]) -> None:
    """Refuse alarms of what is deployed after the alias, which waits for them; CloudFormation shows ids only."""
    stack = Stack.of(handler)
    waiting = _waiting_for_alias(handler) if alarms else {}
    for alarm in alarms:
        resource = alarm.node.default_child
        if not isinstance(resource, cloudwatch.CfnAlarm):
            continue
        watched = str(stack.resolve([resource.dimensions, resource.metrics]))
        for name, what in waiting.items():
            if name in watched:
                raise InvalidArgument(
                    f"alarms has {alarm.node.path}, which watches {what}: that is deployed only when all traffic is "
                    "shifted, so it can say nothing about the new version before, and alias, alarm and what it "
                    "watches would wait for each other in a circle; leave it out"
                )


def _waiting_for_alias(handler: ClientConnectHandler) -> dict[str, str]:
    """Return how the template names what waits for the alias, and what that is."""
    stack = Stack.of(handler)
    alias = str(stack.resolve(handler.alias.function_arn))
    waiting = {
        str(stack.resolve(endpoint.ref)): f"the endpoint {endpoint.node.path}"
        for endpoint in stack.node.find_all()
        if isinstance(endpoint, ec2.CfnClientVpnEndpoint)
        and Stack.of(endpoint).node.addr == stack.node.addr
        and alias in str(stack.resolve(endpoint.client_connect_options))
    }
    registry = handler.connection_registry
    reauthorizer = None if registry is None else registry.reauthorizer
    if (
        isinstance(reauthorizer, ConnectionReauthorizer)
        and reauthorizer.handler is handler
        and Stack.of(reauthorizer).node.addr == stack.node.addr
    ):
        name = str(stack.resolve(reauthorizer.function.function_name))
        waiting[name] = f"the re-authorizer {reauthorizer.node.path}"
    return waiting


def _total_minutes(shifting: TrafficShifting | codedeploy.ILambdaDeploymentConfig) -> int | None:
    """Return the time from the first step to the last; ``None`` for a custom configuration."""
    if isinstance(shifting, TrafficShifting):
        return shifting.total_minutes
    name = shifting.deployment_config_name
    if name == "CodeDeployDefault.LambdaAllAtOnce":
        return 0
    known = {f"CodeDeployDefault.{each}": shifting.total_minutes for shifting, each in _PREDEFINED.items()}
    return known.get(name)


def _config(
    scope: Construct, shifting: TrafficShifting | codedeploy.ILambdaDeploymentConfig
) -> codedeploy.ILambdaDeploymentConfig:
    if not isinstance(shifting, TrafficShifting):
        return shifting
    if (name := _PREDEFINED.get(shifting)) is not None:
        return codedeploy.LambdaDeploymentConfig.from_lambda_deployment_config_name(
            scope, "Config", f"CodeDeployDefault.{name}"
        )
    routing = (
        codedeploy.TimeBasedCanaryTrafficRouting
        if shifting.kind == "canary"
        else codedeploy.TimeBasedLinearTrafficRouting
    )
    return codedeploy.LambdaDeploymentConfig(
        scope,
        "Config",
        traffic_routing=routing(
            interval=Duration.minutes(shifting.interval_minutes), percentage=shifting.percent
        ),
    )
