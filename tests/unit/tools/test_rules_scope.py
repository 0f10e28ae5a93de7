"""Rules for some, somewhere, for a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import product
from typing import Any

import pytest

from client_connect import Authorizer, ConnectionRequest, Facts
from client_connect_tools import (
    Hours,
    InvalidRules,
    MinimumVersion,
    Policies,
    Rules,
    Scope,
    check,
    lint,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PROD, DEV = "cvpn-endpoint-0123456789abcdef0", "cvpn-endpoint-0123456789abcdef1"


def asked(*groups: str, endpoint: str = PROD, now: datetime = NOW, **request: Any) -> Facts:
    """Return what is known of a connection on a Mac."""
    return Facts(
        ConnectionRequest(
            connection_id="c",
            endpoint_id=endpoint,
            username="bob",
            groups=groups,
            platform="mac",
            public_ip=IPv4Address("198.51.100.7"),
            **request,
        ),
        now=now,
    )


def denied(*rules: Rules, **changes: Any) -> tuple[str, ...]:
    """Return the rules that deny a connection."""
    groups = changes.pop("groups", ())
    policies = Policies.from_rules(*rules)
    assert [*check(policies), *lint(policies)] == []
    decision = policies.authorizer().decide(asked(*groups, **changes))
    return () if decision.allowed else decision.determining


@pytest.mark.parametrize(
    ("groups", "except_groups", "endpoints"),
    list(
        product([None, ["contractors"], ["a", "contractors"]], [None, ["admins"]], [None, [DEV], [DEV, PROD]])
    ),
)
def test_rules_deny_in_their_scope_only(
    groups: list[str] | None, except_groups: list[str] | None, endpoints: list[str] | None
) -> None:
    """For whoever is in one of the groups and in none of the others, at one of the endpoints."""
    scope = Scope("some", groups=groups, except_groups=except_groups, endpoints=endpoints)
    rules = Rules(platforms=["win"], scope=scope)
    for has, at in product([(), ("contractors",), ("contractors", "admins"), ("admins",)], [DEV, PROD]):
        counts = (
            (groups is None or bool({*groups} & {*has}))
            and (except_groups is None or not {*except_groups} & {*has})
            and (endpoints is None or at in endpoints)
        )
        assert denied(rules, groups=has, endpoint=at) == (("some-platform",) if counts else ())


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        ({"users": ["bo*"]}, True),
        ({"users": ["BOB"]}, True),
        ({"users": ["acme-*", "*.b"]}, False),
        ({"users": ["acme-*"], "groups": ["staff"]}, True),
        ({"users": ["acme-*"], "groups": ["other"]}, False),
        ({"except_users": ["b*b"]}, False),
        ({"except_users": ["alice", "b*d"]}, True),
        ({"except_common_names": ["IPAD-*"]}, False),
        ({"except_common_names": ["ipad-7"]}, True),
        ({"except_users": ["bob"], "except_until": NOW + timedelta(seconds=1)}, False),
        ({"except_users": ["bob"], "except_groups": ["staff"], "except_until": NOW}, True),
    ],
)
def test_users_and_devices_are_in_a_scope_by_name(scope: dict[str, Any], counts: bool) -> None:  # noqa: FBT001 - a table
    """With an asterisk for any characters; exceptions may end."""
    rules = Rules(platforms=["win"], scope=Scope("some", **scope))
    decided = denied(rules, groups=("staff",), common_name="IPAD-7")
    assert decided == (("some-platform",) if counts else ())


@pytest.mark.parametrize(
    ("endpoints", "name", "counts"),
    [
        (["prod"], "prod", True),
        (["prod"], "dev", False),
        (["prod"], None, False),
        (["dev", "prod"], "prod", True),
        (["dev", PROD], "prod", True),
        (["dev", DEV], "prod", False),
        (["dev", DEV], "dev", True),
    ],
)
def test_endpoints_are_in_a_scope_by_name_or_id(endpoints: list[str], name: str | None, counts: bool) -> None:  # noqa: FBT001
    """The names are those that the handler gives them."""
    rules = Rules(platforms=["win"], scope=Scope("some", endpoints=endpoints))
    policies = Policies.from_rules(rules)
    assert [*check(policies), *lint(policies)] == []
    decision = policies.authorizer().decide(asked()._replace(endpoint_name=name))
    assert decision.allowed is not counts


def test_a_rule_begins_and_ends() -> None:
    """On the millisecond; other rules of the scope count all the time."""
    begin, end = NOW, NOW + timedelta(days=1)
    scope = Scope("now", starts={"platform": begin}, ends={"platform": end})
    rules = Rules(platforms=["win"], blocked_users=["mallory"], scope=scope)
    instant = timedelta(milliseconds=1)
    for now, counts in ((begin - instant, False), (begin, True), (end - instant, True), (end, False)):
        assert denied(rules, now=now) == (("now-platform",) if counts else ())


def test_a_rule_in_shadow_is_recorded_only() -> None:
    """And the others are enforced."""
    rules = Rules(platforms=["win"], blocked_users=["bob"], scope=Scope("trial", shadow=["platform"]))
    decision = Policies.from_rules(rules).authorizer().decide(asked())
    assert (decision.determining, decision.shadow_denied) == (("trial-blocked-users",), ("trial-platform",))


def test_several_rules_are_one_set() -> None:
    """With one permit; each denies in its own scope, and is waived by its own id."""
    everybody = Rules(blocked_users=["mallory"])
    contractors = Rules(
        hours=[Hours(["mon"], "08:00", "18:00")], scope=Scope("contractors", groups=["contractors"])
    )
    staged = Rules(
        minimum_openvpn=MinimumVersion("2.6", unknown="deny"),
        scope=Scope(
            "next", except_groups=["contractors"], starts={"minimum-openvpn": NOW + timedelta(days=90)}
        ),
    )
    night = NOW.replace(hour=22)
    assert denied(everybody, contractors, staged, groups=("contractors",), now=night) == (
        "contractors-hours",
    )
    assert denied(everybody, contractors, staged, groups=("staff",), now=night) == ()
    assert denied(everybody, contractors, staged, now=NOW + timedelta(days=91)) == ("next-minimum-openvpn",)
    policies = Policies.from_rules(everybody, contractors, staged)
    assert policies.text.count("permit (") == 1
    waived = asked("contractors", now=night)._replace(waivers=frozenset({"contractors-hours"}))
    assert Authorizer(policies.text).decide(waived).allowed


def test_a_scope_alone_changes_nothing_but_ids() -> None:
    """Its name keeps the rules apart."""
    assert denied(Rules(platforms=["win"], scope=Scope("all"))) == ("all-platform",)
    assert denied(Rules(platforms=["win"])) == ("platform",)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": "Contractors"}, "name is 'Contractors'; give lower-case letters"),
        ({"name": "a" * 41}, "at most 40"),
        ({"name": 7}, "name is 7; give"),
        ({"groups": "staff"}, 'groups is the string "staff"; give a list'),
        ({"groups": []}, "groups is empty; leave it out"),
        ({"groups": [" a"]}, "groups has ' a'; every entry must be a text without spaces"),
        ({"groups": ["a"], "except_groups": ["a"]}, "groups and except_groups both have a"),
        ({"endpoints": ["cvpn-prod"]}, 'endpoints has "cvpn-prod"; an id is "cvpn-endpoint-"'),
        ({"endpoints": ["prod*"]}, 'endpoints has "prod*", but these names are compared exactly'),
        (
            {"endpoints": ["${Token[TOKEN.7]}"]},
            "endpoints has ${Token[TOKEN.7]}, which is known at deployment only",
        ),
        ({"ends": {"platform": datetime(2027, 1, 1)}}, 'ends of "platform" is datetime.datetime('),  # noqa: DTZ001
        ({"starts": [NOW]}, "starts is [datetime"),
        ({"starts": {"hours": NOW}, "ends": {"hours": NOW}}, "so it would never count; let it end later"),
        ({"groups": ["acme-*"]}, 'groups has "acme-*", but these names are compared exactly'),
        ({"users": ["*"]}, 'users has "*", which is everybody with a name; give more'),
        ({"except_until": NOW}, "except_until is given, but there are no exceptions"),
        (
            {"except_groups": ["a"], "except_until": "2027-03-01"},
            "except_until is '2027-03-01'; give a datetime",
        ),
        ({"shadow": "platform"}, 'shadow is the string "platform"; give a list'),
    ],
)
def test_fails_for_a_scope_that_is_malformed(arguments: dict[str, Any], problem: str) -> None:
    """With what came, what is allowed and what to do."""
    with pytest.raises(InvalidRules) as caught:
        Scope(**{"name": "some", **arguments})
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ((), "there are no rules; give at least one"),
        ((Rules(), Rules()), "several rules have no scope, so their ids would be the same"),
        ((Rules(platforms=["win"], scope=Scope("a")),) * 2, 'several rules have the scope "a"'),
        (
            (Policies.from_string(""),),
            "Policies cannot be rendered; give Rules, each as its own argument",
        ),
    ],
)
def test_fails_for_rules_that_cannot_be_told_apart(rules: tuple[Any, ...], problem: str) -> None:
    """Or that are none."""
    with pytest.raises(InvalidRules, match=problem):
        Policies.from_rules(*rules)


def test_fails_for_a_rule_that_is_not_used() -> None:
    """It would be believed to end."""
    with pytest.raises(InvalidRules, match='scope names "hours", but the rules in use are platform'):
        Rules(platforms=["win"], scope=Scope("a", ends={"hours": NOW}))
    with pytest.raises(InvalidRules, match="scope is 'contractors'; give a Scope"):
        Rules(platforms=["win"], scope="contractors")  # type: ignore[arg-type]


CONTRACTORS = Scope("contractors", groups=["contractors"], users=["bob"])
BLOCKS: dict[str, Any] = {"blocked_users": ["bob"], "blocked_common_names": ["L-42"]}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"scope": CONTRACTORS}, 'no rules for the scope "contractors"'),
        ({"scope": CONTRACTORS, "groups": ["contractors"], "users": ["BOB", "eve"]}, "keep out no one"),
        ({"scope": Scope("c", groups=["a"]), "groups": ["a", "b"]}, "keep out no one"),
        ({"scope": Scope("c", users=["acme-*"]), "users": ["acme-*"]}, "keep out no one"),
        ({"scope": Scope("c", users=["bob"]), **BLOCKS}, "leave users out of the scope"),
        ({"scope": Scope("c", ends={"blocked-users": NOW}), **BLOCKS}, 'not "blocked-common-names"'),
        ({"scope": Scope("c", ends={"blocked-common-names": NOW}), **BLOCKS}, 'not "blocked-users"'),
    ],
)
def test_rules_that_do_less_than_they_seem_to_are_refused(fields: dict[str, Any], problem: str) -> None:
    """A scope with its own group in ``groups`` would let everybody in, and a block without an end would stay."""
    with pytest.raises(InvalidRules, match=problem):
        Rules(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": Scope("c", groups=["a", "b"]), "groups": ["a"]},
        {"scope": Scope("c", groups=["a"], users=["bob"]), "groups": ["a"]},
        {"scope": Scope("c", except_groups=["a"]), "groups": ["a", "b"]},
        {"scope": Scope("c", endpoints=["prod"]), "groups": ["a"]},
        {"scope": Scope("c", groups=["a"]), **BLOCKS},
        {"scope": Scope("c", ends={"blocked-users": NOW, "blocked-common-names": NOW}), **BLOCKS},
        {"scope": Scope("c", ends={"blocked-users": NOW}), "blocked_users": ["bob"], "platforms": ["win"]},
        {"scope": Scope("c", ends={"platform": NOW}), "platforms": ["win"], **BLOCKS},
    ],
)
def test_rules_that_name_others_than_their_scope_are_not(fields: dict[str, Any]) -> None:
    """They keep out a user."""
    assert check(Policies.from_rules(Rules(**fields))) == []


def test_what_is_not_a_list_or_a_version_is_told_with_an_example() -> None:
    """With what was given, if it is a version."""
    with pytest.raises(InvalidRules, match="shadow is True; give a list of rule ids"):
        Scope("trial", shadow=True)  # type: ignore[arg-type]
    with pytest.raises(InvalidRules, match=r'give a MinimumVersion\("2.6"\)'):
        Rules(minimum_openvpn="2.6")  # type: ignore[arg-type]
    with pytest.raises(InvalidRules, match=r'give a MinimumVersion\("10.0.19045"\)'):
        Rules(minimum_windows="Windows 10")  # type: ignore[arg-type]
    with pytest.raises(InvalidRules, match="give the name of the tag"):
        Rules(own_device="{username}")


def test_many_networks_are_scoped_too() -> None:
    """Even those that are too long to be formatted."""
    networks = [f"5.{number}.0.0/16" for number in range(256)] + [
        f"6.{number}.128.0/17" for number in range(256)
    ]
    rules = Rules(blocked_networks=networks, scope=Scope("far", groups=["travelers"]))
    policies = Policies.from_rules(rules)
    assert check(policies) == []
    request = asked("travelers").request._replace(public_ip=IPv4Address("5.7.0.1"))
    assert policies.authorizer().decide(Facts(request, now=NOW)).determining == ("far-blocked-networks",)
    assert policies.authorizer().decide(Facts(request._replace(groups=()), now=NOW)).allowed
