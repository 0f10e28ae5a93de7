"""The construct that ends open connections which are denied today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import jsii
from aws_cdk import CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import custom_resources as cr
from constructs import Construct

from cdk_client_connect.endpoint._endpoints import Endpoint, read_added, read_endpoints, require_no_circle
from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.final_templates._log_group import check_log_group
from cdk_client_connect.final_templates._properties import check_properties
from cdk_client_connect.final_templates._role import check_role
from cdk_client_connect.handler._authentication import names_certificates
from cdk_client_connect.handler._checks import MOST_MEMORY_MIB
from cdk_client_connect.handler._deciding import deciding, follow_variables, in_network_of, require_deciding
from cdk_client_connect.handler._imported_handler import handler_key
from cdk_client_connect.handler.i_client_connect_handler import WANTED, IClientConnectHandler
from cdk_client_connect.reauthorizer._asking_endpoints import check_asking_endpoints
from cdk_client_connect.reauthorizer._function import reauthorizer_function
from cdk_client_connect.shared._arguments import (
    Argument,
    flag,
    is_number_token,
    is_whole,
    number_text,
    require_all,
    typed,
    with_attribute,
)
from cdk_client_connect.shared._claims import MONITORING, claimant_of
from cdk_client_connect.shared._environment_check import require_same_environment
from cdk_client_connect.shared._function_role import function_role
from cdk_client_connect.shared._log_group import kept_log_group, require_new_log_group
from cdk_client_connect.shared._metrics import record_metric
from cdk_client_connect.shared._reachability import warn_of_unreachable_services
from cdk_client_connect.shared._sdk_call import sdk_call
from cdk_client_connect.shared.function_settings import FunctionSettings, settings_argument
from client_connect.reauthorizer import settings
from client_connect.reauthorizer.unknown_connections import UnknownConnections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_logs as logs

    from cdk_client_connect.endpoint._endpoints import AnyEndpoint
    from cdk_client_connect.handler._deciding import Deciding
    from cdk_client_connect.shared.metric_keywords import MetricKeywords
    from cdk_client_connect.tables.i_connection_registry import IConnectionRegistry

# The service lists a connection for 60 minutes after its end, and within that time each must be seen.
_SHORTEST_SCHEDULE_MIN, _LONGEST_SCHEDULE_MIN = 1, 30
_LEAST_MEMORY_MIB = 256
_SHORTEST_TIMEOUT_MIN, _LONGEST_TIMEOUT_MIN = 1, 15
_LONGEST_WINDOW_MIN = 24 * 60


@runtime_checkable
class _Watching(Protocol):
    """A monitoring that was defined before."""

    def watch_reauthorizer(self, reauthorizer: ConnectionReauthorizer) -> None:
        """Watch it too."""


# The terminations that a run of 15 minutes can make within the rate limit of EC2's API.
_MOST_TERMINATIONS = 3000


@jsii.implements(iam.IGrantable, ec2.IConnectable)
class ConnectionReauthorizer(Construct):
    """Decides open connections again, on a schedule and after each deployment, and ends those that are denied.

    Client VPN asks a handler once, when a connection begins. This function asks again for every open connection,
    with the request as it was registered and with the policies, devices, waivers and clock of today. It ends
    nothing before it has seen all connections; nothing that the policies deny when they deny too many at once; and
    no one because something is unavailable or cannot be evaluated. With a handler in shadow mode it only records.

    Define it for all endpoints that ask the handler, and begin with ``dry_run``. A registry has one, because the
    re-authorizer stores its progress there. In another stack than the handler's it is deployed after the handler, and
    until then decides with the policies of its last deployment. It runs in the handler's VPC, with the handler's
    security groups and layers. See docs/reauthorization.md and docs/composition.md.

    Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeClientVpnConnections.html,
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateClientVpnConnections.html

    Args:
        scope: The construct to define it in, in the handler's account and Region: in the handler's stack, or in a
            stack that is deployed after it, such as that of the endpoints.
        id: Its id in ``scope``.
        handler: The handler; it has a ``connection_registry``.
        endpoints: All endpoints that ask the handler, and no others: constructs, or ids of endpoints defined
            elsewhere in the same account and Region. Those of the app are compared with it at synthesis.
        schedule: How often it runs: whole minutes from 1 to 30. Default: every 5 minutes.
        maximum_terminations: The highest number of connections to terminate because of policies within
            ``termination_window``: 0 to 3,000. If the policies deny more, none of these is terminated, and the metric
            ``CapExceeded`` is 1. Of each user at most 5 connections count. Those beyond ``connections_per_user`` are
            counted separately. Default: 100.
        maximum_share: The highest share of the open connections to terminate because of policies: more than 0, at
            most 1. Default: 0.25.
        share_floor: How many connections may be terminated whatever their share, for small fleets: 0 to 3,000.
            Default: 10.
        termination_window: How long terminations add up: whole minutes, at least ``schedule``, at most a day.
            Default: 1 hour.
        wait_after_policy_change: How long connections that the policies deny are only reported after the policies
            have changed, by a deployment or a rollback: whole minutes, at most a day; 0 does not wait. Blocked
            connections do not wait. Default: 10 minutes.
        connections_per_user: How many connections each user keeps, over all these endpoints: the newest. At least 1.
            Default: any number.
        unknown_connections: How to treat connections that the registry does not know. Default: ``LEAVE``.
        mutual_authentication: Whether all endpoints use mutual authentication without SAML, so the common name
            from EC2 is that of a client certificate even if EC2 names no user; only for
            ``UnknownConnections.DECIDE``. Default: what endpoints defined in the app say; ``False`` for others.
        dry_run: Decide and record, but terminate nothing. Default: ``False``.
        timeout: How long a run may take: whole minutes from 1 to 15. What it cannot do in that time, the next one
            does. Default: 15 minutes.
        memory_size: In MiB. Default: 1769, which is one whole CPU.
        log_group: Where its records go, in the same account and Region. Default: a new one, kept for two years
            and retained when the stack is removed.
        log_deletion_protection: Whether CloudWatch Logs refuses to delete the new log group until somebody turns this
            off. Turn it on when the stack is deployed: a first deployment that fails could not remove the log group,
            and the next one would find it there. Default: ``False``.
        encryption_key: The key of its environment variables and log group. Default: the handler's.
        function_settings: A VPC, a dead-letter queue and reserved concurrency of its function. Default: the handler's
            VPC, subnets and security groups, and nothing else.

    Raises:
        InvalidArgument: When an argument is of a wrong type or out of its range, the handler has no registry, the
            registry has a re-authorizer already, something is in another account or Region, or an endpoint is in a
            stack that waits for the stack of the re-authorizer.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: IClientConnectHandler,
        endpoints: Sequence[ec2.IClientVpnEndpoint | ec2.CfnClientVpnEndpoint | str],
        schedule: Duration | None = None,
        maximum_terminations: int = 100,
        maximum_share: float = settings.DEFAULT_SHARE,
        share_floor: int = settings.DEFAULT_FLOOR,
        termination_window: Duration | None = None,
        wait_after_policy_change: Duration | None = None,
        connections_per_user: int | None = None,
        unknown_connections: UnknownConnections = UnknownConnections.LEAVE,
        mutual_authentication: bool | None = None,
        dry_run: bool = False,
        timeout: Duration | None = None,
        memory_size: int = 1769,
        log_group: logs.ILogGroup | None = None,
        log_deletion_protection: bool = False,
        encryption_key: kms.IKey | None = None,
        function_settings: FunctionSettings | None = None,
    ) -> None:
        schedule = Duration.minutes(5) if schedule is None else schedule
        timeout = Duration.minutes(15) if timeout is None else timeout
        wait = Duration.minutes(10) if wait_after_policy_change is None else wait_after_policy_change
        termination_window = Duration.hours(1) if termination_window is None else termination_window
        require_all(
            typed("handler", handler, IClientConnectHandler, WANTED),
            Argument(
                "schedule",
                schedule,
                _is_minutes(schedule, _SHORTEST_SCHEDULE_MIN, _LONGEST_SCHEDULE_MIN),
                (
                    f"a Duration of whole minutes from {_SHORTEST_SCHEDULE_MIN} to {_LONGEST_SCHEDULE_MIN}, "
                    "because Client VPN lists connections that ended for 60 minutes only"
                ),
            ),
            Argument(
                "maximum_terminations",
                maximum_terminations,
                is_whole(maximum_terminations, 0, _MOST_TERMINATIONS)
                or is_number_token(maximum_terminations),
                f"a whole number from 0 to {_MOST_TERMINATIONS}, which is what EC2 lets one run terminate",
            ),
            Argument(
                "maximum_share",
                maximum_share,
                _is_share(maximum_share) or is_number_token(maximum_share),
                "a number above 0, at most 1, which is all open connections",
            ),
            Argument(
                "share_floor",
                share_floor,
                is_whole(share_floor, 0, _MOST_TERMINATIONS) or is_number_token(share_floor),
                f"a whole number from 0 to {_MOST_TERMINATIONS}",
            ),
            Argument(
                "termination_window",
                termination_window,
                _is_minutes(termination_window, _shortest_window(schedule), _LONGEST_WINDOW_MIN),
                f"a Duration of whole minutes, at least schedule and at most {_LONGEST_WINDOW_MIN}",
            ),
            Argument(
                "wait_after_policy_change",
                wait,
                _is_minutes(wait, 0, _LONGEST_WINDOW_MIN),
                f"a Duration of whole minutes from 0 to {_LONGEST_WINDOW_MIN}",
            ),
            Argument(
                "connections_per_user",
                connections_per_user,
                connections_per_user is None
                or is_whole(connections_per_user, 1)
                or is_number_token(connections_per_user),
                "a whole number from 1, or None",
            ),
            typed(
                "unknown_connections",
                unknown_connections,
                UnknownConnections,
                "UnknownConnections.LEAVE or .DECIDE",
            ),
            typed("mutual_authentication", mutual_authentication, bool, "True, False or None", optional=True),
            flag("dry_run", dry_run),
            Argument(
                "timeout",
                timeout,
                _is_minutes(timeout, _SHORTEST_TIMEOUT_MIN, _LONGEST_TIMEOUT_MIN),
                f"a Duration of whole minutes from {_SHORTEST_TIMEOUT_MIN} to {_LONGEST_TIMEOUT_MIN}",
            ),
            Argument(
                "memory_size",
                memory_size,
                is_whole(memory_size, _LEAST_MEMORY_MIB, MOST_MEMORY_MIB) or is_number_token(memory_size),
                f"a number of MiB from {_LEAST_MEMORY_MIB} to {MOST_MEMORY_MIB}",
            ),
            with_attribute(
                "log_group", log_group, "log_group_name", "a logs.LogGroup or None", optional=True
            ),
            flag("log_deletion_protection", log_deletion_protection),
            settings_argument(function_settings),
        )
        require_new_log_group(log_group, is_protected=log_deletion_protection)
        named = read_endpoints(endpoints)
        if not named:
            raise InvalidArgument("endpoints is empty; give the endpoints that ask the handler")
        require_deciding(handler)
        registry = _registry_of(handler)
        require_same_environment(
            scope,
            [handler],
            because="it reads the handler's registry, of its account and Region only",
        )
        _require_usable(scope, endpoints, handler)
        if log_group is not None:
            require_same_environment(
                scope,
                [log_group],
                because="Lambda logs to its own account and Region; give a log group there",
            )

        super().__init__(scope, id)
        registry.keep_state_of(self)
        self._handler = handler
        self._schedule = schedule
        self._mutual_authentication = mutual_authentication
        self._endpoints: tuple[Endpoint, ...] = named
        decides_as = deciding(handler, self)
        key = encryption_key or handler.encryption_key
        function_settings = in_network_of(handler, function_settings or FunctionSettings())
        self._log_group = log_group or kept_log_group(self, key, is_protected=log_deletion_protection)
        self._role = function_role(self, self._log_group, in_vpc=function_settings.vpc is not None)
        self._ids = ids = [endpoint.id for endpoint in named]
        self._environment = {
            **decides_as.environment,
            settings.ENDPOINTS: ",".join(ids),
            settings.INTERVAL: str(schedule.to_seconds()),
            settings.MAXIMUM_TERMINATIONS: number_text(maximum_terminations),
            settings.MAXIMUM_SHARE: _share_text(maximum_share),
            settings.SHARE_FLOOR: number_text(share_floor),
            settings.TERMINATION_WINDOW: str(termination_window.to_seconds()),
            settings.WAIT: str(wait.to_seconds()),
            settings.UNKNOWN_CONNECTIONS: unknown_connections.value,
            settings.DRY_RUN: "true" if dry_run else "false",
            # A run with an old time zone, module or table must not go on next to a new one.
            settings.HANDLER_VERSION: decides_as.version,
        }
        if connections_per_user is not None:
            self._environment[settings.CONNECTIONS_PER_USER] = number_text(connections_per_user)
        self._certificate_endpoints = [
            id_ for endpoint, id_ in zip(endpoints, ids, strict=True) if self._names_certificates(endpoint)
        ]
        if self._certificate_endpoints:
            self._environment[settings.CERTIFICATE_ENDPOINTS] = ",".join(self._certificate_endpoints)
        self._function, self._alias = reauthorizer_function(
            self,
            decides_as=decides_as,
            role=self._role,
            log_group=self._log_group,
            timeout=timeout,
            memory_size=memory_size,
            environment=self._environment,
            # The next run does all that this one would have done.
            max_event_age=schedule,
            encryption_key=key,
            settings=function_settings,
        )
        self._is_in_vpc = function_settings.vpc is not None
        if (resource := self._function.node.default_child) is not None:
            self.node.default_child = resource
        follow_variables(handler, self._set)
        registry.grant_reauthorize(self._role)
        if handler.device_inventory is not None:
            handler.device_inventory.grant_look_up(self._role)
        self._allow_connections(ids)
        self._schedule_rule = self._run_on(schedule)
        self._run_after_deployments_of(handler, decides_as)
        self._enable_schedule_after_deployments_of(handler, decides_as)
        check_asking_endpoints(self, handler, ids)
        warn_of_unreachable_services(
            self, function_settings.vpc, function_settings.vpc_subnets, ("dynamodb", "ec2")
        )
        check_role(f"re-authorizer {self.node.path}", self._role)
        check_log_group(f"re-authorizer {self.node.path}", self._log_group)
        self._be_watched()

    @property
    def handler(self) -> IClientConnectHandler:
        """The handler by whose policies it decides."""
        return self._handler

    @property
    def schedule(self) -> Duration:
        """How often it runs."""
        return self._schedule

    @property
    def schedule_rule(self) -> events.Rule:
        """The rule that runs it."""
        return self._schedule_rule

    @property
    def function(self) -> lambda_.Function:
        """The function."""
        return self._function

    @property
    def alias(self) -> lambda_.Alias:
        """The alias ``live`` of its current version, which its schedule runs."""
        return self._alias

    @property
    def role(self) -> iam.Role:
        """The function's role; a handler's module of extra facts needs here what it needs there."""
        return self._role

    @property
    def log_group(self) -> logs.ILogGroup:
        """Where its records go."""
        return self._log_group

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, so the re-authorizer can be given to the grants of other constructs."""
        return self._role.grant_principal

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the function, in a VPC.

        Raises:
            InvalidArgument: When it runs in no VPC.
        """
        if not self._is_in_vpc:
            raise InvalidArgument(
                f"re-authorizer {self.node.path} runs in no VPC, so it has no security groups; give vpc to the "
                "handler, or function_settings"
            )
        return self._function.connections

    def add_to_role_policy(self, statement: iam.PolicyStatement) -> None:
        """Allow the function something more, such as what the handler's module of extra facts calls.

        Args:
            statement: What it may do.
        """
        self._role.add_to_principal_policy(statement)

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Set the removal policy of all that is defined here when the stack is removed, including its log.

        Args:
            policy: The policy.
        """
        require_all(typed("policy", policy, RemovalPolicy, "a RemovalPolicy"))
        for each in self.node.find_all():
            if isinstance(each, CfnResource):
                each.apply_removal_policy(policy)

    def metric(self, metric_name: str, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return one of Lambda's own metrics of the function, such as ``Errors``: runs that failed.

        Args:
            metric_name: As in the namespace ``AWS/Lambda``.
            **options: As the CDK's ``cloudwatch.MetricOptions``. Default: the average over 5 minutes.
        """
        return self._function.metric(metric_name, **options)

    def metric_reauthorized(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how many open connections a scan decided again, by default the most."""
        return self._of_records("Reauthorized", cloudwatch.Stats.MAXIMUM, options)

    def metric_terminated(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the number of connections that were terminated, by default the sum."""
        return self._of_records("Terminated", cloudwatch.Stats.SUM, options)

    def metric_terminated_by_policies(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how many connections were terminated because the policies deny them, by default the sum.

        Not those beyond a limit of connections. Only sent when there are some.
        """
        return self._of_records("TerminatedByPolicies", cloudwatch.Stats.SUM, options)

    def metric_left_alone(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how many open connections the registry does not know, by default the most in a scan."""
        return self._of_records("LeftAlone", cloudwatch.Stats.MAXIMUM, options)

    def metric_undecided(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how many open connections could not be decided, by default the most in a scan; an alarm is due."""
        return self._of_records("Undecided", cloudwatch.Stats.MAXIMUM, options)

    def metric_cap_exceeded(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return whether the policies deny more connections than may be ended: 1, or 0. Raise an alarm on it."""
        return self._of_records("CapExceeded", cloudwatch.Stats.MAXIMUM, options)

    def metric_termination_failures(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the number of connections that could not be terminated, by default the sum; each run tries again."""
        return self._of_records("TerminationFailures", cloudwatch.Stats.SUM, options)

    def metric_missing_endpoints(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return how many of its endpoints do not exist, by default the most in a run."""
        return self._of_records("MissingEndpoints", cloudwatch.Stats.MAXIMUM, options)

    def metric_run_time(self, **options: Unpack[MetricKeywords]) -> cloudwatch.Metric:
        """Return the milliseconds per run, by default the most."""
        return self._of_records("RunTime", cloudwatch.Stats.MAXIMUM, options)

    def _of_records(self, name: str, statistic: str, options: MetricKeywords) -> cloudwatch.Metric:
        return record_metric(self._function.function_name, name, statistic, options)

    def add_endpoint(self, endpoint: ec2.IClientVpnEndpoint | ec2.CfnClientVpnEndpoint | str) -> None:
        """Decide the connections of another endpoint that asks the handler, too.

        Args:
            endpoint: A construct, or the id of an endpoint that is defined elsewhere in the same account and Region.

        Raises:
            InvalidArgument: When it is none, is there already, is in another account or Region, or waits for the
                stack of the re-authorizer.
        """
        added = read_added(endpoint, self._endpoints)
        _require_usable(self, [endpoint], self._handler)
        self._endpoints = (*self._endpoints, added)
        self._ids.append(added.id)
        self._set(settings.ENDPOINTS, ",".join(self._ids))
        if self._names_certificates(endpoint):
            self._certificate_endpoints.append(added.id)
            self._set(settings.CERTIFICATE_ENDPOINTS, ",".join(self._certificate_endpoints))
        self._allow_connections([added.id])

    def _set(self, name: str, value: str) -> None:
        """Change a variable, in the function and in what the final template is compared with."""
        self._environment[name] = value
        self._function.add_environment(name, value)

    def _names_certificates(self, endpoint: AnyEndpoint) -> bool:
        """Whether the common name that EC2 reports of its connections is that of a certificate."""
        given = self._mutual_authentication
        return names_certificates(endpoint) if given is None else given

    def _allow_connections(self, endpoint_ids: Sequence[str]) -> None:
        arns = [
            Stack.of(self).format_arn(service="ec2", resource="client-vpn-endpoint", resource_name=id_)
            for id_ in endpoint_ids
        ]
        # In the role's own policy, which the function waits for, whatever the feature flags.
        self._role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ec2:DescribeClientVpnConnections", "ec2:TerminateClientVpnConnections"],
                resources=arns,
            )
        )

    def _run_on(self, schedule: Duration) -> events.Rule:
        rule = events.Rule(
            self,
            "Schedule",
            description="Decides open Client VPN connections again",
            schedule=events.Schedule.rate(schedule),
            targets=[targets.LambdaFunction(self._alias, retry_attempts=0, max_event_age=schedule)],
        )
        resource = rule.node.default_child
        assert isinstance(resource, events.CfnRule)  # noqa: S101 - the CDK's Rule has one
        check_properties(
            f"the schedule of re-authorizer {self.node.path}",
            resource,
            {
                "ScheduleExpression": resource.schedule_expression,
                "State": resource.state,
                "Targets": resource.targets,
            },
            rule="changedSchedule",
            consequence="open connections would not be decided again in time, or never",
            fix="set schedule of the ConnectionReauthorizer instead",
        )
        return rule

    def _be_watched(self) -> None:
        """Tell a monitoring that was defined before."""
        monitoring: object = claimant_of(self._handler, MONITORING, handler_key(self._handler))
        if isinstance(monitoring, _Watching):
            monitoring.watch_reauthorizer(self)

    def _enable_schedule_after_deployments_of(
        self, handler: IClientConnectHandler, decides_as: Deciding
    ) -> None:
        """Enable the rule whenever the handler has a new version: CloudFormation does not see that it was disabled."""
        enabling = Construct(self, "EnableSchedule")
        call = cr.AwsSdkCall(
            service="EventBridge",
            action="enableRule",
            parameters={"Name": self._schedule_rule.rule_name},
            # Another id for each version, or nothing would be called.
            physical_resource_id=cr.PhysicalResourceId.of(f"{self.node.path}/schedule/{decides_as.version}"),
        )
        sdk_call(
            enabling,
            "Run",
            on_create=call,
            on_update=call,
            permission=iam.PolicyStatement(
                actions=["events:EnableRule"], resources=[self._schedule_rule.rule_arn]
            ),
            encryption_key=handler.encryption_key,
            log_retention=handler.support_log_retention,
        )

    def _run_after_deployments_of(self, handler: IClientConnectHandler, decides_as: Deciding) -> None:
        """Start a run, and do not wait for it, whenever the handler has a new version."""
        deployment = Construct(self, "Deployment")
        call = cr.AwsSdkCall(
            service="Lambda",
            action="invoke",
            parameters={
                "FunctionName": self._alias.function_arn,
                "InvocationType": "Event",
                "Payload": f'{{"deployed": "{decides_as.version}"}}',
            },
            physical_resource_id=cr.PhysicalResourceId.of(f"{self.node.path}/deployment"),
            output_paths=["StatusCode"],
        )
        permission = iam.PolicyStatement(
            actions=["lambda:InvokeFunction"], resources=[self._alias.function_arn]
        )
        run = sdk_call(
            deployment,
            "Run",
            on_create=call,
            on_update=call,
            permission=permission,
            encryption_key=handler.encryption_key,
            log_retention=handler.support_log_retention,
        )
        # It may list and terminate by then, and the handler decides with its new policies.
        run.node.add_dependency(self._role)
        if decides_as.first is not None:
            run.node.add_dependency(decides_as.first)


def _registry_of(handler: IClientConnectHandler) -> IConnectionRegistry:
    """Return the handler's registry, which must have no other re-authorizer."""
    registry = handler.connection_registry
    if registry is None:
        raise InvalidArgument(
            f"handler {handler.node.path} has no connection_registry, so nothing is known of its open "
            "connections; give it a ConnectionRegistry"
        )
    if registry.reauthorizer is not None:
        raise InvalidArgument(
            f"registry {registry.node.path} has the re-authorizer {registry.reauthorizer.node.path} already, and two "
            "would overwrite each other's state; give that one all endpoints that ask the handler"
        )
    return registry


def _require_usable(
    scope: Construct, endpoints: Sequence[AnyEndpoint], handler: IClientConnectHandler
) -> None:
    """Refuse endpoints whose connections it cannot list, or that its stack cannot refer to."""
    require_same_environment(
        scope,
        [endpoint for endpoint in endpoints if not isinstance(endpoint, str)],
        because="it lists and terminates connections of its account and Region only",
    )
    require_no_circle(scope, endpoints, handler, handler.function_arn)


def _shortest_window(schedule: Duration) -> float:
    return schedule.to_minutes(integral=False) if _is_minutes(schedule, 1, _LONGEST_WINDOW_MIN) else 1


def _share_text(share: float) -> str:
    return number_text(share) if is_number_token(share) else repr(float(share))


def _is_share(value: object) -> bool:
    # A token is a huge negative number. No float may be asked whether it is one: "nan" ends the CDK's process.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _is_minutes(value: object, least: float, most: float) -> bool:
    if not isinstance(value, Duration) or value.is_unresolved():
        return False
    milliseconds = value.to_milliseconds()
    return not milliseconds % 60_000 and least <= milliseconds / 60_000 <= most
