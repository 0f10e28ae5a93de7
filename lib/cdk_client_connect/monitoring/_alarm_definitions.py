"""The alarms of a monitoring, one entry each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam

from cdk_client_connect.errors import InvalidArgument
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.monitoring._targets import PERIOD
from client_connect_tools import advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_cdk import aws_sns as sns
    from constructs import Construct

    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler
    from cdk_client_connect.monitoring._targets import MonitoringTargets
    from cdk_client_connect.monitoring.monitoring_alarms import AlarmSettings, MonitoringAlarms
    from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer

# The metric of an alarm, or one for each endpoint by the endpoint's name.
_Metric: TypeAlias = "cloudwatch.Metric | cloudwatch.MathExpression"
_Metrics: TypeAlias = "_Metric | Mapping[str, _Metric] | None"

# A name from CloudFormation is hardly longer: the stack, the logical id and 12 letters.
_LONGEST_GENERATED = 100

_OFTEN_ENOUGH_FOR_DAYS = Duration.hours(1)

# The days before an expiry on which the topic gets a message: the first alarm and its reminders.
_DAYS_LEFT, _REMINDERS = 30, (14, 5, 1)

# Over how long CloudWatch evaluates an alarm whose period is shorter than an hour, and one whose is not.
_SHORT_S, _LONGEST_OF_SHORT_S, _LONGEST_OF_LONG_S = 3600, 86_400, 604_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One alarm by default.

    Attributes:
        name: Its construct id, and the name of its explanation, which says what to do; in snake case, its field in
            ``MonitoringAlarms``.
        metrics: What it watches; ``None`` where there is no such thing.
        threshold: The value.
        threshold_of: The value, where it depends on the handler.
        below: Whether small values are the bad ones.
        anomaly: Whether the threshold is a number of standard deviations above the usual level.
        periods: How many periods in a row the threshold must be crossed, or of how many it must be in ``datapoints``.
        datapoints: In how many of the periods. Default: in all.
        reminders: Further values; each is sent to the topic when it is reached.
        without_data: The meaning of missing data. Nearly always good news: no one connected, nothing went
            wrong, or the endpoint has neither a revocation list nor a SAML provider.
    """

    name: str
    metrics: Callable[[MonitoringTargets], _Metrics]
    threshold: float = 1
    threshold_of: Callable[[IClientConnectHandler], float] | None = None
    below: bool = False
    anomaly: bool = False
    periods: int = 1
    datapoints: int | None = None
    reminders: tuple[float, ...] = ()
    without_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING

    @property
    def field(self) -> str:
        """The name of its settings."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()

    def description(self, names: Mapping[str, str]) -> str:
        """Return the text of the alarm, in the mail too: the first command, the cause, and the steps to take.

        Args:
            names: The names of resources, by the words that stand for them.
        """
        return advice.find_one(self.name, "alarm").description(names, length_of=_longest)

    def with_settings(self, settings: AlarmSettings, watched: MonitoringTargets) -> Definition:
        """Return the definition with what the user has set."""
        periods = settings.evaluation_periods or self.periods
        threshold = self.threshold_of(watched.handler) if self.threshold_of else self.threshold
        return replace(
            self,
            threshold=threshold if settings.threshold is None else settings.threshold,
            periods=periods,
            datapoints=self.datapoints and min(self.datapoints, periods),
        )

    def stages(self) -> Iterator[tuple[str, Definition]]:
        """Yield the alarm and its later reminders, each with a suffix of the construct id."""
        yield "", self
        for value in self.reminders:
            if Token.is_unresolved(self.threshold) or value < self.threshold:
                yield f"-{value:g}Days", replace(self, threshold=value, reminders=())


def _longest(name: str) -> int:
    """Return how long a name may be when it is deployed."""
    return _LONGEST_GENERATED if Token.is_unresolved(name) else len(name)


def _nearly_all_time(handler: IClientConnectHandler) -> float:
    """Return the milliseconds of 80 percent of the timeout; without one there is no such alarm."""
    timeout = handler.timeout or Duration.seconds(0)
    return 0.8 * timeout.to_milliseconds()


def _spillover(watched: MonitoringTargets) -> cloudwatch.Metric | None:
    handler = watched.handler
    concurrency = handler.provisioned_concurrency
    if (
        concurrency is None
        or not concurrency.minimum
        or handler.function_reference is FunctionReference.UNQUALIFIED
    ):
        return None
    return watched.of_alias("ProvisionedConcurrencySpilloverInvocations")


def _period_of_runs(reauthorizer: ConnectionReauthorizer) -> Duration:
    """Return a period that contains a run: one without data would count as good or as bad news."""
    return max(PERIOD, reauthorizer.schedule, key=Duration.to_seconds)


def _finished_runs(watched: MonitoringTargets) -> cloudwatch.MathExpression | None:
    """Return how often the re-authorizer has seen all connections, at most as often as Lambda ran it without an error.

    Whoever may put metrics into our namespace could report runs that never were. No one can put one into Lambda's.
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
        metrics=lambda watched: watched.of_alias("Errors"),
    ),
    Definition(
        name="HandlerThrottles",
        metrics=lambda watched: watched.of_alias("Throttles"),
    ),
    Definition(
        name="HandlerLatency",
        metrics=lambda watched: (
            watched.of_alias("Duration", cloudwatch.Stats.MAXIMUM) if watched.handler.timeout else None
        ),
        threshold_of=_nearly_all_time,
    ),
    Definition(
        name="HandlerTimeouts",
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerTimeouts"),
    ),
    Definition(
        name="ExecutionErrors",
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerOtherExecutionErrors"),
    ),
    Definition(
        name="InvalidResponses",
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerInvalidResponses"),
    ),
    Definition(
        name="ServiceErrors",
        metrics=lambda watched: watched.of_endpoints("ClientConnectHandlerFailedServiceErrors"),
    ),
    Definition(
        name="Spillover",
        metrics=_spillover,
        threshold=10,
    ),
    Definition(
        name="DecisionErrors",
        metrics=lambda watched: watched.of_decisions("Errors"),
    ),
    Definition(
        name="EveryoneDenied",
        metrics=lambda watched: watched.of_denials_of_everyone(),
        threshold=5,
    ),
    Definition(
        name="RecordsLost",
        metrics=lambda watched: watched.of_lost_records(),
        # Of the newest period, the records may arrive after the invocations.
        periods=12,
        datapoints=2,
    ),
    Definition(
        name="UnexpectedShadowMode",
        metrics=lambda watched: watched.of_unexpected_shadow_mode(),
    ),
    Definition(
        name="DenialBurst",
        metrics=lambda watched: watched.of_decisions("Denied"),
        threshold=4,
        anomaly=True,
        periods=3,
    ),
    Definition(
        name="AuthorizationPolicyDenials",
        metrics=lambda watched: watched.of_endpoints("AuthorizationPolicyDeniedConnections"),
        threshold=4,
        anomaly=True,
        periods=3,
    ),
    Definition(
        name="AuthorizationPolicyTerminations",
        metrics=lambda watched: watched.of_endpoints("AuthorizationPolicyTerminatedConnections"),
        threshold=10,
    ),
    Definition(
        name="CrlExpiry",
        metrics=lambda watched: watched.of_endpoints(
            "CrlDaysToExpiry", cloudwatch.Stats.MINIMUM, period=_OFTEN_ENOUGH_FOR_DAYS
        ),
        threshold=_DAYS_LEFT,
        reminders=_REMINDERS,
        below=True,
    ),
    Definition(
        name="IdpCertificateExpiry",
        metrics=lambda watched: watched.of_endpoints(
            "IdpCertDaysToExpiry", cloudwatch.Stats.MINIMUM, period=_OFTEN_ENOUGH_FOR_DAYS
        ),
        threshold=_DAYS_LEFT,
        reminders=_REMINDERS,
        below=True,
    ),
    Definition(
        name="CertificateExpiry",
        metrics=lambda watched: watched.of_certificates(),
        threshold=_DAYS_LEFT,
        reminders=_REMINDERS,
        below=True,
        # ACM publishes nothing about an expired certificate, and that must not end the alarm.
        without_data=cloudwatch.TreatMissingData.IGNORE,
    ),
    Definition(
        name="InventoryErrors",
        metrics=lambda watched: (
            watched.of_decisions("InventoryErrors") if watched.handler.device_inventory else None
        ),
    ),
    Definition(
        name="WaiverErrors",
        metrics=lambda watched: (
            watched.of_decisions("WaiverErrors") if watched.handler.device_inventory else None
        ),
    ),
    Definition(
        name="RegistryErrors",
        metrics=lambda watched: (
            watched.of_decisions("RegistryErrors") if watched.handler.connection_registry else None
        ),
    ),
    Definition(
        name="OpenConnectionsErrors",
        metrics=lambda watched: (
            watched.of_decisions("OpenConnectionsErrors") if watched.handler.connection_registry else None
        ),
    ),
    Definition(
        name="CapExceeded",
        metrics=lambda watched: (
            watched.reauthorizer.metric_cap_exceeded(period=_period_of_runs(watched.reauthorizer))
            if watched.reauthorizer
            else None
        ),
    ),
    Definition(
        name="MassTermination",
        metrics=lambda watched: (
            watched.reauthorizer.metric_terminated_by_policies(period=_period_of_runs(watched.reauthorizer))
            if watched.reauthorizer
            else None
        ),
        threshold=5,
    ),
    Definition(
        name="Undecided",
        metrics=lambda watched: (
            watched.reauthorizer.metric_undecided(period=_period_of_runs(watched.reauthorizer))
            if watched.reauthorizer
            else None
        ),
        periods=3,
    ),
    Definition(
        name="TerminationFailures",
        metrics=lambda watched: (
            watched.reauthorizer.metric_termination_failures(period=_period_of_runs(watched.reauthorizer))
            if watched.reauthorizer
            else None
        ),
        # Each run tries again what EC2 has refused or throttled.
        periods=3,
    ),
    Definition(
        name="ReauthorizerIncomplete",
        metrics=lambda watched: (
            watched.reauthorizer.metric_missing_endpoints(period=_period_of_runs(watched.reauthorizer))
            if watched.reauthorizer
            else None
        ),
    ),
    Definition(
        name="ReauthorizerErrors",
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
        metrics=_finished_runs,
        threshold=0,
        below=True,
        # Longer than a run of 15 minutes and the lease of one that died, which lasts as long.
        periods=6,
        without_data=cloudwatch.TreatMissingData.BREACHING,
    ),
    Definition(
        name="DeviceSyncStopped",
        metrics=lambda watched: watched.of_complete_device_syncs(),
        threshold=0,
        below=True,
        periods=4,
        without_data=cloudwatch.TreatMissingData.BREACHING,
    ),
    Definition(
        name="DeviceSyncBrake",
        metrics=lambda watched: watched.of_device_syncs("SyncBrakeEngaged"),
    ),
    Definition(
        name="DeviceSyncCredentials",
        metrics=lambda watched: watched.of_device_syncs("SyncCredentialsRejected"),
    ),
    Definition(
        name="DeviceSyncSecretExpiry",
        metrics=lambda watched: watched.of_device_syncs(
            "SyncSecretDaysToExpiry", cloudwatch.Stats.MINIMUM, period=_OFTEN_ENOUGH_FOR_DAYS
        ),
        threshold=14,
        below=True,
    ),
    Definition(
        name="NotificationErrors",
        metrics=lambda watched: watched.of_lost_notifications(),
    ),
)


