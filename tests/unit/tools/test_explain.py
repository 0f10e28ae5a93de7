"""Explanations: why a policy did not apply is what the engine says, in the policy's own words."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Device, Facts, InvalidPolicySet, OsVersion
from client_connect.handler import ConnectHandler
from client_connect.settings import Settings
from client_connect_tools import MinimumVersion, Rules
from client_connect_tools.explanation import Condition, Reason, explain
from tests.support.log_lines import captured

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n'
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
LAPTOP = Device(compliant=True, os=OsVersion(10, 0, 22631), tags={"owner": "bob"})
BOB: dict[str, Any] = {
    "connection_id": "c",
    "endpoint_id": "e",
    "username": "Bob",
    "groups": ("staff",),
    "platform": "win",
    "platform_version": "10.0.22631,amd64",
    "public_ip": ip_address("198.51.100.7"),
}
WITH_LAPTOP = {"common_name": "laptop-1", "inventory": "known", "device": LAPTOP}
FACTS = ("now", "inventory", "device", "waivers", "active_connections")


def facts(**changes: Any) -> Facts:
    """Return Bob's connection on a Monday morning, with changes to the request or to what else is known."""
    known = {"now": MONDAY, **{name: value for name, value in changes.items() if name in FACTS}}
    request = {name: value for name, value in changes.items() if name not in FACTS}
    return Facts(ConnectionRequest(**{**BOB, **request}), **known)


def reason(policy: str, **changes: Any) -> Reason | None:
    """Return why one policy does not apply."""
    (explained,) = explain(f'@id("it") {policy};', facts(**changes)).policies
    return explained.reason


def shown(condition: Condition) -> tuple[str, bool | str, str]:
    """Return the expression, its value or error, and what it reads."""
    outcome = condition.error if condition.value is None else condition.value
    return condition.expression, outcome, "; ".join(map(str, condition.reads))


IN_STAFF = 'principal is ClientVpn::User::"Bob" in [ClientVpn::Group::"staff"]'


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (
            'principal in ClientVpn::Group::"admins", action, resource',
            ("principal", 'principal in ClientVpn::Group::"admins"', False, IN_STAFF),
        ),
        (
            'principal == ClientVpn::User::"bob", action, resource',
            (
                "principal",
                'principal == ClientVpn::User::"bob"',
                False,
                'principal is ClientVpn::User::"Bob"',
            ),
        ),
        (
            "principal is ClientVpn::Device, action, resource",
            ("principal", "principal is ClientVpn::Device", False, 'principal is ClientVpn::User::"Bob"'),
        ),
        (
            'principal is ClientVpn::User in ClientVpn::Group::"admins", action, resource',
            ("principal", 'principal is ClientVpn::User in ClientVpn::Group::"admins"', False, IN_STAFF),
        ),
        (
            'principal, action == ClientVpn::Action::"leave", resource == ClientVpn::Endpoint::"x"',
            (
                "action",
                'action == ClientVpn::Action::"leave"',
                False,
                'action is ClientVpn::Action::"connect"',
            ),
        ),
        (
            'principal, action in [ClientVpn::Action::"leave"], resource',
            (
                "action",
                'action in [ClientVpn::Action::"leave"]',
                False,
                'action is ClientVpn::Action::"connect"',
            ),
        ),
        (
            'principal in ClientVpn::Group::"staff", action, resource == ClientVpn::Endpoint::"x"',
            (
                "resource",
                'resource == ClientVpn::Endpoint::"x"',
                False,
                'resource is ClientVpn::Endpoint::"e"',
            ),
        ),
    ],
)
def test_the_scope_comes_first(scope: str, expected: tuple[object, ...]) -> None:
    """The first constraint that does not hold is the reason, also before a clause that is false or errs."""
    found = reason(f"forbid ({scope}) when {{ false }} when {{ context.os.build < 1 }}")
    assert found is not None
    assert (found.place, *shown(found.condition)) == expected


