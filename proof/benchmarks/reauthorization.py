"""A full endpoint where 1 connection in 50 is denied by now, throttled as AWS throttles.

``python -m proof.benchmarks.reauthorization`` opens 126,000 connections, the most that an endpoint holds, and runs the
re-authorizer's function again and again, each time in its own process, until nothing is left to terminate. It
prints what each run did, and the most memory that it took; then the same with a tenth of the connections. It fails
when a connection is terminated twice, or one that is not denied, or when one is left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from local_aws.client_vpn_api import ClientVpnApi, faster_clock
from local_aws.emulator import ROOT, Emulator
from local_aws.live_connections import Client, LiveConnections
from proof.benchmarks.rows import Row, limited

POLICIES = """
@id("all") permit (principal, action, resource);
@id("no-macs") forbid (principal, action, resource) when { context.platform == "mac" };
"""
DENIED_ONE_IN = 50

# Ten times the connections may take so much more memory: for connections to terminate, not for those seen.
MOST_MORE_MIB = 48


def measure(emulator: Emulator, *, connections: int, seconds: float, speed: float) -> float:
    """Run until nothing is left; return the most memory that a run took, in MiB."""
    clock = faster_clock(speed)
    with ClientVpnApi(clock=clock) as api, TemporaryDirectory() as folder:
        world = LiveConnections(emulator=emulator, api=api)
        world.create()
        Path(folder, "policies.cedar").write_text(POLICIES, "utf-8")
        print(f"{connections:,} connections", flush=True)
        world.connect(
            Client(
                connection_id=f"cvpn-connection-{number:017x}",
                username=f"user-{number}",
                common_name=f"laptop-{number}",
                platform="win" if number % DENIED_ONE_IN else "mac",
            )
            for number in range(connections)
        )
        denied = {f"cvpn-connection-{number:017x}" for number in range(0, connections, DENIED_ONE_IN)}
        peak, terminated = 0.0, -1
        while terminated < len(api.terminations):
            terminated, started = len(api.terminations), time.monotonic()
            summary, memory = run(world, folder, seconds=seconds, speed=speed)
            peak, took = max(peak, memory), time.monotonic() - started
            print(
                f"  {summary['run']}: {len(api.terminations) - terminated:,} terminated in {took:.0f} s, "
                f"{memory:.0f} MiB; throttled so far: {dict(api.throttled)}",
                flush=True,
            )
            if summary["run"] == "unfinished":
                terminated = -1
        if sorted(api.terminations) != sorted(denied):
            raise SystemExit(f"{len(api.terminations)} were terminated, {len(denied)} are denied")
        print(
            f"  all and only the {len(denied):,} denied ones, each once; at most {peak:.0f} MiB", flush=True
        )
        return peak


def run(
    world: LiveConnections, folder: str, *, seconds: float, speed: float
) -> tuple[dict[str, object], float]:
    """Run the function once; return its summary and its memory."""
    environment = {
        **world.environment,
        "PYTHONPATH": f"{ROOT / 'lambda_src'}:{ROOT / 'lib'}:{ROOT}",
    }
    command = [sys.executable, "-m", "local_aws.reauthorizer_process", folder, str(seconds), str(speed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise SystemExit(done.stderr)
    *_, summary, memory = map(json.loads, done.stdout.splitlines())
    return summary, memory["peakMiB"]


def rows(*, connections: int = 126_000, seconds: float = 120, speed: float = 10) -> list[Row]:
    """Measure a full endpoint and a tenth of one, and return the findings.

    Raises:
        SystemExit: When who was terminated is not who is denied.
    """
    with Emulator() as emulator:
        few, many = (
            measure(emulator, connections=number, seconds=seconds, speed=speed)
            for number in (connections // 10, connections)
        )
    topic, what = "Re-authorization", f"{connections:,} connections"
    return [
        limited(topic, f"{what}: memory", many, "MiB"),
        limited(topic, f"{what}: more memory than for a tenth", many - few, "MiB", at_most=MOST_MORE_MIB),
    ]


def main() -> None:
    """Measure and print; fail when ten times the connections take much more memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=126_000)
    parser.add_argument("--seconds", type=float, default=120, help="the function's timeout")
    parser.add_argument("--speed", type=float, default=10, help="how much faster the API's clock is")
    options = parser.parse_args()
    found = rows(connections=options.connections, seconds=options.seconds, speed=options.speed)
    sys.exit(not all(row.met in (True, None) for row in found))


if __name__ == "__main__":
    main()
