"""The objects of a monitoring: the handler, its endpoints, and their known metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_client_connect.shared._metrics import record_metric
from client_connect.engine.policy_set import PolicySet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_cdk import aws_lambda as lambda_
    from constructs import IConstruct

    from cdk_client_connect.devices.device_sync import DeviceSync
    from cdk_client_connect.endpoint._endpoints import Endpoint
    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler
    from cdk_client_connect.monitoring._notifications import Announcing
    from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer

# Client VPN publishes its metrics every 5 minutes.
PERIOD = Duration.minutes(5)

_SERVICE_NAMESPACE = "AWS/ClientVPN"
_CERTIFICATES_NAMESPACE = "AWS/CertificateManager"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringTargets:
    """The watched objects.

    Attributes:
        handler: The handler.
        endpoints: The endpoints that ask it.
        forwarder: The function that announces denials.
        reauthorizer: What ends open connections that are denied.
        device_syncs: What keeps the device inventory as device managers have it.
        certificates: The ARNs of certificates in ACM, by their names.
    """

    handler: IClientConnectHandler
    endpoints: tuple[Endpoint, ...]
    announcing: Announcing | None
    reauthorizer: ConnectionReauthorizer | None = None
    device_syncs: tuple[DeviceSync, ...] = ()
    certificates: Mapping[str, str] = field(default_factory=dict)

    def names(self, stack: Stack, part: str = "") -> dict[str, str]:
        """Return the names of resources, by the words that stand for them in the texts of alarms.

        A name that only the deployment of another stack knows is left out: a text is not worth a reference, which
        would keep that stack from replacing the resource.

        Args:
            stack: The stack of the texts.
            part: The name of an endpoint, a certificate, or the source of a device sync, if an alarm is about one.
        """
        found = {
            word: name
            for word, owner, name in self._named(part)
            if not Token.is_unresolved(name) or Stack.of(owner) == stack
        }
        for endpoint in self.endpoints:
            if endpoint.name == part:
                found["ENDPOINT"] = endpoint.id
        if part in self.certificates:
            found["CERTIFICATE"] = self.certificates[part]
        return found

    def _named(self, part: str) -> Iterator[tuple[str, IConstruct, str]]:
        """Yield the word for each resource, with the resource and its name."""
        handler, reauthorizer = self.handler, self.reauthorizer
        yield "FUNCTION", handler, handler.function_name
        if (group := handler.log_group) is not None:
            yield "LOG_GROUP", group, group.log_group_name
        if (inventory := handler.device_inventory) is not None:
            yield "DEVICES_TABLE", inventory.devices_table, inventory.devices_table.table_name
            yield "WAIVERS_TABLE", inventory.waivers_table, inventory.waivers_table.table_name
        if (registry := handler.connection_registry) is not None:
            yield "CONNECTIONS_TABLE", registry.table, registry.table.table_name
        if reauthorizer is not None:
            yield "REAUTHORIZER", reauthorizer, reauthorizer.function.function_name
            yield "REAUTHORIZER_LOG", reauthorizer.log_group, reauthorizer.log_group.log_group_name
            yield "REAUTHORIZER_RULE", reauthorizer, reauthorizer.schedule_rule.rule_name
        if self.announcing is not None:
            yield from _names_of("FORWARDER", self.announcing.forwarder)
        for sync in self.device_syncs:
            if sync.source.source_name == part:
                yield from _names_of("SYNC", sync.function)
                yield "SYNC_RULE", sync, sync.schedule_rule.rule_name

    def of_alias(
        self, name: str, statistic: str = cloudwatch.Stats.SUM, *, label: str | None = None
    ) -> cloudwatch.Metric:
        """Return one of Lambda's metrics of what endpoints invoke."""
        return self.handler.metric(name, statistic=statistic, period=PERIOD, label=label)

    def of_decisions(
        self, name: str, statistic: str = cloudwatch.Stats.SUM, *, label: str | None = None
    ) -> cloudwatch.Metric:
        """Return one of the metrics that decision records carry."""
        return record_metric(self.handler.function_name, name, statistic, {"period": PERIOD, "label": label})

    def of_denials_of_everyone(self) -> cloudwatch.MathExpression:
        """Return how many connections were denied in a period without an allowed one; without a usual level."""
        return cloudwatch.MathExpression(
            expression="IF(allowed > 0, 0, denied)",
            using_metrics={name.lower(): self.of_decisions(name) for name in ("Allowed", "Denied")},
            period=PERIOD,
            label="Denied while no one was allowed",
        )

    def of_lost_records(self) -> cloudwatch.MathExpression:
        """Return how many invocations that did not fail have no record; few of many may be of the next period."""
        lost = "invocations - errors - FILL(recorded, 0)"
        return cloudwatch.MathExpression(
            expression=f"IF({lost} > invocations / 20, {lost}, 0)",
            using_metrics={
                "invocations": self.of_alias("Invocations"),
                "errors": self.of_alias("Errors"),
                "recorded": self.of_decisions("Allowed", cloudwatch.Stats.SAMPLE_COUNT),
            },
            period=PERIOD,
            label="Decisions without a record",
        )

    def of_unexpected_shadow_mode(self) -> cloudwatch.Metric | cloudwatch.MathExpression | None:
        """Return how often shadow mode was on, or let a user in, although the template has neither; else ``None``.

        A policy with ``@shadow`` lets in those it would deny. Then only the mode of the whole handler counts.
        """
        if self.handler.shadow_mode:
            return None
        of_handler = self.of_decisions("ShadowMode")
        if self.handler.policies is None or _has_shadow(self.handler.policies.text):
            return of_handler
        return cloudwatch.MathExpression(
            expression="FILL(mode, 0) + FILL(admitted, 0)",
            using_metrics={"mode": of_handler, "admitted": self.of_decisions("ShadowDenied")},
            period=PERIOD,
            label="Unexpected shadow mode",
        )

    def of_lost_notifications(self) -> cloudwatch.MathExpression | None:
        """Return how often an announcement failed, anywhere between the log and the destination.

        CloudWatch Logs invokes the forwarder asynchronously: its own delivery may be refused or throttled, Lambda may
        throttle the invocation or drop the event after its retries, and the forwarder itself may fail.
        """
        if (announcing := self.announcing) is None:
            return None
        of_delivery = {
            "LogGroupName": announcing.log_group.log_group_name,
            "DestinationType": "Lambda",
            "FilterName": announcing.filter_name,
        }
        metrics: dict[str, cloudwatch.IMetric] = {
            name.lower(): announcing.forwarder.metric(name, statistic=cloudwatch.Stats.SUM, period=PERIOD)
            for name in ("Errors", "Throttles", "AsyncEventsDropped")
        }
        for name in ("DeliveryErrors", "DeliveryThrottling"):
            metrics[name.lower()] = cloudwatch.Metric(
                namespace="AWS/Logs",
                metric_name=name,
                dimensions_map=of_delivery,
                statistic=cloudwatch.Stats.SUM,
                period=PERIOD,
            )
        # Each may be without data, which must not hide the others.
        each = ", ".join(f"FILL({name}, 0)" for name in metrics)
        return cloudwatch.MathExpression(
            expression=f"SUM([{each}])",
            using_metrics=metrics,
            period=PERIOD,
            label="failed notifications",
        )

    def of_device_syncs(
        self,
        name: str,
        statistic: str = cloudwatch.Stats.MAXIMUM,
        *,
        period: Duration = PERIOD,
        label: str | None = None,
    ) -> dict[str, cloudwatch.Metric]:
        """Return one of the metrics of runs of each device sync, by the source's name, which begins its label.

        Args:
            name: Its name.
            statistic: The statistic.
            period: The period; at least the schedule's, so it always contains a run.
            label: What it is called, without the source's name.
        """
        return {
            sync.source.source_name: sync.metric(
                name,
                statistic=statistic,
                period=max(period, sync.schedule, key=Duration.to_seconds),
                label=label and f"{sync.source.source_name} {label}",
            )
            for sync in self.device_syncs
        }

    def of_complete_device_syncs(self) -> dict[str, cloudwatch.MathExpression]:
        """Return how many runs of each device sync were complete, at most as many as Lambda ran without an error.

        Whoever may put metrics into our namespace could report runs that never were. No one can put one into Lambda's.
        """
        found = {}
        for sync in self.device_syncs:
            period = max(PERIOD, sync.schedule, key=Duration.to_seconds)
            metrics: dict[str, cloudwatch.IMetric] = {
                name.lower(): sync.function.metric(name, statistic=cloudwatch.Stats.SUM, period=period)
                for name in ("Invocations", "Errors")
            }
            complete = sync.metric("SyncComplete", statistic=cloudwatch.Stats.SUM, period=period)
            found[sync.source.source_name] = cloudwatch.MathExpression(
                expression="MIN([FILL(complete, 0), FILL(invocations, 0) - FILL(errors, 0)])",
                using_metrics={"complete": complete, **metrics},
                label=f"{sync.source.source_name} complete runs",
                period=period,
            )
        return found

    def of_certificates(self, *, labeled: bool = False) -> dict[str, cloudwatch.Metric]:
        """Return the days that each certificate in ACM has left, by its name, which may be its label.

        ACM publishes them until a certificate has expired.
        """
        return {
            name: cloudwatch.Metric(
                namespace=_CERTIFICATES_NAMESPACE,
                metric_name="DaysToExpiry",
                dimensions_map={"CertificateArn": arn},
                statistic=cloudwatch.Stats.MINIMUM,
                period=Duration.days(1),
                label=name if labeled else None,
            )
            for name, arn in self.certificates.items()
        }

    def of_endpoints(
        self,
        name: str,
        statistic: str = cloudwatch.Stats.SUM,
        *,
        period: Duration = PERIOD,
        label: str | None = None,
    ) -> dict[str, cloudwatch.Metric]:
        """Return one of Client VPN's metrics of each endpoint, by the endpoint's name, which begins its label."""
        return {
            endpoint.name: cloudwatch.Metric(
                namespace=_SERVICE_NAMESPACE,
                metric_name=name,
                dimensions_map={"Endpoint": endpoint.id},
                statistic=statistic,
                period=period,
                label=label and f"{endpoint.name} {label}",
            )
            for endpoint in self.endpoints
        }


def _has_shadow(policies: str) -> bool:
    """Whether one of the policies is in shadow mode."""
    return any(policy.shadow for policy in PolicySet.parse(policies).by_id.values())


def _names_of(word: str, function: lambda_.Function) -> Iterator[tuple[str, IConstruct, str]]:
    """Yield the word for a function, and the one for its log group."""
    yield word, function, function.function_name
    group = function.log_group
    yield f"{word}_LOG", group, group.log_group_name
