"""What a handler with a device inventory takes beyond the round trip of its look-up and the engine's evaluation.

Compares, alternating in one process, three things: the bare read of the same three items by the same client; the
engine's bare evaluation of the same request, prebuilt, after such a read; and whole invocations of the handler: the
look-up, the facts, the decision and the record. DynamoDB is a loopback server that gives one answer at once, so that
nothing but our own time differs.

    python benchmarks/inventory.py [ROUNDS]
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import statistics
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cedarpy

from client_connect import Authorizer, ConnectionRequest
from client_connect.deadlines import Deadlines
from client_connect.handler import ConnectHandler
from client_connect.inventory import DeviceTable
from client_connect.settings import Settings
from client_connect.surroundings import Surroundings
from client_connect_tools import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = {
    "connection-id": "cvpn-connection-1",
    "endpoint-id": "cvpn-endpoint-1",
    "common-name": "laptop-1",
    "username": "bob",
    "platform": "win",
    "platform-version": "10.0.22631,amd64",
    "public-ip": "198.51.100.7",
    "client-openvpn-version": "2.7.0",
    "groups": ["staff"],
    "aws-client-version": "",
    "schema-version": "v3",
}
DEVICE = {
    "commonName": {"S": "laptop-1"},
    "compliant": {"BOOL": True},
    "lastSeen": {"S": "2026-11-22T09:00:00Z"},
    "os": {"S": "10.0.22631"},
    "tags": {"M": {"owner": {"S": "bob"}}},
}
ANSWER = json.dumps({"Responses": {"Devices": [DEVICE], "Waivers": []}, "UnprocessedKeys": {}}).encode()
KEYS = {
    "Devices": {"ConsistentRead": True, "Keys": [{"commonName": {"S": "laptop-1"}}]},
    "Waivers": {
        "ConsistentRead": True,
        "Keys": [{"holder": {"S": "device:laptop-1"}}, {"holder": {"S": "user:bob"}}],
    },
}


class DynamoDb(BaseHTTPRequestHandler):
    """Answers every read at once."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Give the answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(ANSWER)}\r\n\r\n"
        self.wfile.write(head.encode() + ANSWER)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def timed(call: Callable[[], object]) -> float:
    """Return the milliseconds of a call."""
    started = perf_counter()
    call()
    return (perf_counter() - started) * 1000


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the times of bare reads, bare evaluations and whole invocations, taken in turn."""
    from client_connect.tables import Tables  # noqa: PLC0415 - reads the endpoint from the environment

    tables = Tables()
    client: Any = tables._client  # noqa: SLF001 - the same client, so that nothing but our code differs
    authorizer = Authorizer(Rules(compliant_devices=True, platforms=["win", "mac"]).to_cedar())
    inventory = DeviceTable(tables, devices="Devices", waivers="Waivers")
    surroundings = Surroundings(inventory=inventory, deadlines=Deadlines())
    handler = ConnectHandler(authorizer.decide, Settings(), surroundings=surroundings)
    if not handler(EVENT)["allow"]:
        sys.exit("the benchmark's device should be allowed")
    facts = surroundings.gather(ConnectionRequest.from_event(EVENT), seconds=2).facts
    entities = cedarpy.Entities.from_json_str(json.dumps(facts.cedar_entities()))
    evaluated = facts.cedar_request(), authorizer.policies.enforced, entities, authorizer._schema  # noqa: SLF001
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: client.batch_get_item(RequestItems=KEYS),
        "evaluation": lambda: cedarpy.is_authorized(*evaluated),
        "invocation": lambda: handler(EVENT),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(timed(call))
    return {name: values[rounds // 10 :] for name, values in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", type=int, nargs="?", default=3000)
    rounds = parser.parse_args().rounds
    server = ThreadingHTTPServer(("127.0.0.1", 0), DynamoDb)
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()  # apart, or it would compete with what is measured
    os.environ |= {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.server_address[:2]),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    logging.getLogger("client_connect").addHandler(logging.NullHandler())
    times = measure(rounds)
    process.terminate()
    for name, values in times.items():
        low, median, high = (statistics.quantiles(values, n=100)[index] for index in (24, 49, 74))
        print(f"{name:10} median {median:.3f} ms, middle half {low:.3f} to {high:.3f} ms")
    read, evaluation, invocation = (statistics.median(values) for values in times.values())
    print(
        f"beyond the read: {invocation - read:.3f} ms, {invocation / read:.2f} times; "
        f"beyond the read and the evaluation: {invocation - read - evaluation:.3f} ms"
    )


if __name__ == "__main__":
    main()
