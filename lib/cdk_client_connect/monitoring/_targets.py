"""What a monitoring watches: the handler, its endpoints, and the metrics that are known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_client_connect.shared._metrics import record_metric

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
