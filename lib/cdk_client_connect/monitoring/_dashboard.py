"""The dashboard of a monitoring: what is wrong at the top, then what was decided, then why, then the margins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import jsii
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_client_connect.monitoring import _connection_log_metrics as failures
from cdk_client_connect.monitoring import _queries as queries
from cdk_client_connect.monitoring._targets import PERIOD, MonitoringTargets
from client_connect.engine.policy_set import PolicySet
from client_connect.record import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aws_cdk import aws_logs as logs
    from constructs import Construct

    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler

_FULL, _HALF, _THIRD = 24, 12, 8
_HEIGHT = 6
_ALARMS_IN_A_ROW = 6
# CloudWatch takes no more in one widget.
# Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
_MOST_ALARMS = 100

_GREEN, _RED, _ORANGE, _GREY = (
    cloudwatch.Color.GREEN,
    cloudwatch.Color.RED,
    cloudwatch.Color.ORANGE,
    cloudwatch.Color.GREY,
)


def define_dashboard(scope: Construct, content: Callable[[], Content]) -> cloudwatch.Dashboard:
    """Define the dashboard, which shows what is known when the app is synthesized.

    Args:
        scope: Where to define it.
        content: Returns the content to show.
    """
    dashboard = cloudwatch.Dashboard(scope, "Dashboard")
    dashboard.add_widgets(_Rows(content))
    return dashboard


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content of a dashboard.

    Attributes:
        watched: What is watched.
        alarms: The alarms.
        log_groups: The logs that are queried.
    """

    watched: MonitoringTargets
    alarms: Sequence[cloudwatch.Alarm]
    log_groups: Mapping[queries.Log, logs.ILogGroup]

    def rows(self) -> list[list[cloudwatch.IWidget]]:
        """Return the rows; one that has nothing to show is left out."""
        watched, log_groups = self.watched, self.log_groups
        rows = (
            _alarm_row(self.alarms),
            _number_row(watched),
            [_connections(watched), _decisions(watched), _failures(watched, log_groups)],
            [
                _table(queries.DENIALS_BY_POLICY, log_groups, _HALF),
                _table(queries.DENIALS_BY_REASON, log_groups, _HALF),
            ],
            [_latency(watched), _concurrency(watched)],
            _shadow_row(watched, log_groups),
            _reauthorization_row(watched, log_groups),
            _device_sync_row(watched),
            [
                _authorization_policy(watched),
                _table(queries.POLICY_SHADOW_DENIALS_BY_REASON, log_groups, _THIRD),
                _table(queries.POLICY_TERMINATIONS, log_groups, _THIRD),
            ],
            [
                _table(queries.ERRORS, log_groups, _HALF),
                _table(queries.FAILED_CONNECTIONS, log_groups, _HALF),
            ],
            [_certificates(watched), _authentication(watched)],
        )
        present = ([widget for widget in row if widget is not None] for row in rows)
        return [row for row in present if row]


@jsii.implements(cloudwatch.IWidget)
class _Rows:
    """All rows as one widget, which is made when the CDK asks for it: until then, endpoints may be added."""

    def __init__(self, content: Callable[[], Content]) -> None:
        self._content = content
        self._made: cloudwatch.Column | None = None

    @property
    def height(self) -> float:
        """The height of all rows."""
        return self._column.height

    @property
    def width(self) -> float:
        """The width of the widest row."""
        return self._column.width

    @property
    def warnings(self) -> list[str] | None:
        """Nothing: what the CDK warns of a metric, it does when the metric is used in an alarm."""
        return None

    @property
    def warnings_v2(self) -> Mapping[str, str] | None:
        """Nothing, as above."""
        return None

    def position(self, x: float, y: float) -> None:
        """Make the rows of what there is now, and move them."""
        self._made = self._column
        self._made.position(x, y)

    def to_json(self) -> list[object]:
        """Return all widgets in it."""
        return self._column.to_json()

    @property
    def _column(self) -> cloudwatch.Column:
        if self._made is not None:
            return self._made
        rows = (cloudwatch.Row(*row) for row in self._content().rows())
        return cloudwatch.Column(*[cast("cloudwatch.IWidget", row) for row in rows])


