"""Real clients and a real OpenVPN server before the handler that the real ``cdk deploy`` has deployed.

All tests share one deployment. Each client has its own user and device, unless a test is about that, and the
clients of a test connect at the same time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.vpn.bridge import User
from local_aws.vpn.deployed_vpn import APP, DeployedVpn
from local_aws.vpn.local_vpn import OFFICE
from local_aws.vpn.openvpn_client import ClientOptions
from local_aws.vpn.other_systems import client_program
from local_aws.vpn.pinging import pinging
from tests.support.apps import synthesize
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local_aws.deployed_handler import DeployedHandler, Invocation
    from local_aws.emulator import Emulator
    from local_aws.vpn.attempts import Attempt
    from local_aws.vpn.openvpn_client import Client

pytestmark = [pytest.mark.vpn, pytest.mark.e2e]

PASSWORD = "correct horse"  # noqa: S105 - the test's own
STORM = 50

# The Windows versions that clients of OpenVPN 2.4 to 2.7 send, and the denied ones.
WINDOWS = {
    "": True,
    "10.0 64bit": True,
    "6.1 64bit": False,
    "10.0, amd64 executable": True,
    "6.3, amd64 executable": False,
    "6.1, i386 executable running on amd64 host": False,
    "10.0.22631,amd64": True,
    "10.0.19044,amd64": False,
    "10.0.26100,arm64": True,
}
# In every alphabet, and as long as OpenVPN takes them: 64 bytes of a common name, 255 characters of a user name.
COMMON_NAMES = [
    "d" * 64,
    "Alice's MacBook Pro (2)",
    'quo"ted\\back',
    "Büro-Laptop-Zoë",
    "笔记本-7",
    "ноутбук",
    "لابتوب",
    "노트북",
    "a,b;c=d",
    "dollar$`sub`(x)#1",
    "🦊-pad",
]
USERNAMES = [
    "u" * 255,
    "ж" * 255,
    "CORP\\Carol",
    "zoë@exämple.com",
    "🦊fox",
    'o\'brien "the boss"',
    "a b",
    "田中",
    "ελένη",
]
COMMANDS = ["TEMP[backoff 60]: x", "CRV1:R,E:bG9uZw==:Ym9i:Your password?"]
# Of 255 characters, and of the 255 bytes that the server's management interface takes.
MESSAGES = {
    "ascii": "x" * 255,
    "quotes": ('a "b" \\c\\ $d ' * 30)[:254] + ".",
    "umlauts": "ü" * 127 + ".",
    "foxes": "🦊" * 63 + "...",
}


def _cedar(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


MORE_POLICIES = "".join(
    f'@id("message-{name}") @message("{_cedar(message)}") forbid (principal, action, resource) '
    f'when {{ context has username && context.username == "{name}" }};\n'
    for name, message in MESSAGES.items()
) + (
    '@id("named") @message("{username} may not connect.") forbid (principal in ClientVpn::Group::"named", '
    "action, resource);\n"
)
CLOSED = (
    '@id("closed") @message("Your account was closed.") forbid (principal, action, resource) '
    'when { context has username && context.username == "eve" };\n'
)

PLAIN = [
    *(f"win-{number}" for number in range(len(WINDOWS))),
    *("mac", "ios", "injected", "name-0", "wrong", "leaving", "carol", "bob", "eve"),
    *(f"cn-{number}" for number in range(len(COMMON_NAMES))),
    *(f"storm-{number}" for number in range(STORM)),
    *MESSAGES,
]
USERS = {
    **{name.lower(): User(password=PASSWORD, groups=("staff",)) for name in (*PLAIN, *USERNAMES)},
    **{command.lower(): User(password=PASSWORD, groups=("named",)) for command in COMMANDS},
    **{f"contractor-{number}": User(password=PASSWORD, groups=("contractors",)) for number in range(4)},
}
DEVICES = [
    *(f"device-of-{name}" for name in PLAIN),
    *(f"user-{number}" for number in range(len(USERNAMES))),
    *(f"command-{number}" for number in range(len(COMMANDS))),
    *(f"partner-{number}" for number in range(4)),
    *("kiosk", *COMMON_NAMES),
]


@dataclass(frozen=True)
class Clients:
    """The clients of one test, and their attempts."""

    deployed: DeployedVpn
    devices: dict[str, Client] = field(default_factory=dict)

    def start(self, common_name: str, username: str | None, *, at: str = OFFICE, **options: Any) -> Client:
        """Start one."""
        password = options.pop("password", PASSWORD)
        given = ClientOptions(username=username, password=password, **options)
        self.devices[common_name] = client = self.deployed.vpn.connect(
            common_name=common_name, options=given, at=at
        )
        return client

    def attempt(self, common_name: str) -> Attempt:
        """Return the last attempt of a device."""
        attempts = reversed(self.deployed.vpn.attempts)
        return next(each for each in attempts if each.seen["common_name"] == common_name)

    def outcomes(self) -> dict[str, tuple[str, list[str]]]:
        """Wait for all; return the fate of each, and the policies that decided, which the record names."""
        return {
            device: (client.wait(), checked(self.attempt(device)).determining)
            for device, client in self.devices.items()
        }


def checked(attempt: Attempt) -> Attempt:
    """Check that the record has what the server has seen, and the client's message."""
    assert attempt.invocation is not None, attempt.failure
    record, request = attempt.invocation.record, attempt.invocation.record["request"]
    pairs = {
        "common-name": attempt.seen["common_name"],
        "username": attempt.seen.get("username", ""),
        "platform": attempt.seen.get("IV_PLAT", ""),
        "platform-version": attempt.seen.get("IV_PLAT_VER", ""),
        "client-openvpn-version": attempt.seen.get("IV_VER", ""),
        "public-ip": attempt.seen.get("untrusted_ip") or attempt.seen.get("untrusted_ip6", ""),
    }
    assert {name: request.get(name, "") for name in pairs} == pairs
    assert record["allow"] == attempt.invocation.answer["allow"]
    return attempt


