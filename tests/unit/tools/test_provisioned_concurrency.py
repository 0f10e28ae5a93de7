"""How many environments are kept ready, and whether they carry a reconnect storm."""

from __future__ import annotations

import heapq
import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from cdk_client_connect import InvalidConcurrency, ProvisionedConcurrency
from cdk_client_connect.handler.provisioned_concurrency import SPILLOVER

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = Duration.minutes(1)


def environments(clients: int, seconds: float, **arguments: Any) -> int:
    """Return the environments that are kept for clients that all reconnect within this time."""
    kept = ProvisionedConcurrency.for_clients(clients, Duration.millis(seconds * 1000), **arguments)
    assert kept == ProvisionedConcurrency.fixed(kept.minimum)
    return kept.minimum


def test_each_factory_keeps_what_it_was_asked_for() -> None:
    """Minimum, maximum and the target of scaling."""
    kept = [
        ProvisionedConcurrency.none(),
        ProvisionedConcurrency.fixed(1),
        ProvisionedConcurrency.scaling(minimum=2, maximum=2),
        ProvisionedConcurrency.scaling(minimum=1, maximum=9, target_utilization=0.1),
        ProvisionedConcurrency.scaling(minimum=1, maximum=9, target_utilization=0.9),
    ]
    assert [(each.minimum, each.maximum, each.target_utilization) for each in kept] == [
        (0, 0, None),
        (1, 1, None),
        (2, 2, 0.7),
        (1, 9, 0.1),
        (1, 9, 0.9),
    ]


COUNT = "must be a whole number of 1 or more; for none, use ProvisionedConcurrency.none()"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ProvisionedConcurrency.fixed(0), f"environments=0 {COUNT}"),
        (lambda: ProvisionedConcurrency.fixed(-1), f"environments=-1 {COUNT}"),
        (lambda: ProvisionedConcurrency.fixed(2.0), f"environments=2.0 {COUNT}"),  # type: ignore[arg-type]
        (lambda: ProvisionedConcurrency.fixed(True), f"environments=True {COUNT}"),  # noqa: FBT003
        (lambda: ProvisionedConcurrency.scaling(minimum=0, maximum=2), f"minimum=0 {COUNT}"),
        (lambda: ProvisionedConcurrency.scaling(minimum=1, maximum=0), f"maximum=0 {COUNT}"),
        (
            lambda: ProvisionedConcurrency.scaling(minimum=3, maximum=2),
            "maximum=2 is less than minimum=3; give at least as many",
        ),
        *(
            (
                lambda share=share: ProvisionedConcurrency.scaling(
                    minimum=1, maximum=2, target_utilization=share
                ),
                f"target_utilization={share} must be from 0.1 to 0.9",
            )
            for share in (0.09, 0.91, 70, math.nan)
        ),
        (lambda: ProvisionedConcurrency.for_clients(0, MINUTE), f"clients=0 {COUNT}"),
        (
            lambda: ProvisionedConcurrency.for_clients(1, Duration.seconds(0)),
            "reconnect_within must be more than 0; give the length of the storm",
        ),
        *(
            (
                lambda share=share: ProvisionedConcurrency.for_clients(1, MINUTE, headroom=share),
                f"headroom={share} must be 0 or more, such as 0.25 for a quarter more load",
            )
            for share in (-0.01, math.nan, math.inf)
        ),
    ],
)
def test_fails_for_what_lambda_does_not_accept(
    make: Callable[[], ProvisionedConcurrency], message: str
) -> None:
    """The message says what it got and what is allowed."""
    with pytest.raises(InvalidConcurrency) as failure:
        make()
    assert str(failure.value) == message


# The load in erlangs that so many servers carry when one arrival in a thousand finds them all busy: the
# column "0.1 %" of the Erlang B tables of telephony.
ERLANG_B = {
    1: 0.0010, 2: 0.0458, 3: 0.1938, 4: 0.4393, 5: 0.7621, 6: 1.1459, 7: 1.5786, 8: 2.0513, 9: 2.5575, 10: 3.0920,
    15: 6.0772, 20: 9.4115, 25: 12.969, 30: 16.684, 40: 24.444, 50: 32.512, 75: 53.518, 100: 75.242,
}  # fmt: skip


@pytest.mark.parametrize(("servers", "load"), ERLANG_B.items())
def test_the_number_is_that_of_the_erlang_b_table(servers: int, load: float) -> None:
    """Just below the load of the table its servers are enough, and just above it takes one more."""

    def needed(erlangs: float) -> int:
        return environments(round(erlangs * 10_000_000), 1_000_000, headroom=0)  # occupied for 0.1 s each

    assert needed(load * 0.995) == servers
    assert needed(load * 1.005) == servers + 1


