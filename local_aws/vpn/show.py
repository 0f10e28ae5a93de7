"""``make vpn``: real clients and a real OpenVPN server before the deployed handler, and what cuts open connections."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from local_aws import cdk_cli
from local_aws.deployed_handler import InvocationFailed
from local_aws.emulator import Emulator, EmulatorFailed
from local_aws.pictures import picture_of
from local_aws.process import unwind_on_signals
from local_aws.steps import step
from local_aws.vpn.bridge import User
from local_aws.vpn.certificates import CertificateFailed
from local_aws.vpn.deployed_vpn import CommandFailed, DeployedVpn
from local_aws.vpn.local_vpn import OFFICE
from local_aws.vpn.networks import NetworkFailed
from local_aws.vpn.openvpn_client import ClientOptions
from local_aws.vpn.openvpn_server import ServerFailed
from local_aws.vpn.other_systems import client_program
from local_aws.vpn.pinging import pinging
from local_aws.vpn.requirements import missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_aws.vpn.attempts import Attempt
    from local_aws.vpn.openvpn_client import Client

_PASSWORD = "correct horse"  # noqa: S105 - of the directory on this machine
_HOME, _OFFICE_IPV6 = "203.0.113.9", "2001:db8:1::7"
_WIDTH = 150
_COLUMNS = {
    "who": 24,
    "from": 14,
    "what the client sent": 30,
    "decision": 9,
    "policy": 17,
    "the user reads": 36,
    "ms": 5,
}
_WAIT_SECONDS = 120.0
_CLOSED = """
@id("closed-account")
@message("Your account was closed.")
forbid (principal, action, resource) when { context has username && context.username == "carol" };
"""
_FAILURES = (
    *(EmulatorFailed, cdk_cli.CdkFailed, InvocationFailed),
    *(NetworkFailed, ServerFailed, CertificateFailed, CommandFailed),
)


class ShowFailed(Exception):
    """An event that is shown did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A user who connects once.

    Attributes:
        username: The user; ``None`` for a certificate alone.
        device: The common name.
        allowed: Whether that must be allowed.
        at: From where.
        platform: What the client says it runs on.
        version: What it says of its version.
        password: The password.
    """

    username: str | None
    device: str
    allowed: bool
    at: str = OFFICE
    platform: str = "linux"
    version: str = ""
    password: str = _PASSWORD


_VISITORS = (
    Visitor(username="dave", device="laptop-dave", allowed=True, platform="win", version="10.0.22631,amd64"),
    Visitor(username="erin", device="laptop-erin", allowed=False, platform="win", version="10.0.19044,amd64"),
    Visitor(username="frank", device="laptop-frank", allowed=True, platform="mac", version="22.6.0"),
    Visitor(username="ivan", device="phone-ivan", allowed=False, platform="ios", version="17.4"),
    Visitor(username="grace", device="laptop-grace", allowed=True, at=_OFFICE_IPV6),
    Visitor(username="grace", device="laptop-grace", allowed=False, at=_HOME),
    Visitor(username="李雷", device="笔记本-7", allowed=True),
    Visitor(username="heidi", device="private-laptop", allowed=False),
    Visitor(username="mallory", device="laptop-mallory", allowed=False),
    Visitor(username="judy", device="laptop-judy", allowed=False, password="guessed"),  # noqa: S106 - wrong
    Visitor(username=None, device="kiosk-1", allowed=True),
)
_ONLINE = ("alice", "bob", "carol")
_UNKNOWN_DEVICES = ("private-laptop",)
_USERS = {
    **{each: User(password=_PASSWORD, groups=("staff",)) for each in _ONLINE},
    **{
        each.username: User(
            password=_PASSWORD, groups=("contractors",) if each.username == "grace" else ("staff",)
        )
        for each in _VISITORS
        if each.username
    },
}
_DEVICES = [
    *(f"laptop-{name}" for name in _ONLINE),
    *dict.fromkeys(each.device for each in _VISITORS if each.device not in _UNKNOWN_DEVICES),
]


def main() -> int:
    """Run it, and return the exit status."""
    unwind_on_signals()
    parser = argparse.ArgumentParser(prog="make vpn", description=__doc__)
    parser.add_argument("--svg", type=Path, help="also write what is shown into this file")
    svg: Path | None = parser.parse_args().svg
    console = Console(
        width=None if sys.stdout.isatty() and svg is None else _WIDTH, highlight=False, record=svg is not None
    )
    if problems := missing():
        console.print("This machine cannot run a VPN yet. It needs:")
        for problem in problems:
            console.print(f"  - {escape(problem)}")
        return 2
    try:
        Show(console).run()
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        return 130
    except (*_FAILURES, ShowFailed) as error:
        console.print(f"[red]failed:[/] {escape(str(error))}")
        return 1
    if svg is not None:
        svg.write_text(picture_of(console, "make vpn"), "utf-8")
    return 0


class Show:
    """The show, on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._deployed: DeployedVpn

    def run(self) -> None:
        """Run it from nothing to nothing.

        Raises:
            ShowFailed: When something did not happen that is shown.
        """
        with contextlib.ExitStack() as resources:
            with step(self._console, "Starting the local AWS emulator, and cdk bootstrap") as report:
                emulator = resources.enter_context(Emulator())
                cdk_cli.bootstrap(emulator, report=report)
            with step(
                self._console, "Starting an OpenVPN server, and cdk deploy of what decides on its clients"
            ) as report:
                deployed = DeployedVpn(emulator, devices=_DEVICES, users=_USERS, report_deployment=report)
                self._deployed = resources.enter_context(deployed)
            with step(
                self._console, "Syncing the devices of the device manager, and the first re-authorization"
            ):
                deployed.sync()
                deployed.reauthorize()
            self._visits()
            self._live()
            with step(self._console, "Removing the clients, the server, their networks and the emulator"):
                resources.close()

    def _visits(self) -> None:
        self._say("\nClients connect, one after the other:\n")
        self._header()
        for visitor in _VISITORS:
            program = client_program(self._deployed.vpn.directory, visitor.platform)
            version = (
                ("--push-peer-info", "--setenv", "IV_PLAT_VER", visitor.version) if visitor.version else ()
            )
            client = self._deployed.vpn.connect(
                common_name=visitor.device,
                at=visitor.at,
                options=ClientOptions(
                    username=visitor.username,
                    password=visitor.password,
                    ipv6=":" in visitor.at,
                    program=program,
                    arguments=version,
                ),
            )
            self._outcome(client, allowed=visitor.allowed)
            client.stop()

    def _live(self) -> None:
        self._say("\nThree users are online, and ping through their tunnels:\n")
        self._header()
        alice, bob, carol = (self._connect(name, tunnel=True) for name in _ONLINE)
        with pinging(alice) as alices, pinging(bob) as bobs, pinging(carol) as carols:
            self._wait("all ping", lambda: all(each.answered for each in (alices, bobs, carols)))

            self._say(
                "\nTo the device manager, laptop-alice no longer complies. The sync runs, and starts the re-authorizer:"
            )
            self._deployed.manager.judge("laptop-alice", compliant=False)
            self._cut(alice, "alice", self._deployed.sync)
            at_the_cut = bobs.answered
            self._wait("bob pings on", lambda: bobs.answered > at_the_cut)
            self._say(
                f"  pings answered: alice {alices.answered}, and no more; bob {bobs.answered} and counting\n"
            )
            self._header()
            self._connect("alice", allowed=False)

            self._say(
                "\nA waiver for an hour: client-connect devices waive --policy compliant-device --for 1h ...\n"
            )
            self._deployed.waive(
                policy="compliant-device",
                device="laptop-alice",
                reason="agent is being repaired",
                approved_by="dave",
            )
            self._header()
            self._connect("alice")

            self._say("\nA policy that forbids carol. The deployment starts the re-authorizer:")
            with step(self._console, "cdk deploy, with one more policy") as report:
                self._cut(carol, "carol", lambda: self._deployed.deploy(_CLOSED, report=report))
            before = bobs.answered
            self._wait("bob pings on", lambda: bobs.answered > before)
            self._say("")
            self._header()
            self._connect("carol", allowed=False)
            self._say(f"\nbob has been online all the time: {bobs.answered} pings answered.")
        if bob.has_ended:
            raise ShowFailed(f"bob should still be online; his client's log ends with\n{bob.log()[-500:]}")

    def _connect(self, name: str, *, allowed: bool = True, tunnel: bool = False) -> Client:
        client = self._deployed.vpn.connect(
            common_name=f"laptop-{name}",
            options=ClientOptions(username=name, password=_PASSWORD, tunnel=tunnel),
            at=f"198.51.100.{20 + _ONLINE.index(name)}" if tunnel else OFFICE,
        )
        self._outcome(client, allowed=allowed)
        return client

    def _cut(self, client: Client, name: str, cause: Callable[[], object]) -> None:
        started = perf_counter()
        cause()
        done = perf_counter()
        self._wait(f"{name} is cut", lambda: client.has_ended)
        cut = perf_counter()
        self._say(
            f"  {name} is cut, {cut - started:.1f} s after that began and {cut - done:.1f} s after its end"
        )

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise ShowFailed(f"it did not happen within {_WAIT_SECONDS:.0f} s that {what}")
            time.sleep(0.02)

    def _outcome(self, client: Client, *, allowed: bool) -> None:
        """Wait for a client's outcome, and show it as a row of the table."""
        outcome = client.wait()
        if outcome != ("up" if allowed else "refused"):
            expected = "up" if allowed else "refused"
            raise ShowFailed(f"a client should be {expected}; its log ends with\n{client.log()[-800:]}")
        attempt = self._deployed.vpn.attempts[-1]
        message = " ".join(client.messages) or ("" if allowed else "(what OpenVPN says of a wrong password)")
        self._row(
            *(escape(cell) for cell in (_who(attempt), _from(attempt), _sent(attempt))),
            Text("allowed", "green") if allowed else Text("denied", "red"),
            escape(", ".join(attempt.determining)) or "(not asked)",
            escape(message),
            f"{attempt.invocation.milliseconds:.0f}" if attempt.invocation else "-",
        )

    def _header(self) -> None:
        self._row(*(Text(name, "bold") for name in _COLUMNS))

    def _row(self, *cells: str | Text) -> None:
        """Print a row at once: the next one is not known yet."""
        row = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
        for name, width in _COLUMNS.items():
            row.add_column(width=width, justify="right" if name == "ms" else "left", overflow="fold")
        row.add_row(*cells)
        self._console.print(row)

    def _say(self, text: str) -> None:
        self._console.print(escape(text), soft_wrap=True)


def _who(attempt: Attempt) -> str:
    username = attempt.seen.get("username")
    return f"{username}, {attempt.seen['common_name']}" if username else attempt.seen["common_name"]


def _from(attempt: Attempt) -> str:
    return attempt.seen.get("untrusted_ip") or attempt.seen.get("untrusted_ip6", "")


def _sent(attempt: Attempt) -> str:
    sent = (attempt.seen.get(name, "") for name in ("IV_PLAT", "IV_PLAT_VER", "IV_VER"))
    return " ".join(filter(None, sent))


if __name__ == "__main__":
    sys.exit(main())
