"""Decisions on a part of the facts: a denial is one whatever the rest is."""

from __future__ import annotations

from dataclasses import is_dataclass
from ipaddress import IPv4Address
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from cedarpy import PolicySet
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Device, Facts
from client_connect.engine import policy_json, policy_nodes
from client_connect.engine.partial_decision import (
    NEW_CONNECTIONS_ONLY,
    OF_INVENTORY,
    OF_THE_MODULE,
    OF_WAIVERS,
    PartialAuthorizer,
)
from client_connect.engine.policy_reads import may_read, reads
from client_connect.reauthorizer.client_vpn import Connection
from client_connect.reauthorizer.evaluation import reported_request
from tests.support.events import PERMIT, event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from client_connect.engine.statement import Shape
    from client_connect.states import Inventory

# The facts that a condition reads. Nothing else can change its value.
READS = [
    ('context.platform == "win"', {"platform"}),
    ("context has os && context.os.major < 10", {"os"}),
    ("context has os.build && context.os.build < 1", {"os"}),
    ('context.publicIp.isInRange(ip("10.0.0.0/8"))', {"publicIp"}),
    ("context.time.weekday == 7", {"time"}),
    ('context.username == "bob"', {"username"}),
    ('context.waivers.contains("x")', {"waivers"}),
    ('context.device.hasTag("owner") && context.device.getTag("owner") == "bob"', {"device"}),
    ('principal == ClientVpn::User::"bob"', {"principal"}),
    ("principal is ClientVpn::User", {"principal"}),
    ('principal in ClientVpn::Group::"staff"', {"groups"}),
    ('principal in [ClientVpn::Group::"staff", ClientVpn::User::"bob"]', {"principal", "groups"}),
    ('principal is ClientVpn::User in ClientVpn::Group::"staff"', {"principal", "groups"}),
    ('[principal].contains(ClientVpn::User::"bob")', {"principal"}),
    ("principal has compliant && principal.compliant", {"principal", "device"}),
    ('principal.hasTag("owner") && principal.getTag("owner") == "bob"', {"principal", "device"}),
    ("{x: principal}.x has compliant", {"principal", "groups", "device"}),
    ('ClientVpn::User::"bob" in ClientVpn::Group::"staff"', {"principal", "groups"}),
    (
        '(if true then principal else principal) in [ClientVpn::Group::"staff"]',
        {"principal", "groups", "device"},
    ),
    ('context.device in ClientVpn::Device::"laptop"', {"device", "principal", "groups"}),
    ('ClientVpn::Device::"laptop" has compliant', {"device"}),
    ('context has device && context.device == ClientVpn::Device::"laptop"', {"device"}),
    ('principal == ClientVpn::Device::"laptop"', {"principal"}),
    ('resource == ClientVpn::Endpoint::"e"', {"resource"}),
    ('action == ClientVpn::Action::"connect"', set()),
    ('action in [ClientVpn::Action::"connect"]', set()),
    ('context["activeConnections"] > 1', {"activeConnections"}),
    ('context has "active\\u{43}onnections"', {"activeConnections"}),
    ('context.platform == "activeConnections"', {"platform"}),
    ('context.waivers.contains("activeConnections")', {"waivers"}),
    ("{activeConnections: 1}.activeConnections == 1", set()),
    ('{x: {y: context.platform}}.x.y like "a*"', {"platform"}),
    ("{x: {y: context}}.x.y.activeConnections > 1", {"context"}),
    (
        '(if context.inventory == "known" then context else context).platform == "win"',
        {"inventory", "context"},
    ),
    ("context has custom.activeConnections && context.custom.activeConnections > 1", {"custom"}),
    ("[{a: [context.customFacts]}].isEmpty()", {"customFacts"}),
    ('ip("10.0.0.1").isInRange(context.publicIp)', {"publicIp"}),
    ("context == {}", {"context"}),
    ("{x: context}.x has platform", {"context"}),
    ("[context.time.weekday].contains(1)", {"time"}),
    ('principal != ClientVpn::User::"bob"', {"principal"}),
    ('[principal].containsAll([ClientVpn::User::"bob"])', {"principal"}),
    ('[principal].containsAny([ClientVpn::User::"bob"])', {"principal"}),
    ('resource in ClientVpn::Endpoint::"e"', {"resource"}),
    ("{time: {weekday: 1}}.time.weekday == 1", set()),
]


