"""Rules against a reading of their documentation in plain Python, which shares no code with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import event, given, settings
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Device, Facts
from client_connect_tools import Hours, Maintenance, MinimumVersion, Policies, Rules, check

# What a text says of a version: (major, minor, build or patch), with None for a build that it leaves out.
Numbers = tuple[int, int, int | None] | None


class Case(NamedTuple):
    """The facts of a connection, with what its texts say of the versions."""

    facts: Facts
    windows: Numbers
    openvpn: Numbers
    aws_client: Numbers


def texts(*common: str) -> st.SearchStrategy[str]:
    """Generate names that are likely to meet, and any others."""
    return st.sampled_from([*common, 'a"b', "x\ny", "İ", "ß", "SS"]) | st.text(min_size=1, max_size=6).filter(
        str.strip
    )


names = texts("bob", "BOB", "Bob@example.com", "laptop-1", "staff")
lists = st.lists(names, min_size=1, max_size=4)
networks = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/25", "2001:db8::/32", "::/1"])
subnetworks = st.sampled_from(
    ["10.7.0.0/16", "10.7.7.7", "192.0.2.0/26", "2001:db8:7::/48", "::1", "8000::/1"]
)
near = ["10.7.7.7", "10.7.7.8", "10.8.0.0", "11.0.0.0", "192.0.2.63", "192.0.2.64", "192.0.2.128", "::1"]
addresses = st.sampled_from([*near, "2001:db8:7::1", "2001:db8:8::1"]).map(
    ip_address
) | st.ip_addresses().map(
    lambda address: (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
)

majors, minors = st.sampled_from([6, 10, 11]), st.integers(0, 2)
builds = st.sampled_from([0, 1, 19044, 19045, 19046, 22631, 999_999_999])
clients = st.sampled_from(
    [
        ("2.6.12", (2, 6, 12)), ("2.6", (2, 6, 0)), ("2.7_git", (2, 7, 0)), ("3", (3, 0, 0)), ("5.2.1.9", (5, 2, 1)),
        ("3.8.5 build 7", (3, 8, 5)), ("git", None), ("", None), (None, None),
    ]
)  # fmt: skip

# No maintenance covers all of these hours, which would be refused.
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = st.builds(
    Hours,
    st.lists(st.sampled_from(days[:6]), min_size=1, max_size=6),
    st.sampled_from(["00:00", "07:00"]),
    st.sampled_from(["19:00", "24:00"]),
) | st.sampled_from([Hours(["sun"], "22:30", "05:15"), Hours(["fri", "sat"], "13:00", "00:00")])
maintenance_hours = st.builds(
    Hours,
    st.lists(st.sampled_from(days), min_size=1, max_size=2),
    st.sampled_from(["23:30", "02:00"]),
    st.sampled_from(["00:30", "03:00"]),
)
moments = st.builds(
    lambda day, minute, delta: (
        datetime(2026, 10, 24, tzinfo=UTC)  # the clocks of Berlin go back the next day
        + timedelta(days=day, minutes=minute, milliseconds=delta)
    ),
    st.integers(0, 9),
    st.sampled_from([0, 30, 120, 180, 300, 315, 420, 1139, 1140, 1350, 1410]) | st.integers(0, 1439),
    st.sampled_from([-1, 0, 0, 0, 59_999]),
)
periods = st.builds(
    lambda start, length: Maintenance(start, start + length),
    moments,
    st.timedeltas(timedelta(seconds=1), timedelta(days=3)).map(
        lambda length: timedelta(seconds=length // timedelta(seconds=1))
    ),
)


def optional(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Generate a field that is left out more often than not, or else most requests would be denied."""
    return st.one_of(*[st.none()] * 3, some)