def define_alarms(
    scope: Construct,
    watched: MonitoringTargets,
    settings: MonitoringAlarms,
    topic: sns.ITopic | None = None,
    *,
    wanted: Callable[[Definition, _Metrics], bool] = lambda _definition, _metrics: True,
) -> dict[str, cloudwatch.Alarm]:
    """Define the alarms that are switched on; return them by their construct ids.

    Args:
        scope: Where to define them.
        watched: What they watch.
        settings: How they differ from their defaults.
        topic: Where they are sent. Default: nowhere.
        wanted: Which of them to define. Default: all.
    """
    alarms = {}
    for definition in DEFINITIONS:
        chosen: AlarmSettings = getattr(settings, definition.field)
        metrics = definition.metrics(watched) if chosen.enabled else None
        if metrics is None or not wanted(definition, metrics):
            continue
        for suffix, metric in _by_suffix(metrics).items():
            tuned = definition.with_settings(chosen, watched)
            _require_evaluable(tuned, metric.period)
            text = tuned.description(watched.names(Stack.of(scope), suffix))
            for stage, staged in tuned.stages():
                if not stage or topic is not None:
                    id_ = f"{definition.name}-{suffix}{stage}" if suffix else f"{definition.name}{stage}"
                    alarms[id_] = _alarm(scope, id_, metric, staged, text)
    if topic is not None:
        for alarm in alarms.values():
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))
    return alarms


