"""How many execution environments are kept initialized."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_client_connect.errors import InvalidConcurrency
from cdk_client_connect.shared._arguments import is_number_token

if TYPE_CHECKING:
    from aws_cdk import Duration

# The share of connections that `for_clients` lets find no ready environment.
SPILLOVER = 0.001

# Lambda lets one environment serve at most 10 requests a second, however short they are.
_SHORTEST_OCCUPATION_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedConcurrency:
    """How many execution environments are kept initialized for the alias; made by one of the factories.

    A connection that finds none waits for a cold start. Each environment is billed while it is configured.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html

    Attributes:
        minimum: The environments that are always kept; 0 for none.
        maximum: The environments that are kept under load.
        target_utilization: The share of them in use above which more are added, when scaling.
    """

    minimum: int
    maximum: int
    target_utilization: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, value in (("minimum", self.minimum), ("maximum", self.maximum)):
            if value != 0 or isinstance(value, bool) or not isinstance(value, int):
                _require_count(name, value)
        if self.maximum < self.minimum:
            raise InvalidConcurrency(
                f"maximum={self.maximum} is less than minimum={self.minimum}; give at least as many"
            )
        target = self.target_utilization
        if target is None and self.maximum != self.minimum:
            raise InvalidConcurrency(
                f"maximum={self.maximum} is more than minimum={self.minimum}, but without target_utilization nothing "
                "scales; use ProvisionedConcurrency.scaling(...)"
            )
        if target is not None and not _is_utilization(target):
            raise InvalidConcurrency(f"target_utilization={target} must be from 0.1 to 0.9")
        if target is not None and self.minimum == 0:
            raise InvalidConcurrency("minimum=0 does not scale; give 1 or more environments")

    @staticmethod
    def none() -> ProvisionedConcurrency:
        """Keep none: the first connections after a while wait for a cold start.

        From ``scaling`` go by way of ``fixed(1)``, or what was scaled last may stay: docs/deployments.md.
        """
        return ProvisionedConcurrency(minimum=0, maximum=0)

    @staticmethod
    def fixed(environments: int) -> ProvisionedConcurrency:
        """Keep exactly this many.

        Args:
            environments: 1 or more.

        Raises:
            InvalidConcurrency: When ``environments`` is less than 1.
        """
        _require_count("environments", environments)
        return ProvisionedConcurrency(minimum=environments, maximum=environments)

    @staticmethod
    def scaling(*, minimum: int, maximum: int, target_utilization: float = 0.7) -> ProvisionedConcurrency:
        """Let Application Auto Scaling keep between ``minimum`` and ``maximum``.

        It reacts after about three minutes of load, so ``minimum`` must carry a reconnect storm alone. A deployment
        that changes from ``fixed`` has a gap where none may be ready: docs/deployments.md.

        Args:
            minimum: 1 or more.
            maximum: ``minimum`` or more.
            target_utilization: The share in use to keep to, from 0.1 to 0.9.

        Raises:
            InvalidConcurrency: When an argument is out of its range.
        """
        _require_count("minimum", minimum)
        _require_count("maximum", maximum)
        return ProvisionedConcurrency(minimum=minimum, maximum=maximum, target_utilization=target_utilization)

    @staticmethod
    def for_clients(
        clients: int,
        reconnect_within: Duration,
        *,
        decision_time: Duration | None = None,
        headroom: float = 0.25,
    ) -> ProvisionedConcurrency:
        """Keep enough for a storm when every client connects again, as after an outage.

        By Little's law the storm keeps ``a = clients / reconnect_within * decision_time`` environments busy
        on average; ``headroom`` enlarges ``a`` for arrivals that are not even. Of ``n`` environments all are
        busy for the share ``B(n, a)`` of arrivals, by the Erlang B formula
        ``B(0, a) = 1; B(n, a) = a * B(n - 1, a) / (n + a * B(n - 1, a))``, whatever the distribution of the
        decision times. The result is the smallest ``n`` with ``B(n, a)`` of at most 0.001: one connection in
        a thousand may wait for a cold start.

        Sources: J. D. C. Little, "A Proof for the Queuing Formula: L = λW" (1961); A. K. Erlang, "Solution
        of some Problems in the Theory of Probabilities of Significance in Automatic Telephone Exchanges"
        (1917); https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

        Args:
            clients: How many connect; 1 or more.
            reconnect_within: The time over which they do, evenly; more than 0.
            decision_time: How long an environment is occupied by one connection. Default: 100 ms, and less
                counts as 100 ms, because Lambda lets one environment serve at most 10 requests a second.
            headroom: How far the load may exceed the average, as a share; 0 or more.

        Raises:
            InvalidConcurrency: When an argument is out of its range.
        """
        _require_count("clients", clients)
        seconds = _seconds(reconnect_within)
        if seconds <= 0:
            raise InvalidConcurrency("reconnect_within must be more than 0; give the length of the storm")
        if not (headroom >= 0 and math.isfinite(headroom)):
            raise InvalidConcurrency(
                f"headroom={headroom} must be 0 or more, such as 0.25 for a quarter more load"
            )
        occupation = 0.0 if decision_time is None else _seconds(decision_time)
        busy = clients / seconds * max(occupation, _SHORTEST_OCCUPATION_S) * (1 + headroom)
        return ProvisionedConcurrency.fixed(_environments(busy))


def _seconds(duration: Duration) -> float:
    return duration.to_milliseconds(integral=False) / 1000


def _environments(busy: float) -> int:
    """Return the smallest number of environments that are all busy for at most SPILLOVER of arrivals."""
    environments, blocked = 0, 1.0
    while blocked > SPILLOVER:
        environments += 1
        blocked = busy * blocked / (environments + busy * blocked)
    return environments


def _is_utilization(value: object) -> bool:
    # The limits in Lambda's documentation.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.1 <= value <= 0.9  # noqa: PLR2004


def _require_count(name: str, value: int) -> None:
    if is_number_token(value):
        raise InvalidConcurrency(
            f"{name} is a token, whose value only the deployment knows, but alarms and limits depend on it; give a "
            "number"
        )
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidConcurrency(
            f"{name}={value!r} must be a whole number of 1 or more; for none, use ProvisionedConcurrency.none()"
        )
