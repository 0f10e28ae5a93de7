"""The promises of docs/reauthorization.md and docs/security.md on the re-authorizer, each with its tests."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from client_connect import Device
from client_connect.reauthorizer.client_vpn import ClientVpn, Page, TokenRefused
from client_connect.reauthorizer.unknown_connections import UnknownConnections
from client_connect.sources.connection_registry import STATE, CompleteScan, ConnectionTable, NotCounted
from client_connect.sources.custom_facts import CustomFacts
from client_connect.sources.dynamodb import Tables
from client_connect.sources.items import device_item, waivers_item
from client_connect.waiver import Waiver
from client_connect_tools import Rules
from local_aws.emulator import ROOT
from local_aws.live_connections import ENDPOINT
from tests.e2e import test_reauthorizer
from tests.e2e.test_reauthorizer import _small_pages, api, lines, world
from tests.support.reauthorization import (
    NO_MACS,
    OTHER_ENDPOINT,
    PERMIT,
    client,
    ids,
    out_of_time_after,
    tally,
    terminated,
)

if TYPE_CHECKING:
    import logging

    from client_connect import ConnectionRequest
    from client_connect.reauthorizer.client_vpn import Connection
    from local_aws.live_connections import LiveConnections

pytestmark = pytest.mark.e2e

# The fixtures of the other module; named here, so they are used.
FIXTURES = (_small_pages, api, lines, world)

MALLORY = """@id("mallory") forbid (principal, action, resource)
    when { context has username && context.username == "mallory" };"""
STAFF = '@id("staff") permit (principal in ClientVpn::Group::"staff", action, resource);'
OVERFLOW = "context.time.minuteOfDay + 9223372036854775807 > 0"
COMPLIANT = """@id("compliant") forbid (principal, action, resource)
    when { context has device && context.device has compliant && !context.device.compliant };"""
OUTAGE = '@id("outage") forbid (principal, action, resource) when { context.inventory == "unavailable" };'
LIMIT = "context has activeConnections && context.activeConnections >= 2"
RISK = (
    '@id("risk") forbid (principal, action, resource) when { context has custom && context.custom.risk > 5 };'
)


def failing_for(*names: str) -> dict[str, Any]:
    """Return a module of extra facts that knows all but some users."""

    def facts(request: ConnectionRequest) -> dict[str, object]:
        if request.username in names:
            raise LookupError("no such employee")
        return {"risk": 1}

    return {"custom": CustomFacts(facts, validation_error=lambda _: ""), "custom_type": "{ risk: Long }"}


# 1. A source that is unavailable: what it would say is unknown, and only that.


@pytest.mark.parametrize(
    ("policies", "expected", "undecided"),
    [
        (PERMIT + MALLORY, ["mallory"], 0),
        (PERMIT + MALLORY + RISK, ["mallory"], 0),
        (PERMIT + RISK, [], 1),
        (
            PERMIT
            + '@id("d") forbid (principal, action, resource) unless { context.customFacts == "available" };',
            [],
            1,
        ),
        (
            '@id("p") permit (principal, action, resource) when { context has custom && context.custom.risk < 5 };',
            [],
            1,
        ),
        # Whatever the facts are, one side of the condition is true.
        (
            PERMIT
            + """@id("or") forbid (principal, action, resource)
            when { context has custom && context.custom.risk > 5 || principal == ClientVpn::User::"mallory" };""",
            ["mallory"],
            0,
        ),
    ],
    ids=["not read", "read by another", "read", "outage", "read by a permit", "read by one side"],
)
def test_extra_facts_that_fail_for_one_user_are_unknown(
    world: LiveConnections, policies: str, expected: list[str], undecided: int
) -> None:
    """Such as for an account that was deleted: a user blocked by name goes, no one goes for an unknown fact."""
    world.connect([client("mallory"), client("bob")])
    outcome = world.run(policies, **failing_for("mallory"))
    assert (terminated(world), tally(outcome)[2]) == (ids(*expected), undecided)
    # Without the text, which may hold a secret.
    assert "LookupError at " in outcome.problems["customFacts"]
    assert "no such employee" not in outcome.problems["customFacts"]


@pytest.mark.parametrize("kind", ["devices", "waivers"])
@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (NO_MACS, ["mac"]),
        (NO_MACS + COMPLIANT + OUTAGE, ["mac"]),
        (PERMIT + COMPLIANT + OUTAGE, []),
    ],
    ids=["not read", "read by others", "read"],
)
def test_a_missing_table_ends_nobody_but_whom_others_deny(
    world: LiveConnections, kind: str, policies: str, expected: list[str]
) -> None:
    """A rule on the platform reads neither devices nor waivers."""
    world.connect([client("mac", platform="mac", common_name="l-1"), client("win", common_name="l-2")])
    world.delete_table(kind)
    outcome = world.run(policies, inventory=True)
    assert terminated(world) == ids(*expected)
    assert "ResourceNotFoundException" in outcome.problems["inventory"]


@pytest.mark.parametrize("broken", ["item", "table"])
def test_rules_that_honor_waivers_stay_in_force_without_devices(world: LiveConnections, broken: str) -> None:
    """The waivers are in a table of their own: who has none is blocked, who has one is not."""
    world.connect([client(name, common_name="laptop-1") for name in ("mallory", "waived", "bob")])
    waiver = Waiver(
        policy_id="blocked-users",
        until=datetime.now(UTC) + timedelta(hours=1),
        reason="back again",
        approved_by="carol",
        holder="user:waived",
    )
    world.put("waivers", waivers_item([waiver]))
    if broken == "item":
        world.put("devices", {"commonName": {"S": "laptop-1"}, "compliant": {"S": "no"}})
    else:
        world.delete_table("devices")
    world.run(Rules(blocked_users=["mallory", "waived"]).to_cedar(), inventory=True)
    assert terminated(world) == ids("mallory")


def test_a_malformed_device_shields_nobody_from_other_rules(world: LiveConnections) -> None:
    """Its own rule is uncertain; that of the platform is not."""
    world.connect(
        [
            client("mac", platform="mac", common_name="broken"),
            client("win", common_name="broken"),
            client("bad", common_name="l-2", device=Device(compliant=False)),
        ]
    )
    world.put("devices", {"commonName": {"S": "broken"}, "compliant": {"S": "no"}})
    outcome = world.run(NO_MACS + COMPLIANT, inventory=True)
    assert (terminated(world), tally(outcome)) == (ids("bad", "mac"), (2, 0, 1))


@pytest.mark.parametrize("outage", ["waivers", "devices", "custom"])
def test_the_limit_of_a_user_stays_in_force_in_an_outage(world: LiveConnections, outage: str) -> None:
    """It needs no facts but whose the connections are."""
    world.connect(
        client(name, username="bob", common_name="laptop-1", age_s=age)
        for name, age in (("old", 90), ("new", 30))
    )
    if outage != "custom":
        world.delete_table(outage)
    sources = failing_for("bob") if outage == "custom" else {"inventory": True}
    outcome = world.run(
        PERMIT + COMPLIANT + OUTAGE + (RISK if outage == "custom" else ""), connections_per_user=1, **sources
    )
    assert (terminated(world), tally(outcome)) == (ids("old"), (0, 0, 2))


@pytest.mark.parametrize(
    ("erring", "expected", "undecided"),
    [
        (f'@id("x") forbid (principal, action, resource) when {{ {OVERFLOW} }};', ["mallory"], 1),
        (f'@id("x") permit (principal, action, resource) when {{ {OVERFLOW} }};', ["mallory"], 0),
        # The part that errs is not reached for bob.
        (
            f"""@id("x") forbid (principal, action, resource)
            when {{ context has username && context.username == "mallory" && {OVERFLOW} }};""",
            ["mallory"],
            0,
        ),
        # Of another principal.
        (
            f'@id("x") forbid (principal == ClientVpn::User::"carol", action, resource) when {{ {OVERFLOW} }};',
            ["mallory"],
            0,
        ),
    ],
    ids=["forbid", "permit", "for mallory alone", "for somebody else"],
)
def test_an_error_in_one_policy_shields_nobody_from_another(
    world: LiveConnections, erring: str, expected: list[str], undecided: int
) -> None:
    """A forbid can only add denials: that of mallory holds, whatever the broken policy would say."""
    world.connect([client("mallory"), client("bob")])
    outcome = world.run(PERMIT + MALLORY + erring)
    assert (terminated(world), tally(outcome)[2]) == (ids(*expected), undecided)


def test_an_only_permit_that_errs_ends_nobody(world: LiveConnections) -> None:
    """It may be meant to permit; a permit for others does not keep those outside its scope."""
    world.connect([client("bob"), client("alice", groups=("staff",))])
    erring = (
        f'@id("x") permit (principal in ClientVpn::Group::"staff", action, resource) when {{ {OVERFLOW} }};'
    )
    outcome = world.run(erring)
    assert (terminated(world), tally(outcome)) == (ids("bob"), (1, 0, 1))


# 3. A permit that reads what is missing.


@pytest.mark.parametrize(
    "permit",
    [
        '@id("p") permit (principal in ClientVpn::Group::"staff", action, resource) when { %s };',
        '@id("p") permit (principal == ClientVpn::User::"alice", action, resource) when { %s };',
        """@id("p") permit (principal, action, resource)
        when { context has username && context.username == "alice" && %s };""",
        '@id("p") permit (principal, action, resource) when { %s } unless { context.platform == "mac" };',
    ],
    ids=["group", "user", "condition", "unless"],
)
def test_a_permit_that_reads_what_is_missing_keeps_only_whom_it_may_be_for(
    world: LiveConnections, permit: str
) -> None:
    """No permit could apply to the others, whatever the inventory would say."""
    world.connect(
        [
            client("alice", groups=("staff",), common_name="l-1"),
            client("mallory", platform="mac", common_name="l-2"),
        ]
    )
    world.delete_table("devices")
    outcome = world.run(permit % "context has device && context.device has compliant", inventory=True)
    assert (terminated(world), tally(outcome)) == (ids("mallory"), (1, 0, 1))


# 2. Connections that the registry does not know.


def test_rules_decide_unknown_connections_without_an_inventory(world: LiveConnections) -> None:
    """There are no waivers anywhere then, so nothing keeps the rules from applying."""
    world.connect([client(name, registered=False) for name in ("mallory", "bob")])
    rules = Rules(blocked_users=["mallory"]).to_cedar()
    outcome = world.run(rules, unknown_connections=UnknownConnections.DECIDE)
    assert (terminated(world), tally(outcome)) == (ids("mallory"), (1, 1, 0))


def test_rules_with_an_inventory_do_not_end_unknown_connections_of_unknown_devices(
    world: LiveConnections,
) -> None:
    """The device may have a waiverthat only its name would show."""
    world.connect([client("mallory", registered=False)])
    rules = Rules(blocked_users=["mallory"]).to_cedar()
    world.run(rules, unknown_connections=UnknownConnections.DECIDE, inventory=True)
    assert terminated(world) == []


def test_a_group_that_nobody_tells_ends_no_unknown_connection(world: LiveConnections) -> None:
    """Neither by a forbid of it nor by a permit of it alone; but no other permit keeps a connection."""
    world.connect([client("mallory", registered=False)])
    for policies in (STAFF, PERMIT + STAFF.replace("permit", "forbid")):
        world.run(policies, unknown_connections=UnknownConnections.DECIDE)
    assert terminated(world) == []
    alice = 'principal == ClientVpn::User::"alice"'
    alone = f'@id("a") permit ({alice}, action, resource) when {{ context.platform == "win" }};'
    world.run(alone, unknown_connections=UnknownConnections.DECIDE)
    assert terminated(world) == ids("mallory")


@pytest.mark.parametrize(("mutual", "expected"), [(True, ["saml"]), (False, [])])
def test_a_common_name_is_a_certificates_only_under_mutual_authentication(
    world: LiveConnections,
    mutual: bool,  # noqa: FBT001 - a table
    expected: list[str],
) -> None:
    """Under SAML it may be a user's, who is not named otherwise, and who is called as a device is."""
    world.connect(
        [
            client(
                "saml",
                username=None,
                common_name="laptop-1",
                registered=False,
                device=Device(compliant=False),
            )
        ]
    )
    world.run(
        PERMIT + COMPLIANT,
        inventory=True,
        unknown_connections=UnknownConnections.DECIDE,
        certificate_endpoints=(ENDPOINT,) if mutual else (),
    )
    assert terminated(world) == ids(*expected)


