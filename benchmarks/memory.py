"""Whether a handler's memory grows, over as many invocations as an execution environment will ever see.

One process answers connections of ever new users from ever new networks: allowed, denied, by a policy that errs, by an
exception, out of time, and events that are no requests. One in ten asks a device inventory, over a socket, at a
loopback server in place of DynamoDB. Every record is formatted as in Lambda. Prints the resident memory after the
warm-up and at each tenth, and ends with 1 when it grew by more than 4 MiB after the warm-up. Linux only.

    python benchmarks/memory.py [INVOCATIONS]
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from inventory import EVENT, DynamoDb

from client_connect import Authorizer
from client_connect.deadlines import Deadlines
from client_connect.handler import ConnectHandler
from client_connect.inventory import DeviceTable
from client_connect.settings import Settings
from client_connect.surroundings import Surroundings
from client_connect_tools import Rules

if TYPE_CHECKING:
    from client_connect import Decision, Facts

MILLION = 1_000_000
WARM_UP = 10_000
ALLOWED_GROWTH_MIB = 4.0
POLICIES = (
    Rules(platforms=["win", "mac", "ios"], blocked_users=["mallory"]).to_cedar()
    + '@id("errs") forbid (principal, action, resource) when { context.platform == "ios" && context.os.major > 1 };'
    + '@id("shadow") @shadow forbid (principal, action, resource) when { context.platform == "mac" };'
)


class Hurried:
    """Lambda's context object when hardly any time is left."""

    function_name = "AWSClientVPN-memory"

    def get_remaining_time_in_millis(self) -> int:
        """Return too few milliseconds."""
        return 100


def failing(_facts: Facts) -> Decision:
    """Decide nothing, for an exception."""
    raise LookupError("broken")


class Invocations:
    """Handlers, and one connection after another for them."""

    def __init__(self) -> None:
        from client_connect.tables import Tables  # noqa: PLC0415 - reads the endpoint from the environment

        decide = Authorizer(POLICIES).decide
        inventory = DeviceTable(Tables(), devices="Devices", waivers="Waivers")
        around = Surroundings(inventory=inventory, deadlines=Deadlines())
        self._plain = ConnectHandler(decide, Settings())
        self._looking_up = ConnectHandler(decide, Settings(), surroundings=around)
        self._failing = ConnectHandler(failing, Settings())
        self._number = 0

    def run(self, invocations: int) -> None:
        """Answer so many connections, of ten kinds in turn."""
        for number in range(self._number, self._number + invocations):
            self._invoke(number)
        self._number += invocations

    def _invoke(self, number: int) -> None:
        address = f"2001:db8::{number >> 16:x}:{number & 0xFFFF:x}"
        event = EVENT | {"username": f"user-{number}", "groups": [f"group-{number}"], "public-ip": address}
        match number % 10:
            case 0:
                self._looking_up(event)
            case 1:
                self._plain(event | {"username": "mallory"})
            case 2:
                self._plain(event | {"platform": "ios"})
            case 3:
                self._plain(event | {"platform": "mac", "common-name": f"laptop\u202e{number}"})
            case 4:
                self._plain(event | {"public-ip": "nonsense", "surprise": number})
            case 5:
                self._plain([None, {}, "x", number][number // 10 % 4])
            case 6:
                self._failing(event)
            case 7:
                self._plain(event, Hurried())
            case _:
                self._plain(event)


def resident_mib() -> float:
    """Return the memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Invoke and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("invocations", type=int, nargs="?", default=MILLION)
    total = parser.parse_args().invocations
    server = ThreadingHTTPServer(("127.0.0.1", 0), DynamoDb)
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()  # apart, or its memory would be counted
    os.environ |= {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.server_address[:2]),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of a file
        log = logging.StreamHandler(nowhere)
        log.setFormatter(JsonFormatter())
        logging.getLogger("client_connect").addHandler(log)
        logging.getLogger("client_connect").propagate = False
        started, invocations = perf_counter(), Invocations()
        invocations.run(WARM_UP)
        warm = resident_mib()
        print(f"{WARM_UP:9,} invocations, warm: {warm:.1f} MiB", flush=True)
        for tenth in range(1, 11):
            invocations.run(total // 10)
            print(
                f"{WARM_UP + total // 10 * tenth:9,} invocations:       {resident_mib():.1f} MiB", flush=True
            )
    process.terminate()
    growth = resident_mib() - warm
    verdict = "does not grow" if growth <= ALLOWED_GROWTH_MIB else "grows"
    print(f"{verdict}: {growth:+.1f} MiB since the warm-up; {perf_counter() - started:.0f} s")
    sys.exit(growth > ALLOWED_GROWTH_MIB)


if __name__ == "__main__":
    main()