def _alarm_row(alarms: Sequence[cloudwatch.Alarm]) -> list[cloudwatch.IWidget | None]:
    parts = [alarms[start : start + _MOST_ALARMS] for start in range(0, len(alarms), _MOST_ALARMS)]
    return [
        cloudwatch.AlarmStatusWidget(
            title="Alarms" if len(parts) == 1 else f"Alarms ({number} of {len(parts)})",
            alarms=part,
            sort_by=cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
            width=_FULL,
            height=1 + -(-len(part) // _ALARMS_IN_A_ROW),
        )
        for number, part in enumerate(parts, start=1)
    ]


def _number_row(watched: MonitoringTargets) -> list[cloudwatch.IWidget | None]:
    active = watched.of_endpoints(
        "ActiveConnectionsCount", cloudwatch.Stats.MAXIMUM, label="most connections"
    )
    metrics = [
        *active.values(),
        watched.of_decisions("Allowed", label="allowed"),
        watched.of_decisions("Denied", label="denied"),
        watched.of_decisions("Errors", label="errors"),
        watched.of_decisions("ShadowDenied", label="allowed by shadow mode only"),
    ]
    return [
        cloudwatch.SingleValueWidget(
            title="In the time range", metrics=metrics, set_period_to_time_range=True, width=_FULL, height=3
        )
    ]


def _connections(watched: MonitoringTargets) -> cloudwatch.IWidget | None:
    metrics = watched.of_endpoints("ActiveConnectionsCount", cloudwatch.Stats.MAXIMUM, label="connections")
    return _graph("Active connections", metrics.values(), width=_THIRD) if metrics else None


def _decisions(watched: MonitoringTargets) -> cloudwatch.IWidget:
    metrics = (
        _colored(watched.of_decisions("Allowed"), _GREEN),
        _colored(watched.of_decisions("Denied"), _RED),
        _colored(watched.of_decisions("Errors"), _ORANGE),
    )
    return _graph("Decisions", metrics, width=_THIRD)


def _failures(
    watched: MonitoringTargets, log_groups: Mapping[queries.Log, logs.ILogGroup]
) -> cloudwatch.IWidget | None:
    title = "Connections that failed, by reason"
    if "connections" in log_groups:
        return _graph(title, [_failed_connections(watched)], width=_THIRD)
    reasons = {
        "denied by the handler": "ClientConnectHandlerDeniedConnections",
        "timed out": "ClientConnectHandlerTimeouts",
        "throttled": "ClientConnectHandlerThrottlingErrors",
        "execution error": "ClientConnectHandlerOtherExecutionErrors",
        "invalid response": "ClientConnectHandlerInvalidResponses",
        "service error": "ClientConnectHandlerFailedServiceErrors",
        "denied by the authorization policy": "AuthorizationPolicyDeniedConnections",
    }
    metrics = [
        metric
        for reason, name in reasons.items()
        for metric in watched.of_endpoints(name, label=reason).values()
    ]
    return _graph(title, metrics, width=_THIRD) if metrics else None


def _failed_connections(watched: MonitoringTargets) -> cloudwatch.IMetric:
    """Search, because the reasons are not all known beforehand."""
    search = (
        f"{{{METRIC_NAMESPACE},{failures.ENDPOINT},{failures.REASON}}} "
        f'MetricName="{failures.FAILED_CONNECTIONS}"'
    )
    if watched.endpoints:
        ids = " OR ".join(f'"{endpoint.id}"' for endpoint in watched.endpoints)
        search += f" {failures.ENDPOINT}=({ids})"
    return cloudwatch.SearchExpression(
        expression=f"SEARCH('{search}', 'Sum', {PERIOD.to_seconds():g})",
        label="${PROP('Dim.Reason')}",
        period=PERIOD,
    )


def _latency(watched: MonitoringTargets) -> cloudwatch.IWidget:
    timeout = watched.handler.timeout
    metrics = (
        watched.of_alias("Duration", cloudwatch.Stats.percentile(50), label="invocation, median"),
        watched.of_alias("Duration", cloudwatch.Stats.percentile(99), label="invocation, 99 %"),
        watched.of_alias("Duration", cloudwatch.Stats.MAXIMUM, label="invocation, slowest"),
        watched.of_decisions("DecisionTime", cloudwatch.Stats.percentile(99), label="decision, 99 %"),
    )
    limits = [_line(timeout.to_milliseconds(), "timeout of the function", _RED)] if timeout else []
    return _graph("Latency in milliseconds", metrics, lines=limits)


def _concurrency(watched: MonitoringTargets) -> cloudwatch.IWidget:
    concurrency = watched.handler.provisioned_concurrency
    metrics = [
        watched.of_alias("ConcurrentExecutions", cloudwatch.Stats.MAXIMUM, label="at the same time"),
        _colored(watched.of_alias("Throttles", label="throttled"), _RED),
    ]
    limits = []
    if concurrency is not None and concurrency.minimum:
        provisioned = "ProvisionedConcurrentExecutions"
        metrics += [
            watched.of_alias(
                provisioned, cloudwatch.Stats.MAXIMUM, label="of these in provisioned environments"
            ),
            _colored(
                watched.of_alias(
                    "ProvisionedConcurrencySpilloverInvocations", label="found no provisioned environment"
                ),
                _ORANGE,
            ),
        ]
        limits = [_line(concurrency.minimum, "provisioned", _GREY)]
        if concurrency.maximum > concurrency.minimum:
            limits.append(_line(concurrency.maximum, "provisioned at most", _GREY))
    return _graph("Concurrency", metrics, lines=limits)


def _shadow_row(
    watched: MonitoringTargets, log_groups: Mapping[queries.Log, logs.ILogGroup]
) -> list[cloudwatch.IWidget | None]:
    query = queries.SHADOW_DENIALS_BY_POLICY
    if watched.handler.shadow_mode:
        query = queries.SHADOW_MODE_DENIALS_BY_POLICY
    return [
        cloudwatch.TextWidget(markdown=_in_shadow_mode(watched.handler), width=_THIRD, height=_HEIGHT),
        _graph(
            "Allowed by shadow mode only",
            [_colored(watched.of_decisions("ShadowDenied"), _GREY)],
            width=_THIRD,
        ),
        _table(query, log_groups, _THIRD),
    ]


def _in_shadow_mode(handler: IClientConnectHandler) -> str:
    if handler.shadow_mode:
        found = "The whole handler: it decides and records, and allows every connection."
    elif handler.policies is None:
        found = "The policies are not known here: they are in prebuilt code, or in another app."
    else:
        policies = PolicySet.parse(handler.policies.text).by_id.values()
        ids = [f"- `{policy.id}` ({policy.effect})" for policy in policies if policy.shadow]
        found = "\n".join(ids) or "Nothing."
    return f"### In shadow mode\n\n{found}"


def _reauthorization_row(
    watched: MonitoringTargets, log_groups: Mapping[queries.Log, logs.ILogGroup]
) -> list[cloudwatch.IWidget | None]:
    reauthorizer = watched.reauthorizer
    if reauthorizer is None:
        return []
    decided = (
        _colored(reauthorizer.metric_reauthorized(), _GREEN),
        _colored(reauthorizer.metric_undecided(), _RED),
        _colored(reauthorizer.metric_left_alone(), _GREY),
    )
    ended = (
        _colored(reauthorizer.metric_terminated(), _ORANGE),
        _colored(reauthorizer.metric_termination_failures(), _RED),
    )
    return [
        _graph("Open connections decided again", decided, width=_THIRD),
        _graph("Open connections ended", ended, width=_THIRD),
        _table(queries.ENDED_BY_POLICY, log_groups, _THIRD),
    ]


def _device_sync_row(watched: MonitoringTargets) -> list[cloudwatch.IWidget | None]:
    if not watched.device_syncs:
        return []
    counts = {"listed": "DevicesListed", "missing": "DevicesMissing", "rejected": "DevicesRejected"}
    devices = [
        metric
        for label, name in counts.items()
        for metric in watched.of_device_syncs(name, label=label).values()
    ]
    runs = [
        *watched.of_device_syncs("SyncComplete", cloudwatch.Stats.MINIMUM, label="complete").values(),
        *watched.of_device_syncs("SyncBrakeEngaged", label="held changes back").values(),
        *watched.of_device_syncs("DevicesWritten", cloudwatch.Stats.SUM, label="devices written").values(),
    ]
    return [_graph("Devices of the device managers", devices), _graph("Device syncs", runs)]


def _authorization_policy(watched: MonitoringTargets) -> cloudwatch.IWidget | None:
    counts = {
        "denied connections": "AuthorizationPolicyDeniedConnections",
        "ended sessions": "AuthorizationPolicyTerminatedConnections",
        "evaluations": "AuthorizationPolicyEvaluationCount",
    }
    metrics = [
        metric
        for label, name in counts.items()
        for metric in watched.of_endpoints(name, label=label).values()
    ]
    return _graph("Authorization policy of the endpoints", metrics, width=_THIRD) if metrics else None


def _certificates(watched: MonitoringTargets) -> cloudwatch.IWidget | None:
    metrics = [
        *watched.of_endpoints("CrlDaysToExpiry", cloudwatch.Stats.MINIMUM, label="revocation list").values(),
        *watched.of_endpoints(
            "IdpCertDaysToExpiry", cloudwatch.Stats.MINIMUM, label="identity provider"
        ).values(),
        *watched.of_certificates(labeled=True).values(),
    ]
    return _graph("Days until certificates expire", metrics) if metrics else None


def _authentication(watched: MonitoringTargets) -> cloudwatch.IWidget | None:
    metrics = watched.of_endpoints("AuthenticationFailures", label="failures")
    return _graph("Authentications that failed", metrics.values()) if metrics else None


def _graph(
    title: str,
    metrics: Iterable[cloudwatch.IMetric],
    *,
    width: int = _HALF,
    lines: Sequence[cloudwatch.HorizontalAnnotation] = (),
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_annotations=list(lines),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=width,
        height=_HEIGHT,
    )


def _table(
    query: queries.Query, log_groups: Mapping[queries.Log, logs.ILogGroup], width: int
) -> cloudwatch.IWidget | None:
    if (log_group := log_groups.get(query.log)) is None:
        return None
    return cloudwatch.LogQueryWidget(
        title=query.name,
        log_group_names=[log_group.log_group_name],
        query_string=query.text,
        width=width,
        height=_HEIGHT,
    )


def _colored(metric: cloudwatch.Metric, color: str) -> cloudwatch.Metric:
    return metric.with_(color=color)


def _line(value: float, label: str, color: str) -> cloudwatch.HorizontalAnnotation:
    return cloudwatch.HorizontalAnnotation(value=value, label=label, color=color)