# 4. The cap.


def test_one_users_connections_beyond_the_limit_are_counted_apart(world: LiveConnections) -> None:
    """103 of one user, and a stolen laptop goes all the same; of the others as many as may be, the oldest first."""
    world.connect([client(f"m{n:03}", username="mallory", age_s=1000 - n) for n in range(103)])
    world.connect([client("stolen", common_name="laptop-1", device=Device(compliant=False))])
    outcome = world.run(PERMIT + COMPLIANT, inventory=True, connections_per_user=2)
    assert terminated(world) == sorted(ids("stolen", *(f"m{n:03}" for n in range(100))))
    assert outcome.scan is not None
    assert (outcome.cap_exceeded, outcome.scan.denials, outcome.scan.limit.denials) == (False, 1, 101)
    # Within the hour there is no more to be ended of them.
    assert world.run(PERMIT + COMPLIANT, inventory=True, connections_per_user=2).terminated == 0
    assert world.run(PERMIT, connections_per_user=2, window_s=0.0).terminated == 1


def test_a_policy_that_denies_too_many_does_not_suspend_the_limit(world: LiveConnections) -> None:
    """Each is counted by itself."""
    world.connect([client("old", username="bob", age_s=90), client("new", username="bob", age_s=30)])
    world.connect([client(f"{n}", platform="mac") for n in range(3)])
    outcome = world.run(NO_MACS, connections_per_user=1, maximum_terminations=2)
    assert (outcome.cap_exceeded, terminated(world)) == (True, ids("old"))


