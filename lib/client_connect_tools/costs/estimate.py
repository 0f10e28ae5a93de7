"""How much of what is used in a month, and what that costs.

Where a quantity depends on an unknown, it is the largest that there can be: without provisioned
concurrency, as if each connection waited for a new environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.costs.prices import Prices

Ready = Literal["provisioned", "snap-start", "none"]
READY: tuple[Ready, ...] = ("provisioned", "snap-start", "none")
PARTS = ("inventory", "registry", "reauthorizer", "monitoring", "notifications")

HOURS = 730
_SECONDS = HOURS * 3600
_MILLION = 1_000_000
_GB = 1024**3

# The time of a decision, and of initializing an environment.
DECISION_S, TABLE_S, INITIALIZATION_S = 0.01, 0.02, 1.0
# A decision record with the lines that Lambda writes around it.
RECORD_BYTES = 3000
# Records are kept for two years.
RECORD_MONTHS = 24
# Those of the endpoint and those of the function: Allowed, Denied, Errors, ShadowDenied, DecisionTime.
HANDLER_METRICS = 5
# A device, and waivers and blocks of the device and the user, read strongly consistent, each of at most 4 KB.
INVENTORY_READS = 5
# A connection of at most 2 KB, and its entry in the index.
REGISTRY_WRITES = 4
ITEM_BYTES = 2000
# A run each 5 minutes, with 1,769 MiB: what it takes by itself, and for each open connection.
RUNS, RUN_GB, RUN_S, RUN_CONNECTION_S = HOURS * 12, 1769 / 1024, 3, 0.002
REAUTHORIZER_METRICS = 8
# The metrics that the alarms of a monitoring with a topic look at, without endpoints and for each, whose server and
# authority have a certificate each; an anomaly counts as three.
ALARM_METRICS, ENDPOINT_ALARM_METRICS = 33, 24
# Of connections that are denied; each is an event and an invocation of the forwarder.
DENIED, FORWARDING_S, FORWARDER_GB = 0.05, 0.1, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The used quantities.

    Attributes:
        users: How many people connect on a working day.
        connections: How often each of them does.
        days: On how many days of a month.
        hours: How long each is connected on such a day.
        endpoints: How many endpoints ask the handler.
        memory_gb: The memory of the handler.
        architecture: Its architecture.
        ready: What shortens the wait for a new environment.
        environments: How many are provisioned, if they are.
        previous_versions: How many versions stay, not counting the one that answers.
        parts: The constructs in addition to the handler.
    """

    users: int
    connections: float = 2
    days: float = 22
    hours: float = 8
    endpoints: int = 1
    memory_gb: float = 0.5
    architecture: str = "arm64"
    ready: Ready = "provisioned"
    environments: int = 2
    previous_versions: int = 5
    parts: frozenset[str] = field(default=frozenset(PARTS))

    @property
    def decisions(self) -> float:
        """How many connections are decided in the month."""
        return self.users * self.connections * self.days

    @property
    def open_connections(self) -> float:
        """How many connections are open, on average over the month."""
        return self.users * min(1, self.days * self.hours / HOURS)


def of_handler(usage: Usage, prices: Prices) -> float:
    """Return what the decisions of the handler cost, without new environments."""
    seconds = DECISION_S + (TABLE_S if usage.parts & {"inventory", "registry"} else 0)
    name = "provisioned_duration_gb_second" if usage.ready == "provisioned" else "gb_second"
    duration = usage.decisions * seconds * usage.memory_gb * prices.of("lambda", name, usage.architecture)
    return duration + usage.decisions / _MILLION * prices.of("lambda", "requests_million")


def of_readiness(usage: Usage, prices: Prices) -> float:
    """Return the cost of ready environments, or new ones; at most, because Lambda keeps those that are used often."""
    memory = usage.memory_gb
    if usage.ready == "provisioned":
        price = prices.of("lambda", "provisioned_gb_second", usage.architecture)
        return usage.environments * memory * _SECONDS * price
    if usage.ready == "snap-start":
        versions = 1 + usage.previous_versions
        cached = versions * memory * _SECONDS * prices.of("lambda", "snapshot_cached_gb_second")
        return cached + usage.decisions * memory * prices.of("lambda", "snapshot_restored_gb")
    price = prices.of("lambda", "gb_second", usage.architecture)
    return usage.decisions * INITIALIZATION_S * memory * price


