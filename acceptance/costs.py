"""The resources of a run, and their cost for an hour."""

from __future__ import annotations

from dataclasses import dataclass

from client_connect_tools.costs.prices import shipped_prices

# The clients of a run that are connected at the same time, at most.
_CONNECTIONS = 3
_MEMORY_GB = 0.5
# One for each version that a run publishes.
_SNAPSHOTS = 4
_ALARMS = 30
_MONTH_HOURS = 730
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Something that costs by the hour.

    Attributes:
        what: What it is.
        dollars: US dollars for an hour.
    """

    what: str
    dollars: float


# Resources that cost by use, which is less than a cent in a run.
CREATED = (
    "a certificate in ACM, a VPC with one subnet and no way out, two Client VPN endpoints, one with an association",
    "the handler with its alias and one provisioned environment, a re-authorizer, an attachment, an event recorder",
    "a handler with SnapStart that no endpoint asks, and a gradual deployment",
    "a monitoring with its alarms, dashboard and saved queries, an SNS topic, two SQS queues",
    "three DynamoDB tables, roles, and log groups",
    "the role AWSServiceRoleForClientVPNConnections, if the account does not have it, which then stays",
)


def costs() -> list[Cost]:
    """Return what costs by the hour, by the dated list prices of this library."""
    prices = shipped_prices()
    provisioned = prices.of("lambda", "provisioned_gb_second", "arm64") * _MEMORY_GB * _HOUR_SECONDS
    snapshots = prices.of("lambda", "snapshot_cached_gb_second") * _MEMORY_GB * _HOUR_SECONDS * _SNAPSHOTS
    monitoring = (
        _ALARMS * prices.of("cloudwatch", "alarm_metric_month") + prices.of("cloudwatch", "dashboard_month")
    ) / _MONTH_HOURS
    return [
        Cost(what="the association of the endpoint", dollars=prices.of("client_vpn", "association_hour")),
        Cost(
            what=f"up to {_CONNECTIONS} connections",
            dollars=_CONNECTIONS * prices.of("client_vpn", "connection_hour"),
        ),
        Cost(what="one provisioned environment of 512 MiB", dollars=provisioned),
        Cost(what=f"{_SNAPSHOTS} snapshots of a function of 512 MiB", dollars=snapshots),
        Cost(what=f"{_ALARMS} alarms and a dashboard", dollars=monitoring),
    ]


def statement() -> str:
    """Return what a run creates and what it costs, as a text."""
    lines = ["It creates, under names that begin with ClientConnectAcceptance- or AWSClientVPN-acceptance-:"]
    lines += [f"  - {each}" for each in CREATED]
    lines.append(f"That costs, by the {shipped_prices().title}:")
    lines += [f"  - {each.what}: ${each.dollars:.3f} an hour" for each in costs()]
    lines.append(f"  - together: ${sum(each.dollars for each in costs()):.2f} an hour, for an hour or two")
    return "\n".join(lines)
