"""How a decision changes when policies or facts do: for policy sets and facts that no table lists.

It is hard to say what is right for any one policy set, but easy to say what must hold between two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import product
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Decision, Device, Facts, response
from client_connect.settings import DEFAULT_DENIAL, ERROR_DENIAL
from client_connect_tools.cedar.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from client_connect.states import Inventory

IDS = ("p0", "p1", "p2", "p3")
SCOPES = (
    "principal",
    "principal is ClientVpn::Device",
    'principal == ClientVpn::User::"Bob"',
    'principal in ClientVpn::Group::"staff"',
)
CONDITIONS = (
    "true",
    'context.platform == "win"',
    "context has os && context.os has build && context.os.build < 22631",
    'context.publicIp.isInRange(ip("198.51.100.0/24"))',
    'principal in [ClientVpn::Group::"staff", ClientVpn::Group::"guests"]',
    'context has username && context.username == "bob"',
    'context has username && context.username == "mallory"',
    "context.time.weekday < 6 && context.time.minuteOfDay >= 480",
    'context.time.now < datetime("2026-11-28T00:00:00Z")',
    'context.inventory == "unavailable"',
    "context has device && context.device has compliant && context.device.compliant",
    'context has device && context.device.hasTag("owner")',
    'context.waivers.contains("p0")',
    '!context.waivers.contains("p1")',
    'context.waivers.contains("p2") || context.platform == "mac"',
    # These err where what they read is not there.
    "context.activeConnections > 1",
    "context.device.compliant",
)
# Errs wherever it is evaluated: the sum is too large.
ERRS = "context.time.weekday + 9223372036854775807 > 0"

NAMES = ("Bob", "Mallory")
GROUPS = ("staff", "guests")
MESSAGES = ("", "Ask IT.", "é" * 200)
STATUSES = ("", "outdated", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy to be written in Cedar: its id, what follows that, and whether it is in shadow mode."""

    id: str
    text: str
    shadow: bool

    def __str__(self) -> str:
        return f'@id("{self.id}") {"@shadow " * self.shadow}{self.text}'


def texts(effects: Sequence[str], scopes: Sequence[str], conditions: Sequence[str]) -> list[str]:
    """Return all policies of these parts, without their ids."""
    annotations = [
        f'@message("{message}") @status("{status}")' for message in MESSAGES for status in STATUSES
    ]
    parts = product(annotations, effects, scopes, conditions)
    return [
        f"{annotation} {effect} ({scope}, action, resource) when {{ {condition} }};"
        for annotation, effect, scope, condition in parts
    ]


# Half of them for everybody, and two of three permits: or hardly anybody would be permitted anything.
SOME = st.sampled_from(texts(("permit",), ("principal",), CONDITIONS)) | st.sampled_from(
    texts(("permit", "permit", "forbid"), (*SCOPES[:1] * 3, *SCOPES[1:]), CONDITIONS)
)


def policy(
    *ids: str, text: st.SearchStrategy[str] = SOME, shadow: Sequence[bool] = (False, False, False, True)
) -> st.SearchStrategy[Policy]:
    """Generate a policy with one of the ids."""
    return st.builds(Policy, id=st.sampled_from(ids), text=text, shadow=st.sampled_from(shadow))


def added(effects: Sequence[str], *, shadow: bool = False) -> st.SearchStrategy[Policy]:
    """Generate a policy to add, whose id comes before or after all others."""
    return policy("a", "z", text=st.sampled_from(texts(effects, SCOPES, CONDITIONS)), shadow=(shadow,))


# In any order, which is not that of their ids.
policy_sets = st.lists(policy(*IDS), min_size=2, max_size=len(IDS), unique_by=lambda each: each.id)


def requests() -> list[ConnectionRequest]:
    """Return requests that make a difference to the conditions."""
    principals = [(None, "laptop-1"), *product(NAMES, (None, "laptop-1"))]
    groups = ((), GROUPS[:1], GROUPS[1:], GROUPS)
    versions = (("win", "10.0.26100,amd64"), ("win", "10.0.19045,amd64"), ("win", None), ("mac", None))
    addresses = ("198.51.100.7", "203.0.113.9")
    return [
        ConnectionRequest(
            connection_id="c",
            endpoint_id="e",
            username=username,
            common_name=common_name,
            platform=platform,
            platform_version=version,
            public_ip=IPv4Address(address),
            groups=names if username else (),
        )
        for (username, common_name), names, (platform, version), address in product(
            principals, groups, versions, addresses
        )
    ]


