"""The list of a device manager, over a real connection with everything that goes wrong there."""

from __future__ import annotations

import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import OsVersion
from client_connect_devices.deadline import Deadline
from client_connect_devices.errors import (
    CredentialsRejected,
    IncompleteList,
    InvalidSecret,
    ManagerUnavailable,
    OutOfTime,
    SyncFailed,
    UnexpectedAnswer,
)
from client_connect_devices.http import Client
from client_connect_devices.values import instant, os_version, time_text
from tests.support.device_managers import faults
from tests.support.device_managers.intune import IntuneServer, common_name, device
from tests.support.device_managers.server import CLIENT_SECRET, Reply
from tests.support.device_managers.syncing import INTUNE, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = {**INTUNE, "page_size": 10}


@pytest.fixture
def server() -> Iterator[IntuneServer]:
    """Intune with 25 devices: three pages of 10."""
    with IntuneServer([device(number) for number in range(25)]) as running:
        yield running


def test_all_pages_are_read(server: IntuneServer) -> None:
    """By the links, with what is needed of each device and nothing else."""
    listing = listed(server, {**SMALL, "tags": {"owner": "userPrincipalName"}})
    assert (listing.listed, len(listing)) == (25, 25)
    found = listing.get(common_name(7))
    assert found is not None
    assert (found.compliant, found.os, dict(found.tags)) == (
        True,
        "10.0.22631",
        {"owner": "user7@contoso.example"},
    )
    assert found.last_seen == "2026-11-30T07:02:49Z"
    lists = [request for request in server.requests if request.method == "GET"]
    assert [request.query.get("$skiptoken") for request in lists] == [None, "10", "20"]
    assert "serialNumber" not in lists[0].query["$select"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(429),
        faults.status(429, retry_after="30"),
        faults.status(429, retry_after="Mon, 30 Nov 2020 12:00:00 GMT"),
        faults.status(429, retry_after="soon"),
        faults.status(500),
        faults.status(502),
        faults.status(503, retry_after="1"),
        faults.cut,
    ],
    ids=["429", "429-seconds", "429-date", "429-nonsense", "500", "502", "503", "cut"],
)
def test_what_passes_is_tried_again(server: IntuneServer, fault: Any) -> None:
    """A failure in the middle of a list costs a request and no device."""
    server.faults = {1: fault, 3: fault}
    assert len(listed(server, SMALL)) == 25


def test_a_token_that_ends_between_pages_is_renewed(server: IntuneServer) -> None:
    """Whether the answer is 401 or the time is over that it was given for."""
    server.token_uses = 1
    assert len(listed(server, SMALL)) == 25
    assert sum(request.method == "POST" for request in server.requests) == 3
    server.token_uses, server.expires_in = 1000, "1"
    server.requests.clear()
    server.faults = {server.lists + 1: lambda reply: (time.sleep(0.8), reply)[1]}
    assert len(listed(server, SMALL)) == 25
    assert sum(request.method == "POST" for request in server.requests) == 2