@pytest.mark.parametrize(
    ("fleet", "denied", "settings", "ended"),
    [
        (60, 60, {}, False),  # a misspelt group
        (60, 16, {}, False),  # more than a quarter
        (60, 15, {}, True),
        (10, 10, {}, True),  # below the floor
        (11, 11, {"maximum_share": 1.0}, True),
    ],
)
def test_a_mistake_in_a_policy_ends_nobody(
    world: LiveConnections,
    fleet: int,
    denied: int,
    settings: dict[str, Any],
    ended: bool,  # noqa: FBT001 - a table
) -> None:
    """More than a share of the open connections is too much, but for a few."""
    world.connect(client(f"{n:02}", groups=("staff",) if n >= denied else ()) for n in range(fleet))
    outcome = world.run(STAFF, **settings)
    assert len(terminated(world)) == (denied if ended else 0)
    assert outcome.cap_exceeded is not ended


def test_terminations_add_up_over_the_window(world: LiveConnections, lines: list[logging.LogRecord]) -> None:
    """A policy that ends some in each run empties no VPN; after the window they count no more."""
    world.connect(client(f"{n:02}") for n in range(40))

    def block(*numbers: int) -> str:
        users = ", ".join(f'ClientVpn::User::"{n:02}"' for n in numbers)
        return (
            PERMIT
            + f'@id("no") forbid (principal, action, resource) when {{ [{users}].contains(principal) }};'
        )

    assert world.run(block(*range(6))).terminated == 6
    assert world.run(block(*range(6, 10))).terminated == 4
    run = world.reauthorizer(block(10))  # the eleventh of 40
    outcome = run.run()
    run._records.of_run(outcome, milliseconds=1)
    assert (outcome.terminated, outcome.cap_exceeded) == (0, True)
    assert vars(lines[-1])["cap"] == {"most": 10, "recent": 10, "counted": 1}
    state = world.registered(STATE)
    assert state is not None
    past = [[at - 3601, *counts] for at, *counts in json.loads(state["terminations"]["S"])]
    world.put("connections", state | {"terminations": {"S": json.dumps(past)}})
    assert world.run(block(10)).terminated == 1
    assert terminated(world) == ids(*(f"{n:02}" for n in range(11)))


