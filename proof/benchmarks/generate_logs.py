"""Write a log such as a company's VPN makes: decision records, or Client VPN's connection logs.

    python -m proof.benchmarks.generate_logs 1000000 /tmp/records.jsonl
    python -m proof.benchmarks.generate_logs 1000000 /tmp/connections.jsonl.gz --connection-logs

The same seed gives the same log.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 2, tzinfo=UTC)
WEEKS = 3
SATURDAY = 5
AT_HOME = 0.8
GROUPS = ("staff", "engineering", "finance", "sales", "support", "contractors", "admins")
# Platform, its version, OpenVPN's version, the AWS client's version, and how many of a hundred users have it.
DEVICES = (
    ("win", "10.0.22631,amd64", "2.7.0", "5.3.1", 30),
    ("win", "10.0.19045,amd64", "2.7.0", "5.2.1", 18),
    ("win", "10.0.17763,amd64", "2.7.0", "5.0.0", 4),
    ("win", "10.0, amd64 executable", "2.6.12", "", 12),
    ("win", "6.1 64bit", "2.5.4", "", 1),
    ("mac", "24.6.0", "2.6.12", "5.3.1", 22),
    ("linux", "", "2.6.12", "", 8),
    ("android", "", "3.9", "", 3),
    ("ios", "", "3.5", "", 2),
)
LAMBDA_LINES = (
    '{"time":"2026-11-02T00:00:00.000Z","type":"platform.start","record":{"requestId":"1"}}',
    '{"time":"2026-11-02T00:00:00.000Z","type":"platform.report","record":{"requestId":"1","status":"success"}}',
)


class Person:
    """A user with a device and an address at home."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self.username = f"user{number:05d}@example.com"
        self.common_name = f"laptop-{number:05d}"
        self.groups = ["staff", *sorted(dice.sample(GROUPS[1:], dice.choice((0, 1, 1, 2))))]
        self.device = dice.choices(DEVICES, [device[-1] for device in DEVICES])[0]
        self.address = f"203.0.{dice.randrange(100, 120)}.{dice.randrange(1, 255)}"


def connections(lines: int, *, people: int = 3000, seed: int = 1) -> Iterator[tuple[datetime, Person, str]]:
    """Yield connections in the order of time: when, who and from where."""
    dice = random.Random(seed)  # noqa: S311 - to be repeatable
    crowd = [Person(number, dice) for number in range(people)]
    for number in range(lines):
        person = crowd[int(people * dice.random() ** 1.5)]  # some connect more often than others
        at_home = dice.random() < AT_HOME
        elsewhere = f"198.51.{dice.randrange(100, 102)}.{dice.randrange(256)}"
        yield _time(number / lines), person, person.address if at_home else elsewhere


def _time(share: float) -> datetime:
    """Return when a share of all connections has been made: most are made on weekday mornings."""
    weeks, rest = divmod(share * WEEKS, 1)
    hour = bisect_right(_BEFORE_HOUR, rest) - 1
    within = (rest - _BEFORE_HOUR[hour]) / (_BEFORE_HOUR[hour + 1] - _BEFORE_HOUR[hour])
    return START + timedelta(weeks=weeks, hours=hour + within)


def _shares_before_each_hour() -> list[float]:
    """Return, for each hour of a week, the share of the week's connections made before it."""
    working_day = [1, 1, 1, 1, 2, 5, 15, 45, 90, 80, 40, 30, 35, 50, 35, 25, 20, 15, 12, 10, 10, 6, 3, 2]
    weights = [weight / (1 if day < SATURDAY else 12) for day in range(7) for weight in working_day]
    sums = list(accumulate(weights, initial=0))
    return [part / sums[-1] for part in sums]


_BEFORE_HOUR = _shares_before_each_hour()


