"""The parts of the local VPN: real clients before a handler that each test stands for itself."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.client_vpn_api import ClientVpnApi
from local_aws.deployed_handler import Invocation
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT
from local_aws.vpn.bridge import NO_ANSWER, User
from local_aws.vpn.local_vpn import LocalVpn
from local_aws.vpn.openvpn_client import ClientOptions
from local_aws.vpn.run_directory import PREFIX, namespaces_of, remove_leftovers
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.vpn

PASSWORD = "correct horse"  # noqa: S105 - the test's own
ALICE = ClientOptions(username="alice", password=PASSWORD)
USERS = {"alice": User(password=PASSWORD, groups=("staff",))}

# A VPN with a client that is up, which prints its folder and then waits for its end.
PROGRAM = """
import sys, threading
from local_aws.process import unwind_on_signals
from tests.vpn.test_local_vpn import ALICE, Handler, vpn_before

unwind_on_signals()
with vpn_before(Handler()) as vpn:
    vpn.connect(common_name="laptop", options=ALICE).wait()
    print(vpn.directory, flush=True)
    if sys.argv[1:] == ["fail"]:
        raise SystemExit("it failed")
    threading.Event().wait()
"""


class Handler:
    """Allows each connection, or denies it with a message, as soon as it may answer."""

    def __init__(self, message: str = "") -> None:
        self.message = message
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()

    def __call__(self, _event: Mapping[str, Any]) -> Invocation:
        """Answer."""
        self.asked.set()
        assert self.may_answer.wait(60)
        answer = {"allow": not self.message, "error-msg-on-denied-connection": self.message}
        return Invocation(answer=answer, record={}, version="1", milliseconds=1.0)


def vpn_before(handler: Any) -> Any:
    """Return a VPN whose clients a handler decides on."""
    api = ClientVpnApi(limits={})
    api.add_endpoint(ENDPOINT)
    return LocalVpn(ask=handler, api=api, endpoint_id=ENDPOINT, users=USERS)


@pytest.fixture(scope="module")
def handler() -> Handler:
    """The handler of all tests here."""
    return Handler()


@pytest.fixture(scope="module")
def vpn(handler: Handler) -> Iterator[LocalVpn]:
    """A VPN before it."""
    with vpn_before(handler) as running:
        yield running


@pytest.fixture(autouse=True)
def _as_before(handler: Handler, vpn: LocalVpn) -> Iterator[None]:
    yield
    vpn.stop_clients()
    handler.__init__()  # type: ignore[misc]


def test_a_client_whose_handler_fails_is_told_what_the_service_says(vpn: LocalVpn, handler: Handler) -> None:
    """And the reason is known here."""
    handler.may_answer = None  # type: ignore[assignment]
    client = vpn.connect(common_name="laptop", options=ALICE)
    assert (client.wait(), client.messages) == ("refused", [NO_ANSWER])
    assert "AttributeError" in vpn.attempts[-1].failure


def test_a_message_with_the_characters_of_the_command_arrives_as_it_is(
    vpn: LocalVpn, handler: Handler
) -> None:
    """Quotes, backslashes and spaces at its end."""
    handler.message = 'a "b" \\"c\\\\ d\' #e  '
    client = vpn.connect(common_name="laptop", options=ALICE)
    assert client.wait() == "refused"
    assert client.messages == [handler.message]


def test_a_message_that_begins_with_a_command_makes_clients_come_back(
    vpn: LocalVpn, handler: Handler
) -> None:
    """Which is why the handler lets no user begin one: see the tests of the deployed handler."""
    before = len(vpn.attempts)
    handler.message = "TEMP[backoff 1]: Come back."
    client = vpn.connect(common_name="laptop", options=dataclasses.replace(ALICE, retry=True))
    wait_for(lambda: len(vpn.attempts) - before > 1)
    assert not client.has_ended


def test_a_client_that_leaves_while_the_handler_is_asked_is_never_listed(
    vpn: LocalVpn, handler: Handler
) -> None:
    """And the next one is served."""
    handler.asked.clear()
    handler.may_answer.clear()
    client = vpn.connect(common_name="laptop", options=ALICE)
    assert handler.asked.wait(60)
    attempt = vpn.attempts[-1]
    client.stop()
    wait_for(lambda: attempt.has_ended)
    handler.may_answer.set()
    wait_for(lambda: attempt.is_settled)
    assert (attempt.is_allowed, attempt.is_established) == (True, False)
    assert vpn.connect(common_name="laptop", options=ALICE).wait() == "up"
    assert not attempt.is_established


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, None])
def test_nothing_is_left_of_a_run_that_is_stopped_or_fails(end: signal.Signals | None) -> None:
    """No namespace, and with them no device and no process; and no file."""
    with _program(*(() if end else ("fail",))) as process:
        run = Path(_line(process))
        if end:
            process.send_signal(end)
        process.wait(60)
    assert process.returncode != 0
    assert not run.exists()
    assert namespaces_of(run.name) == []
    assert _processes_of(run.name) == []


def test_what_a_killed_run_has_left_is_removed_before_the_next_one() -> None:
    """With its processes; a run that goes on keeps everything."""
    with _program() as killed, _program() as going_on:
        left, kept = Path(_line(killed)), Path(_line(going_on))
        killed.kill()
        killed.wait(60)
        assert len(namespaces_of(left.name)) == 2
        assert _processes_of(left.name)
        wait_for(lambda: left.name in remove_leftovers() or not left.exists())
        assert namespaces_of(left.name) == []
        assert _processes_of(left.name) == []
        assert len(namespaces_of(kept.name)) == 2
        going_on.terminate()
        going_on.wait(60)
    assert not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{left.name}"))


def _program(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _processes_of(run: str) -> list[str]:
    """Return the command lines of processes that name a run's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has just ended
            continue
        if run in command:
            found.append(command)
    return found
