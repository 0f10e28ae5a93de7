"""The formulas say of every operator what the engine says, with values of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TYPE_CHECKING, get_args

import cedarpy
import pytest
from cedarpy import pst

from client_connect_tools.cedar.nodes import walk
from client_connect_tools.cedar.parsing import schema
from client_connect_tools.proving import clock, expressions, facts, operators
from client_connect_tools.proving.custom_types import custom_type
from client_connect_tools.proving.facts import Assumptions, Facts
from client_connect_tools.proving.policies import EncodedPolicies, nodes_of
from client_connect_tools.proving.solver import Solver
from client_connect_tools.proving.terms import all_of, negated
from client_connect_tools.proving.values import Flag
from tests.support.proving import CUSTOM, applying, described, permits, random_facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    import client_connect
    from client_connect_tools.policies import Policies
    from client_connect_tools.proving.terms import Valuation

SEEN = "context has device && context.device has lastSeen && "
AGE = f"{SEEN}context.time.now.durationSince(context.device.lastSeen)"
MOMENTS = (
    "2026-12-01",
    "2026-12-05T22:00:00Z",
    "1969-06-01T00:00:00.001Z",
    "2026-12-04T18:00:00.500+0130",
    "0001-02-01",
)
DURATIONS = ("1d", "-1d", "14d", "1h30m", "-500ms", "106751991167d", "1d2h3m4s5ms")
NETWORKS = (
    "203.0.113.0/24",
    "203.0.113.7/24",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "127.0.0.1",
    "ff02::1",
    "203.0.113.7",
)
PATTERNS = ("*", "bob*", "LAP-*", "*a*", "10.*", "*1", "", "a\\*b", "10.0*", "win")
UNITS = ("toDays", "toHours", "toMinutes", "toSeconds", "toMilliseconds")
TAG = 'context has device && context.device.hasTag("owner") && '
NAMED_TAG = "context has device && context.device.hasTag(context.platform) && "

CONDITIONS = {
    "numbers": (
        "9223372036854775807 + context.time.weekday > 0 || true",
        "context.time.weekday > 0 || 9223372036854775807 + context.time.weekday > 0",
        "(-9223372036854775808 - context.time.weekday) < 0",
        "-(-9223372036854775808 + context.time.minuteOfDay) > 0",
        "context.time.minuteOfDay * 9000000000000000 > 5",
        "context.time.minuteOfDay * context.time.weekday > 1000",
        *(
            f"context has custom && {calculation}"
            for calculation in (
                "context.custom.risk + 1 > 0",
                "context.custom.risk - 10 < 0",
                "context.custom.risk - 10 == 0",
                "-context.custom.risk < 0",
                "context.custom.risk * 2 > 0",
                "context.custom.risk * -1 >= 1",
            )
        ),
        *(f"context.time.weekday {op} 2" for op in ("<", "<=", ">", ">=", "==", "!=")),
    ),
    "times": (
        *(
            f"{AGE}.{unit}() {op} {value}"
            for unit in UNITS
            for op in ("==", "<")
            for value in (-1, 0, -13, 14)
        ),
        *(
            f'context.time.now.durationSince(datetime("{each}")).{unit}() == -1'
            for each in MOMENTS
            for unit in UNITS[:2]
        ),
        *(
            f'context.time.now.offset(duration("{by}")) > datetime("{each}")'
            for by in DURATIONS
            for each in MOMENTS[:3]
        ),
        'context.time.now.toDate() == datetime("2026-12-01")',
        'context.time.now.toTime() < duration("1h30m")',
        "context.time.now.toTime().toHours() == 22",
        'context.time.now.toTime() == duration("0ms")',
        'datetime("0001-02-01").offset(duration("-106751991167d")) < context.time.now',
        *(
            f"context.time.date {test}"
            for test in ('== "2026-12-01"', 'like "2026-*"', 'like "*-29"', 'like "*-0*"', '== "now"')
        ),
        '["2026-12-01", "2028-02-29"].contains(context.time.date)',
        "context.time.month == 12 && context.time.day < 6",
        "context has custom && context.custom has since && context.custom.since < context.time.now",
        'context has custom && context.custom has grace && context.custom.grace > duration("0ms")',
    ),
    "addresses": (
        *(f'context.publicIp == ip("{each}")' for each in NETWORKS),
        *(f'context.publicIp.isInRange(ip("{each}"))' for each in NETWORKS),
        *(f'[ip("{each}"), ip("8.8.8.8")].contains(context.publicIp)' for each in NETWORKS),
        *(f"context.publicIp.{test}()" for test in ("isIpv4", "isIpv6", "isLoopback", "isMulticast")),
        *(f'ip("{each}").{test}()' for each in NETWORKS for test in ("isIpv4", "isLoopback", "isMulticast")),
        *(f'ip("{one}") == ip("{other}")' for one in NETWORKS[:3] for other in NETWORKS[:3]),
        *(f'ip("{one}").isInRange(ip("{other}"))' for one in NETWORKS for other in NETWORKS[:4]),
        *(
            f"context.networks.{test}"
            for test in ('contains("office")', 'containsAny(["home"])', "isEmpty()")
        ),
        'context.networks == ["office"]',
        '["office"].containsAll(context.networks)',
    ),
    "entities": (
        'principal in ClientVpn::Group::"staff"',
        'principal in [ClientVpn::Group::"staff", ClientVpn::Group::"ops"]',
        'principal == ClientVpn::User::"bob"',
        'context has device && context.device in [ClientVpn::Device::"LAP-1"]',
        'ClientVpn::User::"bob" in ClientVpn::Group::"staff"',
        'principal is ClientVpn::Device && principal in ClientVpn::Group::"staff"',
        'principal is ClientVpn::User in ClientVpn::Group::"ops"',
        'ClientVpn::Group::"staff" in ClientVpn::Group::"staff"',
        "principal is ClientVpn::Device && principal has compliant && principal.compliant",
        'ClientVpn::Device::"LAP-1" has compliant && ClientVpn::Device::"LAP-1".compliant',
        'principal is ClientVpn::Device && principal.hasTag("owner") && principal.getTag("owner") == "bob"',
        "context has device && principal == context.device",
        'context has device && [context.device].contains(ClientVpn::Device::"LAP-1")',
        'resource == ClientVpn::Endpoint::"e2"',
    ),
    "sets": (
        'context.waivers.containsAll(["p1"])',
        '["p1", "p2"].containsAll(context.waivers)',
        'context.waivers == ["p1"]',
        'context.waivers.containsAny(["p1", "q"])',
        '["p1", "q"].containsAny(context.waivers)',
        "context.waivers.isEmpty()",
        "context.waivers.contains(context.connectionId)",
        "context has custom && context.custom.labels.containsAll(context.waivers)",
        "context has custom && context.custom.labels.containsAny(context.waivers)",
        "context has custom && context.waivers == context.custom.labels",
        '["p1", "p1"] == ["p1"]',
        "[1, 2].containsAll([context.time.weekday])",
    ),
    "texts": (
        *(f'context.platform like "{each}"' for each in PATTERNS),
        *(f'context has username && context.username like "{each}"' for each in PATTERNS),
        *(f'context has platformVersion && context.platformVersion like "{each}"' for each in PATTERNS),
        *(f'context has commonName && context.commonName like "{each}"' for each in PATTERNS[:6]),
        'context.platform != "win"',
        'context has platformVersion && context.platformVersion == "10.0 64bit"',
    ),
    "names": (
        'context has commonName && context.commonName like "L*"',
        'context has username && context.username like "*o*"',
        "context.ownCertificate",
        'context.ownerTags.contains("owner")',
        'context.ownerTags.containsAny(["zone", "owner"])',
        f'{TAG}context has username && context.device.getTag("owner") == context.username',
        "context has username && context has commonName && context.username == context.commonName",
    ),
    "tags": (
        "context has device && context.device.hasTag(context.platform)",
        f'{NAMED_TAG}context.device.getTag(context.platform) == "bob"',
    ),
    "records": (
        "context has os && context.os has build && context.os.build >= 22631",
        "context has os.build",
        "context has openvpn && context.openvpn == {major: 2, minor: 6, patch: 0}",
        "context has awsClient && context.awsClient.patch < 1",
        "context has device.os && context.device.os.major < 11",
        "context has custom && context.custom.nested has deep && context.custom.nested.deep > 0",
        "context has activeConnections && context.activeConnections < 2",
        '(if context has username then context.username else context.platform) == "win"',
        "(if context.publicIp.isIpv4() then [1, 2] else [3]).contains(context.time.weekday)",
        "if context.time.weekday > 3 then true else context.time.minuteOfDay + 9223372036854775000 > 0",
        "!(context.time.weekday > 3)",
        "true",
        "false",
    ),
}
"""By the operators that they are about, so no encoding has texts that its conditions need not."""
SEEDS = range(24)


@dataclass(frozen=True)
class Connection:
    """A connection with what the engine says of the conditions, and the values of the variables that describe it."""

    facts: client_connect.Facts
    applies: set[str]
    errs: set[str]
    values: Valuation


@dataclass(frozen=True)
class Encoding:
    """Some conditions as policies, their variables and connections."""

    conditions: Sequence[str]
    policies: Policies
    variables: Facts
    connections: list[Connection]

    def differences(self, op: str | None = None) -> list[str]:
        """Return where the formulas say something else than the engine, of all conditions or those with an operator."""
        encoded = EncodedPolicies(self.policies, self.variables)
        found = []
        for condition, policy in zip(self.conditions, encoded.policies, strict=True):
            if op is not None and not uses(policy.parsed.template, op):
                continue
            for each in self.connections:
                said = each.values.of(policy.applies), each.values.of(policy.errs)
                if said != (policy.id in each.applies, policy.id in each.errs):
                    found.append(f"{condition}: {said} of {each.facts}")
        return found


@cache
def encoding(group: str) -> Encoding:
    """Return a group of conditions, with connections that each are described in full."""
    conditions = CONDITIONS[group]
    policies = permits(conditions)
    authorizer = policies.authorizer()
    found = [random_facts(Random(seed)) for seed in SEEDS]  # noqa: S311 - for tests
    descriptions = [permits(described(authorizer.located(each))) for each in found]
    variables = Facts(
        nodes_of([policies, *descriptions]), custom=custom_type(CUSTOM), assumptions=Assumptions(zone=None)
    )
    terms = [
        all_of(*(policy.applies for policy in EncodedPolicies(each, variables).policies))
        for each in descriptions
    ]
    EncodedPolicies(policies, variables)  # which makes the variables of its sets and tags
    solver = Solver(60)
    solver.require(variables.constraints(terms))
    connections = []
    for each, term in zip(found, terms, strict=True):
        model = solver.model(term, variables.names_fit)
        assert model is not None, f"the constraints leave out {each}"
        connections.append(Connection(each, *applying(authorizer, each), model.valuation()))
    return Encoding(conditions, policies, variables, connections)


def test_the_conditions_are_what_policies_may_have() -> None:
    """Each of them passes the strict validation, and they differ."""
    types, conditions = schema(CUSTOM), [each for group in CONDITIONS.values() for each in group]
    wrong = [
        each
        for each in conditions
        if not cedarpy.validate_policies(
            f"permit (principal, action, resource) when {{ {each} }};", types
        ).validation_passed
    ]
    assert wrong == []
    assert len(set(conditions)) == len(conditions)


@pytest.mark.parametrize("group", CONDITIONS)
def test_formulas_say_what_the_engine_says(group: str) -> None:
    """Of each condition and each connection: whether it is true, and whether it errs."""
    found = encoding(group)
    assert found.differences() == []
    true = sum(len(each.applies) for each in found.connections)
    assert 0 < true < len(found.connections) * len(found.conditions)


def groups_with(op: str) -> list[str]:
    """Return the groups where a condition uses an operator."""
    return [
        group
        for group, conditions in CONDITIONS.items()
        if any(uses(each, op) for each in nodes_of([permits(conditions)]))
    ]


def uses(condition: object, op: str) -> bool:
    """Tell whether a condition uses an operator."""
    return any(isinstance(node, pst.UnaryOp | pst.BinaryOp) and node.op == op for node in walk(condition))


@pytest.mark.parametrize("op", [*operators.UNARY, *operators.BINARY])
def test_a_mistake_in_an_operator_is_seen(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operator, made to say the opposite or another number, differs from the engine somewhere."""
    encodings = [encoding(group) for group in groups_with(op)]  # with the right operator
    table = operators.UNARY if op in operators.UNARY else operators.BINARY
    right = table[op]

    def wrong(*arguments: object) -> operators.Outcome:
        error, value = right(*arguments)  # type: ignore[arg-type] # as the operator takes them
        if isinstance(value, Flag):
            return error, Flag(negated(value.truth))
        number = value.number  # type: ignore[union-attr] # of all other operators
        return error, type(value)(operators.added(number, 1))  # type: ignore[arg-type, call-arg]

    monkeypatch.setitem(table, op, wrong)  # type: ignore[arg-type] # of the same kind
    assert any(each.differences(op) for each in encodings)