@pytest.mark.parametrize(
    ("clauses", "changes", "expected"),
    [
        ("when { true } unless { false } when { false }", {}, ("when", "false", False, "")),
        ("when { true } unless { true } when { false }", {}, ("unless", "true", True, "")),
        # The first false part of a conjunction, however it is nested, and nothing behind it.
        (
            'when { context.platform == "win" && (context has os && true) && context.os.build < 1 && false }',
            {},
            ("when", "context.os.build < 1", False, "context.os.build is 22631"),
        ),
        (
            "when { context has os && (context.os has build && context.os.build < 19045) }",
            {"platform_version": "10.0 64bit"},
            ("when", "context.os has build", False, "context.os.build is absent"),
        ),
        (
            "when { context has os && context.os.build < 19045 }",
            {"platform": "mac"},
            ("when", "context has os", False, "context.os is absent"),
        ),
        (
            "when { context has os.build }",
            {"platform": "mac"},
            ("when", "context has os", False, "context.os is absent"),
        ),
        # A disjunction with only false parts is shown whole.
        (
            'when { context.platform == "mac" || (context has os && context.os.major < 10) }',
            {},
            (
                "when",
                'context.platform == "mac" || (context has os && context.os.major < 10)',
                False,
                'context.platform is "win"; context.os.major is 10',
            ),
        ),
        # An attribute of something absent is named by that alone.
        (
            "when { context.time.weekday == 7 || (context has os && context.os has build && context.os.build < 9) }",
            {"platform": "mac"},
            (
                "when",
                "context.time.weekday == 7 || (context has os && context.os has build && context.os.build < 9)",
                False,
                "context.time.weekday is 1; context.os is absent",
            ),
        ),
        (
            'when { false || (context has device && context.device.getTag("a") == "b") }',
            {},
            (
                "when",
                'false || (context has device && context.device.getTag("a") == "b")',
                False,
                "context.device is absent",
            ),
        ),
        # The cause of a false negation.
        (
            'when { !["win", "mac"].contains(context.platform) }',
            {},
            ("when", '["win", "mac"].contains(context.platform)', True, 'context.platform is "win"'),
        ),
        (
            'when { !(context.platform == "mac" || context.publicIp.isInRange(ip("198.51.100.0/24"))) }',
            {},
            (
                "when",
                'context.publicIp.isInRange(ip("198.51.100.0/24"))',
                True,
                'context.publicIp is ip("198.51.100.7")',
            ),
        ),
        (
            "when { !(context.time.weekday == 1 && context.time.minuteOfDay >= 420) }",
            {},
            (
                "when",
                "context.time.weekday == 1 && context.time.minuteOfDay >= 420",
                True,
                "context.time.weekday is 1; context.time.minuteOfDay is 540",
            ),
        ),
        (
            "when { !(!(context.time.weekday == 7)) }",
            {},
            ("when", "context.time.weekday == 7", False, "context.time.weekday is 1"),
        ),
        # The cause of a true unless clause.
        (
            'unless { context has commonName && context.commonName == "x" || context.platform like "w*" }',
            {"common_name": "y"},
            ("unless", 'context.platform like "w*"', True, 'context.platform is "win"'),
        ),
        (
            "unless { !(context has device && context.device.compliant) }",
            {},
            ("unless", "context has device", False, "context.device is absent"),
        ),
        # Devices, tags, groups.
        (
            "when { context has device && context.device has compliant && !context.device.compliant }",
            WITH_LAPTOP,
            ("when", "context.device.compliant", True, "context.device.compliant is true"),
        ),
        (
            'when { context.device.hasTag("owner") && context.device.getTag("owner") == "eve" }',
            WITH_LAPTOP,
            (
                "when",
                'context.device.getTag("owner") == "eve"',
                False,
                'context.device.getTag("owner") is "bob"',
            ),
        ),
        (
            'when { context.device.hasTag("site") }',
            WITH_LAPTOP,
            ("when", 'context.device.hasTag("site")', False, 'context.device.getTag("site") is absent'),
        ),
        (
            'when { context.device == ClientVpn::Device::"x" }',
            WITH_LAPTOP,
            (
                "when",
                'context.device == ClientVpn::Device::"x"',
                False,
                'context.device is ClientVpn::Device::"laptop-1"',
            ),
        ),
        (
            "when { principal has lastSeen }",
            {**WITH_LAPTOP, "username": None},
            ("when", "principal has lastSeen", False, "principal.lastSeen is absent"),
        ),
        (
            'when { principal in [ClientVpn::Group::"a", ClientVpn::Group::"b"] }',
            {"groups": ()},
            (
                "when",
                'principal in [ClientVpn::Group::"a", ClientVpn::Group::"b"]',
                False,
                'principal is ClientVpn::User::"Bob" in []',
            ),
        ),
        (
            'when { context.time.now < datetime("2026-01-01") }',
            {},
            (
                "when",
                'context.time.now < datetime("2026-01-01")',
                False,
                'context.time.now is datetime("2026-11-23T09:00:00.000Z")',
            ),
        ),
        (
            "when { context has activeConnections && context.activeConnections >= 2 }",
            {"active_connections": 0},
            ("when", "context.activeConnections >= 2", False, "context.activeConnections is 0"),
        ),
        # A waiver of another policy is a condition like any other.
        (
            'unless { context.waivers.contains("other") }',
            {"waivers": frozenset({"other"})},
            ("unless", 'context.waivers.contains("other")', True, 'context.waivers is ["other"]'),
        ),
        # An expression that cannot be evaluated, with the engine's error.
        (
            'when { context.platform == "win" && (context.os.build < 19045 || true) }',
            {"platform_version": "10.0 64bit"},
            (
                "when",
                "context.os.build < 19045",
                "record does not have the attribute `build`",
                "context.os.build is absent",
            ),
        ),
        (
            "when { !(if context.platform then true else false) }",
            {},
            (
                "when",
                "context.platform",
                "type error: expected bool, got string",
                'context.platform is "win"',
            ),
        ),
    ],
)
def test_the_first_condition_that_fails(
    clauses: str, changes: dict[str, Any], expected: tuple[object, ...]
) -> None:
    """The smallest part of a policy that explains why it does not apply, with its facts."""
    found = reason(f"forbid {ALL} {clauses}", **changes)
    assert found is not None
    assert (found.place, *shown(found.condition)) == expected
    assert (found.given, found.waived) == ((), False)


