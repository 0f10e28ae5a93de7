"""Rules: what they say in Cedar decides as they read."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, ip_address, ip_network
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Facts, PolicySet
from client_connect_tools import InvalidRules, MinimumVersion, Policies, Rules, check

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

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
EVERY_FIELD: dict[str, Any] = {
    "platforms": ["win", "Mac", "BeOS"],
    "minimum_windows": STRICT,
    "allowed_networks": ["198.51.100.0/24", "2001:db8::/32"],
    "blocked_networks": ["198.51.100.66", "2001:db8:bad::/48"],
    "groups": ["vpn users", 'the "A" team'],
    "blocked_users": ["Mallory", "mallory@example.com"],
    "blocked_common_names": ["stolen-laptop"],
}


def decide(rules: Rules, request: ConnectionRequest, *waivers: str) -> tuple[str, ...]:
    """Return the ids of the policies that decide a request, for which these policies are waived."""
    facts = Facts(request)
    cedar = facts.cedar_request()
    cedar["context"]["waivers"] = list(waivers)
    waived: Any = SimpleNamespace(cedar_request=lambda: cedar, cedar_entities=facts.cedar_entities)
    decision = Authorizer(rules.to_cedar()).decide(waived)
    assert decision.errors == ()
    assert decision.allowed is (decision.determining == PERMITTED)
    return decision.determining


@pytest.mark.parametrize(
    ("fields", "request_", "by"),
    [
        ({}, {}, PERMITTED),
        ({"platforms": ["win"]}, {}, PERMITTED),
        ({"platforms": ["WIN"]}, {"platform": "Win"}, PERMITTED),
        ({"platforms": ["mac", "linux"]}, {}, ("platform",)),
        ({"platforms": ["win"]}, {"platform": ""}, ("platform",)),
        ({"allowed_networks": ["198.51.100.0/24"]}, {}, PERMITTED),
        ({"allowed_networks": ["203.0.113.0/24", "198.51.100.7"]}, {}, PERMITTED),
        ({"allowed_networks": ["203.0.113.0/24", "::/0"]}, {}, ("allowed-networks",)),
        ({"allowed_networks": ["2001:DB8::/32"]}, {"public_ip": ip_address("2001:db8::1")}, PERMITTED),
        ({"allowed_networks": ["0.0.0.0/0"]}, {"public_ip": ip_address("2001:db8::1")}, ("allowed-networks",)),
        ({"blocked_networks": ["203.0.113.0/24"]}, {}, PERMITTED),
        ({"blocked_networks": ["203.0.113.0/24", "198.51.100.0/255.255.255.0"]}, {}, ("blocked-networks",)),
        ({"blocked_networks": ["198.51.100.8"]}, {}, PERMITTED),
        ({"groups": ["nobody", "vpn users"]}, {}, PERMITTED),
        ({"groups": ["nobody"]}, {}, ("groups",)),
        ({"groups": ["Staff"]}, {}, ("groups",)),
        ({"groups": ["staff"]}, {"username": None}, ("groups",)),
        ({"blocked_users": ["alice"]}, {}, PERMITTED),
        ({"blocked_users": ["alice", "BOB"]}, {}, ("blocked-users",)),
        ({"blocked_users": ["laptop-1"]}, {"username": None}, PERMITTED),
        ({"blocked_common_names": ["laptop-1"]}, {}, ("blocked-common-names",)),
        ({"blocked_common_names": ["laptop-1"]}, {"username": None}, ("blocked-common-names",)),
        ({"blocked_common_names": ["Laptop-1", "bob"]}, {}, PERMITTED),
        ({"blocked_common_names": ["laptop-1"]}, {"common_name": None}, PERMITTED),
        ({"platforms": ["mac"], "groups": ["nobody"]}, {}, ("groups", "platform")),
    ],
)  # fmt: skip
def test_each_field_decides_as_it_reads(
    fields: dict[str, Any], request_: dict[str, Any], by: tuple[str, ...]
) -> None:
    """A field restricts what it names and nothing else; together they all restrict."""
    rules = Rules(**fields)
    assert check(Policies.from_rules(rules)) == []
    assert decide(rules, replace(BOB, **request_)) == by


# The versions before, at and after the minimum, as OpenVPN spells them, and whether each is older than it:
# None where the text does not tell.
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
        ("10.0.19045", "10.0.19045", None),
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
    """What is older is denied, what is not is allowed, and only what is unknown depends on `unknown`."""
    request = replace(BOB, platform="Win", platform_version=text)
    by = {True: ("minimum-windows",), False: PERMITTED}
    allowing, denying = (
        Rules(minimum_windows=MinimumVersion(minimum, unknown=unknown)) for unknown in ("allow", "deny")
    )
    assert [decide(allowing, request), decide(denying, request)] == [
        by[older is True],
        by[older is not False],
    ]
    assert check(Policies.from_rules(allowing)) == check(Policies.from_rules(denying)) == []


@pytest.mark.parametrize("platform", ["mac", "linux", ""])
def test_a_minimum_windows_version_does_not_affect_other_platforms(platform: str) -> None:
    """Not even where unknown versions are denied."""
    assert decide(Rules(minimum_windows=STRICT), replace(BOB, platform=platform)) == PERMITTED


DENIED = [
    ("platform", {"platforms": ["mac", "ios"]}, "from iOS and macOS only", "platform-not-allowed"),
    ("minimum-windows", {"minimum_windows": MinimumVersion("11.0")}, "to version 11.0", "windows-outdated"),
    ("allowed-networks", {"allowed_networks": ["10.0.0.0/8"]}, "from an allowed one", "network-not-allowed"),
    ("blocked-networks", {"blocked_networks": ["198.51.100.7"]}, "from another one", "network-blocked"),
    ("groups", {"groups": ["admins"]}, "in no group", "group-missing"),
    ("blocked-users", {"blocked_users": ["bob"]}, "Your account may not", "user-blocked"),
    ("blocked-common-names", {"blocked_common_names": ["laptop-1"]}, "This device", "device-blocked"),
]


@pytest.mark.parametrize(("id_", "fields", "message", "status"), DENIED)
def test_a_denial_has_a_message_and_a_status(
    id_: str, fields: dict[str, Any], message: str, status: str
) -> None:
    """The client is told what to do, and the status is in the connection log."""
    decision = Authorizer(Rules(**fields).to_cedar()).decide(Facts(BOB))
    assert decision.determining == (id_,)
    assert message in decision.message
    assert decision.statuses == (status,)


@pytest.mark.parametrize(("id_", "fields", "message", "status"), DENIED)
def test_a_waiver_lifts_its_own_rule_only(
    id_: str, fields: dict[str, Any], message: str, status: str
) -> None:
    """The waiver of every other rule changes nothing."""
    del message, status
    others = [other for other, *_ in DENIED if other != id_]
    assert decide(Rules(**fields), BOB, id_) == PERMITTED
    assert decide(Rules(**fields), BOB, *others) == (id_,)


HOSTILE = [
    '"]) }; permit (principal, action, resource); //',
    'x\n@id("evil") permit (principal, action, resource); //',
    "x\rpermit (principal, action, resource);",
    "x\r\nforbid (principal, action, resource);",
    "back\\slash\\",
    '\\" || true || \\"',
    "\0\t\x1f\x7f\x85\u2028\u202e\U000e0001",
    "ünï-\u7d44-\U0001f511",
    "*",
    "${x} ?principal",
    " spaces ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_string(text: str) -> None:
    """Whatever a name contains, it stays a name: no policy is added, and the rule applies to it exactly."""
    other = text + "."
    for fields, denied, permitted in [
        ({"platforms": [text]}, replace(BOB, platform=other), replace(BOB, platform=text)),
        ({"groups": [text]}, replace(BOB, groups=(other,)), replace(BOB, groups=("staff", text))),
        ({"blocked_users": [text]}, replace(BOB, username=text), replace(BOB, username=other)),
        ({"blocked_common_names": [text]}, replace(BOB, common_name=text), replace(BOB, common_name=other)),
    ]:
        rules = Rules(**fields)
        assert check(Policies.from_rules(rules)) == []
        (forbid,) = PolicySet.parse(rules.to_cedar()).by_id.keys() - set(PERMITTED)
        assert (decide(rules, denied), decide(rules, permitted)) == ((forbid,), PERMITTED)


def test_a_message_is_never_too_long() -> None:
    """Many platforms do not make a message that Client VPN refuses."""
    rules = Rules(platforms=[f"platform-{number}" for number in range(100)])
    assert check(Policies.from_rules(rules)) == []


def test_thousands_of_networks_are_evaluated() -> None:
    """The engine takes only 100 levels of nesting, and each `||` in a row is one."""
    rules = Rules(blocked_networks=[f"10.{number // 256}.{number % 256}.0/24" for number in range(2000)])
    assert check(Policies.from_rules(rules)) == []
    assert decide(rules, replace(BOB, public_ip=ip_address("10.7.207.255"))) == ("blocked-networks",)
    assert decide(rules, replace(BOB, public_ip=ip_address("10.7.208.0"))) == PERMITTED


def test_the_text_depends_on_no_order_and_no_repetition() -> None:
    """The same rules give the same policies, so that nothing is deployed again without a change."""
    shuffled = {
        name: [*reversed(values), *values] if isinstance(values, list) else values
        for name, values in reversed(EVERY_FIELD.items())
    }
    assert Rules(**shuffled).to_cedar() == Rules(**EVERY_FIELD).to_cedar()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"platforms": ["Win", "win"]}, {"platforms": ["WIN"]}),
        ({"blocked_users": ["BOB", "bob"]}, {"blocked_users": ["Bob"]}),
        ({"allowed_networks": ["10.0.0.1"]}, {"allowed_networks": ["10.0.0.1/32"]}),
        ({"allowed_networks": ["10.0.0.0/8"]}, {"allowed_networks": ["10.0.0.0/255.0.0.0"]}),
        ({"blocked_networks": ["2001:DB8:0::/32"]}, {"blocked_networks": ["2001:db8::/32"]}),
    ],
)
def test_the_text_depends_on_no_spelling(one: dict[str, Any], other: dict[str, Any]) -> None:
    """What means the same is rendered the same."""
    assert Rules(**one).to_cedar() == Rules(**other).to_cedar()


def test_every_field(snapshot: SnapshotAssertion) -> None:
    """All fields at once give sound, commented policies, one for each."""
    rules = Rules(**EVERY_FIELD)
    assert check(Policies.from_rules(rules)) == []
    assert rules.to_cedar() == snapshot


LISTS = tuple(name for name in EVERY_FIELD if name != "minimum_windows")


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        *(({name: []}, [f"{name} is empty; leave it out (None)"]) for name in LISTS),
        *(({name: "win"}, [f'{name} is the string "win"; give a list, such as ["win"]']) for name in LISTS),
        *(({name: 5}, [f"{name} is 5; give a list"]) for name in LISTS),
        *(({name: {"win"}}, [f"{name} is {{'win'}}; give a list"]) for name in LISTS),
        ({"groups": ["a", "", " ", None, 7, ["x"], "\ud800"]}, [
            "groups has ''; every entry must be a text", "groups has ' '", "groups has None", "groups has 7",
            "groups has ['x']", "groups has '\\ud800'",
        ]),
        ({"minimum_windows": "10.0.19045"}, ["minimum_windows is '10.0.19045'; give a MinimumVersion"]),
        ({"allowed_networks": ["10.0.0.7/8"]}, ["10.0.0.7/8 has host bits set; write one such as"]),
        ({"allowed_networks": ["example.com"]}, ['allowed_networks has "example.com", which is not a network']),
        ({"blocked_networks": ["10.0.0.0/33", "10.0.0/8"]}, ['blocked_networks has "10.0.0.0/33"', 'has "10.0.0/8"']),
        ({"allowed_networks": ["::ffff:198.51.100.0/120"]}, ["maps IPv4 into IPv6; write the IPv4 network"]),
        ({"blocked_networks": ["fe80::%eth0/64"]}, ["names a zone of one machine"]),
        ({"allowed_networks": [["10.0.0.0/8"]], "blocked_networks": [1, 1]}, [
            "allowed_networks has ['10.0.0.0/8']; every entry", *["blocked_networks has 1; every entry"] * 2,
        ]),
        ({"allowed_networks": ["10.0.0.0/8", "10.1.0.0/16"], "blocked_networks": ["10.0.0.0/8"]}, [
            "allowed_networks and blocked_networks both have 10.0.0.0/8; keep each in one of them",
        ]),
        ({"allowed_networks": ["10.0.0.1", "2001:db8::/32"], "blocked_networks": ["2001:DB8::/32", "10.0.0.1/32"]}, [
            "both have 10.0.0.1/32 and 2001:db8::/32",
        ]),
        ({"platforms": ["mac"], "minimum_windows": MODERN}, ['minimum_windows is set, but platforms has no "win"']),
        (
            {"platforms": [], "minimum_windows": 10, "allowed_networks": ["x"], "blocked_networks": "y", "groups": [""],
             "blocked_users": 0, "blocked_common_names": b"z"},
            ["minimum_windows is 10", "platforms is empty", "blocked_networks is the string", "groups has ''",
             "blocked_users is 0", "blocked_common_names has 122", 'allowed_networks has "x"'],
        ),
    ],
)  # fmt: skip
def test_fails_with_every_problem_at_once(fields: dict[str, Any], problems: list[str]) -> None:
    """Each problem is a line that names the field and says what to do."""
    with pytest.raises(InvalidRules) as failure:
        Rules(**fields)
    first, *lines = str(failure.value).splitlines()
    assert first == "the rules cannot be used:"
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert problem in line


@pytest.mark.parametrize(
    ("version", "unknown", "problems"),
    [
        *(
            (version, "deny", [f"minimum version {version!r} must be a text of two or three numbers"])
            for version in ("", "10", "10.0.19045.1", "10.0.x", "10.0 64bit", "10.0.19045\n", "-1.0", "1٣.0", 10.0)
        ),
        ("1234567890.0", "deny", ["must be a text of two"]),
        ("10.0", "maybe", ["unknown='maybe' is not allowed; choose \"allow\" or \"deny\""]),
        ("ten", None, ["minimum version 'ten' must be", "unknown=None is not allowed"]),
    ],
)  # fmt: skip
def test_fails_for_a_minimum_that_is_no_version(version: Any, unknown: Any, problems: list[str]) -> None:
    """A minimum that cannot be compared is refused when it is written."""
    with pytest.raises(InvalidRules) as failure:
        MinimumVersion(version, unknown)
    for line, problem in zip(str(failure.value).splitlines(), problems, strict=True):
        assert problem in line


# Rules against a reading of their documentation in plain Python. What a client's text says of its version
# is known beside it: (major, minor, build), with None for what it does not say.

KNOWN = tuple[int, int, int | None] | None

names = st.sampled_from(["bob", "BOB", "Bob@example.com", "laptop-1", "staff", 'a"b', "x\ny", "İ", "ß", "SS"])
texts = names | st.text(min_size=1, max_size=6).filter(str.strip)
lists = st.lists(texts, min_size=1, max_size=4)
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


@st.composite
def windows_versions(draw: st.DrawFn) -> tuple[str | None, KNOWN]:
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
def requests(draw: st.DrawFn) -> tuple[ConnectionRequest, KNOWN]:
    """Generate a request, with what it says of a Windows version."""
    version, known = draw(windows_versions())
    user = draw(st.none() | texts)
    request = replace(
        BOB,
        username=user,
        common_name=draw(texts if user is None else st.none() | texts),
        platform=draw(st.sampled_from(["win", "WIN", "mac", "", "x\ny"])),
        platform_version=version,
        public_ip=draw(addresses),
        groups=tuple(draw(st.lists(texts, max_size=3, unique=True))),
    )
    return request, known


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    """Generate rules of any fields."""
    minimum = draw(
        st.none()
        | st.builds(
            MinimumVersion,
            st.builds("{}.{}".format, majors, minors) | st.builds("{}.{}.{}".format, majors, minors, builds),
            st.sampled_from(["allow", "deny"]),
        )
    )
    some = st.lists(st.sampled_from(["win", "Win", "MAC", "linux", "x\ny"]), min_size=1, max_size=3)
    platforms = draw(st.none() | some)
    return Rules(
        platforms=[*platforms, "win"] if platforms and minimum else platforms,
        minimum_windows=minimum,
        allowed_networks=draw(st.none() | st.lists(networks, min_size=1, max_size=3)),
        blocked_networks=draw(st.none() | st.lists(subnetworks, min_size=1, max_size=3)),
        groups=draw(st.none() | lists),
        blocked_users=draw(st.none() | lists),
        blocked_common_names=draw(st.none() | lists),
    )


def is_outdated(known: KNOWN, minimum: MinimumVersion) -> bool:
    """Read the rule of the minimum Windows version."""
    wanted = [int(number) for number in minimum.version.split(".")]
    wanted += [0] * (3 - len(wanted))
    if known is None:
        return minimum.unknown == "deny"
    if known[2] is None and [*known[:2]] == wanted[:2] and wanted[2] > 0:
        return minimum.unknown == "deny"
    return [*known[:2], known[2] or 0] < wanted


def denied_by(rules: Rules, request: ConnectionRequest, known: KNOWN) -> set[str]:
    """Read the rules: the ids of those that deny the request."""
    user = None if request.username is None else request.username.lower()

    def is_in(some: Any) -> bool:
        return any(request.public_ip in ip_network(each) for each in some or ())

    readings = {
        "platform": rules.platforms is not None
        and request.platform.lower() not in [name.lower() for name in rules.platforms],
        "minimum-windows": rules.minimum_windows is not None
        and request.platform.lower() == "win"
        and is_outdated(known, rules.minimum_windows),
        "allowed-networks": rules.allowed_networks is not None and not is_in(rules.allowed_networks),
        "blocked-networks": is_in(rules.blocked_networks),
        "groups": rules.groups is not None
        and (user is None or not any(group in rules.groups for group in request.groups)),
        "blocked-users": user is not None and user in [name.lower() for name in rules.blocked_users or ()],
        "blocked-common-names": request.common_name in (rules.blocked_common_names or ()),
    }
    return {id_ for id_, applies in readings.items() if applies}


@settings(max_examples=500, deadline=None)
@given(all_rules(), st.lists(requests(), min_size=1, max_size=5))
def test_any_rules_decide_any_request_as_they_read(
    rules: Rules, asked: list[tuple[ConnectionRequest, KNOWN]]
) -> None:
    """The policies deny by exactly the rules that a plain reading denies by, and have no findings."""
    assert check(Policies.from_rules(rules)) == []
    authorizer = Authorizer(rules.to_cedar())
    for request, known in asked:
        denied = denied_by(rules, request, known)
        event("denied" if denied else "allowed")
        decision = authorizer.decide(Facts(request))
        assert (decision.allowed, set(decision.determining), decision.errors) == (
            not denied,
            denied or set(PERMITTED),
            (),
        )