@pytest.mark.parametrize("op", ["neg", "add", "sub", "mul", "offset"])
def test_an_overflow_that_is_overlooked_is_seen(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A calculation that never errs differs from the engine somewhere."""
    encodings = [encoding(group) for group in groups_with(op)]  # with the right operator
    table = operators.UNARY if op in operators.UNARY else operators.BINARY
    right = table[op]
    monkeypatch.setitem(table, op, lambda *arguments: (False, right(*arguments)[1]))  # type: ignore[arg-type]
    assert any(each.differences(op) for each in encodings)


def test_and_that_does_not_stop_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code behind a false part is not evaluated, so it does not err."""

    def strict(self: expressions.Expressions, left: pst.Expr, right: pst.Expr) -> operators.Outcome:
        (one_errs, one), (other_errs, other) = self._truth(left), self._truth(right)
        return operators.any_of(one_errs, other_errs), Flag(operators.all_of(one, other))

    monkeypatch.setattr(expressions.Expressions, "_and", strict)
    assert encoding("numbers").differences()


@pytest.mark.parametrize(
    ("module", "name", "mistaken"),
    [
        (clock, "_THURSDAY", 4),
        (clock, "_DAYS_BEFORE_1970", 719_163),
        (facts, "_NINE_DIGITS", 9),
        (facts, "_V4", 2**31),
        (facts, "GREATEST_LONG", 1000),
    ],
)
def test_a_constraint_that_leaves_out_connections_is_seen(
    module: ModuleType, name: str, mistaken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no proof overlooks a connection that there can be."""
    monkeypatch.setattr(module, name, mistaken)
    with pytest.raises(AssertionError, match="the constraints leave out"):
        encoding.__wrapped__("tags")


def test_every_operator_of_the_engine_is_known() -> None:
    """A new one in a later engine is decided about here: encoded, or named as what is not covered."""
    elsewhere = {"not", "and", "or", "ip", "datetime", "duration"}
    named = {*get_args(pst.BinaryOpName), *get_args(pst.UnaryOpName)}
    known = {*operators.UNARY, *operators.BINARY, *operators.UNSUPPORTED}
    assert named == known | elsewhere


def test_every_operator_is_in_a_condition() -> None:
    """So the comparison with the engine is about all of them."""
    assert [op for op in (*operators.UNARY, *operators.BINARY) if not groups_with(op)] == []