@pytest.mark.parametrize(
    ("changes", "given", "expected"),
    [
        (
            {},
            [("context has device", False, "context.device is absent")],
            ('context.inventory == "unknown"', False, 'context.inventory is "disabled"'),
        ),
        (
            WITH_LAPTOP,
            [
                ("context has device", True, 'context.device is ClientVpn::Device::"laptop-1"'),
                ("context.device has os", True, "context.device.os is {major: 10, minor: 0, build: 22631}"),
            ],
            ("context.device.os.major < 10", False, "context.device.os.major is 10"),
        ),
    ],
)
def test_the_branch_taken(changes: dict[str, Any], given: list[object], expected: object) -> None:
    """Of if-then-else the branch is shown that was taken, with the conditions that led there."""
    found = reason(
        f"forbid {ALL} when {{ if context has device "
        "then (if context.device has os then context.device.os.major < 10 else true) "
        'else context.inventory == "unknown" }',
        **changes,
    )
    assert found is not None
    assert [shown(condition) for condition in found.given] == given
    assert shown(found.condition) == expected


@pytest.mark.parametrize(
    "clause",
    [
        'unless { context.waivers.contains("it") }',
        'unless { context.platform == "mac" || context.waivers.contains("it") }',
        'when { !context.waivers.contains("it") }',
    ],
)
def test_a_waived_policy_says_so_wherever_it_asks(clause: str) -> None:
    """A policy that is waived says so, wherever it asks."""
    assert reason(f"forbid {ALL} {clause}") is None
    found = reason(f"forbid {ALL} {clause}", waivers=frozenset({"it"}))
    assert found is not None
    assert found.waived


