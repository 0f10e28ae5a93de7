"""Tests of native authorization policies: how they are read, and what is decided."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from client_connect_tools import InvalidPolicyTests, Policies, PolicyTestsFailed, native

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_connect import Decision

SCORE = """\
permit (principal, action, resource)
when {
  context has crowdstrike && context.crowdstrike has assessment && context.crowdstrike.assessment has overall &&
  context.crowdstrike.assessment.overall >= 80
};

forbid (principal, action, resource)
when { context has jamf && context.jamf has risk && context.jamf.risk == "HIGH" };
"""
UNGUARDED = """\
permit (principal, action, resource) when { true };
forbid (principal, action, resource) when { context.jamf.risk == "HIGH" };
"""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Policies]:
    """Return policies with tests next to them, in the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(tests: str, policies: str = SCORE) -> Policies:
        (tmp_path / "vpn.cedar").write_text(policies, "utf-8")
        (tmp_path / "vpn.tests.toml").write_text(tests, "utf-8")
        return Policies.from_file("vpn.cedar")

    return write


SCORES = st.fixed_dictionaries({}, optional={"overall": st.integers(1, 100), "os": st.integers(1, 100)})
RISKS = st.sampled_from(["HIGH", "MEDIUM", "LOW", "SECURE", "NOT_APPLICABLE"])
CONTEXTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "crowdstrike": st.fixed_dictionaries({}, optional={"assessment": SCORES, "cid": st.text()}),
        "jamf": st.fixed_dictionaries({}, optional={"risk": RISKS, "groups": st.lists(st.text())}),
        "jumpcloud": st.dictionaries(st.sampled_from(["org_id", "system"]), st.text()),
        "saml": st.dictionaries(st.text(min_size=1), st.text() | st.booleans()),
    },
)


@given(CONTEXTS)
def test_decides_like_a_plain_reading(context: dict[str, Any]) -> None:
    """A permit must apply and no forbid, whatever is there or absent."""
    score = context.get("crowdstrike", {}).get("assessment", {}).get("overall", 0)
    risk = context.get("jamf", {}).get("risk")
    decision = native.decide(Policies.from_string(SCORE, name="vpn"), context)
    assert decision.allowed is (score >= 80 and risk != "HIGH")
    assert decision.errors == ()
    if decision.allowed:
        assert decision.determining == ("vpn:1",)
    else:
        assert decision.determining == (("vpn:7",) if risk == "HIGH" else ())


@given(CONTEXTS)
def test_what_is_absent_denies(context: dict[str, Any]) -> None:
    """A forbid that reads what is absent denies, although Cedar by itself would skip it and permit."""
    risk = context.get("jamf", {}).get("risk")
    decision = native.decide(Policies.from_string(UNGUARDED, name="vpn"), context)
    assert decision.allowed is (risk is not None and risk != "HIGH")
    assert bool(decision.errors) is (risk is None)
    if decision.errors:
        assert decision.determining == ()
        assert "vpn:2" in decision.errors[0]


ATOMS = st.sampled_from(
    [
        "context has jamf",
        "context.jamf has risk",
        "context has jamf.risk",
        'context.jamf.risk == "LOW"',
        '(if context has jamf.risk then context.jamf.risk else "NONE") == "LOW"',
        "context has crowdstrike",
        "context has crowdstrike.assessment.overall",
        "context.crowdstrike has assessment",
        "context.crowdstrike.assessment.overall > 50",
        'context.jumpcloud.system == "x"',
        "context has jumpcloud.system",
        "context has saml",
        "context.saml has level",
        "context.saml.level",
        "context.saml.level == context.jamf.risk",
        "[context.jamf.risk, context.saml.level].contains(context.saml.level)",
        '(if context has jamf.risk then context.jamf.risk else context.saml.level) == "LOW"',
    ]
)
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["&&", "||"]), inner, inner),
        st.tuples(st.just("if"), inner, inner, inner),
        st.tuples(st.just("!"), inner),
    ),
    max_leaves=6,
)


def text(condition: Any) -> str:
    """Return a condition as Cedar text."""
    match condition:
        case ("!", inner):
            return f"!({text(inner)})"
        case ("if", test, then, otherwise):
            return f"(if {text(test)} then {text(then)} else {text(otherwise)})"
        case (operator, left, right):
            return f"({text(left)} {operator} {text(right)})"
    return str(condition)