def is_without_facts(attempt: Attempt) -> bool:
    """Whether a client was denied because this machine was too busy to read what is known of it, as the record says."""
    return (
        attempt.invocation is not None
        and not attempt.is_allowed
        and "unavailable" in attempt.invocation.record
    )


def require_registered(attempt: Attempt) -> None:
    """Skip the test where this machine was too busy to register a connection in time, as the record says."""
    assert attempt.invocation is not None
    if problems := attempt.invocation.record.get("unavailable"):
        pytest.skip(f"this machine was too busy: {problems}")


class Gate:
    """A handler whose answers wait until they may be given."""

    def __init__(self, handler: DeployedHandler) -> None:
        self._handler = handler
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Ask the handler, and keep its answer."""
        invocation = self._handler.invoke(event)
        self.asked.set()
        assert self.may_answer.wait(60)
        return invocation


@pytest.fixture(scope="module")
def deployed(account: Emulator) -> Iterator[DeployedVpn]:
    """The VPN, with every device of the device manager in the inventory."""
    with DeployedVpn(
        account,
        devices=DEVICES,
        users=USERS,
        more_policies=MORE_POLICIES,
        synthesize=lambda context: synthesize(APP, account.directory / "LocalVpn.out", context),
    ) as vpn:
        assert vpn.sync()["written"] == {"new": len(DEVICES)}
        vpn.reauthorize()  # connections are counted only while it runs
        yield vpn


@pytest.fixture
def clients(deployed: DeployedVpn) -> Iterator[Clients]:
    """The clients of one test."""
    yield Clients(deployed)
    deployed.vpn.stop_clients()


def test_windows_is_judged_whatever_the_client_sends_of_its_version(clients: Clients) -> None:
    """The server has replaced spaces by underscores."""
    program = client_program(clients.deployed.vpn.directory, "win")
    for number, version in enumerate(WINDOWS):
        arguments = ["--push-peer-info", *(("--setenv", "IV_PLAT_VER", version) if version else ())]
        clients.start(f"device-of-win-{number}", f"win-{number}", program=program, arguments=arguments)
    expected = [
        ("up", ["authenticated"]) if allowed else ("refused", ["minimum-windows"])
        for allowed in WINDOWS.values()
    ]
    assert list(clients.outcomes().values()) == expected


def test_other_platforms_are_known_and_no_variable_stands_for_one(clients: Clients) -> None:
    """A user's own variable with a line in it changes nothing."""
    folder = clients.deployed.vpn.directory
    clients.start("device-of-mac", "mac", program=client_program(folder, "mac"))
    clients.start("device-of-ios", "ios", program=client_program(folder, "ios"))
    injected = ("--push-peer-info", "--setenv", "UV_X", "1\nIV_PLAT=win\nIV_PLAT_VER=6.1")
    clients.start("device-of-injected", "injected", arguments=injected)
    assert clients.outcomes() == {
        "device-of-mac": ("up", ["authenticated"]),
        "device-of-ios": ("refused", ["platform"]),
        "device-of-injected": ("up", ["authenticated"]),
    }
    assert clients.attempt("device-of-injected").event["platform"] == "linux"