def kinds(look: Callable[[Any], Shape], node: object) -> set[object]:
    """Return what is below a node, in either form of a policy."""
    kind, *parts = look(node)
    below = (kinds(look, part) for part in parts if isinstance(part, dict) or is_dataclass(part))
    return {kind}.union(*below)


@pytest.mark.parametrize(("condition", "expected"), READS)
def test_a_condition_reads_what_it_names(condition: str, expected: set[str]) -> None:
    """A condition reads what it names; a membership may come from any group."""
    text = f"permit (principal, action, resource) unless {{ {condition} }};"
    (node,) = PolicySet.from_str(text).to_pst().static_policies.values()
    (statement,), _ = policy_json.split(text)
    assert reads(node) == reads(statement[2]) == expected
    assert kinds(policy_nodes.look, node) == kinds(policy_json.look, statement[2])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("context.time.weekday == 7", {"time.weekday"}),
        ('context.time["now"] == context.time.now', {"time.now"}),
        ("context.time has now", {"time.now"}),
        ("context has time.now", {"time", "time.now"}),
        ("context.time == context.time", {"time"}),
        ("{x: context.time}.x.weekday == 7", {"time"}),
        ("{time: {weekday: context.platform}}.time.weekday == 7", {"platform"}),
        ("context.os.time.weekday == 7", {"os"}),
        ("context has os.build && context.os.build < 1", {"os"}),
        ("context == {}", {"context"}),
    ],
)
def test_reads_of_a_record_whose_attributes_are_told_apart(condition: str, expected: set[str]) -> None:
    """As a replay asks: the granularity is the caller's."""
    text = f"permit (principal, action, resource) when {{ {condition} }};"
    (node,) = PolicySet.from_str(text).to_pst().static_policies.values()
    (statement,), _ = policy_json.split(text)
    assert reads(node, split=("time",)) == reads(statement[2], split=("time",)) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('principal in ClientVpn::Group::"a"', {"groups.a"}),
        ('principal in [ClientVpn::Group::"a", ClientVpn::Group::"b"]', {"groups.a", "groups.b"}),
        (r'principal in ClientVpn::Group::"a.\"\u{1f98a}\n"', {'groups.a."\U0001f98a\n'}),
        ('principal is ClientVpn::User in ClientVpn::Group::"a"', {"groups.a", "principal"}),
        ("principal in context.custom.team", {"groups", "principal", "custom"}),
        (
            'principal in [ClientVpn::Group::"a", context.custom.team]',
            {"groups.a", "groups", "principal", "custom"},
        ),
        (
            'principal in (if true then ClientVpn::Group::"a" else ClientVpn::Group::"b")',
            {"groups", "principal"},
        ),
        ('ClientVpn::User::"bob" in ClientVpn::Group::"a"', {"groups", "principal"}),
        ('context.custom.who in ClientVpn::Group::"a"', {"groups", "principal", "custom"}),
        ("principal in principal", {"groups", "principal", "device"}),
    ],
)
def test_groups_that_are_only_asked_for_by_name_are_read_one_by_one(
    condition: str, expected: set[str]
) -> None:
    """Whatever else may be in a group, or be one, reads them all."""
    text = f"permit (principal, action, resource) when {{ {condition} }};"
    (node,) = PolicySet.from_str(text).to_pst().static_policies.values()
    (statement,), _ = policy_json.split(text)
    assert reads(node, split=("groups",)) == reads(statement[2], split=("groups",)) == expected