DEVICES = [
    Device(compliant=compliant, tags=tags)
    for compliant, tags in product((True, False, None), ({}, {"owner": "bob"}))
]
INVENTORIES: list[tuple[Inventory, Device | None]] = [
    ("disabled", None),
    ("unknown", None),
    ("unavailable", None),
    *(("known", device) for device in DEVICES),
]


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Generate facts that make a difference to the conditions."""
    request = draw(st.sampled_from(requests()))
    inventory, device = draw(st.sampled_from(INVENTORIES if request.common_name else INVENTORIES[:3]))
    return Facts(
        request,
        now=datetime(2026, 11, draw(st.integers(26, 30)), draw(st.integers(0, 23)), tzinfo=UTC),
        inventory=inventory,
        device=device,
        waivers=draw(st.frozensets(st.sampled_from(IDS[:3]))),
        active_connections=draw(st.sampled_from((2, 1, None))),
    )


def text_of(policies: Sequence[Policy]) -> str:
    """Return policies in Cedar, in their order."""
    return "\n".join(map(str, policies))


def decide(policies: Sequence[Policy] | str, facts: Facts) -> Decision:
    """Decide facts by policies."""
    return Authorizer(policies if isinstance(policies, str) else text_of(policies)).decide(facts)


def answer(decision: Decision) -> dict[str, Any]:
    """Return what the client gets of a decision."""
    return response(
        allow=decision.allowed,
        message=decision.denial_message(DEFAULT_DENIAL),
        statuses=decision.statuses,
        schema_version="v3",
    )


@given(policy_sets, added(("forbid",)), facts())
def test_another_forbid_never_turns_a_denial_into_a_permission(
    policies: list[Policy], forbid: Policy, facts: Facts
) -> None:
    """Whatever it forbids, and even when it errs."""
    assert decide(policies, facts).allowed or not decide([*policies, forbid], facts).allowed


@given(policy_sets, added(("permit",)), facts())
def test_another_permit_never_turns_a_permission_into_a_denial(
    policies: list[Policy], permit: Policy, facts: Facts
) -> None:
    """Unless it errs itself: any error denies, because what the policy would have said is unknown."""
    after = decide([*policies, permit], facts)
    if decide([permit], facts).errors:
        assert not after.allowed
    else:
        assert after.allowed or not decide(policies, facts).allowed


@given(policy_sets, added(("permit", "forbid"), shadow=True), facts())
def test_a_policy_in_shadow_mode_never_changes_an_answer(
    policies: list[Policy], shadow: Policy, facts: Facts
) -> None:
    """Nor which policies determine it, nor its errors: what is decided with it is decided without it."""
    before, after = decide(policies, facts), decide([*policies, shadow], facts)
    assert answer(after) == answer(before)
    unheeded: dict[str, Any] = {"shadow_denied": (), "shadow_allowed": (), "shadow_errors": ()}
    assert after._replace(**unheeded) == before._replace(**unheeded)
    enforced = [each for each in policies if not each.shadow]
    assert decide(enforced, facts)._replace(**unheeded) == before._replace(**unheeded)


@given(policy_sets.flatmap(lambda policies: st.tuples(st.just(policies), st.permutations(policies))), facts())
def test_the_order_of_policies_never_matters(orders: tuple[list[Policy], list[Policy]], facts: Facts) -> None:
    """Permission, message and statuses are the same, and so is what determines them."""
    one, other = (decide(order, facts) for order in orders)
    assert answer(one) == answer(other)
    assert one.determining == other.determining


@given(policy_sets, facts(), st.sampled_from(IDS[:3]))
def test_a_waiver_affects_only_the_policies_that_name_it(
    policies: list[Policy], facts: Facts, waiver: str
) -> None:
    """With it everything is as without it where the policies that ask for it see that it is there."""
    text = text_of(policies)
    asked_for = f'context.waivers.contains("{waiver}")'
    without = facts._replace(waivers=facts.waivers - {waiver})
    waived = decide(text, facts._replace(waivers=facts.waivers | {waiver}))
    told = decide(text.replace(asked_for, "true"), without)
    assert answer(waived) == answer(told)
    # The used waivers are among those that are there.
    assert waived._replace(waived=()) == told._replace(waived=())
    if asked_for not in text:
        assert waived._replace(waived=()) == decide(text, without)._replace(waived=())


unlike_users = st.lists(st.text(min_size=1), min_size=len(NAMES), max_size=len(NAMES), unique_by=str.lower)
unlike_groups = st.lists(st.text(min_size=1), min_size=len(GROUPS), max_size=len(GROUPS), unique=True)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Replace the names in the policies, even where they are compared in lower case."""
    literals = {**names} | {name.lower(): names[name].lower() for name in NAMES}
    return re.sub(f'"({"|".join(literals)})"', lambda match: quote(literals[match[1]]), text)


@given(policy_sets, facts(), unlike_users, unlike_groups)
def test_nobody_is_treated_by_what_the_name_looks_like(
    policies: list[Policy], facts: Facts, users: list[str], groups: list[str]
) -> None:
    """Users and groups that are renamed in the policies and in the request are decided as before."""
    names = dict(zip((*NAMES, *GROUPS), (*users, *groups), strict=True))
    request = facts.request._replace(
        username=facts.request.username and names[facts.request.username],
        groups=tuple(names[group] for group in facts.request.groups),
    )
    text = text_of(policies)
    assert decide(renamed(text, names), facts._replace(request=request)) == decide(text, facts)


@given(
    policy_sets,
    policy(
        "a", "z", text=st.sampled_from(texts(("permit", "forbid"), ("principal",), (ERRS,))), shadow=(False,)
    ),
    facts(),
)
def test_a_policy_that_errs_never_permits(policies: list[Policy], erring: Policy, facts: Facts) -> None:
    """A permit or a forbid: everybody is denied, and told to try again rather than why."""
    decision = decide([*policies, erring], facts)
    assert decision.errors
    assert answer(decision) == response(allow=False, message=ERROR_DENIAL, schema_version="v3")