def test_common_names_of_every_alphabet_are_found_in_the_inventory(clients: Clients) -> None:
    """Up to the 64 bytes that OpenVPN takes."""
    for number, common_name in enumerate(COMMON_NAMES):
        clients.start(common_name, f"cn-{number}")
    assert set(map(str, clients.outcomes().values())) == {str(("up", ["authenticated"]))}


def test_user_names_of_every_alphabet_and_255_characters_arrive(clients: Clients) -> None:
    """As the directory knows them."""
    for number, username in enumerate(USERNAMES):
        clients.start(f"user-{number}", username)
    assert set(map(str, clients.outcomes().values())) == {str(("up", ["authenticated"]))}
    assert [clients.attempt(f"user-{n}").event["username"] for n in range(len(USERNAMES))] == USERNAMES


def test_the_public_address_decides_over_ipv4_and_ipv6(clients: Clients) -> None:
    """Contractors connect from the office."""
    for number, at in enumerate(("198.51.100.9", "203.0.113.9", "2001:db8:1::7", "2001:db8:2::7")):
        clients.start(f"partner-{number}", f"contractor-{number}", at=at, ipv6=":" in at)
    up, refused = ("up", ["authenticated"]), ("refused", ["contractors"])
    assert list(clients.outcomes().values()) == [up, refused, up, refused]


def test_a_certificate_alone_is_a_device(clients: Clients) -> None:
    """There is no user name."""
    clients.start("kiosk", None)
    assert clients.outcomes() == {"kiosk": ("up", ["authenticated"])}
    assert clients.attempt("kiosk").event["username"] == ""


def test_the_handler_is_not_asked_for_a_wrong_password(clients: Clients) -> None:
    """The client is refused without a message."""
    client = clients.start("device-of-wrong", "wrong", password="guessed")  # noqa: S106 - not a secret
    assert (client.wait(), client.messages) == ("refused", [""])
    assert clients.attempt("device-of-wrong").event == {}


def test_messages_of_255_characters_arrive_whole(clients: Clients) -> None:
    """And those of 255 bytes in other alphabets."""
    for name in MESSAGES:
        clients.start(f"device-of-{name}", name)
    assert {outcome for outcome, _ in clients.outcomes().values()} == {"refused"}
    told = {name: clients.devices[f"device-of-{name}"].messages for name in MESSAGES}
    assert told == {name: [message] for name, message in MESSAGES.items()}


def test_a_user_whose_name_is_a_command_commands_no_client(clients: Clients) -> None:
    """It neither comes back by itself nor asks for a password, though it is one that retries."""
    started = [
        clients.start(f"command-{number}", command, retry=True) for number, command in enumerate(COMMANDS)
    ]
    wait_for(lambda: all(client.has_ended for client in started))
    for client in started:
        (message,) = client.messages
        assert not message.startswith("TEMP")
        assert "CRV1:" not in message
        assert "may not connect." in message