def test_a_long_chain_is_looked_at_too() -> None:
    """Deeper than calls may be nested."""
    chain = " || ".join(f'context.platform == "{number}"' for number in range(300))
    (statement,), _ = policy_json.split(f"permit (principal, action, resource) when {{ {chain} }};")
    assert reads(statement[2]) == {"platform"}


@pytest.mark.parametrize(
    ("policies", "counts"),
    [
        ("// context.activeConnections\n" + PERMIT, False),
        ('@id("all") @message("activeConnections") permit (principal, action, resource);', False),
        ('@id("activeConnections") permit (principal, action, resource);', False),
        (
            PERMIT
            + '@id("s") @shadow permit (principal, action, resource) when { context has activeConnections };',
            True,
        ),
        (
            PERMIT
            + '@id("s") @shadow forbid (principal, action, resource) unless { context has activeConnections };',
            True,
        ),
        (PERMIT + '@id("s") forbid (principal, action, resource) when { context == {} };', True),
    ],
)
def test_what_a_set_of_policies_reads(policies: str, counts: bool) -> None:  # noqa: FBT001 - a table
    """Those in shadow mode too, for a trial must see what the rule will see; a name alone is no read."""
    assert may_read(Authorizer(policies).policies.reads, "activeConnections") is counts


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("principal", set()),
        ('principal == ClientVpn::User::"bob"', {"principal"}),
        ("principal is ClientVpn::Device", {"principal"}),
        ('principal in ClientVpn::Group::"staff"', {"groups"}),
        ('principal in ClientVpn::User::"bob"', {"principal"}),
        ('principal is ClientVpn::User in ClientVpn::Group::"staff"', {"principal", "groups"}),
    ],
)
def test_reads_of_a_scope(scope: str, expected: set[str]) -> None:
    """The head of a policy reads the principal, too."""
    text = f"permit ({scope}, action, resource);"
    (node,) = PolicySet.from_str(text).to_pst().static_policies.values()
    (statement,), _ = policy_json.split(text)
    assert reads(node) == reads(statement[2]) == expected


@pytest.mark.parametrize("form", [policy_nodes, policy_json])
@pytest.mark.parametrize(
    "condition",
    [
        'principal == ClientVpn::User::"bob"',
        'principal in ClientVpn::Group::"staff"',
        "principal is ClientVpn::User",
        'principal is ClientVpn::User in ClientVpn::Group::"staff"',
        'resource == ClientVpn::Endpoint::"e"',
    ],
)
def test_a_scope_is_looked_at_as_the_condition_that_reads_alike(form: ModuleType, condition: str) -> None:
    """In either form of a policy."""
    scope = "principal, action, resource".replace(condition.partition(" ")[0], condition)
    ((_, _, scoped),), _ = form.split(f"permit ({scope});")
    ((_, _, conditional),), _ = form.split(f"permit (principal, action, resource) when {{ {condition} }};")
    (_, of_scope), (_, of_condition) = form.look(scoped), form.look(conditional)
    assert form.look(of_scope) == form.look(of_condition)


def test_a_scope_of_syntax_nodes_is_the_condition_itself() -> None:
    """With the type that it names, which no shape shows."""

    def part(text: str) -> object:
        ((_, _, node),), _ = policy_nodes.split(text)
        return policy_nodes.look(node)[1]

    def condition(text: str) -> object:
        return part(f"permit (principal, action, resource) when {{ {text} }};")

    user, staff = "principal is ClientVpn::User", 'principal in ClientVpn::Group::"staff"'
    assert part(f"permit ({user}, action, resource);") == condition(user)
    both = condition(f'{user} in ClientVpn::Group::"staff"')
    assert policy_nodes.look(both) == ("all", condition(user), condition(staff))


def test_a_part_of_a_group_with_a_dot_in_its_name_is_a_part_of_the_groups() -> None:
    """Only what is before the first dot names the fact."""
    assert may_read({"groups"}, "groups.staff.admins")
    assert not may_read({"groups.staff"}, "groups.staff.admins")