@pytest.mark.parametrize("shared", [False, True])
def test_who_has_a_devices_key_keeps_nobody_open_by_connecting_often(
    world: LiveConnections, *, shared: bool
) -> None:
    """Unless devices share it: then a mistake in a policy would end all of them."""
    world.connect(client(f"{n:02}", username=None, common_name=f"pc-{n}") for n in range(20))
    bad = Device(compliant=False)
    world.connect([client("bad", username=None, common_name="pc-bad", device=bad)])
    world.connect(client(f"s{n:02}", username=None, common_name="stolen", device=bad) for n in range(15))
    outcome = world.run(PERMIT + COMPLIANT, inventory=True, shared_certificates=shared)
    assert (outcome.counted, outcome.cap_exceeded) == ((16, True) if shared else (6, False))
    assert len(terminated(world)) == (0 if shared else 16)


def test_a_dry_run_uses_nothing_of_the_window_up(world: LiveConnections) -> None:
    """It ends no connection."""
    world.connect(client(f"{n}", platform="mac") for n in range(6))
    for _ in range(3):
        assert world.run(NO_MACS, dry_run=True, maximum_terminations=6).terminated == 6
    assert world.run(NO_MACS, maximum_terminations=6).terminated == 6


@pytest.mark.parametrize(
    "history", ["{", "[[1]]", '[["x", 1, 1]]', "[[Infinity, 9, 9]]", "[[NaN, 9, 9]]", "[" * 9999]
)
def test_a_history_that_cannot_be_read_is_none(world: LiveConnections, history: str) -> None:
    """It neither fails all runs nor keeps them from ending anybody."""
    world.connect([client("a", platform="mac")])
    world.put("connections", {"connectionId": {"S": STATE}, "terminations": {"S": history}})
    assert world.run(NO_MACS, maximum_terminations=1).terminated == 1


@pytest.mark.parametrize("stubborn", [True, False])
def test_a_connection_that_is_ended_again_counts_once(world: LiveConnections, *, stubborn: bool) -> None:
    """EC2 still lists it as open after five minutes; others may be ended besides it."""
    world.connect([client("a", platform="mac")])
    assert world.run(NO_MACS, maximum_terminations=2).terminated == 1
    connection = world.api._service.endpoints[ENDPOINT].find(*ids("a"))
    assert connection is not None
    connection.settled, connection.stubborn = None, stubborn
    world.put(
        "connections",
        (world.registered(*ids("a")) or {})
        | {"terminatedAt": {"S": (datetime.now(UTC) - timedelta(minutes=6)).isoformat()}},
    )
    world.connect([client("b", platform="mac")])
    with mock.patch("client_connect.reauthorizer.evaluation.TERMINATING", timedelta(minutes=5)):
        outcome = world.run(NO_MACS, maximum_terminations=3)
    assert outcome.recent == 1
    state = world.registered(STATE)
    assert state is not None
    assert sum(each[1] for each in json.loads(state["terminations"]["S"])) == 2


@pytest.mark.parametrize("apart", [1, 120])
def test_a_connection_that_is_listed_twice_counts_once(world: LiveConnections, apart: int) -> None:
    """On the same page or on another one: by the cap, by the tally, and by the limit of its user."""
    world.connect(client(f"{n:03}", age_s=1000 - n) for n in range(130))
    world.connect([client("a", platform="mac", age_s=1), client("b", username="bob", age_s=1)])
    connections = world.api._service.endpoints[ENDPOINT].connections
    for _ in range(2):
        at = len(connections) - apart
        connections[at:at] = connections[-2:] if apart == 1 else connections[130:132]
    outcome = world.run(NO_MACS, maximum_terminations=1, connections_per_user=1)
    assert (tally(outcome), terminated(world)) == ((132, 0, 0), ids("a"))


