"""Rules: what they say in Cedar decides as they read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address, ip_network
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings

from client_connect import Authorizer, ConnectionRequest, Device, Facts, PolicySet
from client_connect.names import lower_case
from client_connect_tools import (
    Hours,
    InvalidRules,
    MinimumVersion,
    Period,
    Policies,
    Rules,
    check,
    lint,
)
from client_connect_tools.inputs.messages import escaped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from syrupy.assertion import SnapshotAssertion

BERLIN, NEW_YORK, LORD_HOWE = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
BOB = ConnectionRequest(
    connection_id="cvpn-connection-1",
    endpoint_id="cvpn-endpoint-1",
    username="Bob",
    common_name="laptop-1",
    platform="win",
    platform_version="10.0.22631,amd64",
    public_ip=ip_address("198.51.100.7"),
    groups=("staff", "vpn users"),
)
PERMITTED = ("authenticated",)

MODERN = MinimumVersion("10.0.19045")
STRICT = MinimumVersion("10.0.19045", unknown="deny")
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
WEEK = [*WORKDAYS, "sat", "sun"]
EVERY_FIELD: dict[str, Any] = {
    "platforms": ["win", "Mac", "BeOS"],
    "minimum_windows": STRICT,
    "minimum_openvpn": MinimumVersion("2.6.10"),
    "minimum_aws_client": MinimumVersion("5.0", unknown="deny"),
    "allowed_networks": ["198.51.100.0/24", "2001:db8::/32"],
    "blocked_networks": ["198.51.100.66", "2001:db8:bad::/48"],
    "users": ["Alice", "bob@example.com"],
    "groups": ["vpn users", 'the "A" team'],
    "blocked_users": ["Mallory", "mallory@example.com"],
    "blocked_common_names": ["stolen-laptop"],
    "hours": [
        Hours(WORKDAYS, "07:00", "19:00"),
        Hours(["fri", "sun"], "22:00", "06:00"),
        Hours(["sat"], "00:00", "24:00"),
    ],
    "maintenance_hours": [Hours(["sun"], "23:00", "00:00")],
    "maintenance": [
        Period(datetime(2026, 12, 1, 22, tzinfo=BERLIN), datetime(2026, 12, 2, 4, tzinfo=BERLIN)),
        Period(
            datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)
        ),
    ],
    "open_during": [Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=BERLIN))],
    "closed_on": [date(2026, 12, 25), "2027-01-06", "12-31", "02-29", "12-24"],
    "own_certificate": True,
    "registered_devices": True,
    "compliant_devices": True,
    "days_since_last_seen": 14,
    "own_device": 'the "owner"',
    "connections_per_user": 2,
    "messages": {"platform": "Use Windows, a Mac or a BeBox.", "hours": "We sleep at night.\nSo should you."},
}


def facts(**changes: Any) -> Facts:
    """Return what is known of Bob, with changes of his request and of everything else."""
    names = set(ConnectionRequest._fields)
    request = BOB._replace(**{name: changes.pop(name) for name in names & changes.keys()})
    return Facts(request, **{"now": NOW, **changes})


def decide(rules: Rules, asked: Facts) -> tuple[str, ...]:
    """Return the ids of the policies that decide, which must have no findings at all."""
    policies = Policies.from_rules(rules)
    assert [*check(policies), *lint(policies, ignore=["literal-asterisk"])] == []
    decision = Authorizer(policies.text).decide(asked)
    assert decision.errors == ()
    assert decision.allowed is (decision.determining == PERMITTED)
    return decision.determining


def known(**attributes: Any) -> dict[str, Any]:
    """Return the change of facts that the inventory knows the device."""
    return {"inventory": "known", "device": Device(**attributes)}


# How exports write "never".
FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def seen(**ago: int) -> dict[str, Any]:
    """Return the change of facts that the device manager heard of the device so long ago."""
    return known(last_seen=NOW - timedelta(**ago))


@pytest.mark.parametrize(
    ("rules", "changes", "by"),
    [
        ({}, {}, PERMITTED),
        ({}, {"inventory": "unavailable", "active_connections": 9}, PERMITTED),
        ({"platforms": ["win"]}, {}, PERMITTED),
        ({"platforms": ["WIN"]}, {"platform": "Win"}, PERMITTED),
        ({"platforms": ["mac", "linux"]}, {}, ("platform",)),
        ({"platforms": ["win"]}, {"platform": ""}, ("platform",)),
        ({"minimum_openvpn": MinimumVersion("2.6.10")}, {"client_openvpn_version": "2.6.10"}, PERMITTED),
        ({"minimum_openvpn": MinimumVersion("2.6.10")}, {"client_openvpn_version": "2.6.9"}, ("minimum-openvpn",)),
        ({"minimum_openvpn": MinimumVersion("2.6.10")}, {"aws_client_version": "2.6.9"}, PERMITTED),
        ({"minimum_aws_client": MinimumVersion("5.0")}, {"aws_client_version": "5.0.0"}, PERMITTED),
        ({"minimum_aws_client": MinimumVersion("5.0")}, {"aws_client_version": "4.9"}, ("minimum-aws-client",)),
        ({"minimum_aws_client": MinimumVersion("5.0")}, {"client_openvpn_version": "4.9"}, PERMITTED),
        ({"allowed_networks": ["198.51.100.0/24"]}, {}, PERMITTED),
        ({"allowed_networks": ["203.0.113.0/24", "198.51.100.7"]}, {}, PERMITTED),
        ({"allowed_networks": ["203.0.113.0/24", "::/0"]}, {}, ("allowed-networks",)),
        ({"allowed_networks": ["203.0.113.0/24"]}, {}, ("allowed-networks",)),
        ({"allowed_networks": ["2001:DB8::/32"]}, {"public_ip": ip_address("2001:db8::1")}, PERMITTED),
        ({"allowed_networks": ["0.0.0.0/0"]}, {"public_ip": ip_address("2001:db8::1")}, ("allowed-networks",)),
        ({"blocked_networks": ["203.0.113.0/24"]}, {}, PERMITTED),
        ({"blocked_networks": ["203.0.113.0/24", "198.51.100.0/255.255.255.0"]}, {}, ("blocked-networks",)),
        ({"blocked_networks": ["198.51.100.8"]}, {}, PERMITTED),
        ({"users": ["alice", "BOB"]}, {}, PERMITTED),
        ({"users": ["alice", "bo", "bob-"]}, {}, ("members",)),
        ({"users": ["laptop-1", "bob"]}, {"username": None}, ("members",)),
        ({"groups": ["nobody", "vpn users"]}, {}, PERMITTED),
        ({"groups": ["nobody"]}, {}, ("members",)),
        ({"groups": ["Staff"]}, {}, ("members",)),
        ({"groups": ["staff"]}, {"username": None}, ("members",)),
        ({"groups": ["staff"], "users": ["alice"]}, {}, PERMITTED),
        ({"groups": ["nobody"], "users": ["bob"]}, {}, PERMITTED),
        ({"groups": ["bob"], "users": ["staff"]}, {}, ("members",)),
        ({"blocked_users": ["alice"]}, {}, PERMITTED),
        ({"blocked_users": ["alice", "BOB"]}, {}, ("blocked-users",)),
        ({"blocked_users": ["laptop-1"]}, {"username": None}, PERMITTED),
        ({"groups": ["staff"], "blocked_users": ["bob"]}, {}, ("blocked-users",)),
        ({"blocked_common_names": ["laptop-1"]}, {}, ("blocked-common-names",)),
        ({"blocked_common_names": ["laptop-1"]}, {"username": None}, ("blocked-common-names",)),
        ({"blocked_common_names": ["Laptop-1", "bob"]}, {}, PERMITTED),
        ({"blocked_common_names": ["laptop-1"]}, {"common_name": None}, PERMITTED),
        ({"registered_devices": True}, known(), PERMITTED),
        ({"registered_devices": True}, known(compliant=False), PERMITTED),
        ({"registered_devices": True}, {"inventory": "unknown"}, ("registered-device",)),
        ({"registered_devices": True}, {"inventory": "disabled"}, ("registered-device",)),
        ({"registered_devices": True}, {"inventory": "unavailable"}, ("inventory-available",)),
        ({"registered_devices": True}, {"inventory": "unknown", "common_name": None}, ("registered-device",)),
        ({"registered_devices": False}, {"inventory": "unknown"}, PERMITTED),
        ({"compliant_devices": True}, known(compliant=True), PERMITTED),
        ({"compliant_devices": True}, known(compliant=False), ("compliant-device",)),
        ({"compliant_devices": True}, known(), ("compliant-device",)),
        ({"compliant_devices": True}, {"inventory": "unknown"}, ("registered-device",)),
        ({"compliant_devices": True}, {"inventory": "disabled"}, ("registered-device",)),
        ({"compliant_devices": True}, {"inventory": "unavailable"}, ("inventory-available",)),
        ({"days_since_last_seen": 14}, seen(days=14), PERMITTED),
        ({"days_since_last_seen": 14}, seen(days=14, milliseconds=1), ("device-last-seen",)),
        ({"days_since_last_seen": 1}, seen(hours=24), PERMITTED),
        ({"days_since_last_seen": 1}, seen(hours=25), ("device-last-seen",)),
        ({"days_since_last_seen": 1}, seen(hours=-24), PERMITTED),  # by another clock
        ({"days_since_last_seen": 1}, seen(hours=-24, milliseconds=-1), ("device-last-seen",)),
        ({"days_since_last_seen": 999_999_999}, known(last_seen=FAR), ("device-last-seen",)),
        ({"days_since_last_seen": 999_999_999}, seen(days=9999), PERMITTED),
        ({"days_since_last_seen": 1}, known(compliant=True), ("device-last-seen",)),
        ({"days_since_last_seen": 1}, {"inventory": "unknown"}, ("registered-device",)),
        ({"days_since_last_seen": 1}, {"inventory": "unavailable"}, ("inventory-available",)),
        ({"compliant_devices": True, "days_since_last_seen": 1}, seen(days=2), (
            "compliant-device", "device-last-seen",
        )),
        ({"connections_per_user": 1}, {"active_connections": 0}, PERMITTED),
        ({"connections_per_user": 1}, {"active_connections": 1}, ("connections-per-user",)),
        ({"connections_per_user": 3}, {"active_connections": 2}, PERMITTED),
        ({"connections_per_user": 3}, {"active_connections": 4}, ("connections-per-user",)),
        ({"connections_per_user": 1}, {"active_connections": None}, PERMITTED),
        ({"connections_per_user": 999_999_999}, {"active_connections": 999_999_998}, PERMITTED),
        ({"platforms": ["mac"], "groups": ["nobody"]}, {}, ("members", "platform")),
    ],
)  # fmt: skip
def test_each_field_decides_as_it_reads(
    rules: dict[str, Any], changes: dict[str, Any], by: tuple[str, ...]
) -> None:
    """A field restricts what it names and nothing else; together they all restrict."""
    assert decide(Rules(**rules), facts(**changes)) == by


# The versions before, at and after the minimum, as OpenVPN spells them, and whether each is older than it:
# None where the text does not decide.
@pytest.mark.parametrize(
    ("minimum", "text", "older"),
    [
        ("10.0.19045", "10.0.19045,amd64", False),
        ("10.0.19045", "10.0.22631,arm64", False),
        ("10.0.19045", "10.0.19044,amd64", True),
        ("10.0.19045", "10.1.0,amd64", False),
        ("10.0.19045", "11.0.0,amd64", False),
        ("10.0.19045", "6.3.99999,amd64", True),
        ("10.0.19045", "6.1, amd64 executable", True),
        ("10.0.19045", "11.0 64bit", False),
        ("10.0.19045", "10.1 64bit", False),
        ("10.0.19045", "10.0 64bit", None),
        ("10.0.19045", "10.0, amd64 executable running on arm64 host", None),
        ("10.0.19045", "0.0 64bit", None),
        ("10.0.19045", "10.0.19045", False),
        ("10.0.19045", "10.0.19044", True),
        ("10.0.19045", "10.0", None),
        ("10.0.19045", "10.0,_amd64_executable", None),
        ("10.0.19045", "6.1_64bit", True),
        ("10.0.19045", "6.1,_i386_executable_running_on_amd64_host", True),
        ("10.0.19045", "6.1.7601_Service_Pack_1", True),
        ("10.0.19045", "Microsoft_Windows_NT_6.2.9200.0", True),
        ("10.0.19045", "22.6.0", None),
        ("10.0.19045", "Windows 7", None),
        ("10.0.19045", "Windows 11", None),
        ("10.0.19045", None, None),
        ("6.3", "6.3 32bit", False),
        ("6.3", "6.2 32bit", True),
        ("6.3", "6.3.0,amd64", False),
        ("6.3", "5.9.99,amd64", True),
        ("10.0", "10.0 64bit", False),
        ("10.0", "6.3 64bit", True),
        ("6.1.7601", "6.1.7600,amd64", True),
        ("6.1.7601", "6.0 64bit", True),
        ("6.1.7601", "6.1 64bit", None),
        ("6.1.7601", "6.2 64bit", False),
        ("0.0", "5.1 32bit", False),
    ],
)
def test_a_windows_version_that_does_not_tell_is_treated_as_the_rule_says(
    minimum: str,
    text: str | None,
    older: bool | None,  # noqa: FBT001
) -> None:
    """Older ones are denied, others are allowed, and only what is unknown depends on `unknown`."""
    asked = facts(platform="Win", platform_version=text)
    by = {True: ("minimum-windows",), False: PERMITTED}
    allowing, denying = (
        Rules(minimum_windows=MinimumVersion(minimum, unknown=unknown)) for unknown in ("allow", "deny")
    )
    assert [decide(allowing, asked), decide(denying, asked)] == [
        by[older is True],
        by[older is not False],
    ]


@pytest.mark.parametrize("platform", ["mac", "linux", ""])
def test_a_minimum_windows_version_does_not_affect_other_platforms(platform: str) -> None:
    """Not even where unknown versions are denied."""
    assert decide(Rules(minimum_windows=STRICT), facts(platform=platform)) == PERMITTED


@pytest.mark.parametrize(
    ("minimum", "text", "older"),
    [
        ("2.6.10", "2.6.10", False),
        ("2.6.10", "2.6.9", True),
        ("2.6.10", "2.6.11_rc1", False),
        ("2.6.10", "2.6", True),
        ("2.6.10", "2.7_alpha", False),
        ("2.6.10", "2.5.99", True),
        ("2.6.10", "3", False),
        ("2.6.10", "1.9.99", True),
        ("2.6", "2.6_git", False),
        ("2.6", "2.5.9", True),
        ("3.0", "3", False),
        ("3.0", "2.99.99", True),
        ("3.0.1", "3.0", True),
        ("3.0.1", "3.1", False),
        ("0.5", "0.4", True),
        ("0.5", "0.5", False),
        ("0.5", "1.0", False),
        ("2.6", "OpenVPN 2.7", None),
        ("2.6", "3.git::3e56f9a6", None),
        ("2.6", "2.x", None),
        ("2.6.1", "2.6.git", None),
        ("2.6.1", "2.6_git", True),
        ("2.6", "1234567890.0", None),
        ("2.6", "", None),
        ("2.6", None, None),
    ],
)
@pytest.mark.parametrize(
    ("field", "id_", "version"),
    [
        ("minimum_openvpn", "minimum-openvpn", "client_openvpn_version"),
        ("minimum_aws_client", "minimum-aws-client", "aws_client_version"),
    ],
)
def test_a_client_version_that_does_not_tell_is_treated_as_the_rule_says(  # noqa: PLR0913
    *, field: str, id_: str, version: str, minimum: str, text: str | None, older: bool | None
) -> None:
    """Older ones are denied, others are allowed, and only what is unknown depends on `unknown`."""
    asked = facts(**{version: text})
    by = {True: (id_,), False: PERMITTED}
    allowing, denying = (
        Rules(**{field: MinimumVersion(minimum, unknown=unknown)}) for unknown in ("allow", "deny")
    )
    assert [decide(allowing, asked), decide(denying, asked)] == [by[older is True], by[older is not False]]


def utc(text: str) -> datetime:
    """Return a moment of 2026, such as ``11-23 12:00``."""
    return datetime.fromisoformat(f"2026-{text.replace(' ', 'T')}+00:00")


FRIDAY_NIGHT = [Hours(["fri"], "22:00", "06:00")]
SUNDAY_NIGHT = [Hours(["sun"], "22:00", "06:00")]


# The moments in UTC when it becomes open, closed, open and so on.
@pytest.mark.parametrize(
    ("zone", "windows", "moments"),
    [
        (UTC, [Hours(["mon"], "07:00", "19:00")], ["11-23 07:00", "11-23 19:00", "11-30 07:00"]),
        (UTC, [Hours(["mon"], "00:00", "00:01")], ["11-23 00:00", "11-23 00:01", "11-30 00:00"]),
        (UTC, [Hours(["mon"], "23:59", "24:00")], ["11-23 23:59", "11-24 00:00", "11-30 23:59"]),
        (UTC, [Hours(["mon"], "23:59", "00:00")], ["11-23 23:59", "11-24 00:00", "11-30 23:59"]),
        (UTC, [Hours(["mon"], "23:59", "00:01")], ["11-23 23:59", "11-24 00:01", "11-30 23:59"]),
        (UTC, [Hours(["mon"], "00:01", "00:00")], ["11-23 00:01", "11-24 00:00", "11-30 00:01"]),
        (UTC, [Hours(["mon"], "12:00", "11:59")], ["11-23 12:00", "11-24 11:59", "11-30 12:00"]),
        (UTC, [Hours(["sat"], "00:00", "24:00")], ["11-21 00:00", "11-22 00:00", "11-28 00:00"]),
        (UTC, [Hours(["sat", "sun"], "00:00", "24:00")], ["11-21 00:00", "11-23 00:00", "11-28 00:00"]),
        (UTC, [Hours(WORKDAYS, "00:00", "24:00")], ["11-16 00:00", "11-21 00:00", "11-23 00:00"]),
        (UTC, FRIDAY_NIGHT, ["11-20 22:00", "11-21 06:00", "11-27 22:00"]),
        (UTC, SUNDAY_NIGHT, ["11-22 22:00", "11-23 06:00", "11-29 22:00"]),
        (UTC, [Hours(WEEK, "22:00", "06:00")], [
            "11-20 22:00", "11-21 06:00", "11-21 22:00", "11-22 06:00", "11-22 22:00", "11-23 06:00", "11-23 22:00",
        ]),
        (UTC, [Hours(["sat"], "22:00", "06:00"), Hours(["sun"], "06:00", "08:00")], ["11-21 22:00", "11-22 08:00"]),
        (UTC, [*FRIDAY_NIGHT, Hours(["sun"], "12:00", "13:00")], [
            "11-20 22:00", "11-21 06:00", "11-22 12:00", "11-22 13:00", "11-27 22:00",
        ]),
        # The day is that of the zone.
        (ZoneInfo("Pacific/Kiritimati"), [Hours(["mon"], "00:00", "24:00")], ["11-22 10:00", "11-23 10:00"]),
        (ZoneInfo("Asia/Kathmandu"), [Hours(["mon"], "00:00", "05:45")], ["11-22 18:15", "11-23 00:00"]),
        (NEW_YORK, SUNDAY_NIGHT, ["11-23 03:00", "11-23 11:00"]),
        # The hour from 02:00 to 03:00 is skipped at 01:00 in UTC.
        (BERLIN, [Hours(["sun"], "01:30", "02:30")], ["03-29 00:30", "03-29 01:00", "04-04 23:30"]),
        (BERLIN, [Hours(["sun"], "02:30", "03:30")], ["03-29 01:00", "03-29 01:30", "04-05 00:30"]),
        (BERLIN, [Hours(["sun"], "02:00", "03:00")], ["03-22 01:00", "03-22 02:00", "04-05 00:00"]),
        (BERLIN, [Hours(["sat"], "22:00", "06:00")], ["03-28 21:00", "03-29 04:00", "04-04 20:00"]),
        (BERLIN, [Hours(["sun"], "00:00", "24:00")], ["03-28 23:00", "03-29 22:00", "04-04 22:00"]),
        # The hour from 02:00 to 03:00 happens twice, the second time from 01:00 in UTC.
        (BERLIN, [Hours(["sun"], "02:00", "03:00")], ["10-25 00:00", "10-25 02:00", "11-01 01:00"]),
        (BERLIN, [Hours(["sun"], "02:30", "03:00")], [
            "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00", "11-01 01:30",
        ]),
        (BERLIN, [Hours(["sun"], "01:00", "02:30")], [
            "10-24 23:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "11-01 00:00",
        ]),
        (BERLIN, [Hours(["sat"], "22:00", "06:00")], ["10-24 20:00", "10-25 05:00", "10-31 21:00"]),
        (NEW_YORK, [Hours(["sun"], "02:30", "03:30")], ["03-08 07:00", "03-08 07:30", "03-15 06:30"]),
        (NEW_YORK, [Hours(["sun"], "01:30", "02:30")], ["03-08 06:30", "03-08 07:00", "03-15 05:30"]),
        (NEW_YORK, [Hours(["sun"], "01:00", "02:00")], ["11-01 05:00", "11-01 07:00", "11-08 06:00"]),
        (NEW_YORK, [Hours(["sun"], "01:15", "01:45")], [
            "11-01 05:15", "11-01 05:45", "11-01 06:15", "11-01 06:45", "11-08 06:15",
        ]),
        # Only the half hour from 02:00 to 02:30 is skipped, and that from 01:30 to 02:00 happens twice.
        (LORD_HOWE, [Hours(["sun"], "02:15", "02:45")], ["10-03 15:30", "10-03 15:45", "10-10 15:15"]),
        (LORD_HOWE, [Hours(["sun"], "02:00", "02:30")], ["09-26 15:30", "09-26 16:00", "10-10 15:00"]),
        (LORD_HOWE, [Hours(["sun"], "01:30", "02:00")], ["04-04 14:30", "04-04 15:30", "04-11 15:00"]),
        (LORD_HOWE, [Hours(["sun"], "01:45", "01:50")], [
            "04-04 14:45", "04-04 14:50", "04-04 15:15", "04-04 15:20", "04-11 15:15",
        ]),
    ],
)  # fmt: skip
def test_the_clock_on_the_wall_decides(zone: tzinfo, windows: list[Hours], moments: list[str]) -> None:
    """A window is open by the clock of the zone, over midnight and through changes of summer time."""
    open_, closed = Rules(hours=windows), Rules(maintenance_hours=windows)
    assert [*check(Policies.from_rules(open_)), *lint(Policies.from_rules(open_))] == []
    assert [*check(Policies.from_rules(closed)), *lint(Policies.from_rules(closed))] == []
    authorizers = [Authorizer(rules.to_cedar()) for rules in (open_, closed)]

    def is_open(now: datetime) -> bool:
        hours, maintenance = (
            authorizer.decide(facts(now=now, time_zone=zone)).determining for authorizer in authorizers
        )
        assert (hours, maintenance) in [(PERMITTED, ("maintenance-hours",)), (("hours",), PERMITTED)]
        return hours == PERMITTED

    changes = [utc(moment) for moment in moments]
    for number, moment in enumerate(changes):
        opens = number % 2 == 0
        assert is_open(moment) is opens
        assert is_open(moment - timedelta(milliseconds=1)) is not opens
        if moment != changes[-1]:
            step = (changes[number + 1] - moment) / 12
            assert all(is_open(moment + step * part) is opens for part in range(12))


def berlin(text: str, fold: int = 0) -> datetime:
    """Return a moment of 2026 on the clock of Berlin."""
    return utc(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("periods", "moments"),
    [
        ([Period(utc("11-23 12:00"), utc("11-23 13:00"))], ["11-23 12:00", "11-23 13:00"]),
        ([Period(utc("11-23 12:00"), utc("11-23 12:00:00.001"))], ["11-23 12:00", "11-23 12:00:00.001"]),
        ([Period(berlin("11-23 12:00"), berlin("11-23 13:00"))], ["11-23 11:00", "11-23 12:00"]),
        ([Period(berlin("07-23 12:00"), utc("07-23 10:30"))], ["07-23 10:00", "07-23 10:30"]),
        # In the hour that happens twice, and from its first to its second time.
        ([Period(berlin("10-25 02:10"), berlin("10-25 02:20"))], ["10-25 00:10", "10-25 00:20"]),
        ([Period(berlin("10-25 02:10", 1), berlin("10-25 02:20", 1))], ["10-25 01:10", "10-25 01:20"]),
        ([Period(berlin("10-25 02:30"), berlin("10-25 02:30", 1))], ["10-25 00:30", "10-25 01:30"]),
        ([Period(berlin("10-25 02:50"), berlin("10-25 02:10", 1))], ["10-25 00:50", "10-25 01:10"]),
        ([Period(berlin("10-25 02:10", fold), berlin("10-25 02:20", fold)) for fold in (1, 0)], [
            "10-25 00:10", "10-25 00:20", "10-25 01:10", "10-25 01:20",
        ]),
        # A time that is skipped is as far after the last change as it says.
        ([Period(berlin("03-29 01:00"), berlin("03-29 02:30"))], ["03-29 00:00", "03-29 01:30"]),
        ([Period(berlin("03-29 01:00"), berlin("03-29 02:30", 1))], ["03-29 00:00", "03-29 00:30"]),
        (
            [Period(datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK),
                         datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1))],
            ["11-01 05:30", "11-01 06:30"],
        ),
        (
            [Period(datetime(2026, 4, 5, 1, 45, tzinfo=LORD_HOWE),
                         datetime(2026, 4, 5, 1, 45, tzinfo=LORD_HOWE, fold=1))],
            ["04-04 14:45", "04-04 15:15"],
        ),
        ([Period(utc("11-24 12:00"), utc("11-25 12:00")), Period(utc("11-20 12:00"), utc("11-21 12:00"))], [
            "11-20 12:00", "11-21 12:00", "11-24 12:00", "11-25 12:00",
        ]),
    ],
)  # fmt: skip
def test_maintenance_is_from_one_moment_to_another(periods: list[Period], moments: list[str]) -> None:
    """Whatever zone they are given in: from the first on, and not at the second."""
    rules = Rules(maintenance=periods)
    for number, moment in enumerate(moments):
        by = [PERMITTED, ("maintenance",)]
        begins = number % 2 == 0
        assert decide(rules, facts(now=utc(moment), time_zone=LORD_HOWE)) == by[begins]
        assert decide(rules, facts(now=utc(moment) - timedelta(milliseconds=1))) == by[not begins]


# One denial of each rule: Bob's message, and the status in the connection log.
DENIED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("platform", {"platforms": ["mac", "ios"]}, {},
     "This VPN accepts connections from iOS and macOS only.", "platform-not-allowed"),
    ("minimum-windows", {"minimum_windows": MODERN}, {"platform_version": "10.0.19044,amd64"},
     "Update Windows to 22H2 (10.0.19045) or later.", "windows-outdated"),
    ("minimum-openvpn", {"minimum_openvpn": MinimumVersion("2.6.10")}, {"client_openvpn_version": "2.6.9"},
     "Update your VPN client to one with OpenVPN 2.6.10 or later.", "openvpn-outdated"),
    ("minimum-aws-client", {"minimum_aws_client": MinimumVersion("5.0")}, {"aws_client_version": "4.1"},
     "Update the AWS VPN Client to version 5.0 or later.", "aws-client-outdated"),
    ("allowed-networks", {"allowed_networks": ["20.0.0.0/8"]}, {},
     "This VPN accepts no connections from your network. Connect from an allowed one.", "network-not-allowed"),
    ("blocked-networks", {"blocked_networks": ["198.51.100.7"]}, {},
     "This VPN accepts no connections from your network. Connect from another one.", "network-blocked"),
    ("members", {"groups": ["admins"]}, {},
     "You are not among those who may use this VPN. Ask your administrator for access.", "not-a-member"),
    ("blocked-users", {"blocked_users": ["bob"]}, {},
     "Your account may not use this VPN. Please contact your administrator.", "user-blocked"),
    ("blocked-common-names", {"blocked_common_names": ["laptop-1"]}, {},
     "This device may not use this VPN. Please contact your administrator.", "device-blocked"),
    ("own-certificate", {"own_certificate": True}, {},
     "This certificate is not yours. Connect with the certificate that has your user name.", "not-own-certificate"),
    ("hours", {"hours": [Hours(WORKDAYS, "07:00", "12:00")]}, {},
     "This VPN is open on Mon to Fri from 07:00 to 12:00. Please connect then.", "out-of-hours"),
    ("maintenance-hours", {"maintenance_hours": [Hours(["mon"], "12:00", "13:00")]}, {},
     "This VPN is maintained on Mon from 12:00 to 13:00. Please connect later.", "maintenance"),
    ("maintenance", {"maintenance": [Period(berlin("11-23 12:00"), berlin("11-23 14:00"))]}, {},
     "This VPN is being maintained from 2026-11-23 11:00 to 2026-11-23 13:00 UTC. Please connect later.",
     "maintenance"),
    ("open-during", {"open_during": [Period(berlin("11-23 14:00"), berlin("11-23 16:00"))]}, {},
     "This VPN is open to you in approved periods only. Please connect in the next one.", "out-of-period"),
    ("closed-on", {"closed_on": ["2026-11-23"]}, {},
     "This VPN is closed today. Please connect on another day.", "closed"),
    ("inventory-available", {"registered_devices": True}, {"inventory": "unavailable"},
     "Your device could not be checked just now. Please try again in a few minutes.", "inventory-unavailable"),
    ("registered-device", {"registered_devices": True}, {"inventory": "unknown"},
     "This device is not registered. Please contact your administrator.", "device-not-registered"),
    ("compliant-device", {"compliant_devices": True}, known(compliant=False),
     "This device does not comply with company policy. Open your device manager to see why.",
     "device-not-compliant"),
    ("device-last-seen", {"days_since_last_seen": 14}, seen(days=15),
     "Your device manager has not heard of this device in the last 14 days. Open it, then try again.",
     "device-not-seen"),
    ("own-device", {"own_device": "owner"}, known(tags={"owner": "eve"}),
     "This device is not assigned to you. Connect from your own device.", "not-own-device"),
    ("connections-per-user", {"connections_per_user": 2}, {"active_connections": 2},
     ("You have 2 connections already. Disconnect another device, then try again. If you have just disconnected, wait "
      "a minute."), "too-many-connections"),
]  # fmt: skip
IDS = [id_ for id_, *_ in DENIED]


@pytest.mark.parametrize(("id_", "rules", "changes", "message", "status"), DENIED)
def test_a_denial_has_a_message_and_a_status(
    id_: str, rules: dict[str, Any], changes: dict[str, Any], message: str, status: str
) -> None:
    """The client gets our message or the team's, and the status is in the connection log."""
    for words, shown in [({}, message), ({id_: 'Say "please".\n\u2013 IT'}, 'Say "please".\n\u2013 IT')]:
        decision = Authorizer(Rules(**rules, messages=words).to_cedar()).decide(facts(**changes))
        assert decision.determining == (id_,)
        assert decision.message == shown
        assert decision.statuses == (status,)