@pytest.mark.parametrize("load", [0.5, 2.0, 10.0, 42.0, 333.0])
def test_the_number_is_the_smallest_that_is_enough(load: float) -> None:
    """By Erlang's formula as a sum, not as the recursion that the code uses: 10 erlangs need 21 servers."""

    def blocked(servers: int) -> float:
        logarithms = [n * math.log(load) - math.lgamma(n + 1) for n in range(servers + 1)]
        return math.exp(logarithms[-1]) / math.fsum(map(math.exp, logarithms))

    servers = environments(round(load * 600), 60, headroom=0)
    assert blocked(servers) <= SPILLOVER < blocked(servers - 1)
    assert load != 10 or servers == 21


def test_the_load_is_what_arrives_while_one_is_served() -> None:
    """Little's law: more clients, less time, longer decisions and more headroom are the same load."""
    load = environments(6_000, 60, headroom=0)
    assert load == environments(600, 6, headroom=0)
    assert load == environments(600, 60, decision_time=Duration.seconds(1), headroom=0)
    assert load == environments(3_000, 60, headroom=1)
    assert environments(5_000, 60) == environments(6_250, 60, headroom=0)


def test_a_decision_occupies_an_environment_for_at_least_100_ms() -> None:
    """Lambda lets an environment serve no more than ten requests a second."""
    default = environments(7_000, 60)
    assert default == environments(7_000, 60, decision_time=Duration.millis(100))
    assert default == environments(7_000, 60, decision_time=Duration.millis(3))
    assert default < environments(7_000, 60, decision_time=Duration.millis(150))


def test_any_time_will_do() -> None:
    """Durations that are no whole milliseconds are as good as others."""
    assert (
        environments(7_000, 60) == ProvisionedConcurrency.for_clients(7_000, Duration.hours(1 / 60)).minimum
    )
    third = ProvisionedConcurrency.for_clients(700, MINUTE, decision_time=Duration.seconds(1 / 3))
    assert third.minimum == environments(700, 60, decision_time=Duration.millis(333))


def test_the_number_grows_with_the_load() -> None:
    """Never fewer for more clients, longer decisions or more headroom; never more for more time."""
    grid = [1, 2, 3, 5, 10, 50, 100, 500, 1_000, 7_000, 7_001, 50_000, 126_000]
    for numbers in [
        [environments(clients, 300) for clients in grid],
        [environments(7_000, 60_000 / part) for part in grid],
        [environments(7_000, 300, decision_time=Duration.millis(part)) for part in grid],
        [environments(7_000, 300, headroom=part / 1_000) for part in grid],
    ]:
        assert numbers == sorted(numbers)
        assert numbers[0] >= 1
        assert numbers[0] < numbers[-1]


DECISION_TIMES: dict[str, Callable[[random.Random, float], float]] = {
    "constant": lambda _, mean: mean,
    "exponential": lambda chance, mean: chance.expovariate(1 / mean),
    "lognormal": lambda chance, mean: chance.lognormvariate(math.log(mean) - 0.5, 1),
}


def spilled(clients: int, seconds: float, kept: int, *, mean: float, distribution: str) -> float:
    """Simulate storms of at least 100,000 connections; return the share that found no ready environment."""
    chance = random.Random(f"{clients} {seconds} {distribution}")  # noqa: S311 - a simulation
    occupation = DECISION_TIMES[distribution]
    connections = spills = 0
    while connections < 100_000:
        now, busy_until = chance.expovariate(clients / seconds), list[float]()
        while now < seconds:
            connections += 1
            while busy_until and busy_until[0] <= now:
                heapq.heappop(busy_until)
            if len(busy_until) < kept:
                heapq.heappush(busy_until, now + occupation(chance, mean))
            else:
                spills += 1  # Lambda starts another environment for it, which no other connection waits for
            now += chance.expovariate(clients / seconds)
    return spills / connections


@pytest.mark.parametrize("distribution", DECISION_TIMES)
@pytest.mark.parametrize(
    ("clients", "seconds", "milliseconds"),
    [(500, 60, 100), (500, 10, 250), (7_000, 300, 100), (7_000, 60, 120), (126_000, 300, 100)],
)
def test_a_reconnect_storm_finds_ready_environments(
    clients: int, seconds: int, milliseconds: int, distribution: str
) -> None:
    """Fewer connections than stated wait for a cold start; with a third less environments, more would."""
    kept = environments(clients, seconds, decision_time=Duration.millis(milliseconds))
    storm = {"mean": milliseconds / 1000, "distribution": distribution}
    assert spilled(clients, seconds, kept, **storm) <= SPILLOVER
    assert spilled(clients, seconds, kept - kept // 3, **storm) > SPILLOVER


@pytest.mark.parametrize("distribution", DECISION_TIMES)
def test_headroom_carries_that_much_more_load(distribution: str) -> None:
    """Where arrivals bunch up so that they use all of it, the stated share still holds, about."""
    kept = environments(7_000, 60, headroom=0.5)
    share = spilled(10_500, 60, kept, mean=0.1, distribution=distribution)
    assert 0.2 * SPILLOVER < share < 1.5 * SPILLOVER
