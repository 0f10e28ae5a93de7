"""The alarms of a monitoring, one entry each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam

from cdk_client_connect._watched import PERIOD
from cdk_client_connect.function_reference import FunctionReference

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import aws_sns as sns
    from constructs import Construct

    from cdk_client_connect._watched import Watched
    from cdk_client_connect.client_connect_handler import ClientConnectHandler
    from cdk_client_connect.connection_reauthorizer import ConnectionReauthorizer
    from cdk_client_connect.monitoring_alarms import AlarmSettings, MonitoringAlarms

# The metric of an alarm, or one for each endpoint by the endpoint's name.
_Metrics: TypeAlias = "cloudwatch.IMetric | Mapping[str, cloudwatch.Metric] | None"

_OFTEN_ENOUGH_FOR_DAYS = Duration.hours(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One alarm by default.

    Attributes:
        name: Its construct id, and its heading in docs/operations.md; in snake case, its field in
            ``MonitoringAlarms``.
        meaning: What it means and what to do, in one or two sentences; also in docs/operations.md.
        metrics: What it watches; ``None`` where there is no such thing.
        threshold: The value.
        threshold_of: The value, where it depends on the handler.
        below: Whether small values are the bad ones.
        anomaly: Whether the threshold is a number of standard deviations above the usual level.
        periods: How many periods in a row the threshold must be crossed.
        without_data: What it means that there is no data. Nearly always good news: nobody connected, nothing went
            wrong, or the endpoint has neither a revocation list nor a SAML provider.
    """

    name: str
    meaning: str
    metrics: Callable[[Watched], _Metrics]
    threshold: float = 1
    threshold_of: Callable[[ClientConnectHandler], float] | None = None
    below: bool = False
    anomaly: bool = False
    periods: int = 1
    without_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING

    @property
    def field(self) -> str:
        """The name of its settings."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()

    @property
    def description(self) -> str:
        """What the alarm says, in the mail too."""
        return f'{self.meaning} See "{self.name}" in docs/operations.md of cdk-client-connect.'

    def with_settings(self, settings: AlarmSettings, watched: Watched) -> Definition:
        """Return the definition with what the user has set."""
        threshold = self.threshold_of(watched.handler) if self.threshold_of else self.threshold
        return replace(
            self,
            threshold=threshold if settings.threshold is None else settings.threshold,
            periods=settings.evaluation_periods or self.periods,
        )


def _nearly_all_time(handler: ClientConnectHandler) -> float:
    """Return the milliseconds of 80 percent of the timeout, which the handler always has."""
    timeout = handler.function.timeout or Duration.seconds(0)
    return 0.8 * timeout.to_milliseconds()


def _spillover(watched: Watched) -> cloudwatch.Metric | None:
    handler = watched.handler
    if (
        not handler.provisioned_concurrency.minimum
        or handler.function_reference is FunctionReference.UNQUALIFIED
    ):
        return None
    return watched.of_alias("ProvisionedConcurrencySpilloverInvocations")


def _period_of_runs(reauthorizer: ConnectionReauthorizer) -> Duration:
    """Return a period in which there is a run: one without data would be taken for good or for bad news."""
    return max(PERIOD, reauthorizer.schedule, key=Duration.to_seconds)


def _finished_runs(watched: Watched) -> cloudwatch.IMetric | None:
    """Return how often the re-authorizer has seen all connections, at most as often as Lambda ran it without an error.

    Whoever may put metrics into our namespace could report runs that never were. Nobody can put one into Lambda's.
    """
    reauthorizer = watched.reauthorizer
    if reauthorizer is None:
        return None
    period = _period_of_runs(reauthorizer)
    return cloudwatch.MathExpression(
        expression="MIN([FILL(finished, 0), FILL(invocations, 0) - FILL(errors, 0)])",
        using_metrics={
            "finished": reauthorizer.metric_reauthorized(
                statistic=cloudwatch.Stats.SAMPLE_COUNT, period=period
            ),
            **{
                name.lower(): reauthorizer.metric(name, statistic=cloudwatch.Stats.SUM, period=period)
                for name in ("Invocations", "Errors")
            },
        },
        label="Finished runs",
        period=period,
    )


DEFINITIONS = (
    Definition(
        name="HandlerErrors",
        meaning=(
            "The handler's function failed, so that the client was denied without a message of ours. "
            "Look for the stack trace in the handler's log; after a deployment, roll back."
        ),
        metrics=lambda watched: watched.of_alias("Errors"),
    ),
    Definition(
        name="HandlerThrottles",
        meaning=(
            "Lambda refused to run the handler, so that clients were denied. "
            "Raise the account's concurrency quota or reserved_concurrent_executions."
        ),
        metrics=lambda watched: watched.of_alias("Throttles"),
    ),
    Definition(
        name="HandlerLatency",
        meaning=(
            "An invocation took nearly all the time that the handler has before its client is denied. "
            "Run the saved query Slowest decisions; raise timeout or memory_size."
        ),
        metrics=lambda watched: watched.of_alias("Duration", cloudwatch.Stats.MAXIMUM),
        threshold_of=_nearly_all_time,
    ),
    Definition(
        name="HandlerTimeouts",
        meaning=(
            "Client VPN gave up waiting for the handler and denied clients. "
            "Look at the handler's latency and throttles at that time."
        ),
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerTimeouts"),
    ),
    Definition(
        name="ExecutionErrors",
        meaning=(
            "Client VPN could not have the handler executed and denied clients. Without HandlerErrors at that time "
            "the function was not reached: see that it exists and that the service-linked role is there."
        ),
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerOtherExecutionErrors"),
    ),
    Definition(
        name="InvalidResponses",
        meaning=(
            "Client VPN did not understand the handler's answer and denied clients. "
            "See that the endpoint invokes this handler and not another function."
        ),
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerInvalidResponses"),
    ),
    Definition(
        name="ServiceErrors",
        meaning=(
            "Client VPN itself failed while it asked the handler, and denied clients. "
            "See the AWS Health Dashboard; if it lasts, open a support case."
        ),
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerFailedServiceErrors"),
    ),
    Definition(
        name="Spillover",
        meaning=(
            "More clients connected at once than environments were provisioned, so that some waited for a cold start. "
            "If it comes again, provision more: ProvisionedConcurrency.for_clients sizes it."
        ),
        metrics=_spillover,
        threshold=10,
    ),
    Definition(
        name="DecisionErrors",
        meaning=(
            "Connections could not be decided soundly and were denied, in shadow mode allowed. "
            "Run the saved query Errors, and look its error up in docs/errors.md."
        ),
        metrics=lambda watched: watched.of_decisions("Errors"),
    ),
    Definition(
        name="DenialBurst",
        meaning=(
            "The handler denies clearly more connections than usual at this time. "
            "Run the saved query Denials by policy: a new policy, or somebody trying?"
        ),
        metrics=lambda watched: watched.of_decisions("Denied"),
        threshold=4,
        anomaly=True,
        periods=3,
    ),
    Definition(
        name="CrlExpiry",
        meaning=(
            "The endpoint's client certificate revocation list expires soon. "
            "Generate a new one and import it in time, when it may be: that resets the endpoint's connections."
        ),
        metrics=lambda watched: watched.of_endpoints(
            "CrlDaysToExpiry", cloudwatch.Stats.MINIMUM, period=_OFTEN_ENOUGH_FOR_DAYS
        ),
        threshold=14,
        below=True,
    ),
    Definition(
        name="IdpCertificateExpiry",
        meaning=(
            "The certificate of the SAML identity provider expires soon, and sign-ins depend on it. "
            "Renew it there, and update the metadata of the provider in IAM."
        ),
        metrics=lambda watched: watched.of_endpoints(
            "IdpCertDaysToExpiry", cloudwatch.Stats.MINIMUM, period=_OFTEN_ENOUGH_FOR_DAYS
        ),
        threshold=30,
        below=True,
    ),
    Definition(
        name="InventoryErrors",
        meaning=(
            "The device inventory could not be read, so that the shipped rules denied clients. "
            "Run the saved query Unavailable sources; see that both tables are there, and DynamoDB's health."
        ),
        metrics=lambda watched: (
            watched.of_decisions("InventoryErrors") if watched.handler.device_inventory else None
        ),
    ),
    Definition(
        name="RegistryErrors",
        meaning=(
            "Connections could not be recorded or counted. They were decided all the same, but re-authorization does "
            "not know them. Run the saved query Unavailable sources; see that the registry's table is there."
        ),
        metrics=lambda watched: (
            watched.of_decisions("RegistryErrors") if watched.handler.connection_registry else None
        ),
    ),
    Definition(
        name="CapExceeded",
        meaning=(
            "More open connections are denied today than the re-authorizer may end, so that it ended none. "
            "Its log says which policies deny how many: correct the policy, or raise maximum_terminations."
        ),
        metrics=lambda watched: (
            watched.reauthorizer.metric_cap_exceeded(period=_period_of_runs(watched.reauthorizer))
            if watched.reauthorizer
            else None
        ),
    ),
    Definition(
        name="ReauthorizerErrors",
        meaning=(
            "Runs of the re-authorizer failed, so that open connections are not decided anew and not counted. "
            "Its log says why; nothing was ended on incomplete knowledge."
        ),
        metrics=lambda watched: (
            watched.reauthorizer.metric(
                "Errors", statistic=cloudwatch.Stats.SUM, period=_period_of_runs(watched.reauthorizer)
            )
            if watched.reauthorizer
            else None
        ),
        periods=3,
    ),
    Definition(
        name="ReauthorizerStopped",
        meaning=(
            "The re-authorizer has not seen all open connections for a while, so that none is decided anew. "
            "See that the rule of its schedule is enabled and that Lambda does not throttle it; else its log says why."
        ),
        metrics=_finished_runs,
        threshold=0,
        below=True,
        # Longer than a run of 15 minutes and the lease of one that died, which lasts as long.
        periods=6,
        without_data=cloudwatch.TreatMissingData.BREACHING,
    ),
    Definition(
        name="NotificationErrors",
        meaning=(
            "Denials were not announced; they were decided and recorded all the same. "
            "The log of the forwarder's function says what refused them and why."
        ),
        metrics=lambda watched: watched.of_forwarder("Errors"),
    ),
)


def define_alarms(
    scope: Construct, watched: Watched, settings: MonitoringAlarms, topic: sns.ITopic | None
) -> dict[str, cloudwatch.Alarm]:
    """Define the alarms that are switched on; return them by their construct ids."""
    alarms = {}
    for definition in DEFINITIONS:
        chosen: AlarmSettings = getattr(settings, definition.field)
        if chosen.enabled:
            for suffix, metric in _by_suffix(definition.metrics(watched)).items():
                id_ = f"{definition.name}-{suffix}" if suffix else definition.name
                alarms[id_] = _alarm(scope, id_, metric, definition.with_settings(chosen, watched))
    if topic is not None:
        _let_publish(topic)
        for alarm in alarms.values():
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))
    return alarms


def _let_publish(topic: sns.ITopic) -> None:
    """Allow CloudWatch to publish where a topic has a policy; the default one, which it replaces, allows that.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    if topic.node.try_find_child("Policy") is not None:
        account = Stack.of(topic).account
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            )
        )


def _by_suffix(metrics: _Metrics) -> Mapping[str, cloudwatch.IMetric]:
    if metrics is None:
        return {}
    return metrics if isinstance(metrics, Mapping) else {"": metrics}


def _alarm(
    scope: Construct, id_: str, metric: cloudwatch.IMetric, definition: Definition
) -> cloudwatch.Alarm:
    if definition.anomaly:
        return cloudwatch.AnomalyDetectionAlarm(
            scope,
            id_,
            metric=metric,
            std_devs=definition.threshold,
            evaluation_periods=definition.periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
            alarm_description=definition.description,
            treat_missing_data=definition.without_data,
        )
    return cloudwatch.Alarm(
        scope,
        id_,
        metric=metric,
        threshold=definition.threshold,
        evaluation_periods=definition.periods,
        comparison_operator=(
            cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
            if definition.below
            else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
        alarm_description=definition.description,
        treat_missing_data=definition.without_data,
    )
