"""The re-authorizer's function in separate processes, throttled as AWS throttles, and killed in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from client_connect.sources.connection_registry import STATE
from local_aws.client_vpn_api import ClientVpnApi, faster_clock
from local_aws.emulator import ROOT
from local_aws.live_connections import Client, LiveConnections

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

CONNECTIONS, DENIED_ONE_IN = 3000, 50
SPEED = 20.0
POLICIES = """
@id("all") permit (principal, action, resource);
@id("no-macs") forbid (principal, action, resource) when { context.platform == "mac" };
"""


def start(world: LiveConnections, folder: Path) -> subprocess.Popen[str]:
    """Start a run."""
    environment = {
        **world.environment,
        "PYTHONPATH": f"{ROOT / 'lambda_src'}:{ROOT / 'lib'}:{ROOT}",
    }
    command = [sys.executable, "-m", "local_aws.reauthorizer_process", str(folder), "240", str(SPEED)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return what a run printed: its records, and the memory that it took."""
    out, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in out.splitlines()]


def test_all_and_only_the_denied_though_a_run_is_killed(emulator: Emulator, tmp_path: Path) -> None:
    """Nothing is lost and nothing is terminated twice, within the rate that AWS grants."""
    (tmp_path / "policies.cedar").write_text(POLICIES, "utf-8")
    ids = [f"cvpn-connection-{number:017x}" for number in range(CONNECTIONS)]
    with ClientVpnApi(clock=faster_clock(SPEED)) as api:
        world = LiveConnections(emulator=emulator, api=api)
        world.create()
        world.connect(
            Client(
                connection_id=id_,
                username=f"user-{number}",
                platform="win" if number % DENIED_ONE_IN else "mac",
            )
            for number, id_ in enumerate(ids)
        )
        killed = start(world, tmp_path)
        deadline = time.monotonic() + 120
        while len(api.terminations) < 10 and killed.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        killed.kill()
        killed.communicate()
        assert 10 <= len(api.terminations) < CONNECTIONS / DENIED_ONE_IN

        *_, summary, _ = finish(start(world, tmp_path))
        assert summary["run"] == "another run is at work"  # as far as anybody knows, until its lease ends
        world.forget(STATE, "lease", "leaseUntil", "leaseWork")
        for id_ in set(ids[::DENIED_ONE_IN]) - set(api.terminations):
            world.forget(id_, "terminatedAt")  # of the one that it may have been about to terminate

        *_, summary, _ = finish(start(world, tmp_path))
        assert (summary["run"], summary["LeftAlone"], summary["Undecided"]) == ("complete", 0, 0)
        assert sorted(api.terminations) == ids[::DENIED_ONE_IN]
        assert api.throttled["TerminateClientVpnConnections"] == 0