def may_permit(condition: Any, context: dict[str, Any], *, positive: bool = True) -> bool:
    """Tell whether a condition, or its contrary, is true if each comparison that errs is a false one."""
    match condition:
        case ("!", inner):
            return may_permit(inner, context, positive=not positive)
        case ("if", test, then, otherwise):
            chosen = then if may_permit(test, context) else otherwise
            return may_permit(chosen, context, positive=positive)
        case ("&&" | "||" as operator, *both):
            combine = all if (operator == "&&") is positive else any
            return combine(may_permit(each, context, positive=positive) for each in both)
    decision = decided(str(condition), json.dumps(context))
    return not decision.errors and decision.allowed is positive


@cache
def decided(condition: str, context: str) -> Decision:
    """Return what a single permit with a condition decides."""
    policies = Policies.from_string(f"permit (principal, action, resource) when {{ {condition} }};")
    return native.decide(policies, json.loads(context))


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(CONDITIONS, st.lists(CONTEXTS, min_size=5, max_size=5))
def test_what_is_checked_errs_only_where_it_denies_anyway(
    condition: Any, contexts: list[dict[str, Any]]
) -> None:
    """A permit without errors that reads an absent documented attribute would not apply without an error either."""
    policies = Policies.from_string(f"permit (principal, action, resource) when {{ {text(condition)} }};")
    assume(native.check(policies) == [])
    for context in contexts:
        errors = native.decide(policies, context).errors
        if any(
            f"`{name}`" in each for each in errors for name in ("jamf", "risk", "crowdstrike", "jumpcloud")
        ):
            assert not may_permit(condition, context)


def test_without_a_permit_the_connection_is_denied() -> None:
    """Without a permit that applies, the connection is denied, by no policy."""
    decision = native.decide(Policies.from_string("forbid (principal, action, resource) when { false };"), {})
    assert (decision.allowed, decision.determining, decision.errors) == (False, (), ())


def test_cases_have_their_context(read: Callable[..., Policies]) -> None:
    """Attributes that a case leaves out are absent; a variant replaces whole tables."""
    policies = read(
        """
[[test]]
name = "one"
crowdstrike = { assessment = { overall = 90 }, cid = "x" }
active-directory = { groups = ["a", 1, true, { b = "c" }] }
expect = "allow"
errors = false
variants = [{}, { crowdstrike = {}, jamf = { risk = "LOW" }, expect = "deny" }]
"""
    )
    one, two = native.read_policy_tests(policies)
    directory = {"groups": ["a", 1, True, {"b": "c"}]}
    assert one.context == {
        "crowdstrike": {"assessment": {"overall": 90}, "cid": "x"},
        "active-directory": directory,
    }
    assert two.context == {"crowdstrike": {}, "active-directory": directory, "jamf": {"risk": "LOW"}}
    assert (one.file, one.line, two.name) == (
        "vpn.tests.toml", 2, 'one [2: crowdstrike = {}, jamf = { risk = "LOW" }]',
    )  # fmt: skip
    assert (one.expected.allowed, two.expected.allowed) == (True, False)
    assert native.run_policy_tests(policies, [one, two]).failures == ()


