"""Decisions: the handler's time next to the engine, next to other engines, and as policies and groups grow.

    python -m proof.benchmarks decision

All in one process, warm. The log line is made, but not written: how a line is formatted is the platform's.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from proof.benchmarks import engine, other_engines
from proof.benchmarks.event import EVENT
from proof.benchmarks.measuring import Sample, in_turn, timed
from proof.benchmarks.networks import with_networks
from proof.benchmarks.policies import TWENTY
from proof.benchmarks.rows import Row, compared, faster, limited

if TYPE_CHECKING:
    from collections.abc import Callable

TOPIC = "Decision"


def many_policies(number: int) -> str:
    """Return so many policies: one that permits, and forbids of single networks, groups and people in turn."""
    conditions = (
        'when {{ context.publicIp.isInRange(ip("203.0.{low}.{high}/32")) }}',
        'when {{ principal in ClientVpn::Group::"left-{number}" }}',
        'when {{ context has username && context.username == "person-{number}" }}',
    )
    forbids = (
        f'@id("forbid-{n}") forbid (principal, action, resource) '
        + conditions[n % 3].format(number=n, low=n // 250, high=n % 250)
        + ";"
        for n in range(number - 1)
    )
    return "\n".join(['@id("all") permit (principal, action, resource);', *forbids])


def handler(policies: str, networks: bytes | None = None) -> ConnectHandler:
    """Return a handler as it is made at cold start."""
    return ConnectHandler(Authorizer(policies, networks=networks).decide, Settings())


def asked(connect: ConnectHandler, event: dict[str, Any]) -> Callable[[], float]:
    """Return what asks a handler and returns the milliseconds."""
    if not connect(event)["allow"]:
        raise SystemExit("the connection of the benchmark should be allowed")
    return timed(lambda: connect(event))


def rows(rounds: int = 3000) -> list[Row]:
    """Measure, and return the findings."""
    logging.getLogger("client_connect").addHandler(logging.NullHandler())
    logging.getLogger("client_connect").propagate = False
    other_engines.require_agreement()
    groups = [f"group-{number}" for number in range(200)]
    facts = Facts(ConnectionRequest.from_event(EVENT))
    beside = in_turn(
        {
            "engine": engine.alone(Authorizer(TWENTY), facts),
            "handler": asked(handler(TWENTY), EVENT),
        },
        rounds=rounds,
        warm_up=rounds // 10,
    )
    unparsed = in_turn(
        {
            "engine": engine.alone(Authorizer(TWENTY), facts, policies=TWENTY),
            "handler": asked(handler(TWENTY), EVENT),
        },
        rounds=rounds // 3,
        warm_up=rounds // 30,
    )
    others = {name: _other(make(), facts) for name, make in other_engines.ENGINES.items()}
    against = in_turn(
        {**others, "handler": asked(handler(TWENTY), EVENT)}, rounds=rounds // 10, warm_up=rounds // 100
    )
    few, many = with_networks(TWENTY, 1), with_networks(TWENTY)
    growth = in_turn(
        {
            "10": asked(handler(many_policies(10)), EVENT),
            "1,000": asked(handler(many_policies(1000)), EVENT),
            "1 group": asked(handler(TWENTY), EVENT | {"groups": groups[:1]}),
            "200 groups": asked(handler(TWENTY), EVENT | {"groups": groups}),
            "1 network": asked(handler(few.text, few.network_table), EVENT),
            "40,000 networks": asked(handler(many.text, many.network_table), EVENT),
        },
        rounds=rounds // 3,
        warm_up=rounds // 30,
    )
    us = "the handler, 20 policies"
    asked_of_others = (1, None)  # vakt is another kind of engine, so nothing is asked
    return [
        compared(TOPIC, us, beside["handler"], "the engine's own call alone", beside["engine"], at_most=1.65),
        compared(
            TOPIC, us, unparsed["handler"], "the engine's own call, policies as text", unparsed["engine"]
        ),
        *(
            faster(TOPIC, us, against["handler"], name, against[name], at_least=at_least)
            for name, at_least in zip(others, asked_of_others, strict=True)
        ),
        _tail(us, beside["handler"]),
        compared(TOPIC, "1,000 policies", growth["1,000"], "10 policies", growth["10"], at_most=3.5),
        compared(TOPIC, "200 groups", growth["200 groups"], "1 group", growth["1 group"], at_most=2),
        compared(
            TOPIC,
            "40,000 named networks",
            growth["40,000 networks"],
            "two named networks",
            growth["1 network"],
            at_most=1.2,
        ),
    ]


def _other(decide: Callable[[dict[str, Any]], bool], facts: Facts) -> Callable[[], float]:
    flat = other_engines.flat(facts)
    return timed(lambda: decide(flat))


def _tail(what: str, sample: Sample) -> Row:
    p50, p99 = sample.percentile(50), sample.percentile(99)
    print(f"  {what}: p50 {p50:.3g} ms, p99 {p99:.3g} ms")
    return limited(TOPIC, f"{what}: the slowest in a hundred (p99) against the median", p99 / p50, "times")
