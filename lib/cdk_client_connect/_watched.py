"""What a monitoring watches: the handler, its endpoints, and the metrics that are known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias, cast

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2

from cdk_client_connect.errors import InvalidArgument
from client_connect.record import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IConstruct

    from cdk_client_connect._notifications import Announcing
    from cdk_client_connect.client_connect_handler import ClientConnectHandler
    from cdk_client_connect.connection_reauthorizer import ConnectionReauthorizer

AnyEndpoint: TypeAlias = "ec2.IClientVpnEndpoint | ec2.CfnClientVpnEndpoint | str"

# Client VPN publishes its metrics every 5 minutes.
PERIOD = Duration.minutes(5)

_SERVICE_NAMESPACE = "AWS/ClientVPN"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, by its id, which may be a token, and by a name for construct ids and legends."""

    name: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched.

    Attributes:
        handler: The handler.
        endpoints: The endpoints that ask it.
        forwarder: The function that announces denials.
        reauthorizer: What ends open connections that are denied.
    """

    handler: ClientConnectHandler
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
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=name,
            dimensions_map={"FunctionName": self.handler.function_name},
            statistic=statistic,
            period=PERIOD,
            label=label,
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


def read_endpoints(endpoints: Sequence[AnyEndpoint]) -> tuple[Endpoint, ...]:
    """Check the endpoints and name them.

    Raises:
        InvalidArgument: When they are no sequence, one is nothing of the kind, or one is there twice.
    """
    if isinstance(endpoints, str) or not isinstance(endpoints, list | tuple):
        raise InvalidArgument(f"endpoints={endpoints!r} must be a list; write [endpoint]")
    found = tuple(_endpoint(endpoint, position) for position, endpoint in enumerate(endpoints, start=1))
    names, ids = [endpoint.name for endpoint in found], [endpoint.id for endpoint in found]
    if twice := sorted({each.name for each in found if ids.count(each.id) > 1}):
        raise InvalidArgument(f"endpoints has {', '.join(twice)} more than once; give each once")
    return tuple(
        replace(each, name=f"{each.name}-{_hash(cast('IConstruct', endpoint))}")
        if names.count(each.name) > 1
        else each
        for each, endpoint in zip(found, endpoints, strict=True)
    )


def _endpoint(endpoint: object, position: int) -> Endpoint:
    if isinstance(endpoint, str):
        if Token.is_unresolved(endpoint):
            return Endpoint(f"Endpoint{position}", endpoint)
        if re.fullmatch(r"cvpn-endpoint-[0-9a-f]+", endpoint):
            return Endpoint(endpoint, endpoint)
    elif isinstance(endpoint, ec2.CfnClientVpnEndpoint):
        return Endpoint(_name(endpoint), endpoint.ref)
    elif hasattr(endpoint, "endpoint_id") and hasattr(endpoint, "node"):
        # Not isinstance: what CDK imports is a proxy of an interface.
        return Endpoint(_name(cast("ec2.IClientVpnEndpoint", endpoint)), endpoint.endpoint_id)
    raise InvalidArgument(
        f"endpoints has {endpoint!r}; give an ec2.ClientVpnEndpoint, an ec2.CfnClientVpnEndpoint or the id of one, "
        'such as "cvpn-endpoint-0123456789abcdef0"'
    )


def _name(endpoint: IConstruct) -> str:
    return "-".join(re.findall(r"\w+", _path(endpoint)))


def _path(endpoint: IConstruct) -> str:
    """Return the id of the stack with the path in it: the same in every stage."""
    stack = Stack.of(endpoint)
    return stack.node.id + endpoint.node.path.removeprefix(stack.node.path)


def _hash(endpoint: IConstruct) -> str:
    """Return what tells endpoints apart whose names are alike, as those of ``Eu-West`` and of ``West`` in ``Eu``."""
    return sha256(_path(endpoint).encode()).hexdigest()[:8]