WRONG = {
    "crowdstrike = { assesment = {} }": '"crowdstrike.assesment" is not known; write "assessment"',
    "crowdstrike = { assessment = { overall = 0 } }": '"crowdstrike.assessment.overall" is 0; AWS documents 1 to 100',
    'crowdstrike = { assessment = { os = "80" } }': '"crowdstrike.assessment.os" is "80", a text; give a whole number',
    "crowdstrike = { assessment = { sensor_config = true } }": "give a whole number",
    "crowdstrike = { assessment = 80 }": '"crowdstrike.assessment" is 80, a number; give a table',
    'jamf = { risk = "low" }': '"jamf.risk" is "low"; give "HIGH" or',
    'jamf = "HIGH"': '"jamf" is "HIGH", a text; give a table',
    "jumpcloud = {}": '"jumpcloud" is given, but it is not among the trust providers',
    "jamf = { groups = [1.5] }": '"jamf.groups" has 1.5, a number; every entry must be a text',
    'jamf = { groups = "3" }': '"jamf.groups" is "3", a text; give a list of texts',
    "jamf = { osv = 15 }": '"jamf.osv" is 15, a number; give a text',
    "crowdstrike = { cid = 12345 }": '"crowdstrike.cid" is 12345, a number; give a text',
    'crowdstrike = { platform = "windows" }': 'is "windows"; give "Windows 10" or "Windows 11" or "macOS"',
    "crowdstrike = { jailbroken = true }": '"crowdstrike.jailbroken" is not known; ',
    "saml = { at = 2026-01-05T12:00:00Z }": '"saml" has 2026-01-05T12:00:00Z; a policy sees texts',
    "saml = { big = 9223372036854775808 }": '"saml" has 9223372036854775808; a policy sees texts',
    "request = {}": '"request" is not known; allowed are name, crowdstrike, jamf, jumpcloud, connection, saml',
    'by = ["vpn.cedar:1"]': '"by" is not known',
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_fails_for_data_that_no_provider_sends(read: Callable[..., Policies], line: str) -> None:
    """Differences from AWS's documentation are noted with its name and what to give instead."""
    policies = read(f'[[test]]\nname = "x"\nexpect = "deny"\n{line}\n')
    with pytest.raises(InvalidPolicyTests) as caught:
        native.read_policy_tests(policies, ("crowdstrike", "jamf"))
    (problem,) = caught.value.problems
    assert problem.startswith('vpn.tests.toml:1: test "x": ')
    assert WRONG[line] in problem


@pytest.mark.parametrize(
    ("condition", "data"),
    [
        ("context has crowdstrike.jailbroken", "crowdstrike = { jailbroken = true }"),
        ('context.jamf.disk.state == "on"', 'jamf = { disk = { state = "on", other = [1] } }'),
        ("context has okta && context.okta.level > 3", "okta = { level = 4 }"),
        (
            'context["jumpcloud"]["device"]["x-y"] == 1',
            "jumpcloud = { device = { x-y = 1, is_managed = true } }",
        ),
    ],
)
def test_undocumented_data_that_the_policy_reads(
    read: Callable[..., Policies], condition: str, data: str
) -> None:
    """An undocumented attribute may be anything, if the policy reads it; a misspelling it does not read is noted."""
    policies = read(
        f'[[test]]\nname = "x"\nexpect = "allow"\n{data}\n',
        f"permit (principal, action, resource) when {{ {condition} }};",
    )
    native.require_passing(policies)


def test_a_boolean_is_no_text(read: Callable[..., Policies]) -> None:
    """A test cannot pass by a type that the provider never sends."""
    policies = read(
        '[[test]]\nname = "x"\nexpect = "deny"\njumpcloud = { device = { is_managed = "true" } }\n'
    )
    with pytest.raises(InvalidPolicyTests, match='is_managed" is "true", a text; give true or false'):
        native.read_policy_tests(policies)


def test_fails_with_every_failure(read: Callable[..., Policies]) -> None:
    """A failure shows what differs, the policies that decided by their places, and the trust data."""
    policies = read(
        '[[test]]\nname = "x"\nexpect = "allow"\njamf = { risk = "HIGH" }\nsaml = {}\n'
        '[[test]]\nname = "y"\nexpect = "deny"\n'
    )
    with pytest.raises(PolicyTestsFailed) as caught:
        native.require_passing(policies)
    assert str(caught.value) == (
        "1 of 2 policy tests fails:\n\n"
        "vpn.tests.toml:1: x\n"
        '  expect: expected "allow"\n'
        '               got "deny"\n'
        '  decision: deny, determined by "vpn.cedar:7"\n'
        '  jamf: { risk = "HIGH" }\n'
        "  saml: {}"
    )


def test_an_error_does_not_pass_for_a_denial(read: Callable[..., Policies]) -> None:
    """A test that expects a denial fails when it is one by error only, unless it says so."""
    denied = '[[test]]\nname = "x"\nexpect = "deny"\n'
    for errors, passes in (("", False), ("errors = true\n", True), ('errors = ["`jamf`"]\n', True)):
        policies = read(denied + errors, UNGUARDED)
        report = native.run_policy_tests(policies, native.read_policy_tests(policies))
        assert (report.failures == ()) is passes


def test_a_variant_that_expects_otherwise_has_no_errors_of_its_case(read: Callable[..., Policies]) -> None:
    """Expectations for a denial by error do not fit an allowed connection."""
    policies = read(
        '[[test]]\nname = "x"\nexpect = "deny"\nerrors = true\n'
        'variants = [{}, { expect = "allow", jamf = { risk = "LOW" } }]\n',
        UNGUARDED,
    )
    native.require_passing(policies)


def test_coverage_is_by_place(read: Callable[..., Policies]) -> None:
    """A policy that decided no case is named by its place, because it needs no id."""
    policies = read('[[test]]\nname = "x"\nexpect = "deny"\njamf = { risk = "HIGH" }\n')
    report = native.run_policy_tests(policies, native.read_policy_tests(policies))
    assert report.uncovered == ("vpn.cedar:1",)