def record(number: int, time: datetime, person: Person, address: str) -> dict[str, Any]:
    """Return a decision record as Lambda logs it: everybody was allowed, but for old Windows."""
    platform, version, openvpn, aws_client, _ = person.device
    allowed = not version.startswith("6.")
    request = {
        "connection-id": f"cvpn-connection-{number:017x}",
        "endpoint-id": "cvpn-endpoint-0123456789abcdef0",
        "common-name": person.common_name,
        "username": person.username,
        "platform": platform,
        "platform-version": version,
        "public-ip": address,
        "client-openvpn-version": openvpn,
        "groups": person.groups,
        "aws-client-version": aws_client,
        "schema-version": "v3",
    }
    at = time.isoformat(timespec="milliseconds")
    metrics = {"Allowed": int(allowed), "Denied": int(not allowed), "Errors": 0, "ShadowDenied": 0}
    return {
        "timestamp": f"{at[:19]}Z",
        "level": "INFO",
        "message": f"connection {'allowed' if allowed else 'denied'}",
        "logger": "client_connect",
        "requestId": f"{number:032x}",
        "at": at,
        "allow": allowed,
        "endpoint": request["endpoint-id"],
        "request": request,
        "decision": {
            "allowed": allowed,
            "determining": ["authenticated" if allowed else "minimum-windows"],
            "message": "" if allowed else "Update Windows to 10 or later.",
            "statuses": [],
            "shadowDenied": [],
            "shadowAllowed": [],
            "shadowErrors": [],
            "errors": [],
        },
        "policies": "0123456789ab",
        "EndpointId": request["endpoint-id"],
        "FunctionName": "AWSClientVPN-handler",
        **metrics,
        "DecisionTime": 0.412,
        "_aws": {
            "Timestamp": int(time.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "ClientConnect",
                    "Dimensions": [["EndpointId"], ["FunctionName"]],
                    "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
                }
            ],
        },
    }


def connection_log(number: int, time: datetime, person: Person, address: str) -> dict[str, Any]:
    """Return what Client VPN logs of the same connection."""
    allowed = not person.device[1].startswith("6.")
    start = time.strftime("%Y-%m-%d %H:%M:%S")
    return {
        "connection-log-type": "connection-attempt",
        "connection-attempt-status": "successful" if allowed else "failed",
        "connection-reset-status": "NA",
        "connection-attempt-failure-reason": "NA" if allowed else "client-connect-failed",
        "connection-id": f"cvpn-connection-{number:017x}",
        "client-vpn-endpoint-id": "cvpn-endpoint-0123456789abcdef0",
        "transport-protocol": "udp",
        "connection-start-time": start,
        "connection-last-update-time": start,
        "client-ip": "10.0.1.2",
        "common-name": person.common_name,
        "device-type": person.device[0],
        "device-ip": address,
        "port": "50096",
        "ingress-bytes": "0",
        "egress-bytes": "0",
        "ingress-packets": "0",
        "egress-packets": "0",
        "connection-end-time": "NA",
        "connection-duration-seconds": "0",
        "username": person.username,
    }


def log(lines: int, *, connection_logs: bool = False, people: int = 3000, seed: int = 1) -> Iterator[str]:
    """Yield the lines of a log, among them a few that are no decisions."""
    form = connection_log if connection_logs else record
    for number, (time, person, address) in enumerate(connections(lines, people=people, seed=seed)):
        if number % 20 == 10:  # noqa: PLR2004
            yield (
                LAMBDA_LINES[number // 20 % 2]
                if not connection_logs
                else json.dumps(
                    connection_log(number, time, person, address)
                    | {"connection-log-type": "connection-reset"}
                )
            )
        else:
            yield json.dumps(form(number, time, person, address), separators=(",", ":"))


def write(file: Path, lines: Iterator[str]) -> None:
    """Write lines to a file, compressed when its name ends with ``.gz``."""
    with (
        gzip.open(file, "wt", compresslevel=1) if file.suffix == ".gz" else file.open("w", encoding="utf-8")
    ) as stream:
        stream.writelines(f"{line}\n" for line in lines)


def main() -> None:
    """Write the log that the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--connection-logs", action="store_true")
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    write(
        chosen.file,
        log(chosen.lines, connection_logs=chosen.connection_logs, people=chosen.people, seed=chosen.seed),
    )


if __name__ == "__main__":
    main()