@pytest.mark.parametrize(("id_", "rules", "changes", "message", "status"), DENIED)
def test_a_waiver_lifts_its_own_rule_only(
    id_: str, rules: dict[str, Any], changes: dict[str, Any], message: str, status: str
) -> None:
    """The waiver of every other rule changes nothing."""
    del message, status
    asked = facts(**changes)
    assert decide(Rules(**rules), asked._replace(waivers=frozenset({id_}))) == PERMITTED
    assert decide(Rules(**rules), asked._replace(waivers=frozenset(IDS) - {id_})) == (id_,)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"platforms": ["Win"]}, "This VPN accepts connections from Windows only."),
        ({"platforms": ["win", "BeOS", "mac"]}, "This VPN accepts connections from beos, macOS and Windows only."),
        ({"minimum_windows": MinimumVersion("10.0.26100")}, "Update Windows to 11 24H2 (10.0.26100) or later."),
        ({"minimum_windows": MinimumVersion("10.0.19046")}, "Update Windows to version 10.0.19046 or later."),
        ({"minimum_windows": MinimumVersion("6.3")}, "Update Windows to version 6.3 or later."),
        # A client that says too little must be updated too.
        ({"minimum_windows": STRICT},
         "Update Windows to 22H2 (10.0.19045) or later, and your VPN client to one that sends its version."),
        ({"minimum_aws_client": MinimumVersion("5.1.2", unknown="deny")},
         "Connect with the AWS VPN Client, version 5.1.2 or later."),
        ({"hours": [Hours(["sat", "mon", "mon"], "22:00", "06:00"), Hours(["sun"], "00:00", "24:00")]},
         "This VPN is open on Mon and Sat from 22:00 to 06:00 and all day on Sun. Please connect then."),
        ({"hours": [Hours(["fri", "wed", "sun"], "22:00", "00:00")]},
         "This VPN is open on Wed, Fri and Sun from 22:00 to 24:00. Please connect then."),
        ({"hours": [Hours(WEEK, "08:00", "18:00")]},
         "This VPN is open every day from 08:00 to 18:00. Please connect then."),
        ({"maintenance_hours": [Hours(["sat", "sun"], "00:00", "24:00")]},
         "This VPN is maintained all day on Sat and Sun. Please connect later."),
        ({"maintenance": [Period(berlin("10-25 02:30", fold), berlin("10-25 03:00")) for fold in (1, 0)]},
         ("This VPN is being maintained from 2026-10-25 00:30 to 2026-10-25 02:00 UTC and "
          "from 2026-10-25 01:30 to 2026-10-25 02:00 UTC. Please connect later.")),
        ({"days_since_last_seen": 1},
         "Your device manager has not heard of this device in the last day. Open it, then try again."),
        (
            {"connections_per_user": 1},
            (
                "You have one connection already. Disconnect another device, then try again. "
                "If you have just disconnected, wait a minute."
            ),
        ),
    ],
)  # fmt: skip
def test_a_message_reads_well(rules: dict[str, Any], message: str) -> None:
    """One and many, names that users know, and no word that says nothing."""
    *_, policy = PolicySet.parse(Rules(**rules).to_cedar()).by_id.values()
    assert policy.message == message