BLOCKED = '@id("b") forbid (principal == ClientVpn::User::"mallory", action, resource);'
MACS = '@id("m") forbid (principal, action, resource) when { context.platform == "mac" };'
STAFF = '@id("s") permit (principal in ClientVpn::Group::"staff", action, resource);'
BOB = '@id("p") permit (principal == ClientVpn::User::"bob", action, resource);'
SUNDAY = '@id("n") forbid (principal, action, resource) when { context.time.weekday < 8 };'
LAPTOPS = '@id("l") forbid (principal, action, resource) unless { context has commonName };'
ERRING = (
    '@id("e") forbid (principal, action, resource) when { context.time.weekday + 9223372036854775807 > 0 };'
)

# The facts from the service (user, common name), the policies, and whether that is enough to deny.
TOLD = [
    ("mallory", None, PERMIT + BLOCKED, True),
    ("Mallory", None, PERMIT + BLOCKED, False),  # Cedar distinguishes them
    ("bob", None, PERMIT + BLOCKED, False),
    ("mallory", None, PERMIT + BLOCKED + MACS, True),
    ("bob", None, PERMIT + MACS, False),
    ("bob", None, STAFF, False),
    ("mallory", None, BOB, True),
    ("bob", None, BOB, False),
    ("mallory", None, BOB + STAFF, False),
    ("bob", None, PERMIT + SUNDAY, True),
    ("bob", None, PERMIT + ERRING, False),  # an error is no reason
    ("bob", None, PERMIT + SUNDAY + ERRING, True),  # and it does not keep another policy from denying
    ("bob", None, BOB.replace("bob", "alice") + ERRING.replace("forbid", "permit"), False),  # it may permit
    ("bob", None, PERMIT + LAPTOPS, False),
    ("bob", "bob", PERMIT + LAPTOPS, False),  # the user's name, or a certificate's
    ("bob", "bob", PERMIT + LAPTOPS.replace("unless", "when"), False),
    ("bob", "laptop", PERMIT + LAPTOPS.replace("unless", "when"), True),
    ("bob", "laptop", PERMIT + LAPTOPS, False),
    (None, "laptop", PERMIT + BLOCKED, False),  # whoever that is
    (None, None, PERMIT + BLOCKED, False),
    (None, None, PERMIT + SUNDAY, True),
    ("bob", None, "", True),  # nothing permits anything
]


@pytest.mark.parametrize(("username", "common_name", "policies", "denied"), TOLD)
def test_what_the_service_tells(
    username: str | None,
    common_name: str | None,
    policies: str,
    denied: bool,  # noqa: FBT001 - a table
) -> None:
    """Enough to deny, or not."""
    connection = Connection(connection_id="c", endpoint_id="e", username=username, common_name=common_name)
    request, unknown = reported_request(connection, certificates=True)
    assert PartialAuthorizer(Authorizer(policies)).decide(Facts(request), unknown=unknown)[1] is denied


def test_a_registered_connection_is_decided_in_full() -> None:
    """All that is not known is how many others there are."""
    limit = '@id("one") permit (principal, action, resource) when { context has activeConnections };'
    request = ConnectionRequest(
        connection_id="c", endpoint_id="e", username="bob", platform="mac", public_ip=IPv4Address("192.0.2.1")
    )

    def denied(policies: str) -> bool:
        partial = PartialAuthorizer(Authorizer(policies))
        return partial.decide(Facts(request), unknown=NEW_CONNECTIONS_ONLY).denied

    assert denied(PERMIT + MACS)
    assert denied(STAFF)
    assert not denied(limit)
    assert denied(limit + MACS)


