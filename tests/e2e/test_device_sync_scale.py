"""A large fleet: memory that does not grow with what changes, requests within the vendor's limits, and the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from client_connect_devices.table import Table
from local_aws.emulator import ROOT
from tests.support.device_managers.intune import IntuneServer, common_name, device
from tests.support.device_managers.syncing import INTUNE, SECRET, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

NAME = "large-fleet"
# Listing alone, in its own process, whose memory is that of the function.
LISTING = """
import json, os, re, sys, time
from datetime import UTC, datetime
from client_connect_devices.configuration import read_secret
from client_connect_devices.deadline import Deadline
from client_connect_devices.http import Client
from client_connect_devices.outcome import Outcome
from client_connect_devices.configuration import sync_settings
from client_connect_devices.managers.registry import source_of
from client_connect_devices.run import Run
from client_connect_devices.session import Session
from client_connect_devices.state import State
from client_connect_devices.items import Part, sources_attribute, top_of

def items(count):
    # A table where every device is known and has just turned noncompliant.
    now = datetime.now(UTC)
    for number in range(count):
        name = f"{number:08x}-1111-4222-8333-444455556666"
        parts = {"intune": Part(id=str(number), judges=True, compliant=False, last_seen="2026-11-01T00:00:00Z")}
        yield {"commonName": {"S": name}, "sources": sources_attribute(parts), **top_of(parts, now)}

def peak():
    # Of this program alone; what getrusage says begins with the memory of the process that started it.
    return int(re.search(r"VmHWM:\\s+([0-9]+) kB", open("/proc/self/status").read())[1]) / 1024

source = source_of(json.loads(sys.argv[1]))
deadline = Deadline.after(3000)
client = Client(deadline, test_server=os.environ["SERVER"])
session = Session(client, source.credentials(read_secret(os.environ["SECRET"])))
outcome = Outcome(source="intune")
before = peak()
started = time.monotonic()
run = Run(source, sync_settings({}), session=session, deadline=deadline, now=datetime.now(UTC), outcome=outcome)
planned = run.compare(items(int(sys.argv[2])), State())
print(json.dumps({
    "listed": outcome.listing.listed, "changes": len(planned), "requests": client.requests,
    "seconds": time.monotonic() - started,
    "mebibytes": peak() - before,
}))
"""


IS_PROOF = settings().max_examples > 100


@contextmanager
def fleet(count: int) -> Iterator[IntuneServer]:
    """Intune with so many devices."""
    with IntuneServer([device(number) for number in range(count)]) as running:
        yield running


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="the memory is counted in other units elsewhere")
def test_a_list_needs_little_memory_and_few_requests() -> None:
    """Even when every device changes: far within the 512 MiB of the function, a request for 1,000 devices."""
    count = 100_000 if IS_PROOF else 3_000
    with fleet(count) as server:
        finished = list_in_a_process(server, count)
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    print(found)  # noqa: T201 - for whoever measures, by `pytest -s`
    assert (found["listed"], found["changes"]) == (count, count)
    assert found["requests"] == count / 1000 + 1
    # A page of 1,000 devices, and what is kept of each: less than a kilobyte.
    assert found["mebibytes"] < 40 + count / 1000


def list_in_a_process(server: IntuneServer, count: int) -> subprocess.CompletedProcess[str]:
    """List, and compare with a table of as many devices."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            LISTING,
            json.dumps({**INTUNE, "tags": {"owner": "userPrincipalName"}}),
            str(count),
        ],
        env={**os.environ, "SERVER": server.url, "SECRET": SECRET, "PYTHONPATH": str(ROOT / "lambda_src")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.proof
def test_a_large_fleet_is_written_and_then_left_alone(emulator: Emulator) -> None:
    """The second run writes what has changed and nothing else."""
    count = 20_000 if IS_PROOF else 1_500
    dynamodb: Any = emulator.client("dynamodb")
    dynamodb.create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "commonName", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "commonName", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table = Table(dynamodb, NAME)
    with fleet(count) as server:
        times = [time.monotonic()]
        assert sync(server, INTUNE, table, seconds=3000).written == {"new": count}
        times.append(time.monotonic())
        server.devices[7]["complianceState"] = "noncompliant"
        outcome = sync(server, INTUNE, table, seconds=3000)
        times.append(time.monotonic())
    print(count, times[1] - times[0], times[2] - times[1])  # noqa: T201 - for whoever measures, by `pytest -s`
    assert outcome.is_complete
    assert outcome.named == {"no longer compliant": [common_name(7)]}
    assert outcome.unchanged == count - 1
    dynamodb.delete_table(TableName=NAME)
