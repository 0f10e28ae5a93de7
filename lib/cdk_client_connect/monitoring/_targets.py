"""What a monitoring watches: the handler, its endpoints, and the metrics that are known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_client_connect.shared._metrics import record_metric

if TYPE_CHECKING:
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
    """

    handler: IClientConnectHandler
    endpoints: tuple[Endpoint, ...]
    announcing: Announcing | None
    reauthorizer: ConnectionReauthorizer | None = None

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