FAILURES: dict[str, tuple[Any, type[SyncFailed], str]] = {
    "a page of HTML": (faults.html, UnexpectedAnswer, "text/html"),
    "half of a JSON text": (faults.not_json, UnexpectedAnswer, "not valid JSON"),
    "no list": (faults.changed(lambda _: {"error": {}}), UnexpectedAnswer, 'without a list "value"'),
    "null for the list": (
        faults.changed(lambda _: {"value": None}),
        UnexpectedAnswer,
        'without a list "value"',
    ),
    "an array": (faults.changed(lambda _: []), UnexpectedAnswer, "no object"),
    "404": (faults.status(404), UnexpectedAnswer, "status 404"),
    "405": (faults.status(405), UnexpectedAnswer, "status 405"),
    "403": (faults.status(403), CredentialsRejected, "grant the permission"),
    "a redirect": (faults.status(302, location="https://elsewhere.example/"), UnexpectedAnswer, "redirects"),
    "compressed": (faults.status(200, content_encoding="gzip"), UnexpectedAnswer, "compressed"),
    "a long wait": (faults.status(429, retry_after="3600"), ManagerUnavailable, "asks to wait 3600 s"),
    "a link elsewhere": (
        faults.changed(lambda value: {**value, "@odata.nextLink": "https://elsewhere.example/v1.0"}),
        UnexpectedAnswer,
        "another host, https://elsewhere.example",
    ),
    "a link without TLS": (
        faults.changed(lambda value: {**value, "@odata.nextLink": "http://graph.microsoft.com/v1.0"}),
        UnexpectedAnswer,
        "another host",
    ),
    "a link that is no address": (
        faults.changed(lambda value: {**value, "@odata.nextLink": "https://[x/"}),
        UnexpectedAnswer,
        "another host",
    ),
    "a link that cannot be sent": (
        faults.changed(
            lambda value: {**value, "@odata.nextLink": f"{value['@odata.nextLink']}&name=\u00fc b"}
        ),
        UnexpectedAnswer,
        "is not an HTTPS address",
    ),
    "a link that is none": (
        faults.changed(lambda value: {**value, "@odata.nextLink": 7}),
        IncompleteList,
        "no text",
    ),
    "no link": (
        faults.changed(lambda value: {"value": value["value"], "@odata.count": 25}),
        IncompleteList,
        "there are 25 devices, but lists 20",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_list_that_is_not_whole_is_an_error(server: IntuneServer, name: str) -> None:
    """Never a shorter list, and never with a credential or the content of an answer in the message."""
    fault, error, message = FAILURES[name]
    server.faults = {1: fault}
    with pytest.raises(error, match=message) as raised:
        listed(server, SMALL)
    assert CLIENT_SECRET not in str(raised.value)
    assert "token-0" not in str(raised.value)


def test_a_link_that_comes_again_ends_the_list(server: IntuneServer) -> None:
    """A page that is its own next page was seen with another list of Graph."""
    again: dict[str, str] = {}

    def repeat(value: dict[str, Any]) -> dict[str, Any]:
        again.setdefault("link", value["@odata.nextLink"])
        return {**value, "@odata.nextLink": again["link"]}

    server.faults = dict.fromkeys(range(1000), faults.changed(repeat))
    with pytest.raises(IncompleteList, match="followed already"):
        listed(server, SMALL)
    assert server.lists < 5


def test_pages_of_the_same_devices_end_the_list(server: IntuneServer) -> None:
    """By links that are always new."""
    first = server.devices[:10]
    server.faults = {
        number: faults.changed(
            lambda value, number=number: {
                **value,
                "value": first,
                "@odata.nextLink": f"https://graph.microsoft.com/v1.0/deviceManagement/managedDevices?$skiptoken={number}",
            }
        )
        for number in range(100)
    }
    with pytest.raises(IncompleteList, match="came before"):
        listed(server, SMALL)


def test_a_manager_that_stays_down_is_given_up(server: IntuneServer) -> None:
    """After six attempts."""
    server.faults = dict.fromkeys(range(100), faults.status(503))
    with pytest.raises(ManagerUnavailable, match="status 503, 6 times in a row"):
        listed(server, SMALL)
    assert server.lists == 6


def test_a_slow_answer_ends_with_the_time_of_the_run(server: IntuneServer) -> None:
    """A byte now and then does not hold a run."""
    server.faults = dict.fromkeys(range(100), faults.slow)
    started = time.monotonic()
    with pytest.raises(OutOfTime):
        listed(server, SMALL, seconds=1.5)
    assert time.monotonic() - started < 20


def test_an_answer_that_is_too_large_is_refused(server: IntuneServer) -> None:
    """Before it fills the memory."""
    server.faults = {0: lambda _: Reply(200, b" " * (65 << 20))}
    with pytest.raises(UnexpectedAnswer, match="more than 64 MiB; set a smaller page_size"):
        listed(server, SMALL)


def test_refused_credentials_say_what_to_do(server: IntuneServer) -> None:
    """With Entra's own code, without the secret."""
    wrong = '{"clientId": "the-client-id", "clientSecret": "wrong-secret"}'
    with pytest.raises(CredentialsRejected, match=r"status 401 \(invalid_client, AADSTS7000215\)") as raised:
        listed(server, SMALL, secret=wrong)
    assert "wrong-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("hunter2", "not a JSON object of strings"),
        ('["hunter2"]', "not a JSON object of strings"),
        ('{"clientId": "a", "clientSecret": 7}', "not a JSON object of strings"),
        ('{"client_id": "a", "client_secret": "hunter2"}', 'no "clientId"; it has client_id, client_secret'),
        (
            '{"clientId": "a", "clientSecret": "hunter2\\n"}',
            '"clientSecret" of the secret has a space around it',
        ),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_by_its_keys_alone(
    server: IntuneServer, secret: str, message: str
) -> None:
    """Its values are never shown."""
    with pytest.raises(InvalidSecret, match=message) as raised:
        listed(server, SMALL, secret=secret)
    assert "hunter2" not in str(raised.value)


def test_devices_that_cannot_become_items_are_counted_and_named(server: IntuneServer) -> None:
    """With the reason, and without an effect on others."""
    zeros = "00000000-0000-0000-0000-000000000000"
    server.devices[0] = device(0, azureADDeviceId=zeros)
    server.devices[1] = device(1, azureADDeviceId=None)
    server.devices[2] = device(2, azureADDeviceId="a\u0007b")
    server.devices[3] = device(3, azureADDeviceId="device-sync:intune")
    server.devices[5] = device(5, azureADDeviceId="To be filled by O.E.M.")
    server.devices[4] = device(4, id=None)
    server.devices[6] = device(6, id="\ud800")
    listing = listed(server, SMALL)
    assert len(listing) == 18
    assert listing.rejected.total() == 7
    assert listing.rejected["a placeholder as the common name"] == 2
    assert listing.rejected_ids[str(device(0)["id"])] == "a placeholder as the common name"


def test_of_duplicates_the_newest_managed_record_counts(server: IntuneServer) -> None:
    """Each is counted by its name."""
    name = device(1)["azureADDeviceId"]
    server.devices += [
        device(
            90, azureADDeviceId=name, complianceState="noncompliant", lastSyncDateTime="2026-11-30T09:00:00Z"
        ),
        device(
            91,
            azureADDeviceId=name,
            deviceRegistrationState="revoked",
            lastSyncDateTime="2026-11-30T10:00:00Z",
        ),
    ]
    listing = listed(server, SMALL)
    found = listing.get(common_name(1))
    assert found is not None
    assert (found.compliant, found.removed) == (False, False)
    assert listing.duplicates == {common_name(1): 3}


def test_duplicates_can_be_left_without_a_verdict(server: IntuneServer) -> None:
    """Where users could name a compliant device as another one; a record that was removed is none of them."""
    strict = {**SMALL, "duplicates": "no-verdict"}
    first, second = device(1)["azureADDeviceId"], device(2)["azureADDeviceId"]
    server.devices += [
        device(90, azureADDeviceId=first, lastSyncDateTime="2026-11-30T09:00:00Z"),
        device(91, azureADDeviceId=second, deviceRegistrationState="revoked"),
    ]
    listing = listed(server, strict)
    verdicts = [getattr(listing.get(common_name(number)), "compliant", "missing") for number in (1, 2, 3)]
    assert verdicts == [None, True, True]


@pytest.mark.parametrize("state", ["noncompliant", "unknown"])
def test_a_record_that_comes_again_with_another_verdict_is_not_ignored(
    server: IntuneServer, state: str
) -> None:
    """Pages shift while devices change: of the same check-in, the stricter verdict counts."""
    server.devices.append(device(1, complianceState=state))
    listing = listed(server, SMALL)
    found = listing.get(common_name(1))
    assert found is not None
    assert found.compliant is not True
    assert (listing.repeated, listing.duplicates) == (1, {})


def test_a_total_that_falls_meanwhile_hides_nothing(server: IntuneServer) -> None:
    """The largest one counts, not that of the last page."""
    server.faults = {
        1: faults.changed(lambda value: {**value, "@odata.count": 25}),
        2: faults.changed(lambda value: {**value, "value": value["value"][:1], "@odata.count": 21}),
    }
    with pytest.raises(IncompleteList, match="there are 25 devices, but lists 21"):
        listed(server, SMALL)


def test_a_number_that_is_no_time_is_not_known(server: IntuneServer) -> None:
    """However large it is."""
    server.devices[1] = device(1, lastSyncDateTime=10**400)
    found = listed(server, SMALL).get(common_name(1))
    assert found is not None
    assert found.last_seen == ""


def test_what_a_server_echoes_is_in_no_message() -> None:
    """As the status line, which the error of Python's client repeats."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def echo() -> None:
            for _ in range(6):
                connection, _ = listening.accept()
                with connection:
                    token = re.search(rb"Bearer (\S+)", connection.recv(65536))
                    connection.sendall((token[1] if token else b"") + b"\r\n\r\n")

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        client = Client(
            Deadline.after(60),
            test_server=f"http://127.0.0.1:{listening.getsockname()[1]}",
            pause_factor=0.001,
        )
        with pytest.raises(ManagerUnavailable, match="BadStatusLine") as raised:
            client.get("https://fleet.example.com/", {"Authorization": "Bearer an-access-token"})
        thread.join()
    assert "an-access-token" not in str(raised.value)


def test_of_duplicates_seen_at_the_same_time_the_stricter_counts(server: IntuneServer) -> None:
    """Whatever the order."""
    name = device(1)["azureADDeviceId"]
    server.devices.append(device(90, azureADDeviceId=name, complianceState="unknown"))
    found = listed(server, SMALL).get(common_name(1))
    assert found is not None
    assert found.compliant is None


def test_a_link_may_spell_the_host_otherwise(server: IntuneServer) -> None:
    """In other letters, or with the port of HTTPS."""
    server.faults = dict.fromkeys(
        range(2),
        faults.changed(
            lambda value: {
                **value,
                "@odata.nextLink": value["@odata.nextLink"]
                .replace("graph.", "graph.", 1)
                .replace("https", "HTTPS"),
            }
        ),
    )
    assert len(listed(server, SMALL)) == 25


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"complianceState": "noncompliant"}, (False, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"complianceState": "inGracePeriod"}, (False, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"complianceState": "unknown"}, (None, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"complianceState": "configManager"}, (None, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"complianceState": "error"}, (None, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"complianceState": None}, (None, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"complianceState": True}, (None, "10.0.22631", "2026-11-30T07:02:49Z")),
        ({"lastSyncDateTime": "0001-01-01T00:00:00Z"}, (True, "10.0.22631", "")),
        ({"lastSyncDateTime": None}, (True, "10.0.22631", "")),
        ({"lastSyncDateTime": "2026-11-29 10:00:00"}, (True, "10.0.22631", "")),
        ({"lastSyncDateTime": "2030-01-01T00:00:00Z"}, (True, "10.0.22631", "2026-11-30T12:00:00Z")),
        ({"osVersion": "15.1 (24B83)"}, (True, "15.1", "2026-11-30T07:02:49Z")),
        ({"osVersion": "15"}, (True, "15.0", "2026-11-30T07:02:49Z")),
        ({"osVersion": ""}, (True, "", "2026-11-30T07:02:49Z")),
    ],
)
def test_what_intune_says_is_read(
    server: IntuneServer, changes: dict[str, Any], expected: tuple[bool | None, str, str]
) -> None:
    """An explicit pass is true, an explicit failure false, everything else unknown."""
    server.devices = [device(1, **changes)]
    found = listed(server, SMALL).get(common_name(1))
    assert found is not None
    assert (found.compliant, found.os, found.last_seen) == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("macOS 15.1 (24B83)", "15.1"),
        ("macOS14.5", "14.5"),
        ("v24.04.1-lts", "24.4.1"),
        ("Windows 10.0.22631.4317", "10.0.22631"),
        ("CentOS Linux 7", "7.0"),
        ("7 or 8", ""),
        ("Sequoia", ""),
        ("1234567890.1", ""),
        (15, "15.0"),
        (15.1, "15.1"),
        (True, ""),
        ({"major": 15}, ""),
        (None, ""),
    ],
)
def test_versions_of_all_spellings(written: Any, read: str) -> None:
    """Two or three numbers, which the handler takes, or nothing."""
    assert os_version(written) == read
    assert not read or OsVersion.from_numbers(read) is not None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-29T23:02:49.3086979-08:00", "2026-11-30T07:02:49Z"),
        ("2024-01-26 16:15:36.087016+00:00", "2024-01-26T16:15:36Z"),
        ("2026-11-30T07:02:49", ""),
        ("2026-11-30", ""),
        ("0001-01-01T00:00:00Z", ""),
        ("1970-01-01T00:00:00Z", ""),
        ("9999-12-31T23:59:59-23:59", ""),
        ("Never", ""),
        (1764486169, "2025-11-30T07:02:49Z"),
        (1764486169000, "2025-11-30T07:02:49Z"),
        (1e300, ""),
        (-1, ""),
        (True, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_times_of_all_spellings(written: Any, read: str) -> None:
    """A time with a zone, or nothing."""
    found = instant(written)
    assert ("" if found is None else time_text(found)) == read


def test_a_grace_period_of_intune_can_be_a_pass(server: IntuneServer) -> None:
    """If the administrator says so."""
    server.devices = [device(1, complianceState="inGracePeriod")]
    found = listed(server, {**SMALL, "in_grace_period_is_compliant": True}).get(common_name(1))
    assert found is not None
    assert found.compliant is True


def test_the_common_name_has_its_prefix_suffix_and_case(server: IntuneServer) -> None:
    """As the certificate profile puts static text around a variable."""
    settings = {
        "common_name": "serialNumber",
        "common_name_prefix": "vpn-",
        "common_name_suffix": ".corp",
        "common_name_case": "lower",
    }
    assert "vpn-sn000003.corp" in listed(server, {**SMALL, **settings})