HOSTILE = [
    '"]) }; permit (principal, action, resource); //',
    'x\n@id("evil") permit (principal, action, resource); //',
    "x\rpermit (principal, action, resource);",
    "x\r\nforbid (principal, action, resource);",
    "back\\slash\\",
    '\\" || true || \\"',
    "a\0\t\x1f\x7f\x85\u2028\u202e\U000e0001b",
    "ünï-\u7d44-\U0001f511",
    "${x} ?principal",
    "two  spaces",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_string(text: str) -> None:
    """Whatever a name contains, it stays a name: no policy is added, and the rule applies to it exactly."""
    other = text + "."
    for changes, denied, permitted in [
        ({"platforms": [text]}, {"platform": other}, {"platform": text}),
        ({"users": [text]}, {"username": other}, {"username": text}),
        ({"groups": [text]}, {"groups": (other,)}, {"groups": ("staff", text)}),
        ({"blocked_users": [text]}, {"username": text}, {"username": other}),
        ({"blocked_common_names": [text]}, {"common_name": text}, {"common_name": other}),
        ({"platforms": ["mac"], "messages": {"platform": escaped(text)}}, {}, {"platform": "mac"}),
        ({"own_device": text}, known(tags={other: "bob"}), known(tags={text: "bob"})),
        ({"blocked_users": [f"{text}*z"]}, {"username": f"{text} z"}, {"username": f"{text} y"}),
        ({"blocked_common_names": [f"*{text}"]}, {"common_name": f"x{text}"}, {"common_name": other}),
    ]:
        rules = Rules(**changes)
        *_, forbid = PolicySet.parse(rules.to_cedar()).by_id
        assert decide(rules, facts(**denied)) == (forbid,)
        assert decide(rules, facts(**permitted)) == PERMITTED


def test_a_message_is_never_too_long() -> None:
    """Many platforms, windows or periods do not make a message that Client VPN refuses."""
    days = [NOW + timedelta(days=number) for number in range(20)]
    rules = Rules(
        platforms=[f"platform-{number}" for number in range(100)],
        hours=[Hours([day], f"{hour:02}:00", f"{hour:02}:30") for day in WORKDAYS for hour in range(24)],
        maintenance_hours=[
            Hours([day], f"{hour:02}:20", f"{hour:02}:25") for day in WEEK for hour in range(24)
        ],
        maintenance=[Period(day, day + timedelta(hours=1)) for day in days],
    )
    assert decide(rules, facts(now=NOW + timedelta(minutes=21))) == (
        "maintenance",
        "maintenance-hours",
        "platform",
    )
    assert decide(rules, facts(now=NOW - timedelta(minutes=30), platform="platform-7")) == ("hours",)
    assert decide(rules, facts(now=NOW - timedelta(minutes=31), platform="platform-7")) == PERMITTED


def test_a_thousand_networks_are_evaluated() -> None:
    """The engine takes only 100 levels of nesting, and each `||` in a row is one."""
    networks = [f"10.{number // 256}.{number % 256}.0/24" for number in range(1000)]
    for rules, outside, inside in [
        (Rules(blocked_networks=networks), PERMITTED, ("blocked-networks",)),
        (Rules(allowed_networks=networks), ("allowed-networks",), PERMITTED),
    ]:
        assert check(Policies.from_rules(rules)) == []
        authorizer = Authorizer(rules.to_cedar())
        for address, by in [("10.0.0.0", inside), ("10.3.231.255", inside), ("10.3.232.0", outside)]:
            assert authorizer.decide(facts(public_ip=ip_address(address))).determining == by


def test_the_text_depends_on_no_order_and_no_repetition() -> None:
    """The same rules give the same policies, so nothing is deployed again without a change."""
    shuffled = {
        name: [*reversed(values), *values] if isinstance(values, list) else values
        for name, values in reversed(EVERY_FIELD.items())
    }
    assert Rules(**shuffled).to_cedar() == Rules(**EVERY_FIELD).to_cedar()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"platforms": ["Win", "win"]}, {"platforms": ["WIN"]}),
        ({"users": ["BOB", "bob"]}, {"users": ["Bob"]}),
        ({"blocked_users": ["BOB", "bob"]}, {"blocked_users": ["Bob"]}),
        ({"allowed_networks": ["10.0.0.1"]}, {"allowed_networks": ["10.0.0.1/32"]}),
        ({"allowed_networks": ["10.0.0.0/8"]}, {"allowed_networks": ["10.0.0.0/255.0.0.0"]}),
        ({"blocked_networks": ["2001:DB8:0::/32"]}, {"blocked_networks": ["2001:db8::/32"]}),
        (
            {"hours": [Hours(["tue", "mon", "tue"], "07:00", "00:00")]},
            {"hours": [Hours(("mon", "tue"), "07:00", "24:00")]},
        ),
        (
            {"maintenance": [Period(berlin("10-25 01:00"), berlin("10-25 02:30", 1))]},
            {"maintenance": [Period(utc("10-24 23:00"), utc("10-25 01:30").astimezone(LORD_HOWE))]},
        ),
        ({"registered_devices": True, "compliant_devices": True}, {"compliant_devices": True}),
        ({"messages": {}}, {"messages": None}),
    ],
)  # fmt: skip
def test_the_text_depends_on_no_spelling(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Equal meanings are rendered the same."""
    assert Rules(**one).to_cedar() == Rules(**other).to_cedar()


def test_all_fields_at_once_give_one_sound_policy_each(snapshot: SnapshotAssertion) -> None:
    """All fields at once give sound, commented policies, one for each."""
    assert [*EVERY_FIELD, "scope"] == [each.name for each in fields(Rules)]
    rules = Rules(**EVERY_FIELD)
    policies = Policies.from_rules(rules)
    assert [*check(policies), *lint(policies)] == []
    assert list(PolicySet.parse(policies.text).by_id) == [*PERMITTED, *IDS]
    comments = [line for line in policies.text.splitlines() if line.startswith("//")]
    assert all(len(line) <= 100 for line in comments)
    assert rules.to_cedar() == snapshot


LISTS = [name for name, value in EVERY_FIELD.items() if isinstance(value, list)]
OF_TEXTS = [name for name in LISTS if isinstance(EVERY_FIELD[name][0], str)]


@pytest.mark.parametrize(
    ("rules", "problems"),
    [
        *(({name: []}, [f"{name} is empty; leave it out (None)"]) for name in LISTS),
        *(({name: ()}, [f"{name} is empty; leave it out (None)"]) for name in LISTS),
        *(({name: "win"}, [f'{name} is the string "win"; give a list, such as ["win"]']) for name in OF_TEXTS),
        *(({name: 5}, [f"{name} is 5; give a list of texts"]) for name in OF_TEXTS),
        *(({name: {"win"}}, [f"{name} is {{'win'}}; give a list of texts"]) for name in OF_TEXTS),
        *(({name: [value]}, [problem]) for name, value, problem in (
            ("groups", "acme-*", 'groups has "acme-*", but these names are compared exactly, with the asterisk'),
            ("users", "*", 'users has "*", which is everybody with a name; give more of the names'),
            ("blocked_users", "**", 'blocked_users has "**", which is everybody'),
            ("blocked_common_names", "*", 'blocked_common_names has "*", which is everybody'),
            ("open_during", 7, "open_during has 7; every entry must be of the type Period"),
        )),
        ({"hours": "mon"}, ["hours is 'mon'; give a list of Hours"]),
        ({"hours": FRIDAY_NIGHT[0]}, ["hours is Hours(days=['fri'], start='22:00', end='06:00'); give a list"]),
        ({"maintenance_hours": 7}, ["maintenance_hours is 7; give a list of Hours"]),
        ({"maintenance": NOW}, ["maintenance is datetime.datetime(2026, 11, 23, 12, 0, tzinfo=" ]),
        ({"maintenance": {"a": 1}}, ["maintenance is {'a': 1}; give a list of Period"]),
        ({"hours": [*FRIDAY_NIGHT, "mon"]}, ["hours has 'mon'; every entry must be of the type Hours"]),
        ({"maintenance_hours": [None]}, ["maintenance_hours has None; every entry must be of the type Hours"]),
        ({"maintenance": FRIDAY_NIGHT}, ["every entry must be of the type Period"]),
        ({"groups": ["a", "", " ", None, 7, ["x"], "\ud800"]}, [
            "groups has ''; every entry must be a text", "groups has ' '", "groups has None", "groups has 7",
            "groups has ['x']", "groups has '\\ud800'",
        ]),
        ({"users": ["\udfff", b"bob"]}, ["users has '\\udfff'; every entry must be a text", "users has b'bob'"]),
        *(
            ({name: value}, [f"{name} is {value!r}; give a MinimumVersion"])
            for name in ("minimum_windows", "minimum_openvpn", "minimum_aws_client")
            for value in ("10.0.19045", 2.6, False)
        ),
        *(
            ({name: value}, [f"{name} is {value!r}; give True or False"])
            for name in ("registered_devices", "compliant_devices")
            for value in ("yes", 1, None)
        ),
        *(
            ({name: value}, [f"{name} is {value!r}; give a whole number from 1 to 999999999"])
            for name in ("days_since_last_seen", "connections_per_user")
            for value in (0, -1, 1.0, 1.5, True, False, 10**9, 2**63, "7", [7])
        ),
        ({"messages": "Go away."}, ["messages is 'Go away.'; give a mapping of rule ids"]),
        ({"messages": ["platform"]}, ["messages is ['platform']; give a mapping of rule ids"]),
        ({"messages": {"platform": "x"}}, ['messages has "platform", but the rules in use are none']),
        ({"messages": {5: "x"}, "users": ["bob"]}, ['messages has "5", but the rules in use are members']),
        ({"platforms": ["win"], "messages": {"platforms": "x"}}, [
            'messages has "platforms", but the rules in use are platform',
        ]),
        ({"registered_devices": True, "messages": {"compliant-device": "x"}}, [
            "the rules in use are inventory-available, registered-device",
        ]),
        ({"platforms": ["win"], "messages": {"platform": ""}}, ["the message of \"platform\" is ''; give a text"]),
        ({"platforms": ["win"], "messages": {"platform": None}}, ['the message of "platform" is None; give a text']),
        ({"platforms": ["win"], "messages": {"platform": "x" * 256}}, [
            'the message of "platform" has 256 characters; Client VPN takes at most 255, so shorten it',
        ]),
        (
            {"groups": ["x"], "compliant_devices": True,
             "messages": {"members": " ", "registered-device": "x" * 256, "groups": 1}},
            ['the message of "members" is \' \'; give a text', 'the message of "registered-device" has 256 characters',
             'messages has "groups", but the rules in use are members, inventory-available, registered-device, co',
             'the message of "groups" is 1'],
        ),
        ({"platforms": ["win"], "messages": {"platform": "{user}, no"}}, [
            'the message of "platform" has {user}, which is no placeholder; write "{username}", or write {{user}} for',
        ]),
        ({"platforms": ["win"], "messages": {"platform": "TEMPORARY"}}, [
            'the message of "platform" begins with "TEMP", so OpenVPN clients connect again and again',
        ]),
        ({"platforms": ["win"], "messages": {"platform": "\U0001f98a" * 128}}, [
            'the message of "platform" has 256 characters, counted in UTF-16; Client',
        ]),
        ({"closed_on": "2026-12-25"}, ["closed_on is '2026-12-25'; give a list of dates"]),
        ({"closed_on": date(2026, 12, 25)}, ["closed_on is datetime.date(2026, 12, 25); give a list of dates"]),
        *(({"closed_on": [value]}, [f"closed_on has {value!r}; give a datetime.date"]) for value in (
            "25.12.2026", "2026-02-29", "02-30", "20261225", "2026-12-25 ", "2026-12-25T00:00", "26-12-25", "12/25",
            "\uff12026-12-25", NOW, 1225, None,
        )),
        ({"closed_on": [f"{day:%m-%d}" for day in (date(2027, 1, 1) + timedelta(n) for n in range(365))]}, [
            "closed_on are all days of a year, so no one could ever connect",
        ]),
        ({"own_certificate": "yes"}, ["own_certificate is 'yes'; give True or False"]),
        *(({"own_device": value}, [f"own_device is {value!r}; give the name of the tag"]) for value in (
            True, "", " ", "owner ", 1,
        )),
        # Another problem makes none of the messages.
        ({"platforms": ["win"], "allowed_networks": ["x."], "messages": {"platform": "Go.", "allowed-networks": "!"}}, [
            'allowed_networks has "x.", which is not a network',
        ]),
        ({"allowed_networks": ["10.0.0.7/8"]}, ["10.0.0.7/8 has host bits set; write one such as"]),
        ({"allowed_networks": ["example.com"]}, ['allowed_networks has "example.com", which is not a network']),
        ({"blocked_networks": ["10.0.0.0/33", "10.0.0/8"]}, ['blocked_networks has "10.0.0.0/33"', 'has "10.0.0/8"']),
        ({"allowed_networks": ["::ffff:198.51.100.0/120"]}, ["maps IPv4 into IPv6; write the IPv4 network"]),
        ({"blocked_networks": ["fe80::%eth0/64"]}, ["names a zone of one machine"]),
        ({"allowed_networks": [["10.0.0.0/8"]], "blocked_networks": [1, 1]}, [
            "allowed_networks has ['10.0.0.0/8']; every entry", *["blocked_networks has 1; every entry"] * 2,
        ]),
        # Contradictions.
        ({"allowed_networks": ["10.0.0.0/8", "10.1.0.0/16"], "blocked_networks": ["10.0.0.0/8"]}, [
            "allowed_networks has 10.0.0.0/8, but it lies in 10.0.0.0/8 of blocked_networks; keep one of them",
            "allowed_networks has 10.1.0.0/16, but it lies in 10.0.0.0/8 of blocked_networks; keep one of them",
        ]),
        ({"allowed_networks": ["10.0.0.1", "2001:db8::/32"], "blocked_networks": ["2001:DB8::/32", "10.0.0.1/32"]}, [
            "allowed_networks has 10.0.0.1/32, but it lies in 10.0.0.1/32",
            "allowed_networks has 2001:db8::/32, but it lies in 2001:db8::/32",
        ]),
        ({"allowed_networks": ["10.0.0.0/24"], "blocked_networks": ["10.0.0.0/25", "10.0.0.128/25"]}, [
            "allowed_networks has 10.0.0.0/24, but it lies in 10.0.0.0/24",
        ]),
        ({"blocked_networks": ["0.0.0.0/1", "128.0.0.0/1", "::/0"]}, ["the whole world, so no one could ever"]),
        ({"allowed_networks": ["0.0.0.0/0", "::/0"]}, ["allowed_networks are the whole world; leave them out"]),
        ({"users": ["Bob", "eve"], "blocked_users": ["mallory", "bob"]}, [
            "users and blocked_users both have bob; keep each in one of them",
        ]),
        ({"platforms": ["Windows", "macOS", "win "]}, [
            "platforms has 'win '; leave out the space around it",
            'platforms has "Windows", which no client calls itself; write "win"',
            'platforms has "macOS", which no client calls itself; write "mac"',
        ]),
        ({"blocked_users": [" bob"], "groups": ["a\n"]}, [
            "groups has 'a\\n'; leave out the space", "blocked_users has ' bob'; leave out the space",
        ]),
        ({"blocked_users": ["eve\xa0"], "blocked_common_names": ["\u200elaptop-17", "a\u200cb"]}, [
            "blocked_users has 'eve\\xa0'; leave out the space around it",
            "blocked_common_names has '\\u200elaptop-17'; leave out the invisible character around it",
        ]),
        ({"minimum_windows": MinimumVersion("11.0")}, [
            'minimum_windows is "11.0", but no Windows reports a version above 10.0: Windows 11 is',
        ]),
        ({"platforms": ["mac"], "minimum_windows": MODERN}, ['minimum_windows is set, but platforms has no "win"']),
        ({"hours": [Hours(WEEK, "00:00", "24:00")]}, ["hours are the whole week; leave them out (None)"]),
        ({"hours": [Hours(WEEK, "06:00", "05:59"), Hours(WEEK, "05:58", "06:00")]}, ["hours are the whole week"]),
        ({"maintenance_hours": [Hours(WEEK, "09:00", "08:00"), Hours(WEEK, "08:00", "09:00")]}, [
            "maintenance_hours are the whole week, so no one could ever connect",
        ]),
        (
            {"hours": [Hours(["sun"], "23:00", "01:00")],
             "maintenance_hours": [Hours(["sun"], "22:00", "24:00"), Hours(["mon"], "00:00", "01:00")]},
            ["maintenance_hours cover all hours, so no one could ever connect"],
        ),
        (
            {"platforms": [], "minimum_windows": 10, "minimum_openvpn": "2", "allowed_networks": ["x."],
             "blocked_networks": "y", "groups": [""], "users": ["bob"], "blocked_users": ["BOB", 0],
             "blocked_common_names": b"z", "hours": [7], "maintenance": 5, "registered_devices": 1,
             "days_since_last_seen": 0, "messages": {"x": "y"}},
            ["minimum_windows is 10", "minimum_openvpn is '2'", "registered_devices is 1", "days_since_last_seen is 0",
             "platforms is empty", "blocked_networks is the string", "groups has ''", "blocked_users has 0",
             "blocked_common_names has 122", "hours has 7", "maintenance is 5", 'allowed_networks has "x."',
             "users and blocked_users both have bob", 'messages has "x"'],
        ),
    ],
)  # fmt: skip
def test_fails_with_every_problem_at_once(rules: dict[str, Any], problems: list[str]) -> None:
    """Each problem is a line that names the field and says what to do."""
    with pytest.raises(InvalidRules) as failure:
        Rules(**rules)
    first, *lines = str(failure.value).splitlines()
    assert first == "the rules cannot be used:"
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert problem in line


@pytest.mark.parametrize(
    "rules",
    [
        {"hours": [Hours(WEEK, "00:00", "23:59")]},
        {"hours": [Hours(WEEK, "00:01", "00:00")]},
        {"maintenance_hours": [Hours(WEEK, "12:01", "12:00")]},
        {"hours": [Hours(["mon"], "08:00", "18:00")], "maintenance_hours": [Hours(WEEK, "18:00", "17:59")]},
        {"allowed_networks": ["20.0.0.0/8"], "blocked_networks": ["20.1.0.0/16"]},
        {"users": ["bob"], "blocked_common_names": ["bob"]},
        {"platforms": ["Win"], "minimum_windows": MODERN},
        {"platforms": ["win"], "messages": {"platform": "x" * 255}},
    ],
)
def test_what_leaves_something_is_no_contradiction(rules: dict[str, Any]) -> None:
    """A minute of the week or one address is enough."""
    policies = Policies.from_rules(Rules(**rules))
    assert [*check(policies), *lint(policies)] == []


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        *(
            (lambda version=version: MinimumVersion(version),
             [f"minimum version {version!r} must be a text of two or three numbers"])
            for version in ("", "10", "10.0.19045.1", "10.0.x", "10.0 64bit", "10.0.19045\n", "-1.0", "1٣.0", 10.0)
        ),
        (lambda: MinimumVersion("1234567890.0"), ["must be a text of two"]),
        (lambda: MinimumVersion("10.0", "maybe"), ["unknown='maybe' is not allowed; choose \"allow\" or \"deny\""]),
        (lambda: MinimumVersion("ten", None), ["minimum version 'ten' must be", "unknown=None is not allowed"]),
        *(
            (lambda days=days: Hours(days, "07:00", "19:00"), [f"days={days!r} must be a list of days"])
            for days in ("mon", [], (), None, {"mon"}, 1)
        ),
        (lambda: Hours(["mon", "Tue", "", 3], "07:00", "19:00"), [
            "days has ['Tue', '', 3]; allowed are mon, tue, wed, thu, fri, sat, sun",
        ]),
        *(
            (lambda text=text: Hours(["mon"], text, "19:00"), [f'start={text!r} must be a time from "00:00" to'])
            for text in ("7:00", "07:60", "24:01", "0700", "07:00:00", " 07:00", "07:00\n", "\u06607:00", None, 7)
        ),
        (lambda: Hours(["mon"], "07:00", "24:30"), ["end='24:30' must be a time"]),
        (lambda: Hours(["mon"], "24:00", "06:00"), ['start="24:00" is the end of a day; use "00:00" of the next']),
        (lambda: Hours(["mon"], "07:00", "07:00"), ['start and end are both "07:00"; for a whole day, use "00:00"']),
        (lambda: Hours(["mon"], "00:00", "00:00"), ['start and end are both "00:00"']),
        (lambda: Hours([], "7", 19), ["days=[] must be", "start='7' must be", "end=19 must be"]),
        (lambda: Period(NOW.replace(tzinfo=None), "now"), [
            "start=datetime.datetime(2026, 11, 23, 12, 0) must be a datetime with a time zone", "end='now' must be",
        ]),
        (lambda: Period(NOW.date(), NOW), ["start=datetime.date(2026, 11, 23) must be a datetime"]),
        (lambda: Period(NOW, NOW), ["is over before it begins"]),
        (lambda: Period(NOW, NOW - timedelta(microseconds=1)), ["is over before it begins"]),
        # The clock shows a later time, but it was turned back in between.
        (lambda: Period(berlin("10-25 02:10", 1), berlin("10-25 02:50")), ["is over before it begins"]),
        (lambda: Period(berlin("11-23 12:00"), utc("11-23 11:00")), ["is over before it begins"]),
        (lambda: Period(NOW, datetime.max.replace(tzinfo=NEW_YORK)), ["leaves the years 1 to 9999"]),
    ],
)  # fmt: skip
def test_fails_for_a_value_that_cannot_be_used(make: Any, problems: list[str]) -> None:
    """A value that cannot be compared with a client or a clock is refused where it is written, all at once."""
    with pytest.raises(InvalidRules) as failure:
        make()
    for line, problem in zip(str(failure.value).splitlines(), problems, strict=True):
        assert problem in line


# Rules against a reading of their documentation in plain Python. What a client's text says of a version is
# known with it: (major, minor, last), with None for what it does not say.

T = TypeVar("T")
Known = tuple[int, int, int | None] | None
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """Facts, with what the client's texts say."""

    facts: Facts
    windows: Known
    openvpn: Known
    aws_client: Known


NAMES = ["bob", "BOB", "Bob@example.com", "laptop-1", "staff", 'a"b', "x\ny", "İ", "ß", "SS", "\U0001f511 \\"]
NETWORKS = ["0.0.0.0/0", "20.0.0.0/8", "192.0.2.0/25", "2001:db8::/32", "::/1"]
SUBNETWORKS = ["20.7.0.0/16", "20.7.7.7", "192.0.2.0/26", "2001:db8:7::/48", "::1", "8000::/1"]
ADDRESSES = [
    *("20.7.7.7", "20.7.7.8", "20.8.0.0", "21.0.0.0", "192.0.2.63", "192.0.2.64", "192.0.2.128", "198.51.100.7"),
    *("::1", "::2", "2001:db8:7::1", "2001:db8:8::1", "7fff::1", "8000::1"),
]  # fmt: skip
ZONES = [UTC, BERLIN, NEW_YORK, LORD_HOWE, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Kiritimati")]
# Changes to and from summer time in Berlin, New York and on Lord Howe Island, the turn of a year, a leap day.
TURNS = [
    *map(utc, ("03-29 01:00", "10-25 01:00", "03-08 07:00", "11-01 06:00", "04-04 15:00", "10-03 15:30")),
    utc("01-01 00:00"),
    datetime(2028, 2, 29, tzinfo=UTC),
]
CLOCK = [0, 1, 59, 60, 90, 105, 119, 120, 150, 180, 360, 1320, 1439]


TAGS = ["owner", "serial", "a b"]


class Generator(Random):
    """Chooses rules and facts, always the same for a seed."""

    def maybe(self, make: Callable[[], T]) -> T | None:
        """Return something, or nothing."""
        return make() if self.random() < 0.5 else None

    def some(self, make: Callable[[], T], least: int = 1, most: int = 3) -> list[T]:
        """Return a few things."""
        return [make() for _ in range(self.randint(least, most))]

    def name(self) -> str:
        """Return a name, which may be anything that is not blank."""
        character = chr(self.choice([self.randrange(33, 127), self.randrange(0xA1, 0xD800)]))
        return self.choice([*NAMES, character.replace("*", "+")])  # * is a pattern

    def names(self) -> list[str]:
        """Return a few names."""
        return self.some(self.name)

    def numbers(self) -> tuple[int, int, int]:
        """Return the numbers of a version."""
        last = self.choice([0, 1, 19044, 19045, 19046, 999_999_999])
        return self.choice([0, 2, 6, 10, 11]), self.randint(0, 2), last

    def minimum(self) -> MinimumVersion:
        """Return a minimum version."""
        version = ".".join(map(str, self.numbers()[: self.choice([2, 3])]))
        return MinimumVersion(version, "allow" if self.random() < 0.5 else "deny")

    def hours(self) -> Hours:
        """Return a time of the week."""
        while True:
            start, end = (self.choice([*CLOCK, self.randrange(1440)]) for _ in range(2))
            texts = [f"{number // 60:02}:{number % 60:02}" for number in (start, end)]
            if self.random() < 0.2:
                texts[1] = "24:00"
            if texts[0] != texts[1]:
                return Hours(self.some(lambda: self.choice(WEEK), 1, 9), *texts)

    def moment(self) -> datetime:
        """Return a moment in any zone, often in an hour that happens twice or never."""
        turn = self.choice(TURNS) + timedelta(minutes=self.randint(-200, 200))
        local = turn.astimezone(self.choice(ZONES)) + self.choice([0, 0, 1, 999, 1000]) * timedelta(
            microseconds=1
        )
        return local.replace(fold=self.choice([local.fold, 0, 1]))

    def period(self) -> Period:
        """Return a period of a minute to some weeks."""
        start = self.moment()
        length = self.choice([1, 30, 60, 90, 1440, 50_000]) * timedelta(minutes=1)
        return Period(start, (start.astimezone(UTC) + length).astimezone(self.choice(ZONES)))

    def day(self) -> date | str:
        """Return a day on which something happens, or that day of every year."""
        day = self.moment().date()
        return self.choice([day, day.isoformat(), day.isoformat()[5:]])

    def rules(self) -> Rules:
        """Return rules of any fields."""
        while True:
            # No Windows reports a version above 10.
            minimum = self.maybe(lambda: MinimumVersion(f"10.{self.minimum().version.partition('.')[2]}"))
            minimum = minimum and replace(minimum, unknown=self.minimum().unknown)
            platforms = self.maybe(
                lambda: self.some(lambda: self.choice(["win", "Win", "MAC", "linux", "x\ny"]))
            )
            users, blocked_users = self.maybe(self.names), self.maybe(self.names)
            if users and blocked_users:
                lower = [lower_case(name) for name in users]
                blocked_users = [name for name in blocked_users if lower_case(name) not in lower] or None
            values: dict[str, Any] = {
                "platforms": [*platforms, "win"] if platforms and minimum else platforms,
                "minimum_windows": minimum,
                "minimum_openvpn": self.maybe(self.minimum),
                "minimum_aws_client": self.maybe(self.minimum),
                "allowed_networks": self.maybe(lambda: self.some(lambda: self.choice(NETWORKS))),
                "blocked_networks": self.maybe(lambda: self.some(lambda: self.choice(SUBNETWORKS))),
                "users": users,
                "groups": self.maybe(self.names),
                "blocked_users": blocked_users,
                "blocked_common_names": self.maybe(self.names),
                "hours": self.maybe(lambda: self.some(self.hours)),
                "maintenance_hours": self.maybe(lambda: self.some(self.hours)),
                "maintenance": self.maybe(lambda: self.some(self.period)),
                "open_during": self.some(self.period) if self.random() < 0.15 else None,
                "closed_on": self.maybe(lambda: self.some(self.day)),
                "own_certificate": self.random() < 0.3,
                "registered_devices": self.random() < 0.5,
                "compliant_devices": self.random() < 0.5,
                "days_since_last_seen": self.maybe(lambda: self.choice([1, 2, 14, 999_999_999])),
                "own_device": self.maybe(lambda: self.choice(TAGS)),
                "connections_per_user": self.maybe(lambda: self.randint(1, 3)),
                "messages": None,
            }
            assert list(values) == [each.name for each in fields(Rules) if each.name != "scope"]
            try:
                return Rules(**values)
            except InvalidRules:
                # The only contradiction that is left to chance.
                if not closes_for_good(values["hours"], values["maintenance_hours"]):
                    raise

    def windows_version(self) -> tuple[str | None, Known]:
        """Return a version of Windows as a client may send it, with what it says."""
        major, minor, build = self.numbers()
        machine = self.choice(["amd64", "arm64", "x86"])
        short = (major, minor, None) if major else None
        long = (major, minor, build) if major else None
        return self.choice(
            [
                (f"{major}.{minor} 64bit", short),
                (f"{major}.{minor} 32bit", short),
                (f"{major}.{minor}, {machine} executable", short),
                (f"{major}.{minor}, {machine} executable running on arm64 host", short),
                *[(f"{major}.{minor}.{build},{machine}", long)] * 4,
                (f"{major}.{minor}.{build}", long if (major, minor) <= (10, 0) else None),
                (f"{major}.{minor}.{build}_x", long),
                (f"Windows {major}", None),
                ("", None),
                (None, None),
            ]
        )

    def client_version(self) -> tuple[str | None, Known]:
        """Return a version of a client program, with what it says."""
        major, minor, patch = self.numbers()
        return self.choice(
            [
                *[(f"{major}.{minor}.{patch}", (major, minor, patch))] * 4,
                (f"{major}.{minor}.{patch}_rc1", (major, minor, patch)),
                (f"{major}.{minor}.{patch}.4", (major, minor, patch)),
                (f"{major}.{minor}-qa", (major, minor, 0)),
                (f"{major}", (major, 0, 0)),
                (f"{major}.git::abc", None),
                (f"v{major}.{minor}", None),
                (f"1234567890.{minor}", None),
                ("", None),
                (None, None),
            ]
        )

    def now(self, rules: Rules, zone: tzinfo) -> datetime:
        """Return a moment, often one at which a rule begins or ends to apply."""
        now = self.moment().astimezone(UTC)
        windows = [*(rules.hours or ()), *(rules.maintenance_hours or ())]
        where = self.randint(0, 2)
        if where == 0 and rules.maintenance:
            period = self.choice(rules.maintenance)
            now = self.choice([period.start, period.end]).astimezone(UTC)
        elif where == 1 and windows:
            window = self.choice(windows)
            on_the_wall = datetime.combine(now.date(), minute(self.choice([window.start, window.end])), zone)
            now = on_the_wall.replace(fold=self.choice([0, 1])).astimezone(UTC)
        return now + self.choice([-1, 0, 0, 1]) * MILLISECOND

    def asked(self, rules: Rules) -> Asked:
        """Return facts, many of them at the limits of the rules."""
        windows, openvpn, aws_client = self.windows_version(), self.client_version(), self.client_version()
        user = self.choice(
            [None, self.name(), self.choice([*(rules.users or ()), *(rules.blocked_users or ()), "bob"])]
        )
        user = user and self.choice([user, user.upper(), user.lower()])
        common_name = (
            self.name()
            if user is None
            else self.maybe(lambda: self.choice([*self.some(self.name, 3), user.swapcase()]))
        )
        request = BOB._replace(
            username=user,
            common_name=common_name,
            platform=self.choice(["win", "WIN", "mac", "", "x\ny"]),
            platform_version=windows[0],
            client_openvpn_version=openvpn[0],
            aws_client_version=aws_client[0],
            public_ip=ip_address(self.choice(ADDRESSES)),
            groups=tuple(dict.fromkeys(self.some(self.name, 0, 2))),
        )
        zone = self.choice(ZONES)
        now = self.now(rules, zone)
        ago = (
            self.choice([-1, 0, 1, 2, 14, 15]) * timedelta(days=1)
            + self.choice([-1, 0, 1, 10**8]) * MILLISECOND
        )
        device = Device(
            compliant=self.choice([None, False, True, True]),
            last_seen=self.choice([None, now - ago, now - ago]),
            tags=dict(
                self.some(
                    lambda: (self.choice(TAGS), self.choice([user or "", (user or "").upper(), "x"])), 0
                )
            ),
        )
        inventory = self.choice(["disabled", "unknown", "unavailable", *["known"] * 4])
        if common_name is None and inventory == "known":
            inventory = "unknown"
        everything = Facts(
            request,
            now=now,
            time_zone=zone,
            inventory=inventory,
            device=device if inventory == "known" else None,
            waivers=frozenset(self.some(lambda: self.choice([*IDS, *PERMITTED, "x"]), 0, 4)),
            active_connections=self.maybe(lambda: self.randint(0, 4)),
        )
        return Asked(everything, windows[1], openvpn[1], aws_client[1])


def minute(text: str) -> time:
    """Return a time of the day; the end of one is the beginning of the next."""
    return time.min if text == "24:00" else time.fromisoformat(text)


def is_open(windows: list[Hours], local: datetime) -> bool:
    """Read windows: one of them began today or yesterday and is not over yet, by the clock on the wall."""
    wall = local.replace(tzinfo=None)
    for window in windows:
        for day in (wall.date(), wall.date() - timedelta(days=1)):
            start, end = (
                datetime.combine(day, minute(window.start)),
                datetime.combine(day, minute(window.end)),
            )
            if end <= start:
                end += timedelta(days=1)
            if WEEK[day.weekday()] in window.days and start <= wall < end:
                return True
    return False


def milliseconds(moment: datetime) -> int:
    """Return a moment as Cedar has it."""
    return (moment - EPOCH) // MILLISECOND


def closes_for_good(hours: list[Hours] | None, maintenance_hours: list[Hours] | None) -> bool:
    """Read windows: no one could ever connect, or the hours restrict nothing."""
    if not (hours or maintenance_hours):
        return False
    monday = datetime(2026, 11, 23)  # noqa: DTZ001 (the clock on the wall)
    minutes = [monday + timedelta(minutes=number) for number in range(7 * 1440)]
    if hours and all(is_open(hours, each) for each in minutes):
        return True
    return not any(
        (not hours or is_open(hours, each)) and not is_open(maintenance_hours or [], each) for each in minutes
    )


def is_outdated(says: Known, minimum: MinimumVersion | None) -> bool:
    """Read the rule of a minimum version."""
    if minimum is None:
        return False
    wanted = [int(number) for number in minimum.version.split(".")]
    wanted += [0] * (3 - len(wanted))
    if says is None or (says[2] is None and [*says[:2]] == wanted[:2] and wanted[2] > 0):
        return minimum.unknown == "deny"
    return [*says[:2], says[2] or 0] < wanted


def denied_by(rules: Rules, asked: Asked) -> set[str]:
    """Read the rules: the ids of those that deny the connection, if none is waived."""
    everything, request = asked.facts, asked.facts.request
    user = None if request.username is None else lower_case(request.username)
    local = everything.now.astimezone(everything.time_zone)
    now = milliseconds(everything.now)
    demands_device = (
        rules.registered_devices or rules.compliant_devices or rules.days_since_last_seen or rules.own_device
    )
    known_device = everything.device if everything.inventory == "known" else None

    def is_in(some: Any) -> bool:
        return any(request.public_ip in ip_network(each) for each in some or ())

    def is_one_of(some: Any) -> bool:
        return user is not None and user in [lower_case(name) for name in some or ()]

    def is_member() -> bool:
        in_group = user is not None and any(group in (rules.groups or ()) for group in request.groups)
        return in_group or is_one_of(rules.users)

    def is_stale(device: Device) -> bool:
        if device.last_seen is None:
            return True
        age = now - milliseconds(device.last_seen)
        return not -86_400_000 <= age <= (rules.days_since_last_seen or 0) * 86_400_000

    def is_user(name: str | None) -> bool:
        return bool(user and name) and lower_case(name or "") == user

    days = {each if isinstance(each, str) else each.isoformat() for each in rules.closed_on or ()}

    readings = {
        "platform": rules.platforms is not None
        and request.platform.lower() not in [name.lower() for name in rules.platforms],
        "minimum-windows": request.platform.lower() == "win"
        and is_outdated(asked.windows, rules.minimum_windows),
        "minimum-openvpn": is_outdated(asked.openvpn, rules.minimum_openvpn),
        "minimum-aws-client": is_outdated(asked.aws_client, rules.minimum_aws_client),
        "allowed-networks": rules.allowed_networks is not None and not is_in(rules.allowed_networks),
        "blocked-networks": is_in(rules.blocked_networks),
        "members": (rules.users is not None or rules.groups is not None) and not is_member(),
        "blocked-users": is_one_of(rules.blocked_users),
        "blocked-common-names": request.common_name in (rules.blocked_common_names or ()),
        "own-certificate": rules.own_certificate and not is_user(request.common_name),
        "hours": rules.hours is not None and not is_open([*rules.hours], local),
        "maintenance-hours": is_open([*(rules.maintenance_hours or ())], local),
        "maintenance": any(
            milliseconds(each.start) <= now < milliseconds(each.end) for each in rules.maintenance or ()
        ),
        "open-during": rules.open_during is not None
        and not any(milliseconds(each.start) <= now < milliseconds(each.end) for each in rules.open_during),
        "closed-on": not days.isdisjoint({local.date().isoformat(), local.date().isoformat()[5:]}),
        "inventory-available": demands_device and everything.inventory == "unavailable",
        "registered-device": demands_device and everything.inventory in {"unknown", "disabled"},
        "compliant-device": rules.compliant_devices
        and known_device is not None
        and known_device.compliant is not True,
        "device-last-seen": rules.days_since_last_seen is not None
        and known_device is not None
        and is_stale(known_device),
        "own-device": rules.own_device is not None
        and known_device is not None
        and not is_user(known_device.tags.get(rules.own_device)),
        "connections-per-user": rules.connections_per_user is not None
        and everything.active_connections is not None
        and everything.active_connections >= rules.connections_per_user,
    }
    assert list(readings) == IDS
    return {id_ for id_, applies in readings.items() if applies}


@pytest.mark.proof
def test_hundreds_of_rules_decide_as_they_read() -> None:
    """The policies deny by exactly the rules that a plain reading denies by."""
    seeds = 4 * settings().max_examples
    texts: set[str] = set()
    counts: Counter[tuple[str, str]] = Counter()
    for seed in range(seeds):
        generator = Generator(seed)
        rules = generator.rules()
        text = rules.to_cedar()
        authorizer = Authorizer(text)
        texts.add(text)
        for asked in generator.some(lambda: generator.asked(rules), 6, 6):  # noqa: B023 (called at once)
            applying = denied_by(rules, asked)
            denied = applying - asked.facts.waivers
            decision = authorizer.decide(asked.facts)
            expected = (not denied, denied or set(PERMITTED), ())
            actual = (decision.allowed, set(decision.determining), decision.errors)
            assert actual == expected, f"seed {seed}: {rules} and {asked}"
            counts.update(("denies", id_) for id_ in denied)
            counts.update(("is waived", id_) for id_ in applying - denied)
            counts.update(("passes", id_) for id_ in authorizer.policies.by_id.keys() - applying)
            counts["all", "allowed" if not denied else "denied"] += 1
    assert len(texts) >= 0.99 * seeds  # a few are so simple that they happen twice
    # No rule agrees only because it always applies, or never.
    few = {
        key: number
        for key in product(("denies", "is waived", "passes"), IDS)
        if (number := counts[key]) < seeds / 100
    }
    assert few == {}
    assert counts["all", "allowed"] > seeds / 40


@pytest.mark.proof
def test_any_rules_have_no_findings() -> None:
    """They are policies that synthesis takes, and that the lints do not doubt."""
    for seed in range(5000, 5000 + settings().max_examples):
        policies = Policies.from_rules(Generator(seed).rules())
        doubtful = lint(policies, ignore=["similar-name"])  # among names that are made up
        assert [*check(policies), *doubtful] == [], f"seed {seed}"