ADDRESSES = (IPv4Address("10.1.2.3"), IPv4Address("192.0.2.1"))
NAMES = ("bob", "Bob", "mallory", "laptop")
CONDITIONS = [condition for condition, _ in READS if not condition.startswith("context.device")] + [
    'context has commonName && context.commonName == "laptop"',
    'context has username && context.username == "bob"',
    'context.inventory == "known"',
    "context has device && context.device has compliant && context.device.compliant",
    "context has activeConnections && context.activeConnections > 1",
    'context.customFacts == "disabled"',
    "context has openvpn && context.openvpn.major < 3",
    "principal has compliant",
    "context.time.weekday < 8",
    "context has username",
]
SCOPES = (
    "principal",
    "principal is ClientVpn::User",
    'principal == ClientVpn::User::"bob"',
    'principal == ClientVpn::Device::"laptop"',
    'principal in ClientVpn::Group::"staff"',
)


@st.composite
def policies(draw: st.DrawFn) -> str:
    """Generate a few policies."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        effect, scope = draw(st.sampled_from(("permit", "forbid"))), draw(st.sampled_from(SCOPES))
        kind, conditions = draw(st.sampled_from(("when", "unless"))), draw(_conditions())
        clause = f" {kind} {{ {' && '.join(conditions)} }}" if conditions else ""
        found.append(f'@id("p{number}") {effect} ({scope}, action, resource){clause};')
    return "\n".join(found)


def _conditions() -> st.SearchStrategy[Sequence[str]]:
    valid = [
        f"({each})"
        for each in CONDITIONS
        if "context.username ==" not in each[:19] and each != "context == {}"
    ]
    return st.lists(st.sampled_from(valid), min_size=1, max_size=2)


@st.composite
def connections(draw: st.DrawFn) -> tuple[Connection, list[Facts]]:
    """Generate the service's data of a connection, and facts that match just that data.

    Without Active Directory it does not report the user; with it, the common name may be the user's.
    """
    user, certificate = draw(st.none() | st.sampled_from(NAMES)), draw(st.none() | st.sampled_from(NAMES))
    told_user = user if draw(st.booleans()) else None
    told_name = certificate or told_user
    if user is None and certificate is None:
        user = "bob"
    connection = Connection(connection_id="c", endpoint_id="e", username=told_user, common_name=told_name)
    device = Device(compliant=draw(st.booleans())) if certificate and draw(st.booleans()) else None
    inventory: Inventory = "known" if device else "unknown"
    waivers = frozenset[str]() if draw(st.booleans()) else frozenset({"x"})
    rest = product(
        ("win", "mac"), (None, "10.0.22631,amd64"), ADDRESSES, (None, "2.6.12"), ((), ("staff",)), (None, 2)
    )
    found = [
        Facts(
            ConnectionRequest(
                connection_id="c",
                endpoint_id="e",
                username=user,
                common_name=certificate,
                platform=platform,
                platform_version=version,
                public_ip=address,
                client_openvpn_version=client,
                groups=groups if user else (),
            ),
            inventory=inventory,
            device=device,
            waivers=waivers,
            active_connections=count,
        )
        for platform, version, address, client, groups, count in rest
    ]
    return connection, found


@given(policies(), connections())
def test_a_denial_is_one_for_every_completion(text: str, told: tuple[Connection, list[Facts]]) -> None:
    """The property that people's sessions depend on: no one is denied if the full decision would permit them."""
    connection, completions = told
    authorizer = Authorizer(text)
    first = completions[0]
    certificates = first.request.common_name == connection.common_name
    request, unknown = reported_request(connection, certificates=certificates)
    # The inventory is asked for the known common name, waivers for user and device.
    known_device = request.common_name == first.request.common_name and request.common_name is not None
    facts = first._replace(
        request=request,
        inventory=first.inventory if known_device else "unknown",
        device=first.device if known_device else None,
        active_connections=None,
    )
    _, denied, certain = PartialAuthorizer(authorizer).decide(facts, unknown=unknown)
    if denied:
        for completion in completions:
            assert not authorizer.decide(completion._replace(now=facts.now)).allowed
    # Facts that stay unknown are passed over, so an answer is certain without them.
    if certain and not authorizer.policies.reads & NEW_CONNECTIONS_ONLY:
        answers = {authorizer.decide(each._replace(now=facts.now)).allowed for each in completions}
        assert answers == {not denied}


