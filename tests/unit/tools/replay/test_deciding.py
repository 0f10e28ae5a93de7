"""Replayed decisions are the authorizer's, and what depends on a missing fact is never guessed."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from itertools import product
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Device, Facts, OsVersion
from client_connect.engine.schema import schema_text
from client_connect_tools import Policies, check
from client_connect_tools.replay import Decider
from client_connect_tools.replay.deciding import decider as deciding
from client_connect_tools.replay.deciding import values
from client_connect_tools.replay.deciding.memo import Memo
from tests.support.connection_logs import NOON, PERMIT, forbid, request

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every attribute, every way to ask about the principal, and values on both sides of each comparison.
ATOMS = (
    "true",
    'context.connectionId like "*-1"',
    'context.platform == "win"',
    '["mac", "linux"].contains(context.platform)',
    'context has platformVersion && context.platformVersion like "10.0*"',
    "context has os && context.os.major < 10",
    "context has os && context.os has build && context.os.build < 19045",
    "context has os.build",
    "context has openvpn && context.openvpn.minor >= 6",
    "context has awsClient && context.awsClient.major > 4",
    'context.publicIp.isInRange(ip("198.51.100.0/24"))',
    "context.publicIp.isIpv6()",
    'context.time.now < datetime("2026-11-23T12:30:00Z")',
    'datetime("2026-11-23T12:30:00Z") <= context.time.now',
    'context.time.now == datetime("2026-11-23T12:30:00Z")',
    'context.time.now.toTime() > duration("12h30m")',
    "context.time.weekday <= 5",
    "context.time.minuteOfDay >= 750",
    "context.time.minuteOfDay > context.time.weekday * 200",
    'context has username && context.username like "b*"',
    'context has commonName && context.commonName == "laptop-1"',
    "context has device && context.device has compliant && context.device.compliant",
    'context has device && context.device.hasTag("owner") && context.device.getTag("owner") == "it"',
    'context has device.lastSeen && context.time.now > context.device.lastSeen.offset(duration("1d"))',
    'context.inventory == "known"',
    'context.waivers.contains("w")',
    "context.waivers.contains(context.platform)",
    "context has activeConnections && context.activeConnections > 1",
    "context has activeConnections && context.activeConnections * 9223372036854775807 > 0",
    "context has os && context.os.major * 1000000000000000000 > 0",
    'principal in ClientVpn::Group::"staff"',
    'principal in [ClientVpn::Group::"admins", ClientVpn::Group::"staff"]',
    'principal in ClientVpn::User::"Bob"',
    'principal is ClientVpn::User in ClientVpn::Group::"admins"',
    'principal == ClientVpn::User::"Bob"',
    'principal != ClientVpn::User::"Bob"',
    "principal is ClientVpn::Device",
    "principal is ClientVpn::Device && principal has compliant && principal.compliant",
    "principal is ClientVpn::Device && context has device && principal == context.device",
    'ClientVpn::User::"Bob" in ClientVpn::Group::"staff"',
    'ClientVpn::Device::"laptop-1" has compliant && ClientVpn::Device::"laptop-1".compliant',
    'resource == ClientVpn::Endpoint::"cvpn-endpoint-1"',
    'resource in ClientVpn::Endpoint::"cvpn-endpoint-2"',
    '(if context.platform == "win" then principal in ClientVpn::Group::"staff" else context.inventory == "known")',
)  # fmt: skip
# Code that is not checked before: an attribute that is read without a test, and one that does not exist.
UNSOUND = (
    'principal in [ClientVpn::Group::"admins", ClientVpn::User::"Bob"]',
    "context.os.major < 10",
    "context.activeConnections > 1",
    "context.nonsense",
    'context == {"platform": "win"}',
)
SCOPES = (
    "principal",
    'principal in ClientVpn::Group::"staff"',
    'principal == ClientVpn::User::"Bob"',
    'principal is ClientVpn::User in ClientVpn::Group::"admins"',
    "principal is ClientVpn::Device",
)


def policy_sets(atoms: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Generate policies that read what the atoms read."""
    conditions = st.recursive(
        st.sampled_from(atoms),
        lambda inner: st.one_of(
            inner.map("!({})".format),
            st.tuples(inner, inner).map(lambda both: f"({both[0]}) && ({both[1]})"),
            st.tuples(inner, inner).map(lambda both: f"({both[0]}) || ({both[1]})"),
            st.tuples(inner, inner, inner).map(lambda all_: "(if {} then {} else {})".format(*all_)),
        ),
        max_leaves=4,
    )
    policy = st.tuples(
        st.sampled_from(["permit", "permit", "forbid", "forbid", "@shadow forbid"]),
        st.sampled_from(SCOPES),
        st.lists(st.tuples(st.sampled_from(["when", "unless"]), conditions), max_size=2),
    )
    return st.lists(policy, min_size=1, max_size=5).map(_text_of)