def several(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Generate a field with a list."""
    return optional(st.lists(some, min_size=1, max_size=3))


def minimums(*versions: st.SearchStrategy[str]) -> st.SearchStrategy[MinimumVersion]:
    """Generate minimum versions."""
    return st.builds(MinimumVersion, st.one_of(*versions), st.sampled_from(["allow", "deny"]))


@st.composite
def windows_versions(draw: st.DrawFn) -> tuple[str | None, Numbers]:
    """Generate a version as a client may send it, with what it says."""
    major, minor, build = draw(majors), draw(minors), draw(builds)
    machine = draw(st.sampled_from(["amd64", "arm64", "x86"]))
    known = (major, minor, None)
    return draw(
        st.sampled_from(
            [
                (f"{major}.{minor} 64bit", known),
                (f"{major}.{minor} 32bit", known),
                (f"{major}.{minor}, {machine} executable", known),
                (f"{major}.{minor}, {machine} executable running on arm64 host", known),
                (f"{major}.{minor}.{build},{machine}", (major, minor, build)),
                (f"{major}.{minor}.{build},{machine}", (major, minor, build)),
                (f"{major}.{minor}.{build}", None),
                (f"Windows {major}", None),
                ("0.0 64bit", None),
                ("", None),
                (None, None),
            ]
        )
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Generate a connection."""
    windows_text, windows = draw(windows_versions())
    openvpn_text, openvpn = draw(clients)
    aws_text, aws_client = draw(clients)
    user = draw(st.none() | names)
    common_name = draw(names if user is None else st.none() | names)
    request = ConnectionRequest(
        connection_id="cvpn-connection-1",
        endpoint_id="cvpn-endpoint-1",
        username=user,
        common_name=common_name,
        platform=draw(st.sampled_from(["win", "WIN", "mac", "", "x\ny"])),
        platform_version=windows_text,
        public_ip=draw(addresses),
        client_openvpn_version=openvpn_text,
        groups=tuple(draw(st.lists(names, max_size=3, unique=True))),
        aws_client_version=aws_text,
    )
    now = draw(moments)
    ages = st.builds(timedelta, days=st.integers(-1, 4), milliseconds=st.sampled_from([-1, 0, 1]))
    device = Device(
        compliant=draw(st.sampled_from([None, True, True, False])),
        last_seen=draw(st.none() | ages.map(lambda age: now - age)),
    )
    inventory = draw(st.sampled_from(["known", "known", "unknown", "unavailable", "disabled"]))
    if common_name is None and inventory == "known":
        inventory = "unknown"
    facts = Facts(
        request,
        now=now,
        time_zone=ZoneInfo(
            draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
        ),
        inventory=inventory,
        device=device if inventory == "known" else None,
        active_connections=draw(st.none() | st.integers(0, 3)),
    )
    return Case(facts, windows, openvpn, aws_client)


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    """Generate rules of any fields."""
    minimum_windows = draw(
        optional(
            minimums(
                st.builds("{}.{}".format, majors, minors),
                st.builds("{}.{}.{}".format, majors, minors, builds),
            )
        )
    )
    platforms = draw(several(st.sampled_from(["win", "Win", "MAC", "linux", "x\ny"])))
    versions = minimums(
        st.sampled_from(["2.6", "2.6.12", "2.6.13", "2.7", "3.0", "3.8.5", "5.2.1", "5.3", "6.0.1"])
    )
    users = draw(optional(lists))
    blocked_users = draw(optional(lists))
    if users and blocked_users:
        allowed = {user.lower() for user in users}
        blocked_users = [user for user in blocked_users if user.lower() not in allowed] or None
    return Rules(
        platforms=[*platforms, "win"] if platforms and minimum_windows else platforms,
        minimum_windows=minimum_windows,
        minimum_openvpn=draw(optional(versions)),
        minimum_aws_client=draw(optional(versions)),
        allowed_networks=draw(several(networks)),
        blocked_networks=draw(several(subnetworks)),
        users=users,
        groups=draw(optional(lists)),
        blocked_users=blocked_users,
        blocked_common_names=draw(optional(lists)),
        hours=draw(several(hours)),
        maintenance_hours=draw(several(maintenance_hours)),
        maintenance=draw(several(periods)),
        registered_devices=draw(st.sampled_from([*[False] * 4, True])),
        compliant_devices=draw(st.sampled_from([*[False] * 4, True])),
        days_since_last_seen=draw(optional(st.integers(1, 3))),
        connections_per_user=draw(optional(st.integers(1, 3))),
    )


def is_outdated(numbers: Numbers, minimum: MinimumVersion | None) -> bool:
    """Read the rule of a minimum version."""
    if minimum is None:
        return False
    wanted = [int(number) for number in minimum.version.split(".")]
    wanted += [0] * (3 - len(wanted))
    if numbers is None:
        return minimum.unknown == "deny"
    if numbers[2] is None and [*numbers[:2]] == wanted[:2] and wanted[2] > 0:
        return minimum.unknown == "deny"
    return [*numbers[:2], numbers[2] or 0] < wanted


def is_within(windows: Any, local: datetime) -> bool:
    """Read whether a clock is within windows of the week."""
    today, yesterday, clock = days[local.weekday()], days[local.weekday() - 1], f"{local:%H:%M}"
    for window in windows or ():
        end = "24:00" if window.end == "00:00" else window.end
        if window.start < end and today in window.days and window.start <= clock < end:
            return True
        if window.start >= end and today in window.days and clock >= window.start:
            return True
        if window.start >= end and yesterday in window.days and clock < end:
            return True
    return False


def denied_by(rules: Rules, case: Case) -> set[str]:
    """Read the rules: the ids of those that deny the connection."""
    facts, request = case.facts, case.facts.request
    user = None if request.username is None else request.username.lower()
    local, device = facts.now.astimezone(facts.time_zone), facts.device
    needs_device = (
        rules.registered_devices or rules.compliant_devices or rules.days_since_last_seen is not None
    )

    def is_in(some: Any) -> bool:
        return any(request.public_ip in ip_network(each) for each in some or ())

    def is_one_of(users: Any) -> bool:
        return user is not None and user in [name.lower() for name in users or ()]

    in_groups = user is not None and any(group in (rules.groups or ()) for group in request.groups)
    age = None if device is None or device.last_seen is None else facts.now - device.last_seen
    readings = {
        "platform": rules.platforms is not None
        and request.platform.lower() not in [name.lower() for name in rules.platforms],
        "minimum-windows": request.platform.lower() == "win"
        and is_outdated(case.windows, rules.minimum_windows),
        "minimum-openvpn": is_outdated(case.openvpn, rules.minimum_openvpn),
        "minimum-aws-client": is_outdated(case.aws_client, rules.minimum_aws_client),
        "allowed-networks": rules.allowed_networks is not None and not is_in(rules.allowed_networks),
        "blocked-networks": is_in(rules.blocked_networks),
        "members": (rules.users is not None or rules.groups is not None)
        and not (is_one_of(rules.users) or in_groups),
        "blocked-users": is_one_of(rules.blocked_users),
        "blocked-common-names": request.common_name in (rules.blocked_common_names or ()),
        "hours": rules.hours is not None and not is_within(rules.hours, local),
        "maintenance-hours": is_within(rules.maintenance_hours, local),
        "maintenance": any(period.start <= facts.now < period.end for period in rules.maintenance or ()),
        "inventory-available": needs_device and facts.inventory == "unavailable",
        "registered-device": needs_device and facts.inventory in ("disabled", "unknown"),
        "compliant-device": rules.compliant_devices and device is not None and device.compliant is not True,
        "device-last-seen": rules.days_since_last_seen is not None
        and device is not None
        and (age is None or age > timedelta(days=rules.days_since_last_seen)),
        "connections-per-user": rules.connections_per_user is not None
        and facts.active_connections is not None
        and facts.active_connections >= rules.connections_per_user,
    }
    return {id_ for id_, applies in readings.items() if applies}


@settings(max_examples=300, deadline=None)
@given(all_rules(), st.lists(cases(), min_size=1, max_size=4))
def test_any_rules_decide_any_connection_as_they_read(rules: Rules, asked: list[Case]) -> None:
    """The policies deny by exactly the rules that a plain reading denies by, and have no findings."""
    assert check(Policies.from_rules(rules)) == []
    authorizer = Authorizer(rules.to_cedar())
    for case in asked:
        denied = denied_by(rules, case)
        for id_ in denied or {"allowed"}:
            event(id_)
        decision = authorizer.decide(case.facts)
        assert (decision.allowed, set(decision.determining), decision.errors) == (
            not denied,
            denied or {"authenticated"},
            (),
        )