def is_reminder(id_: str) -> bool:
    """Whether the alarm of a construct id only repeats another one, closer to the expiry."""
    return id_.endswith(tuple(f"-{value:g}Days" for value in _REMINDERS))


def of_endpoints(_definition: Definition, metrics: _Metrics) -> bool:
    """Whether an alarm watches endpoints, one each."""
    return isinstance(metrics, Mapping)


def _require_evaluable(alarm: Definition, period: Duration) -> None:
    """Check that CloudWatch looks back as far as the periods are long together.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html

    Raises:
        InvalidArgument: When it does not, and would refuse the alarm at deployment.
    """
    seconds = period.to_seconds()
    most = int((_LONGEST_OF_SHORT_S if seconds < _SHORT_S else _LONGEST_OF_LONG_S) // seconds)
    if alarm.periods > most:
        raise InvalidArgument(
            f"{alarm.field} has {alarm.periods} evaluation_periods of {seconds / 60:g} minutes, but CloudWatch looks "
            f"back at most {most * seconds / 86_400:g} days with such periods; give at most {most}"
        )


def let_publish(topic: sns.ITopic) -> None:
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


def _by_suffix(metrics: _Metric | Mapping[str, _Metric]) -> Mapping[str, _Metric]:
    return metrics if isinstance(metrics, Mapping) else {"": metrics}


def _alarm(
    scope: Construct, id_: str, metric: _Metric, definition: Definition, description: str
) -> cloudwatch.Alarm:
    if definition.anomaly:
        return cloudwatch.AnomalyDetectionAlarm(
            scope,
            id_,
            metric=metric,
            std_devs=definition.threshold,
            evaluation_periods=definition.periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
            alarm_description=description,
            treat_missing_data=definition.without_data,
        )
    return cloudwatch.Alarm(
        scope,
        id_,
        metric=metric,
        threshold=definition.threshold,
        evaluation_periods=definition.periods,
        datapoints_to_alarm=definition.datapoints,
        comparison_operator=(
            cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
            if definition.below
            else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
        alarm_description=description,
        treat_missing_data=definition.without_data,
    )