def test_every_policy_is_explained_in_the_order_of_the_text() -> None:
    """Those that determine it, a permit that is overridden, and those in shadow mode too."""
    explanation = explain(
        f'@id("z") @message("No.") @status("s") forbid {ALL};\n{PERMIT}'
        f'@id("new") @shadow forbid {ALL};\n@id("off") permit {ALL} when {{ false }};',
        facts(),
    )
    assert [(each.policy.id, each.applied, each.determining) for each in explanation.policies] == [
        ("z", True, True),
        ("all", True, False),
        ("new", True, False),
        ("off", False, False),
    ]
    assert [each.policy.shadow for each in explanation.policies] == [False, False, True, False]
    assert explanation.decision.determining == ("z",)


def test_fails_for_policies_that_cannot_be_parsed() -> None:
    """As the runtime does."""
    with pytest.raises(InvalidPolicySet):
        explain("permit", facts())


OVERFLOW = f'@id("o") forbid {ALL} when {{ context.time.weekday + 9223372036854775807 > 0 }};'


@pytest.mark.parametrize("shadow_mode", [False, True])
@pytest.mark.parametrize("version", ["v1", "v3"])
@pytest.mark.parametrize(
    "policies",
    [
        PERMIT,
        f'{PERMIT}@id("no") @message("No.") @status("s") forbid {ALL};',
        f'{PERMIT}@id("no") forbid {ALL};',
        f'@id("off") permit {ALL} when {{ false }};',
        PERMIT + OVERFLOW,
    ],
)
def test_the_response_is_the_handlers(policies: str, version: str, shadow_mode: bool) -> None:  # noqa: FBT001
    """Whatever the policies say, the client gets the message of a deployed handler."""
    given = facts(schema_version=version)
    configured = Settings(shadow_mode=shadow_mode, default_message="Ask us.")
    handler = ConnectHandler(lambda _: Authorizer(policies).decide(given), configured)
    with captured():
        answer = handler(given.request.to_event())
    explanation = explain(policies, given, shadow_mode=shadow_mode, default_message="Ask us.")
    assert explanation.response == answer


# Conditions that are true, false or an error, depending on the facts below.
ATOMS = (
    "true",
    "false",
    'context.platform == "win"',
    "context has os",
    "context has os && context.os has build && context.os.build < 19045",
    "context.os.build < 19045",
    "context has device && context.device has compliant && context.device.compliant",
    'principal in ClientVpn::Group::"staff"',
    "principal is ClientVpn::Device",
    "context.time.weekday > 5",
    'context.publicIp.isInRange(ip("198.51.100.0/24"))',
    'context.waivers.contains("it")',
    "context.time.weekday + 9223372036854775807 > 0",
)
CONDITIONS = st.recursive(
    st.sampled_from(ATOMS).map("({})".format),
    lambda part: st.one_of(
        st.builds("({} && {})".format, part, part),
        st.builds("({} || {})".format, part, part),
        part.map("!({})".format),
        st.builds("(if {} then {} else {})".format, part, part, part),
    ),
    max_leaves=6,
)
SCOPES = st.sampled_from(
    [
        "principal, action, resource",
        'principal in ClientVpn::Group::"staff", action, resource',
        'principal, action, resource == ClientVpn::Endpoint::"x"',
    ]
)
CLAUSES = st.lists(
    st.builds("{} {{ {} }}".format, st.sampled_from(["when", "unless"]), CONDITIONS), max_size=3
)
HAND_WRITTEN = st.builds(
    "{} ({}) {};".format, st.sampled_from(["permit", "forbid"]), SCOPES, CLAUSES.map(" ".join)
)
RENDERED = st.builds(
    Rules,
    platforms=st.sampled_from([None, ["win"], ["mac", "win"]]),
    minimum_windows=st.sampled_from(
        [None, MinimumVersion("10.0.19045"), MinimumVersion("10.0", unknown="deny")]
    ),
    allowed_networks=st.sampled_from([None, ["198.51.100.0/24", "2001:db8::/32"]]),
    blocked_networks=st.sampled_from([None, ["203.0.113.0/24"]]),
    groups=st.sampled_from([None, ["staff"], ["admins"]]),
    blocked_users=st.sampled_from([None, ["bob"], ["eve"]]),
    blocked_common_names=st.sampled_from([None, ["laptop-1"]]),
)
CONNECTIONS = st.builds(
    facts,
    platform=st.sampled_from(["win", "mac"]),
    platform_version=st.sampled_from([None, "10.0 64bit", "10.0.17763,amd64", "10.0.22631,amd64"]),
    groups=st.sampled_from([(), ("staff",)]),
    public_ip=st.sampled_from(["198.51.100.7", "203.0.113.9", "2001:db8::1"]).map(ip_address),
    waivers=st.sets(st.sampled_from(["it", "platform", "blocked-users"])).map(frozenset),
) | st.builds(
    facts,
    common_name=st.just("laptop-1"),
    username=st.sampled_from([None, "Bob"]),
    inventory=st.just("known"),
    device=st.sampled_from([LAPTOP, Device(compliant=False), Device()]),
)


