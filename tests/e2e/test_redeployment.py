"""Connections that ask while other policies are being deployed: each is answered by the old ones or by the new ones."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Self

import pytest

from tests.support.apps import deploy_handler

if TYPE_CHECKING:
    from local_aws.deployed_handler import DeployedHandler, Invocation
    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

# Each answer says whose it is, and whoever is allowed by the one is denied by the other.
OLD = """
@id("staff") @status("old")
permit (principal in ClientVpn::Group::"staff", action, resource);
@id("guests") @message("The old policies forbid guests.") @status("old")
forbid (principal in ClientVpn::Group::"guests", action, resource);
"""
NEW = """
@id("guests") @status("new")
permit (principal in ClientVpn::Group::"guests", action, resource);
@id("staff") @message("The new policies forbid staff.") @status("new")
forbid (principal in ClientVpn::Group::"staff", action, resource);
"""
GROUPS = ("staff", "guests")
THREADS = 2
# So many are answered before the deployment begins, and after it has ended.
INVOCATIONS = 10


def answer(*, allow: bool, message: str, status: str) -> dict[str, object]:
    """Return an answer of schema version v3."""
    return {
        "allow": allow,
        "error-msg-on-denied-connection": message,
        "posture-compliance-statuses": [status],
        "schema-version": "v3",
    }


ANSWERS = {
    "old": {
        "staff": answer(allow=True, message="", status="old"),
        "guests": answer(allow=False, message="The old policies forbid guests.", status="old"),
    },
    "new": {
        "staff": answer(allow=False, message="The new policies forbid staff.", status="new"),
        "guests": answer(allow=True, message="", status="new"),
    },
}


def event(group: str, number: int) -> dict[str, object]:
    """Return the event of a connection by a member of a group."""
    return {
        "connection-id": f"cvpn-connection-{number}",
        "endpoint-id": "cvpn-endpoint-1",
        "common-name": "",
        "username": "bob",
        "platform": "win",
        "platform-version": "",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "",
        "groups": [group],
        "aws-client-version": "",
        "schema-version": "v3",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One connection that asked, and when it did."""

    group: str
    began: float
    ended: float
    invocation: Invocation


class Stream:
    """Connections that ask steadily, from several threads, until the ``with`` block ends."""

    def __init__(self, handler: DeployedHandler) -> None:
        self._handler = handler
        self._ended = threading.Event()
        self._answered = threading.Condition()
        self._threads = [threading.Thread(target=self._ask) for _ in range(THREADS)]
        self._numbers = count()
        self.asked: list[Asked] = []
        self.failures: list[Exception] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait(self) -> None:
        """Wait until more connections have been answered, or one has failed."""
        with self._answered:
            enough = len(self.asked) + INVOCATIONS
            self._answered.wait_for(lambda: len(self.asked) >= enough or self.failures, timeout=60)

    def _ask(self) -> None:
        while not self._ended.is_set():
            number = next(self._numbers)
            group, began = GROUPS[number % len(GROUPS)], monotonic()
            try:
                invocation = self._handler.invoke(event(group, number))
            except Exception as error:  # noqa: BLE001 - whatever it is, a test reports it
                self.failures.append(error)
            else:
                self.asked.append(Asked(group=group, began=began, ended=monotonic(), invocation=invocation))
            with self._answered:
                self._answered.notify_all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeployment:
    """The connections while the new policies were deployed.

    Attributes:
        stream: The connections that asked.
        began: When the deployment began.
        ended: When it ended.
        policies: ``old`` or ``new``, by the published version.
    """

    stream: Stream
    began: float
    ended: float
    policies: dict[str, str]

    def seen(self) -> dict[str, list[str]]:
        """Return whose the answers were, before, during and after the deployment."""
        seen: dict[str, list[str]] = {"before": [], "during": [], "after": []}
        for asked in self.stream.asked:
            when = "before" if asked.ended < self.began else "after" if asked.began > self.ended else "during"
            seen[when].append(self.policies[asked.invocation.version])
        return seen


@pytest.fixture(scope="module")
def redeployment(account: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Redeployment:
    """The old policies are deployed; then the new ones, by the real command line, while connections ask."""
    policies = tmp_path_factory.mktemp("policies") / "groups.cedar"
    policies.write_text(OLD, "utf-8")
    handler = deploy_handler(account, stack="Redeployed", policies=policies)
    first = handler.alias_version
    with Stream(handler) as stream:
        stream.wait()
        policies.write_text(NEW, "utf-8")
        began = monotonic()
        deploy_handler(account, stack="Redeployed", policies=policies)
        ended = monotonic()
        stream.wait()
    return Redeployment(
        stream=stream, began=began, ended=ended, policies={first: "old", handler.alias_version: "new"}
    )


def test_every_connection_is_answered(redeployment: Redeployment) -> None:
    """No invocation fails, and each answer is word for word what the policies of the version that ran say."""
    assert redeployment.stream.failures == []
    for asked in redeployment.stream.asked:
        policies = redeployment.policies[asked.invocation.version]
        assert asked.invocation.answer == ANSWERS[policies][asked.group]


def test_connections_asked_before_during_and_after(redeployment: Redeployment) -> None:
    """The stream never paused: the old policies answered before, the new ones after, nothing else meanwhile."""
    seen = redeployment.seen()
    assert len(seen["before"]) >= INVOCATIONS
    assert len(seen["during"]) >= INVOCATIONS
    assert len(seen["after"]) >= INVOCATIONS
    assert (set(seen["before"]), set(seen["after"])) == ({"old"}, {"new"})


def test_after_the_first_new_answer_there_is_no_old_one(redeployment: Redeployment) -> None:
    """The alias moves at once: whoever asks after that is answered by the new policies.

    So it is in the emulator, which has one alias in one place; nothing is claimed of AWS.
    """
    answered = [
        (asked, redeployment.policies[asked.invocation.version]) for asked in redeployment.stream.asked
    ]
    first = min(asked.ended for asked, policies in answered if policies == "new")
    assert {policies for asked, policies in answered if asked.began > first} == {"new"}