OUT_OF_SCOPE = [
    ('permit (principal in ClientVpn::Group::"staff", action, resource) when { %s }', True),
    ('permit (principal == ClientVpn::User::"alice", action, resource) when { %s }', True),
    ("permit (principal is ClientVpn::Device, action, resource) when { %s }", True),
    ('permit (principal, action, resource == ClientVpn::Endpoint::"other") when { %s }', True),
    ('permit (principal, action == ClientVpn::Action::"disconnect", resource) when { %s }', True),
    ('permit (principal, action, resource) when { %s && context.platform == "mac" }', True),
    ('permit (principal, action, resource) unless { %s || context.platform == "win" }', True),
    ('permit (principal, action, resource) when { if context.platform == "win" then false else %s }', True),
    ("permit (principal, action, resource) when { %s }", False),
    ('permit (principal in ClientVpn::Group::"sales", action, resource) when { %s }', False),
]


@pytest.mark.parametrize(
    "missing",
    [
        "context has device && context.device has compliant && context.device.compliant",
        "context.waivers.contains('x')".replace("'", '"'),
        'context.customFacts == "available"',
        "context has activeConnections && context.activeConnections < 3",
        'context has device && context.device == ClientVpn::Device::"laptop"',
    ],
    ids=["device", "waivers", "module", "connections", "identity"],
)
@pytest.mark.parametrize(("permit", "denied"), OUT_OF_SCOPE)
def test_a_permit_counts_only_for_whom_it_could_be(permit: str, denied: bool, missing: str) -> None:  # noqa: FBT001 - a table
    """Whatever it would say of what is missing, it does not permit those outside its scope and its other conditions."""
    request = ConnectionRequest.from_event(event(username="bob", platform="win", groups=["sales"]))
    unknown = OF_INVENTORY | OF_WAIVERS | OF_THE_MODULE
    partial = PartialAuthorizer(Authorizer(f'@id("p") {permit % missing};'))
    assert partial.decide(Facts(request), unknown=unknown).denied is denied


@pytest.mark.parametrize(
    ("forbid", "expected"),
    [
        ('when { context.inventory == "unavailable" }', (False, False)),
        ("when { !(context has device) }", (False, False)),
        ('when { context has device && context.platform == "mac" }', (False, True)),
        ('when { context.platform == "win" || context has device }', (True, True)),
        ('when { context has device || context.platform == "win" }', (True, True)),
        ('unless { context has device && context.platform == "mac" }', (True, True)),
        ('when { context has activeConnections || context.platform == "win" }', (False, True)),
    ],
)
def test_a_forbid_denies_what_is_missing_only_if_that_changes_nothing(
    forbid: str, expected: tuple[bool, bool]
) -> None:
    """An outage denies no one, and leaves only the affected ones undecided."""
    request = ConnectionRequest.from_event(event(username="bob", platform="win"))
    partial = PartialAuthorizer(
        Authorizer(f'{PERMIT}@id("f") forbid (principal, action, resource) {forbid};')
    )
    found = partial.decide(Facts(request, inventory="unavailable"), unknown=OF_INVENTORY)
    assert (found.denied, found.certain) == expected
    if found.denied:
        assert found.decision.determining == ("f",)


def test_a_forbid_of_another_action_denies_nobody() -> None:
    """The validator refuses it, but a bundle made by hand may have it."""
    request = ConnectionRequest.from_event(event())
    other = 'action == ClientVpn::Action::"other"'
    forbid = f'@id("f") forbid (principal, {other}, resource) when {{ context has device || true }};'
    found = PartialAuthorizer(Authorizer(PERMIT + forbid)).decide(Facts(request), unknown=OF_INVENTORY)
    assert (found.denied, found.certain) == (False, True)