def test_a_client_that_leaves_while_the_handler_is_asked_comes_back(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection that never was does not count for its user."""
    deployed = clients.deployed
    gate = Gate(deployed.handler)
    monkeypatch.setattr(deployed, "handler", gate)
    client = clients.start("device-of-leaving", "leaving")
    assert gate.asked.wait(60)
    client.stop()
    gate.may_answer.set()
    wait_for(lambda: clients.attempt("device-of-leaving").is_settled)
    assert checked(clients.attempt("device-of-leaving")).is_allowed
    assert clients.start("device-of-leaving", "leaving").wait() == "up"


def test_a_storm_is_let_in_and_comes_back_after_an_outage(clients: Clients) -> None:
    """Each with its own record; though each user may have one connection, and none has left."""
    vpn = clients.deployed.vpn
    addresses = [f"198.51.100.{100 + number}" for number in range(STORM)]
    place = vpn.internet.place(*addresses)
    names = [f"storm-{number}" for number in range(STORM)]
    for name in names:
        vpn.authority.client(f"device-of-{name}")
    started = [
        vpn.connect(
            common_name=f"device-of-{name}",
            options=ClientOptions(username=name, password=PASSWORD, local=address, retry=True),
            namespace=place,
        )
        for name, address in zip(names, addresses, strict=True)
    ]
    for client in started:
        client.wait(120)
    first = [clients.attempt(f"device-of-{name}") for name in names]
    assert [checked(attempt).event["public-ip"] for attempt in first] == addresses
    wait_for(lambda: all(attempt.is_established or is_without_facts(attempt) for attempt in first))

    online = {name: attempt for name, attempt in zip(names, first, strict=True) if attempt.is_established}
    assert online
    for attempt in online.values():
        vpn.bridge.drop(attempt)

    def is_back(name: str) -> bool:
        again = clients.attempt(f"device-of-{name}")
        return again is not online[name] and (again.is_established or is_without_facts(again))

    wait_for(lambda: all(is_back(name) for name in online))
    for name in online:
        checked(clients.attempt(f"device-of-{name}"))


def test_what_becomes_forbidden_is_cut_and_nothing_else(clients: Clients) -> None:
    """By the device manager's word and by a deployment; and a waiver lets a device back in."""
    deployed = clients.deployed
    carol, bob, eve = (
        clients.start(f"device-of-{name}", name, at=f"198.51.100.2{number}", tunnel=True)
        for number, name in enumerate(("carol", "bob", "eve"))
    )
    assert {outcome for outcome, _ in clients.outcomes().values()} == {"up"}
    for name in ("carol", "bob", "eve"):
        require_registered(clients.attempt(f"device-of-{name}"))
    with pinging(carol) as carols, pinging(bob) as bobs, pinging(eve) as eves:
        wait_for(lambda: carols.answered and bobs.answered and eves.answered)
        deployed.manager.judge("device-of-carol", compliant=False)
        assert deployed.sync()["written"] == {"no longer compliant": 1}
        wait_for(lambda: carol.has_ended)
        before = carols.answered, bobs.answered, eves.answered
        wait_for(lambda: bobs.answered > before[1] + 5 and eves.answered > before[2] + 5)
        assert carols.answered == before[0]
        assert not bob.has_ended

        again = clients.start("device-of-carol", "carol")
        assert (again.wait(), clients.attempt("device-of-carol").determining) == (
            "refused",
            ["compliant-device"],
        )
        assert again.messages == [
            "This device does not comply with company policy. Open your device manager to see why."
        ]
        deployed.waive(
            policy="compliant-device", device="device-of-carol", reason="repair", approved_by="dave"
        )
        assert clients.start("device-of-carol", "carol").wait() == "up"

        deployed.deploy(MORE_POLICIES + CLOSED)
        wait_for(lambda: eve.has_ended)
        at_the_cut = bobs.answered
        wait_for(lambda: bobs.answered > at_the_cut + 5)
    refused = clients.start("device-of-eve", "eve")
    assert (refused.wait(), refused.messages) == ("refused", ["Your account was closed."])
    assert not bob.has_ended
    assert len(deployed.api.terminations) == 2