def engine_says(expression: str, connection: Facts) -> bool | None:
    """Return what the engine makes of an expression as text; ``None`` for an error."""
    decision = Authorizer(f'@id("x") permit {ALL} when {{ {expression} }};').decide(connection)
    return None if decision.errors else decision.allowed


def assert_true_to_the_engine(policies: str, connection: Facts) -> None:
    """Hold an explanation against the decision, and every condition in it against the engine."""
    explanation = explain(policies, connection)
    decision = explanation.decision
    applied = {each.policy.id for each in explanation.policies if each.applied and not each.policy.shadow}
    failed = [each.reason for each in explanation.policies if each.reason is not None]
    assert set(decision.determining) <= applied
    assert {each.policy.id for each in explanation.policies if each.determining} == set(decision.determining)
    assert len([each for each in failed if each.condition.value is None]) == len(decision.errors)
    for each in failed:
        note(f"{each.place}: {each.condition.value}")
        for condition in (*each.given, each.condition):
            assert engine_says(condition.expression, connection) is condition.value
            assert bool(condition.error) is (condition.value is None)


@given(HAND_WRITTEN, CONNECTIONS)
def test_a_reason_is_what_the_engine_says(policy: str, connection: Facts) -> None:
    """Whatever is written, the condition shown evaluates as shown, and only then the policy does not apply."""
    assert_true_to_the_engine(f'@id("it") {policy}', connection)
    (explained,) = explain(f'@id("it") {policy}', connection).policies
    alone = policy.replace("forbid (", "permit (", 1)
    decision = Authorizer(f'@id("it") {alone}').decide(connection)
    assert explained.applied is decision.allowed


@given(RENDERED, CONNECTIONS)
def test_rules_are_explained(rules: Rules, connection: Facts) -> None:
    """Every policy that Rules renders has a reason when it does not apply, and the engine agrees."""
    assert_true_to_the_engine(rules.to_cedar(), connection)


def test_a_long_list_of_networks_is_explained_at_once() -> None:
    """The one network of many that made a negation false is found, and shown alone."""
    networks = [f"10.{high}.{low}.0/24" for high, low in itertools.product(range(20), range(20))]
    rules = Rules(allowed_networks=[*networks, "198.51.100.0/24"])
    found = explain(rules.to_cedar(), facts()).policies[1].reason
    assert found is not None
    assert found.condition.expression == 'context.publicIp.isInRange(ip("198.51.100.0/24"))'