def _text_of(policies: list[tuple[str, str, list[tuple[str, str]]]]) -> str:
    texts = []
    for number, (effect, scope, clauses) in enumerate(policies):
        conditions = " ".join(f"{word} {{ {condition} }}" for word, condition in clauses)
        texts.append(f'@id("p{number}") {effect} ({scope}, action, resource) {conditions};')
    return "\n".join(texts)


requests = st.builds(
    request,
    connection_id=st.sampled_from(["cvpn-connection-1", "cvpn-connection-2"]),
    endpoint_id=st.sampled_from(["cvpn-endpoint-1", "cvpn-endpoint-2"]),
    common_name=st.sampled_from(["laptop-1", "laptop-2"]),
    username=st.sampled_from(["Bob", "bob", "alice", ""]),
    platform=st.sampled_from(["win", "Win", "mac", ""]),
    platform_version=st.sampled_from(["", "10.0.22631,amd64", "10.0.17763,amd64", "6.1 64bit"]),
    public_ip=st.sampled_from(["198.51.100.7", "192.0.2.1", "2001:db8::1"]),
    client_openvpn_version=st.sampled_from(["", "2.5.1", "2.6.12"]),
    groups=st.sampled_from([[], ["staff"], ["admins"], ["staff", "admins"]]),
    aws_client_version=st.sampled_from(["", "3.0", "5.2.1"]),
).map(ConnectionRequest.from_event)
devices = st.builds(
    Device,
    compliant=st.sampled_from([None, True, False]),
    last_seen=st.sampled_from([None, NOON - timedelta(days=2), NOON]),
    os=st.sampled_from([None, OsVersion(10, 0, 1)]),
    tags=st.sampled_from([{}, {"owner": "it"}, {"owner": "me"}]),
)
# Around the comparisons of the atoms, and around the hours that the decider looks at.
times = st.sampled_from([0, 29 * 60, 30 * 60, 30 * 60 + 1, 3599, 3600, 86_400 * 5]).map(
    lambda seconds: NOON + timedelta(seconds=seconds)
) | st.sampled_from([NOON + timedelta(minutes=30, milliseconds=-1), NOON - timedelta(milliseconds=1)])


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Generate facts, with and without a known device."""
    device = draw(st.none() | devices)
    return Facts(
        draw(requests),
        now=draw(times),
        time_zone=draw(st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")])),
        inventory="known" if device else draw(st.sampled_from(["disabled", "unknown"])),
        device=device,
        waivers=draw(st.sampled_from([frozenset(), frozenset({"w"}), frozenset({"w", "win"})])),
        active_connections=draw(st.sampled_from([None, 0, 2])),
    )


@pytest.mark.parametrize("atom", ATOMS)
def test_the_atoms_are_sound(atom: str) -> None:
    """The checks would let them through, so the examples below are of what is really deployed."""
    assert check(Policies.from_string(f"{PERMIT} {forbid('x', f'when {{ {atom} }}')}")) == []


BASE = Facts(
    ConnectionRequest.from_event(request()), now=NOON, waivers=frozenset({"w"}), active_connections=0
)


def variations() -> Iterator[Facts]:
    """Yield facts that differ from others in one thing only."""
    yield BASE
    for name, values_of_field in {
        "connection_id": ["cvpn-connection-2"],
        "endpoint_id": ["cvpn-endpoint-2"],
        "common_name": [None, "laptop-2"],
        "username": ["bob", "alice", None],
        "platform": ["Win", "mac", "linux", ""],
        "platform_version": [None, "10.0.17763,amd64", "10.0 64bit", "6.1 64bit"],
        "public_ip": [ip_address("192.0.2.1"), ip_address("2001:db8::1")],
        "client_openvpn_version": [None, "2.5.1"],
        "groups": [(), ("admins",), ("staff", "admins")],
        "aws_client_version": [None, "3.0"],
    }.items():
        for value in values_of_field:
            yield BASE._replace(request=BASE.request._replace(**{name: value}))
    for seconds in (1, 30 * 60 - 1, 30 * 60, 30 * 60 + 1, 31 * 60, 3600, 3 * 3600, 5 * 86_400, -86_400, -1):
        yield BASE._replace(now=NOON + timedelta(seconds=seconds))
        yield BASE._replace(now=NOON + timedelta(seconds=seconds), time_zone=ZoneInfo("Asia/Kolkata"))
    for device in DEVICES:
        for request_ in (BASE.request, BASE.request._replace(username=None)):
            yield BASE._replace(request=request_, inventory="known", device=device)
    yield BASE._replace(inventory="unavailable")
    for waivers in ((), ("win",), ("x",)):
        yield BASE._replace(waivers=frozenset(waivers))
    for active in (None, 1, 2):
        yield BASE._replace(active_connections=active)


DEVICES = (
    Device(),
    Device(compliant=True),
    Device(compliant=False, last_seen=NOON),
    Device(last_seen=NOON - timedelta(days=2)),
    Device(tags={"owner": "it"}),
    Device(tags={"owner": "me"}),
)


@pytest.mark.parametrize("atom", [*ATOMS, *UNSOUND])
def test_no_difference_that_a_policy_sees_is_missed(atom: str) -> None:
    """A remembered decision is not used for a connection that the policy distinguishes."""
    policies = f'@id("p") permit (principal, action, resource) when {{ {atom} }};'
    decider, authorizer = Decider(policies), Authorizer(policies)
    for each in variations():
        verdict, decision = decider.decide(each), authorizer.decide(each)
        assert (verdict.allowed, verdict.erred) == (decision.allowed, bool(decision.errors)), each


@given(policy_sets(ATOMS + UNSOUND), st.lists(facts(), min_size=1, max_size=8))
def test_decisions_are_the_authorizer_s(policies: str, connections: list[Facts]) -> None:
    """With what is remembered from one to the next: whether, with which policies, and whether by an error."""
    decider, authorizer = Decider(policies), Authorizer(policies)
    for each in connections:
        verdict, decision = decider.decide(each), authorizer.decide(each)
        assert (verdict.allowed, verdict.policies) == (decision.allowed, decision.determining)
        assert verdict.erred == bool(decision.errors)


def completions(known: Facts) -> Iterator[Facts]:
    """Yield the facts with each of many values for what a connection log does not hold."""
    for groups, version, openvpn, aws_client, active in product(
        [(), ("staff",), ("admins",), ("staff", "admins")],
        [None, "10.0.22631,amd64", "10.0.17763,amd64", "6.1 64bit"],
        [None, "2.6.12"],
        ["3.0", "5.2.1"],
        [None, 2],
    ):
        yield known._replace(
            request=known.request._replace(
                groups=groups,
                platform_version=version,
                client_openvpn_version=openvpn,
                aws_client_version=aws_client,
            ),
            active_connections=active,
        )


MISSING = frozenset({"platformVersion", "os", "openvpn", "awsClient", "groups", "activeConnections"})


@given(policy_sets(ATOMS), facts())
@example(
    PERMIT + '@id("x") permit (principal, action, resource) '
    "when { context has os && context.os.major * 1000000000000000000 > 0 };",
    Facts(ConnectionRequest.from_event(request()), now=NOON),
)
@example(
    PERMIT + forbid("x", "when { context has os && context.os.major * 1000000000000000000 > 0 }"),
    Facts(ConnectionRequest.from_event(request()), now=NOON),
)
def test_what_is_decided_holds_whatever_the_missing_facts_are(policies: str, known: Facts) -> None:
    """Held against every combination of values; where there is no decision, a missing fact is to blame."""
    verdict, authorizer = Decider(policies).decide(known, MISSING), Authorizer(policies)
    possible = {authorizer.decide(complete).allowed for complete in completions(known)}
    if verdict.allowed is None:
        assert verdict.policies
        assert all(missing and set(missing) <= MISSING for missing in verdict.missing)
        assert len(verdict.missing) == len(verdict.policies)
    else:
        assert possible == {verdict.allowed}


STAFF = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
OLD = forbid("old", "when { context has os && context.os.major < 10 }")
MAC = 'when { context.platform == "mac" }'


@pytest.mark.parametrize(
    ("policies", "changes", "expected"),
    [
        pytest.param(PERMIT, {}, (True, ("all",), ()), id="nothing that is missing is read"),
        pytest.param(PERMIT + OLD, {}, (None, ("old",), (("os",),)), id="a forbid that may apply"),
        pytest.param(
            PERMIT + OLD, {"platform": "mac"}, (True, ("all",), ()), id="only Windows has a version"
        ),
        pytest.param(STAFF, {}, (None, ("staff",), (("groups",),)), id="a permit that may apply"),
        pytest.param(STAFF, {"username": ""}, (False, (), ()), id="a device is in no group"),
        pytest.param(STAFF + PERMIT, {}, (True, ("all",), ()), id="a permit next to a certain one"),
        pytest.param(
            STAFF + forbid("mac", MAC),
            {"platform": "mac"},
            (False, ("mac",), ()),
            id="a certain forbid decides",
        ),
        pytest.param(
            PERMIT
            + forbid("x", 'when { context has os && context.os.major < 10 && context.platform == "mac" }'),
            {},
            (True, ("all",), ()),
            id="whichever side of a conjunction is known to be false",
        ),
        pytest.param(
            PERMIT
            + forbid("x", 'unless { principal in ClientVpn::Group::"staff" || context.platform == "win" }'),
            {},
            (True, ("all",), ()),
            id="whichever side of a disjunction is known to be true",
        ),
        pytest.param(
            PERMIT + forbid("x", scope='principal in ClientVpn::User::"Eve"'),
            {},
            (True, ("all",), ()),
            id="users are known, and in themselves",
        ),
        pytest.param(
            STAFF + OLD + forbid("z", "when { context has awsClient && context.awsClient.major < 3 }"),
            {},
            (None, ("old", "staff", "z"), (("os",), ("groups",), ("awsClient",))),
            id="all that are to blame",
        ),
    ],
)
def test_what_missing_facts_leave_undecided(
    policies: str,
    changes: dict[str, object],
    expected: tuple[bool | None, tuple[str, ...], tuple[object, ...]],
) -> None:
    """Decided where it can be; else the policies to blame, and what they missed."""
    asked = ConnectionRequest.from_event(request(**changes))
    missing = {"platformVersion", "openvpn", "awsClient"}
    missing |= {"os"} if asked.platform == "win" else set()
    missing |= {"groups"} if asked.username else set()
    verdict = Decider(policies).decide(Facts(asked, now=NOON), frozenset(missing))
    assert (verdict.allowed, verdict.policies, verdict.missing) == expected


def test_every_attribute_of_the_schema_has_a_value_of_its_own() -> None:
    """One that is added later is still decided right, but by a slower way."""
    block = schema_text().partition("context: {")[2]
    attributes = set(re.findall(r"^      (\w+)\??:", block, re.MULTILINE)) - {"time"}
    assert {"platform", "activeConnections"} <= attributes
    assert attributes <= values._VALUES.keys()


def test_the_engine_is_asked_once_for_what_policies_cannot_tell_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand users at a thousand times are one decision, when policies ask for the platform and the year."""
    policies = (
        PERMIT + forbid("mac", MAC) + forbid("late", 'when { context.time.now > datetime("2027-01-01") }')
    )
    decider = Decider(policies)
    asked = []
    decide = Authorizer.decide
    monkeypatch.setattr(
        deciding.Authorizer, "decide", lambda self, facts: asked.append(1) or decide(self, facts)
    )
    for number in range(1000):
        asking = ConnectionRequest.from_event(request(username=f"user-{number}"))
        assert decider.decide(Facts(asking, now=NOON + timedelta(seconds=number))).allowed
    assert len(asked) == 1


def test_a_memory_is_bounded() -> None:
    """Recently used entries are kept, and others are made again."""
    made: list[int] = []

    def get(memo: Memo[int, int], key: int) -> int:
        return memo.get(key, lambda: made.append(key) or key)  # type: ignore[func-returns-value]

    memo: Memo[int, int] = Memo(10)
    for key in range(1000):
        assert get(memo, key) == key
        assert get(memo, 0) == 0
        assert len(memo) <= 10
    assert made == list(range(1000))
    assert get(memo, 500) == 500
    assert made[-1] == 500
