"""What a monitoring watches: the handler, its endpoints, and the metrics that are known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_client_connect.shared._metrics import record_metric
from client_connect.engine.policy_set import PolicySet

if TYPE_CHECKING:
    from cdk_client_connect.devices.device_sync import DeviceSync
    from cdk_client_connect.endpoint._endpoints import Endpoint
    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler
    from cdk_client_connect.monitoring._notifications import Announcing
    from cdk_client_connect.reauthorizer.connection_reauthorizer import ConnectionReauthorizer

# Client VPN publishes its metrics every 5 minutes.
PERIOD = Duration.minutes(5)

_SERVICE_NAMESPACE = "AWS/ClientVPN"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringTargets:
    """What is watched.

    Attributes:
        handler: The handler.
        endpoints: The endpoints that ask it.
        forwarder: The function that announces denials.
        reauthorizer: What ends open connections that are denied.
        device_syncs: What keeps the device inventory as device managers have it.
    """

    handler: IClientConnectHandler
    endpoints: tuple[Endpoint, ...]
    announcing: Announcing | None
    reauthorizer: ConnectionReauthorizer | None = None
    device_syncs: tuple[DeviceSync, ...] = ()

    def names(self, part: str = "") -> dict[str, str]:
        """Return the names of resources, by the words that stand for them in the texts of alarms.

        Args:
            part: The name of an endpoint, or of the source of a device sync, if an alarm is about one.
        """
        handler, reauthorizer = self.handler, self.reauthorizer
        found = {"FUNCTION": handler.function_name}
        if handler.log_group is not None:
            found["LOG_GROUP"] = handler.log_group.log_group_name
        if handler.device_inventory is not None:
            found["DEVICES_TABLE"] = handler.device_inventory.devices_table.table_name
            found["WAIVERS_TABLE"] = handler.device_inventory.waivers_table.table_name
        if handler.connection_registry is not None:
            found["CONNECTIONS_TABLE"] = handler.connection_registry.table.table_name
        if reauthorizer is not None:
            found["REAUTHORIZER"] = reauthorizer.function.function_name
            found["REAUTHORIZER_LOG"] = reauthorizer.log_group.log_group_name
            found["REAUTHORIZER_RULE"] = reauthorizer.schedule_rule.rule_name
        if self.announcing is not None:
            found["FORWARDER"] = self.announcing.forwarder.function_name
            found["FORWARDER_LOG"] = self.announcing.forwarder.log_group.log_group_name
        for endpoint in self.endpoints:
            if endpoint.name == part:
                found["ENDPOINT"] = endpoint.id
        for sync in self.device_syncs:
            if sync.source.source_name == part:
                found["SYNC"] = sync.function.function_name
                found["SYNC_LOG"] = sync.function.log_group.log_group_name
                found["SYNC_RULE"] = sync.schedule_rule.rule_name
        return found

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
        """Return how many connections were denied in a period in which none was allowed; without a usual level."""
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
        """Return how often shadow mode was on, or let somebody in, although the template has neither; else ``None``.

        A policy with ``@shadow`` lets in those whom it would deny. Then only the mode of the whole handler counts.
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
            period: The period; at least the schedule's, so that it always contains a run.
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

        Whoever may put metrics into our namespace could report runs that never were. Nobody can put one into Lambda's.
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