def test_the_record_of_a_run_names_whom_and_what_denies_most(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """The users and policies with the highest counts, and no more than a line of the log holds."""
    world.connect(client(f"m{n}", username="mallory", platform="mac") for n in range(4))
    world.connect(client(f"b{n}", username="Bob", platform="mac") for n in range(3))
    world.connect(client(f"u{n:02}", platform="mac") for n in range(30))
    run = world.reauthorizer(NO_MACS)
    run._records.of_run(run.run(), milliseconds=1)
    scan = vars(lines[-1])["scan"]
    assert scan["deniedBy"] == {"no-macs": 37}
    assert list(scan["deniedOf"].items())[:3] == [("user:mallory", 4), ("user:bob", 3), ("user:u00", 1)]
    assert len(scan["deniedOf"]) == 20


# 5. A saved scan, and what stops decisions.

DAMAGES = {
    "no zlib": b"not zlib",
    "cut off": zlib.compress(b"{}" * 99)[:-9],
    "no text": zlib.compress(b"\xff\xfe"),
    "no scan": zlib.compress(b"[]"),
    "nested": zlib.compress(b"[" * 99_999),
    "a bomb": zlib.compress(b"0" * 70_000_000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_saved_scan_that_cannot_be_read_begins_anew(world: LiveConnections, damage: str) -> None:
    """The next run sees all connections, and says that it did not go on."""
    saved = unfinished(world)
    world.put("connections", {"connectionId": {"S": saved}, "part": {"B": DAMAGES[damage]}})
    outcome = world.run(NO_MACS)
    assert (outcome.state, tally(outcome), len(terminated(world))) == ("complete", (15, 0, 0), 3)
    assert outcome.discarded
    assert world.run(NO_MACS).discarded == ""


@pytest.mark.parametrize(
    "change",
    [
        {"endpoints": [OTHER_ENDPOINT]},  # then the others would never be seen
        {"started": "yesterday"},
    ],
    ids=str,
)
def test_a_saved_scan_with_a_value_of_another_kind_begins_anew(
    world: LiveConnections, change: dict[str, Any]
) -> None:
    """It would fail each run, or have it see other connections than all."""
    saved = unfinished(world)
    item = world.registered(saved)
    assert item is not None
    scan = json.loads(zlib.decompress(item["part"]["B"]))
    world.put("connections", item | {"part": {"B": zlib.compress(json.dumps(scan | change).encode())}})
    outcome = world.run(NO_MACS)
    assert (outcome.state, tally(outcome), len(terminated(world))) == ("complete", (15, 0, 0), 3)


@pytest.mark.parametrize(
    "change",
    [
        {"savedParts": {"S": "1"}},
        {"savedParts": {"N": "999999999999"}},
        {"savedScan": {"N": "1"}},
        {"countsValidUntil": {"N": "1" * 30}, "countedEndpoints": {"SS": ["x"]}},
        {
            "countsValidUntil": {"N": "1"},
            "countedEndpoints": {"SS": ["x"]},
            "confirmedBefore": {"S": "long ago"},
        },
    ],
    ids=["type", "number", "name", "far future", "no time"],
)
def test_a_state_that_cannot_be_read_stops_no_run(world: LiveConnections, change: dict[str, Any]) -> None:
    """Whatever of it is damaged, connections are decided."""
    unfinished(world)
    world.put("connections", (world.registered(STATE) or {}) | change)
    for _ in range(2):
        assert world.run(NO_MACS).state == "complete"
    assert len(terminated(world)) == 3


def test_a_damaged_memory_of_a_termination_stops_no_run(world: LiveConnections) -> None:
    """It is none: the connection is ended once more."""
    world.connect([client("a", platform="mac"), client("b", platform="mac")])
    for name, time in (("a", "a while ago"), ("b", "2026-11-30T00:00:00")):
        world.put("connections", (world.registered(*ids(name)) or {}) | {"terminatedAt": {"S": time}})
    world.run(NO_MACS)
    assert terminated(world) == ids("a", "b")


def unfinished(world: LiveConnections) -> str:
    """Run until a scan of 15 connections, three of them denied, is saved; return the key of its item."""
    world.connect(client(f"{n:03}", platform="mac" if n % 5 == 0 else "win") for n in range(15))
    with mock.patch("client_connect.reauthorizer.client_vpn._PAGE_SIZE", 5):
        assert world.run(NO_MACS, milliseconds=out_of_time_after(3)).state == "unfinished"
    state = world.registered(STATE)
    assert state is not None
    return f"{STATE}-{state['savedScan']['S']}-0"


@pytest.mark.parametrize(
    ("policies", "registered", "level"),
    [
        (f'@id("x") forbid (principal, action, resource) when {{ {OVERFLOW} }};', True, "ERROR"),
        (COMPLIANT, True, "ERROR"),
        (NO_MACS, False, "WARNING"),  # as on the first day
    ],
    ids=["error", "outage", "not registered"],
)
def test_a_run_that_could_decide_nothing_is_not_complete(
    world: LiveConnections,
    lines: list[logging.LogRecord],
    policies: str,
    registered: bool,  # noqa: FBT001 - a table
    level: str,
) -> None:
    """Nor does it look healthy."""
    world.connect(client(name, common_name="laptop-1", registered=registered) for name in "ab")
    world.delete_table("devices")
    run = world.reauthorizer(PERMIT + policies.replace('"all"', '"all2"'), inventory=True)
    run._records.of_run(run.run(), milliseconds=1)
    record = vars(lines[-1])
    assert (record["run"], record["levelname"]) == ("nothing decided", level)
    assert record["Undecided"] == (2 if registered else 0)


def test_a_run_of_which_no_endpoint_exists_is_not_complete(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """A mistyped id would otherwise look like a VPN without connections; without connections a run is complete."""
    assert world.run(NO_MACS).state == "complete"
    run = replace(world, endpoints=(OTHER_ENDPOINT,)).reauthorizer(NO_MACS)
    run._records.of_run(run.run(), milliseconds=1)
    record = vars(lines[-1])
    assert (record["run"], record["levelname"], record["MissingEndpoints"]) == ("nothing decided", "ERROR", 1)


# One analysis of what policies read.


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        (
            f"forbid (principal, action, resource) when {{ {LIMIT} }};",
            True,
        ),
        (
            f"@shadow forbid (principal, action, resource) when {{ {LIMIT} }};",
            True,
        ),
        ("@shadow permit (principal, action, resource) when { context has activeConnections };", True),
        ('forbid (principal, action, resource) when { context has "active\\u{43}onnections" };', True),
        (
            """// context.activeConnections
            @message("activeConnections") forbid (principal, action, resource)
            when { context.platform == "activeConnections" };""",
            False,
        ),
    ],
    ids=["enforced", "shadow", "shadow permit", "escaped", "named only"],
)
def test_connections_are_confirmed_where_any_policy_counts_them(
    world: LiveConnections,
    limit: str,
    counts: bool,  # noqa: FBT001 - a table
) -> None:
    """So that a limit on trial counts what it will count when it is enforced."""
    now = datetime.now(UTC)
    with world.reached():
        table = ConnectionTable(Tables(), name=f"{world.name}-connections")
        table.complete(
            CompleteScan(
                valid_until=now + timedelta(minutes=15),
                endpoints=(ENDPOINT,),
                confirmed_before=now - timedelta(minutes=5),
            )
        )
    world.connect(client(name, username="bob", age_s=1800) for name in "abc")
    world.run(f'{PERMIT} @id("limit") {limit}')
    with world.reached():
        table = ConnectionTable(Tables(), name=f"{world.name}-connections")
        assert len(table.others(client("new", username="bob").request())) == (3 if counts else 0)


# 8. While EC2 throttles, what is known grows old.


def test_what_waits_for_ec2_is_decided_once_more(world: LiveConnections) -> None:
    """Devices that become compliant meanwhile stay, and nothing counts as terminated that was not."""
    devices = [Device(compliant=False)] * 3
    world.connect(client(f"{n}", common_name=f"laptop-{n}", device=each) for n, each in enumerate(devices))
    world.api.fail_next("TerminateClientVpnConnections", times=3)

    def sleep(_seconds: float) -> None:
        for n in (1, 2):
            world.put("devices", device_item(f"laptop-{n}", Device(compliant=True)))

    outcome = world.run(PERMIT + COMPLIANT, inventory=True, sleep=sleep)
    assert (outcome.state, outcome.terminated, terminated(world)) == ("complete", 1, ids("0"))
    assert sum(denied for denied, _ in history(world)) == 1
    assert [(world.registered(id_) or {}).get("terminatedAt") for id_ in ids("1", "2")] == [None, None]


def test_a_run_that_waits_for_ec2_notices_its_successor(world: LiveConnections) -> None:
    """The correction of a bad policy takes the lease over, also while the next connection waits."""
    world.connect([client("a", platform="mac")])
    world.api.fail_next("TerminateClientVpnConnections", times=2)
    inner: list[str] = []

    def sleep(_seconds: float) -> None:
        if world.api.throttled["TerminateClientVpnConnections"] and not inner:
            inner.append(world.run(PERMIT).state)

    outcome = world.run(NO_MACS, sleep=sleep)
    assert (inner, outcome.state, terminated(world)) == (["complete"], "superseded", [])


def test_a_run_that_is_superseded_uses_nothing_up_that_it_did_not_end(world: LiveConnections) -> None:
    """The correction of a bad policy may end as many as if the bad policy had never meant to end the others."""
    world.connect([client(f"{n:02}", platform="mac") for n in range(10)])
    world.connect([client(f"other-{n:02}") for n in range(9)])
    world.connect([client("mallory", username="mallory")])
    blocked = PERMIT + '@id("no") forbid (principal == ClientVpn::User::"mallory", action, resource);'
    terminate = ClientVpn.terminate
    inner: list[tuple[str, int, int]] = []

    def with_a_deployment_after_two(vpn: ClientVpn, connection: Connection) -> bool:
        is_done = terminate(vpn, connection)
        if len(world.api.terminations) == 2 and not inner:
            inner.append(("", 0, 0))
            corrected = world.run(blocked)
            inner[0] = corrected.state, corrected.recent, corrected.terminated
        return is_done

    with mock.patch.object(ClientVpn, "terminate", with_a_deployment_after_two):
        outcome = world.run(NO_MACS)
    assert (inner, outcome.state) == ([("complete", 2, 1)], "superseded")
    assert len(terminated(world)) == 3


# The promises themselves.

PROMISES = {
    "docs/reauthorization.md#What it never does": {
        "It terminates nothing before it has seen every connection": "a_scan_goes_on_where_it_was",
        "It terminates nothing that the policies deny when they deny more than": "a_mistake_in_a_policy_ends_nobody",
        "It ends no one because something is broken": "extra_facts_that_fail_for_one_user_are_unknown",
        "It ends no one by a policy on `context.custom`": "a_policy_on_facts_without_a_module_ends_nobody",
        "It ends no one by `context.activeConnections`": "the_limit_on_new_connections_ends_no_old_one",
        "It ends no one on old knowledge": "what_is_permitted_again_is_not_terminated",
        "It does not terminate a connection twice": "nothing_is_terminated_twice_while_ec2_is_stale",
        "Two runs never work at once": "one_run_at_a_time",
        "A run by an old version of the handler": "a_run_by_other_policies_takes_over",
    },
    "docs/security.md#The re-authorizer's power": {
        "It terminates nothing that the policies deny when": "a_mistake_in_a_policy_ends_nobody",
        "It terminates nothing until it has listed every": "fails_when_connections_cannot_be_listed",
        "It terminates nothing because of an unknown fact": "a_missing_table_ends_nobody_but_whom_others_deny",
        "An outage, or a policy that fails": "an_error_in_one_policy_shields_nobody_from_another",
        "A damaged saved scan or state stops no run": "a_state_that_cannot_be_read_stops_no_run",
        "With `dry_run`, and with a handler in shadow mode": "dry_run_records_all_and_ends_nobody",
        "It may terminate connections of the endpoints": "connections_of_other_endpoints_are_not_touched",
    },
}


@pytest.mark.parametrize("place", PROMISES)
def test_every_promise_has_a_test(place: str) -> None:
    """One that is added to the page needs one, too."""
    file, heading = place.split("#")
    section = (ROOT / file).read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    promises = [" ".join(each.split()) for each in re.findall(r"^- ((?:.|\n  )+)", section, re.MULTILINE)]
    begun = {
        promise: next((key for key in PROMISES[place] if promise.startswith(key)), None)
        for promise in promises
    }
    assert list(begun.values()) == list(PROMISES[place])
    for name in PROMISES[place].values():
        assert any(f"test_{name}" in names for names in (vars(test_reauthorizer), globals()))


@pytest.mark.parametrize(
    "policy",
    [
        'forbid (principal, action, resource) when { context.customFacts != "available" };',
        "forbid (principal, action, resource) unless { context has custom && context.custom.risk < 5 };",
    ],
)
def test_a_policy_on_facts_without_a_module_ends_nobody(world: LiveConnections, policy: str) -> None:
    """The re-authorizer was given no module; and does not call the connection undecided for ever."""
    world.connect([client("a")])
    outcome = world.run(f'{PERMIT} @id("f") {policy}', custom_type="{ risk: Long }")
    assert (terminated(world), tally(outcome)) == ([], (1, 0, 0))


# Connections that must not use the cap up, stop runs, or spare a connection without a word.


def test_a_connection_that_cannot_be_terminated_uses_nothing_up(world: LiveConnections) -> None:
    """Each run tries it again; the others are ended all the same."""
    world.connect([client("stubborn", platform="mac")])
    found = world.api._service.endpoints[ENDPOINT].find(*ids("stubborn"))
    assert found is not None
    found.stubborn = True
    for _ in range(4):
        outcome = world.run(NO_MACS, maximum_terminations=2)
        assert (outcome.failures, outcome.recent) == (1, 0)
    world.connect([client("late", platform="mac")])
    assert world.run(NO_MACS, maximum_terminations=2).terminated == 1


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InvalidClientVpnConnection.IdNotFound"])
def test_what_was_not_ended_is_no_termination(world: LiveConnections, code: str) -> None:
    """One that EC2 refuses to end, and one that is gone."""
    world.connect([client("a", platform="mac"), client("b", platform="mac")])
    world.api.fail_next("TerminateClientVpnConnections", code=code, status=HTTPStatus.BAD_REQUEST)
    assert world.run(NO_MACS).terminated == 1
    assert history(world) == [[1, 0]]


def test_a_run_without_time_counts_what_it_ended(world: LiveConnections) -> None:
    """The rest is counted by the run that ends it, once."""
    world.connect(client(f"{n}", platform="mac") for n in range(6))
    outcomes = [world.run(NO_MACS, milliseconds=out_of_time_after(12)) for _ in range(3)]
    assert outcomes[0].state == "unfinished"
    assert 0 < outcomes[0].terminated < 6
    while sum(each.terminated for each in outcomes) < 6:
        assert len(outcomes) < 9
        outcomes.append(world.run(NO_MACS))
    assert sum(denied for denied, _ in history(world)) == 6


def history(world: LiveConnections) -> list[list[int]]:
    """Return the numbers of the remembered terminations: of what policies denied, and of what was beyond a limit."""
    state = world.registered(STATE)
    assert state is not None
    return [counts for _at, *counts in json.loads(state["terminations"]["S"])]


@pytest.mark.parametrize(
    ("fields", "shared"),
    [
        ({"username": "mallory"}, False),
        ({"username": None, "common_name": "stolen"}, False),
        # A certificate that everyone has names no one.
        ({"username": None, "common_name": "shared"}, True),
    ],
    ids=["a user", "a device", "a shared certificate"],
)
def test_one_denied_user_keeps_nobody_from_being_ended(
    world: LiveConnections,
    fields: dict[str, Any],
    shared: bool,  # noqa: FBT001 - a table
) -> None:
    """Who opens many connections before being blocked would stay otherwise, and everybody else who is denied."""
    world.connect(client(f"m{n:02}", platform="mac", **fields) for n in range(30))
    world.connect(client(f"{n:02}") for n in range(10))
    assert world.run(NO_MACS, shared_certificates=shared).terminated == (0 if shared else 30)
    world.connect([client("another", platform="mac")])
    assert world.run(NO_MACS, shared_certificates=shared).terminated == (not shared)
    if not shared:
        assert sum(denied for denied, _ in history(world)) == 6


@pytest.mark.parametrize("status", ["", "connecting", "reconnecting"])
def test_a_status_that_is_not_known_is_no_end(world: LiveConnections, status: str) -> None:
    """Such a connection is decided as any other, and counted."""
    world.connect([client("a", platform="mac"), client("b")])
    run = world.reauthorizer(NO_MACS)
    page = run._vpn.page

    def renamed(endpoint: str, token: str | None) -> Page:
        found = page(endpoint, token)
        return replace(found, connections=tuple(replace(each, status=status) for each in found.connections))

    with mock.patch.object(run._vpn, "page", renamed):
        outcome = run.run()
    assert (tally(outcome), terminated(world)) == ((2, 0, 0), ids("a"))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pages", [1, 2])
def test_a_connection_that_is_listed_as_open_and_as_ended_stays_registered(
    world: LiveConnections, order: int, pages: int
) -> None:
    """On the same page or on two: without its request it would be left alone until it ends by itself."""
    world.connect([client("a"), client("b")])
    run = world.reauthorizer(PERMIT)
    found, other = sorted(run._vpn.page(ENDPOINT, None).connections, key=lambda each: each.connection_id)
    both = (found, replace(found, status="terminated"))[::order]
    listed: dict[str | None, Page] = {None: Page(connections=(*both, replace(other, status="terminated")))}
    if pages == len(both):
        listed = {
            None: Page(connections=(both[0], replace(other, status="terminated")), **AFTER["a"]),
            "a": Page(connections=(both[1],)),
        }
    with mock.patch.object(run._vpn, "page", side_effect=lambda _endpoint, token: listed[token]):
        assert tally(run.run()) == (1, 0, 0)
    assert world.registered(*ids("a")) is not None
    assert world.registered(*ids("b")) is None


TORN: dict[str, dict[str, Any]] = {
    "cut off": {"S": '{"connection-id": "cvpn'},
    "refused today": {"S": json.dumps({"schema-version": "v3"})},
    "of another type": {"M": {}},
    "missing": {},
}


@pytest.mark.parametrize("kind", TORN)
def test_a_registration_that_cannot_be_read_is_not_left_alone(
    world: LiveConnections, lines: list[logging.LogRecord], kind: str
) -> None:
    """Who is blocked by name goes, what is not certain is undecided, and the record says so."""
    for name in ("mallory", "bob"):
        world.connect([client(name)])
        item = world.registered(*ids(name)) or {}
        del item["request"]
        world.put("connections", item | ({"request": TORN[kind]} if TORN[kind] else {}))
    run = world.reauthorizer(NO_MACS + MALLORY)
    outcome = run.run()
    assert (terminated(world), tally(outcome)) == (ids("mallory"), (1, 0, 1))
    assert outcome.problems["registry"].startswith("requests that cannot be read: 2, such as that of ")
    run._records.of_run(outcome, milliseconds=1)
    assert (lines[-1].levelname, vars(lines[-1])["Undecided"]) == ("WARNING", 1)


def test_a_registration_that_cannot_be_read_counts_to_the_limit_of_its_user(world: LiveConnections) -> None:
    """Its index has the user without the request."""
    world.connect([client("old", username="bob", age_s=900), client("new", username="BOB", age_s=60)])
    item = world.registered(*ids("old")) or {}
    del item["request"], item["decision"]
    world.put("connections", item)
    assert world.run(PERMIT, connections_per_user=1).terminated == 1
    assert terminated(world) == ids("old")


@pytest.mark.parametrize(
    "at", ["2099-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"]
)
def test_a_termination_at_an_impossible_time_spares_no_connection(world: LiveConnections, at: str) -> None:
    """Neither does it fail the run."""
    world.connect([client("a", platform="mac")])
    world.put("connections", (world.registered(*ids("a")) or {}) | {"terminatedAt": {"S": at}})
    assert world.run(NO_MACS).terminated == 1


@pytest.mark.parametrize("far", ["2099-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_scan_in_the_future_is_none(world: LiveConnections, far: str) -> None:
    """Otherwise no connection would ever count again, or every run would fail."""
    world.connect([client("a")])
    counting = f'{PERMIT}@id("one") forbid (principal, action, resource) when {{ {LIMIT} }};'
    assert world.run(counting).scanned
    world.put("connections", (world.registered(STATE) or {}) | {"confirmedBefore": {"S": far}})
    with world.reached(), pytest.raises(NotCounted):
        ConnectionTable(Tables(), name=f"{world.name}-connections").others(client("new").request())
    assert world.run(counting).scanned
    assert str((world.registered(STATE) or {})["confirmedBefore"]["S"]) < "2099"


@pytest.mark.parametrize("end", [{"N": "99999999999"}, {"S": "soon"}, {"BOOL": True}, None])
def test_a_lease_that_no_run_can_have_locks_nobody_out(
    world: LiveConnections, end: dict[str, Any] | None
) -> None:
    """Its end is too far ahead, or no time at all."""
    world.connect([client("a", platform="mac")])
    run = world.reauthorizer(NO_MACS)
    lease = {"lease": {"S": "another"}, "leaseWork": {"S": run._work_id}}
    world.put(
        "connections",
        {"connectionId": {"S": STATE}, **lease, **({} if end is None else {"leaseUntil": end})},
    )
    assert run.run().terminated == 1


@pytest.mark.parametrize("code", ["ValidationError", "InternalError", "RequestExpired"])
def test_a_token_that_is_refused_in_other_words_begins_again(world: LiveConnections, code: str) -> None:
    """A saved scan has it, and would fail each run."""
    world.connect(client(f"{number:04}") for number in range(210))
    world.run(PERMIT, milliseconds=out_of_time_after(5))
    world.api.fail_next("DescribeClientVpnConnections", code=code, status=HTTPStatus.BAD_REQUEST)
    outcome = world.run(PERMIT)
    assert (outcome.state, tally(outcome)) == ("complete", (210, 0, 0))


AFTER = {token: {"next_token": token} for token in ("a", "b")}


def test_pages_without_an_end_fail_the_run(world: LiveConnections) -> None:
    """Instead of using up its time and the calls of the account, without ending anybody."""
    world.connect(client(f"{number:04}", platform="mac") for number in range(3))
    run = world.reauthorizer(NO_MACS)
    first = run._vpn.page(ENDPOINT, None)
    pages = {None: replace(first, **AFTER["a"]), "a": Page(**AFTER["b"]), "b": Page(**AFTER["a"])}
    with (
        mock.patch.object(run._vpn, "page", side_effect=lambda _endpoint, token: pages[token]),
        pytest.raises(TokenRefused, match="have no end"),
    ):
        run.run()
    assert terminated(world) == []


def test_connections_beyond_the_limit_that_have_to_wait_are_a_warning(
    world: LiveConnections, lines: list[logging.LogRecord]
) -> None:
    """The limit is not in force for them."""
    world.connect(client(f"m{n}", username="mallory", age_s=90 - n) for n in range(5))
    run = world.reauthorizer(PERMIT, connections_per_user=1, maximum_terminations=3)
    outcome = run.run()
    run._records.of_run(outcome, milliseconds=1)
    assert (outcome.terminated, outcome.waiting) == (3, 1)
    assert lines[-1].levelname == "WARNING"
