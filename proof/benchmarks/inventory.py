"""The time of a handler with a device inventory beyond the round trip of its look-up and the engine's evaluation.

Compares, alternating in one process, three things: the bare read of the same three items by the same client; the
engine's bare evaluation of the same request, prebuilt, after such a read; and whole invocations of the handler: the
look-up, the facts, the decision and the record. DynamoDB is a loopback server that gives one answer at once, so
nothing but our own time differs.

    python -m proof.benchmarks inventory
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

from client_connect import Authorizer, ConnectionRequest
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.fact_sources import FactSources
from client_connect_tools import Rules
from proof.benchmarks import engine
from proof.benchmarks.dynamodb import DEVICES_TABLE, WAIVERS_TABLE, one_device
from proof.benchmarks.event import EVENT
from proof.benchmarks.measuring import Sample, in_turn, timed
from proof.benchmarks.rows import compared

if TYPE_CHECKING:
    from proof.benchmarks.rows import Row

KEYS = {
    DEVICES_TABLE: {"ConsistentRead": True, "Keys": [{"commonName": {"S": "laptop-1"}}]},
    WAIVERS_TABLE: {
        "ConsistentRead": True,
        "Keys": [{"holder": {"S": "device:laptop-1"}}, {"holder": {"S": "user:bob"}}],
    },
}


def measure(rounds: int) -> dict[str, Sample]:
    """Return the times of bare reads, bare evaluations and whole invocations, taken in turn."""
    from client_connect.sources.dynamodb import Tables  # noqa: PLC0415 - reads the endpoint from the environment

    tables = Tables()
    client: Any = tables._client  # noqa: SLF001 - the same client, so nothing but our code differs
    authorizer = Authorizer(Rules(compliant_devices=True, platforms=["win", "mac"]).to_cedar())
    inventory = DeviceTable(tables, devices=DEVICES_TABLE, waivers=WAIVERS_TABLE)
    sources = FactSources(inventory=inventory, deadlines=Deadlines())
    handler = ConnectHandler(authorizer.decide, Settings(), sources=sources)
    if not handler(EVENT)["allow"]:
        sys.exit("the benchmark's device should be allowed")
    facts = sources.collect(ConnectionRequest.from_event(EVENT), seconds=2).facts
    calls = {
        "read": timed(lambda: client.call("BatchGetItem", RequestItems=KEYS)),
        "evaluation": engine.alone(authorizer, facts),
        "invocation": timed(lambda: handler(EVENT)),
    }
    return in_turn(calls, rounds=rounds, warm_up=rounds // 10)


def rows(rounds: int = 3000) -> list[Row]:
    """Measure, and return the findings."""
    logging.getLogger("client_connect").addHandler(logging.NullHandler())
    with one_device() as dynamodb, mock.patch.dict(os.environ, dynamodb):
        found = measure(rounds)
    read, evaluation, invocation = found["read"], found["evaluation"], found["invocation"]
    beyond = invocation.median - read.median
    print(f"  beyond the read: {beyond:.3f} ms; and the evaluation: {beyond - evaluation.median:.3f} ms")
    needed = Sample([sum(pair) for pair in zip(read.values, evaluation.values, strict=True)])
    return [
        compared(
            "Decision", "the handler with an inventory", invocation, "the read and the engine alone", needed
        )
    ]
