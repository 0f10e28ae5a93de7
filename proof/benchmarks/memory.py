"""Whether a handler's memory grows, over as many invocations as an execution environment will ever see.

One process answers connections of ever new users from ever new networks: allowed, denied, by a policy that errs, by an
exception, out of time, and events that are no requests. One in ten asks a device inventory, over a socket, at a
loopback server in place of DynamoDB. Every record is formatted as in Lambda. Prints the resident memory after the
warm-up and at each tenth, and ends with 1 when it grew by more than 4 MiB after the warm-up. Linux only.

    python -m proof.benchmarks.memory [INVOCATIONS]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from unittest import mock

from awslambdaric.lambda_runtime_log_utils import JsonFormatter

from client_connect import Authorizer
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from client_connect.sources.deadlines import Deadlines
from client_connect.sources.device_inventory import DeviceTable
from client_connect.sources.fact_sources import FactSources
from client_connect_tools import Rules
from proof.benchmarks.dynamodb import DEVICES_TABLE, WAIVERS_TABLE, one_device
from proof.benchmarks.event import EVENT
from proof.benchmarks.rows import limited

if TYPE_CHECKING:
    from client_connect import Decision, Facts
    from proof.benchmarks.rows import Row

MILLION = 1_000_000
WARM_UP = 10_000
ALLOWED_GROWTH_MIB = 4
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
        from client_connect.sources.dynamodb import Tables  # noqa: PLC0415 - reads the endpoint from the environment

        decide = Authorizer(POLICIES).decide
        inventory = DeviceTable(Tables(), devices=DEVICES_TABLE, waivers=WAIVERS_TABLE)
        around = FactSources(inventory=inventory, deadlines=Deadlines())
        self._plain = ConnectHandler(decide, Settings())
        self._looking_up = ConnectHandler(decide, Settings(), sources=around)
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


def measure(total: int) -> float:
    """Invoke, print what is held at each tenth, and return by how much that is more than after the warm-up."""
    invocations = Invocations()
    invocations.run(WARM_UP)
    warm = resident_mib()
    print(f"  {WARM_UP:9,} invocations: {warm:.1f} MiB", flush=True)
    for tenth in range(1, 11):
        invocations.run(total // 10)
        print(f"  {WARM_UP + total // 10 * tenth:9,} invocations: {resident_mib():.1f} MiB", flush=True)
    return resident_mib() - warm


def rows(invocations: int = MILLION) -> list[Row]:
    """Measure, and return the finding."""
    logger = logging.getLogger("client_connect")
    with (
        one_device() as dynamodb,
        mock.patch.dict(os.environ, dynamodb),
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - no path of a file
    ):
        log = logging.StreamHandler(nowhere)
        log.setFormatter(JsonFormatter())
        logger.addHandler(log)
        logger.propagate = False
        growth = measure(invocations)
        logger.removeHandler(log)
        logger.propagate = True
    what = f"growth over {invocations:,} invocations"
    return [limited("Memory", what, max(0.0, growth), "MiB", at_most=ALLOWED_GROWTH_MIB)]


def main() -> None:
    """Measure, print, and fail where it grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("invocations", type=int, nargs="?", default=MILLION)
    started = perf_counter()
    (row,) = rows(parser.parse_args().invocations)
    print(f"in {perf_counter() - started:.0f} s")
    sys.exit(not row.met)


if __name__ == "__main__":
    main()