def of_records(usage: Usage, prices: Prices) -> float:
    """Return what the decision log and the metrics in it cost, once it holds two years."""
    gigabytes = usage.decisions * RECORD_BYTES / _GB
    kept = gigabytes * RECORD_MONTHS * prices.of("cloudwatch", "log_gb_month")
    metrics = HANDLER_METRICS * (1 + usage.endpoints) if usage.users else 0
    return (
        gigabytes * prices.of("cloudwatch", "log_gb")
        + kept
        + metrics * prices.of("cloudwatch", "metric_month")
    )


def of_inventory(usage: Usage, prices: Prices) -> float:
    """Return what the tables of devices and waivers cost, without whatever fills them."""
    reads = usage.decisions * INVENTORY_READS / _MILLION * prices.of("dynamodb", "read_units_million")
    return reads + usage.users * ITEM_BYTES / _GB * prices.of("dynamodb", "gb_month")


def of_registry(usage: Usage, prices: Prices) -> float:
    """Return what the table of connections costs."""
    writes = usage.decisions * REGISTRY_WRITES / _MILLION * prices.of("dynamodb", "write_units_million")
    return writes + usage.users * usage.connections * ITEM_BYTES / _GB * prices.of("dynamodb", "gb_month")


def of_reauthorizer(usage: Usage, prices: Prices) -> float:
    """Return what deciding each open connection every 5 minutes costs."""
    decided = RUNS * usage.open_connections
    seconds = RUNS * RUN_S + decided * RUN_CONNECTION_S
    reads = 1 + (INVENTORY_READS if "inventory" in usage.parts else 0)
    return (
        seconds * RUN_GB * prices.of("lambda", "gb_second", usage.architecture)
        + RUNS / _MILLION * prices.of("lambda", "requests_million")
        + decided * reads / _MILLION * prices.of("dynamodb", "read_units_million")
        + REAUTHORIZER_METRICS * prices.of("cloudwatch", "metric_month")
    )


def of_monitoring(usage: Usage, prices: Prices) -> float:
    """Return what the alarms and the dashboard cost; who looks at tables of the dashboard pays for that too."""
    metrics = ALARM_METRICS + usage.endpoints * ENDPOINT_ALARM_METRICS
    return metrics * prices.of("cloudwatch", "alarm_metric_month") + prices.of(
        "cloudwatch", "dashboard_month"
    )


def of_notifications(usage: Usage, prices: Prices) -> float:
    """Return what the events of denials cost."""
    events = usage.decisions * DENIED
    duration = events * FORWARDING_S * FORWARDER_GB * prices.of("lambda", "gb_second", "arm64")
    each = prices.of("eventbridge", "events_million") + prices.of("lambda", "requests_million")
    return duration + events / _MILLION * each


def of_vpn(usage: Usage, prices: Prices) -> float:
    """Return what Client VPN itself costs, with two subnets for each endpoint."""
    associations = 2 * usage.endpoints * HOURS * prices.of("client_vpn", "association_hour")
    return associations + usage.users * usage.days * usage.hours * prices.of("client_vpn", "connection_hour")


def of_nat_gateways(_usage: Usage, prices: Prices) -> float:
    """Return the cost of two NAT gateways, such as those of an ``ec2.Vpc`` with default settings."""
    return 2 * HOURS * prices.of("nat_gateway", "hour")


def lines(usage: Usage, prices: Prices) -> Iterator[tuple[str, float]]:
    """Yield what each part costs, with its name."""
    yield "decisions", of_handler(usage, prices)
    yield f"environments: {usage.ready}", of_readiness(usage, prices)
    yield "records and metrics", of_records(usage, prices)
    of_parts = {
        "inventory": of_inventory,
        "registry": of_registry,
        "reauthorizer": of_reauthorizer,
        "monitoring": of_monitoring,
        "notifications": of_notifications,
    }
    for part, cost in of_parts.items():
        if part in usage.parts:
            yield part, cost(usage, prices)
