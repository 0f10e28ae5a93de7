"""The facts that policies see, checked against the schema by the engine itself."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import ConnectionRequest, Device, Facts, OsVersion
from client_connect.engine.schema import schema_text
from tests.support.events import MISSING, PERMIT, VERSIONS, connection_requests, event

PERMIT_ALL = cedarpy.PolicySet.from_str(PERMIT)
PARSED_SCHEMA = cedarpy.Schema.from_str(schema_text())
# As far as every zone has the time.
FIRST, LAST = datetime.fromisoformat("1900-01-02"), datetime.fromisoformat("9999-12-30")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def facts(version: str = "v3", **changes: object) -> Facts:
    """Return the facts of a valid event with changes, at noon UTC on a Monday."""
    return Facts(ConnectionRequest.from_event(event(version, **changes)), now=NOON)


def context(version: str = "v3", **changes: object) -> dict[str, Any]:
    """Return the Cedar context of these facts."""
    return facts(version, **changes).cedar_request()["context"]


@given(
    connection_requests(),
    st.datetimes(FIRST, LAST),
    st.timezones(),
    st.timezones(),
)
def test_every_request_at_every_time_conforms_to_the_schema(
    request: ConnectionRequest, now: datetime, clock: tzinfo, time_zone: tzinfo
) -> None:
    """Cedar checks request and entities against the schema, and would answer anything else by NoDecision."""
    facts = Facts(request, now=now.replace(tzinfo=clock), time_zone=time_zone)
    result = cedarpy.is_authorized(facts.cedar_request(), PERMIT_ALL, facts.cedar_entities(), PARSED_SCHEMA)
    assert (result.decision, result.diagnostics.errors) == (cedarpy.Decision.Allow, [])


def test_the_schema_refuses_what_it_does_not_declare() -> None:
    """The test above can fail."""
    request = facts().cedar_request()
    request["context"]["surprise"] = 1
    result = cedarpy.is_authorized(request, PERMIT_ALL, facts().cedar_entities(), PARSED_SCHEMA)
    assert result.decision is cedarpy.Decision.NoDecision


def test_the_context_of_a_full_event() -> None:
    """Every attribute that needs no table is there."""
    assert context() == {
        "connectionId": "cvpn-connection-0123456789abcdef0",
        "platform": "win",
        "platformVersion": "10.0.22631,amd64",
        "os": {"major": 10, "minor": 0, "build": 22631},
        "publicIp": {"__extn": {"fn": "ip", "arg": "198.51.100.7"}},
        "networks": [],
        "openvpn": {"major": 2, "minor": 6, "patch": 12},
        "awsClient": {"major": 5, "minor": 2, "patch": 1},
        "time": {
            "now": {"__extn": {"fn": "datetime", "arg": "2026-11-23T12:00:00.000Z"}},
            "date": "2026-11-23",
            "month": 11,
            "day": 23,
            "weekday": 1,
            "minuteOfDay": 720,
        },
        "username": "bob",
        "commonName": "laptop-1",
        "ownCertificate": False,
        "ownerTags": [],
        "inventory": "disabled",
        "waivers": [],
        "customFacts": "disabled",
    }


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"platform_version": ""}, {"platformVersion", "os"}),
        ({"platform_version": "surprise"}, {"os"}),
        ({"platform": "mac"}, {"os"}),
        ({"client_openvpn_version": MISSING}, {"openvpn"}),
        ({"client_openvpn_version": "unknown"}, {"openvpn"}),
        ({"aws_client_version": None}, {"awsClient"}),
        ({"username": ""}, {"username"}),
        ({"common_name": ""}, {"commonName"}),
    ],
)
def test_what_is_not_known_is_absent(changes: dict[str, object], absent: set[str]) -> None:
    """Policies test with has; nothing is guessed."""
    assert context().keys() - context(**changes).keys() == absent


def test_an_os_version_without_a_build_has_none() -> None:
    """An older client on an up-to-date laptop must not look like build 0."""
    assert context(platform_version="10.0 64bit")["os"] == {"major": 10, "minor": 0}


def test_platform_and_username_are_in_lower_case() -> None:
    """Clients and directories do not agree on case, Cedar distinguishes them; the principal stays as sent."""
    seen = facts(platform="WIN", username="BOB@Example.com")
    assert (
        seen.cedar_request()["context"].items() >= {"platform": "win", "username": "bob@example.com"}.items()
    )
    assert seen.cedar_request()["principal"] == {"type": "ClientVpn::User", "id": "BOB@Example.com"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_is_the_principal_and_the_groups_are_its_parents(version: str) -> None:
    """The common name is an attribute then."""
    user = {"type": "ClientVpn::User", "id": "Bob"}
    groups = [] if version == "v1" else ["staff", "admins"]
    parents = [{"type": "ClientVpn::Group", "id": name} for name in groups]
    assert facts(version).cedar_request()["principal"] == user
    assert facts(version).cedar_entities() == [{"uid": user, "attrs": {}, "parents": parents}]


def test_a_device_is_the_principal_when_there_is_no_user() -> None:
    """Mutual authentication alone; groups belong to users, so a device has none."""
    device = {"type": "ClientVpn::Device", "id": "laptop-1"}
    seen = facts(username="", groups=["staff"])
    assert seen.cedar_request()["principal"] == device
    assert all(entity["parents"] == [] for entity in seen.cedar_entities())


@pytest.mark.parametrize(
    ("zone", "now", "weekday", "clock"),
    [
        ("UTC", "2026-11-22T23:59:59.999+00:00", 7, "23:59"),
        ("UTC", "2026-11-23T00:00:00+00:00", 1, "00:00"),
        ("UTC", "2026-11-22T20:30:00-05:00", 1, "01:30"),
        ("Europe/Berlin", "2026-11-22T23:00:00+00:00", 1, "00:00"),
        # The clock goes forward on Sunday, 29 March, from 02:00 to 03:00 ...
        ("Europe/Berlin", "2026-03-29T00:59:00+00:00", 7, "01:59"),
        ("Europe/Berlin", "2026-03-29T01:00:00+00:00", 7, "03:00"),
        # ... and back on Sunday, 25 October: 02:30 comes twice.
        ("Europe/Berlin", "2026-10-25T00:30:00+00:00", 7, "02:30"),
        ("Europe/Berlin", "2026-10-25T01:30:00+00:00", 7, "02:30"),
        ("Europe/Berlin", "2026-10-25T22:59:00+00:00", 7, "23:59"),
        ("America/New_York", "2026-11-01T05:30:00+00:00", 7, "01:30"),
        ("America/New_York", "2026-11-01T06:30:00+00:00", 7, "01:30"),
        ("Asia/Kathmandu", "2026-11-22T18:14:00+00:00", 7, "23:59"),
        ("Asia/Kathmandu", "2026-11-22T18:15:00+00:00", 1, "00:00"),
        ("Pacific/Kiritimati", "2026-11-22T10:00:00+00:00", 1, "00:00"),
    ],
)
def test_the_clock_is_that_of_the_configured_zone(zone: str, now: str, weekday: int, clock: str) -> None:
    """Weekday and minute are local, even on days when the clock changes; the instant is UTC."""
    request = ConnectionRequest.from_event(event())
    at = datetime.fromisoformat(now)
    seen = Facts(request, now=at, time_zone=ZoneInfo(zone)).cedar_request()["context"]["time"]
    hour, minute = map(int, clock.split(":"))
    assert (seen["weekday"], seen["minuteOfDay"]) == (weekday, hour * 60 + minute)
    assert datetime.fromisoformat(seen["now"]["__extn"]["arg"]) == at


def test_a_time_that_the_clocks_skip_is_seen_as_at_that_instant() -> None:
    """Whatever zone it is given in: 02:30 before the clock went forward is 03:30."""
    zone = ZoneInfo("Europe/Berlin")
    skipped = datetime(2026, 3, 29, 2, 30, tzinfo=zone)
    seen, same = (
        Facts(ConnectionRequest.from_event(event()), now=now, time_zone=zone).cedar_request()["context"][
            "time"
        ]
        for now in (skipped, skipped.astimezone(UTC))
    )
    assert seen == same
    assert seen["minuteOfDay"] == 3 * 60 + 30


def test_the_record_of_facts_has_what_the_tables_said() -> None:
    """Without it a decision could not be replayed; a source that was not asked is left out."""
    request = ConnectionRequest.from_event(event())
    assert Facts(request).to_record() == {"timeZone": "UTC"}
    device = Device(compliant=True, last_seen=NOON, os=OsVersion(10, 0), tags={"owner": "bob"})
    seen = Facts(
        request, inventory="known", device=device, waivers=frozenset({"b", "a"}), active_connections=0
    )
    assert seen.to_record() == {
        "timeZone": "UTC",
        "inventory": "known",
        "device": {
            "compliant": True,
            "lastSeen": "2026-11-23T12:00:00.000+00:00",
            "os": {"major": 10, "minor": 0},
            "tags": {"owner": "bob"},
        },
        "waivers": ["a", "b"],
        "activeConnections": 0,
    }


def test_what_the_inventory_says_reaches_the_policies() -> None:
    """The device is a separate entity, with only what is known of it."""
    request = ConnectionRequest.from_event(event())
    device = Device(compliant=False, last_seen=NOON, os=OsVersion(10, 0, 22631), tags={"owner": "bob"})
    seen = Facts(request, inventory="known", device=device, active_connections=0)
    uid = {"type": "ClientVpn::Device", "id": "laptop-1"}
    assert (
        seen.cedar_request()["context"].items()
        >= {
            "inventory": "known",
            "device": {"__entity": uid},
            "activeConnections": 0,
        }.items()
    )
    assert seen.cedar_entities()[1] == {
        "uid": uid,
        "attrs": {
            "compliant": False,
            "lastSeen": {"__extn": {"fn": "datetime", "arg": "2026-11-23T12:00:00.000Z"}},
            "os": {"major": 10, "minor": 0, "build": 22631},
        },
        "tags": {"owner": "bob"},
        "parents": [],
    }
    unknown = Facts(request, inventory="known", device=Device())
    assert unknown.cedar_entities()[1] == {"uid": uid, "attrs": {}, "tags": {}, "parents": []}


def test_without_a_time_the_facts_are_of_now() -> None:
    """The default is the clock of this machine, in UTC."""
    before = datetime.now(UTC)
    assert before <= Facts(ConnectionRequest.from_event(event())).now <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("inventory", "device", "common_name"),
    [("unknown", Device(), "laptop-1"), ("known", None, "laptop-1"), ("known", Device(), "")],
    ids=["a device that is not known", "no device", "no common name"],
)
def test_fails_for_a_device_that_does_not_agree_with_the_inventory(
    inventory: Any, device: Device | None, common_name: str
) -> None:
    """Policies could not know which of the two is true."""
    request = ConnectionRequest.from_event(event(common_name=common_name))
    with pytest.raises(ValueError, match=f'^inventory is "{inventory}"; it is "known" with a device and a'):
        Facts(request, inventory=inventory, device=device)


def test_a_request_of_nobody_is_one_of_no_device_that_has_a_name() -> None:
    """Only a program can make one: no policy that names a device is about it."""
    request = ConnectionRequest.from_event(event(username=""))._replace(common_name=None)
    assert Facts(request).cedar_request()["principal"] == {"type": "ClientVpn::Device", "id": ""}


def test_fails_for_a_time_without_a_zone() -> None:
    """It would mean another moment on every machine."""
    with pytest.raises(ValueError, match=r"^now \(2026-11-23T12:00:00\) has no time zone"):
        Facts(ConnectionRequest.from_event(event()), now=NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("username", "tags", "names"),
    [
        ("Bob", {"owner": "bob", "team": "bob", "serial": "x"}, ["owner", "team"]),
        ("bob", {"owner": "BOB@corp.example"}, []),
        ("bob", {"owner": ""}, []),
        ("", {"owner": ""}, []),
        ("", {"owner": "laptop-1"}, []),
    ],
)
def test_owner_tags_are_the_tags_with_the_name_of_the_user(
    username: str, tags: dict[str, str], names: list[str]
) -> None:
    """A device without a user has no owner among its tags, not even where both are empty."""
    request = facts(username=username).request
    seen = Facts(request, now=NOON, inventory="known", device=Device(tags=tags))
    assert seen.cedar_request()["context"]["ownerTags"] == names


@pytest.mark.parametrize(
    ("zone", "now", "date"),
    [
        ("Asia/Seoul", "2026-12-24T15:30:00+00:00", "2026-12-25"),
        ("Asia/Seoul", "2026-12-25T14:59:59.999+00:00", "2026-12-25"),
        ("America/New_York", "2027-01-01T04:59:00+00:00", "2026-12-31"),
        ("UTC", "0987-06-05T00:00:00+00:00", "0987-06-05"),
        ("Europe/Berlin", "2028-02-28T23:00:00+00:00", "2028-02-29"),
    ],
)
def test_the_date_is_that_of_the_time_zone(zone: str, now: str, date: str) -> None:
    """Date, month and day are on the same clock as the weekday."""
    seen = Facts(facts().request, now=datetime.fromisoformat(now), time_zone=ZoneInfo(zone))
    time = seen.cedar_request()["context"]["time"]
    assert (time["date"], time["month"], time["day"]) == (date, int(date[5:7]), int(date[8:]))
