"""The checks of a native authorization policy."""

from __future__ import annotations

import re
from functools import reduce
from itertools import groupby

import cedarpy
import pytest
from cedarpy import pst
from hypothesis import given
from hypothesis import strategies as st

from client_connect_tools import InvalidPolicies, Policies, native
from client_connect_tools.native.trust_data import (
    PROVIDERS,
    UNDOCUMENTED,
    attribute,
    leaves,
    schema,
)

ALL = "(principal, action, resource)"
RISK = "context has jamf && context.jamf has risk"
SCORE = "context has crowdstrike && context.crowdstrike has assessment && context.crowdstrike.assessment has overall"
SAML = "context has saml"
PERMIT = f"permit {ALL} when {{ true }};"

# For each check: policies where it finds something, and nothing else does.
CASES: dict[str, list[str]] = {
    "syntax": ["permit (principal, action, resource)", f"permit {ALL} when {{ context. }};"],
    "too-deep": [f"permit {ALL} when {{ {'(' * 120}true{')' * 120} }};"],
    "template": ["permit (principal == ?principal, action, resource);"],
    "too-large": [
        f"permit {ALL} when {{ true }}; // {'x' * 10_000}",
        f"permit {ALL} when {{ true }}; // {'ß' * 4_990}",
    ],
    "no-permit": [f"forbid {ALL} when {{ true }};", "", "// nothing"],
    "unguarded-attribute": [
        # In a forbid, next to another permit, and where another condition could permit.
        f'forbid {ALL} when {{ context has jamf && context.jamf.risk == "HIGH" }}; permit {ALL} when {{ true }};',
        f"forbid {ALL} when {{ {SCORE} || context.crowdstrike.assessment.overall < 5 }}; permit {ALL} when {{ true }};",
        f'permit {ALL} when {{ context.jamf.risk == "LOW" }}; permit {ALL} when {{ {SCORE} }};',
        f'permit {ALL} when {{ context.jamf.risk == "LOW" || {SCORE} }};',
        f'permit {ALL} when {{ context.jamf.risk == "LOW" || context.saml.x }};',
        f'permit {ALL} unless {{ context.jamf.risk == "HIGH" && {SCORE} }};',
        f'permit {ALL} unless {{ context has jamf && context.jamf.risk == "HIGH" }};',
        f'permit {ALL} when {{ if context.jamf.risk == "HIGH" then false else true }};',
        f'permit {ALL} when {{ !(context.jumpcloud.device.is_managed && context.jumpcloud.system == "x") }};',
        f'{PERMIT} forbid {ALL} when {{ context has jamf && context.jamf.groups.contains("staff") }};',
        f"{PERMIT} forbid {ALL} when {{ context has jamf.osv && context.crowdstrike.jailbroken }};",
        f"{PERMIT} forbid {ALL} when {{ context.jumpcloud has device }};",
        # Beside what AWS does not document.
        f"{PERMIT} forbid {ALL} when {{ context.saml.level == context.jamf.risk }};",
        f"{PERMIT} forbid {ALL} when {{ [context.saml.level, context.jamf.risk].contains(context.saml.x) }};",
        f"permit {ALL} when {{ (if context.saml.x then context.jamf.risk else context.saml.y) == context.saml.z }};",
        f"{PERMIT} forbid {ALL} when {{ {{ a: context.jamf.risk, b: context.saml.x }} == context.connection.c }};",
    ],
    "type": [
        f"permit {ALL} when {{ {RISK} && context.jamf.risk > 5 }};",
        f'permit {ALL} when {{ {SCORE} && context.crowdstrike.assessment.overall == "80" }};',
        f"permit {ALL} when {{ {RISK} && context.jamf.risk }};",
        f"permit {ALL} when {{ {RISK} && context.jamf.risk.level == 1 }};",
        f"permit {ALL} when {{ {RISK} && context.jamf.risk has level }};",
        f'permit {ALL} when {{ {SAML} && context.saml.x == (1 < "a") }};',
        f'permit {ALL} when {{ {SAML} && context.saml.ip.isInRange(ip("300.0.0.0/8")) }};',
        f'permit {ALL} when {{ context.jumpcloud.device.is_managed == "true" }};',
        f'permit {ALL} when {{ "true" == context.jumpcloud.device.is_managed }};',
        f'permit {ALL} when {{ context.jumpcloud.device.is_managed like "t*" }};',
        f"permit {ALL} when {{ context.jumpcloud.device.is_managed > 0 }};",
        f"permit {ALL} when {{ if context.jumpcloud.device.is_managed then context.jamf.osv == 15 else false }};",
        f"permit {ALL} when {{ 15 <= context.jamf.osv }};",
        f"permit {ALL} when {{ context.jamf.osv + 1 > 15 }};",
        f'permit {ALL} when {{ context.jamf.groups == "3" }};',
        f'permit {ALL} when {{ context.jamf.groups like "3" }};',
        f"permit {ALL} when {{ context.jamf.groups.contains(3) }};",
        f'permit {ALL} when {{ context.jamf.groups.containsAll("3") }};',
        f'permit {ALL} when {{ ["3"].contains(context.jamf.groups) }};',
        f"permit {ALL} when {{ context.crowdstrike.cid == 12345 }};",
        f"permit {ALL} when {{ [12345].contains(context.crowdstrike.cid) }};",
        f'permit {ALL} when {{ context.crowdstrike.serial_number in ["1"] }};',
        f"permit {ALL} when {{ context.crowdstrike.assessment.version >= 3 }};",
        f"permit {ALL} when {{ context.crowdstrike.platform == 10 }};",
        f"permit {ALL} when {{ context has jumpcloud.org_id && (context.jumpcloud.org_id == 1 || context.saml.x) }};",
        f"permit {ALL} when {{ context.saml.x == (context.jumpcloud.durt_id == true) }};",
        f'permit {ALL} when {{ context.jumpcloud.device == {{ is_managed: "true" }} }};',
    ],
}
SOUND = [
    f"permit {ALL} when {{ true }};",
    f"permit {ALL};",
    f'permit {ALL} when {{ {RISK} && ["LOW", "SECURE"].contains(context.jamf.risk) }};',
    f"permit {ALL} when {{ {SCORE} && context.crowdstrike.assessment.overall >= 80 }};",
    # Attributes that AWS does not document may be anything.
    f'permit {ALL} when {{ context.saml.memberOf.contains("staff") }};',
    f'permit {ALL} when {{ context.connection.a.b.c == 1 || context.connection.a.b.c like "x*" }};',
    f"permit {ALL} when {{ {SAML} && context.saml has x && !context.saml.x }};",
    f'permit {ALL} when {{ context["active-directory"].x == context["mutual-authentication"].y }};',
    f"permit {ALL} when {{ context has jamf.groups && context.jamf.groups == context.saml.x }};",
    f"permit {ALL} when {{ context has jumpcloud.device.is_managed && context.jumpcloud.device.is_managed }};",
    f'permit {ALL} when {{ context has jumpcloud.system && context.jumpcloud.system like "x*" }};',
    # Even below a provider, and next to the providers.
    f"permit {ALL} when {{ context has crowdstryke }};",
    f"permit {ALL} when {{ {RISK} && context.jamf has risc && context.jamf.risc > 1 }};",
    f"permit {ALL} when {{ context.saml.x == (context has jamff) && context.directory.user == 1 }};",
    f"permit {ALL} when {{ context has jamf.disk.encryption && context.jamf.disk.encryption }};",
    # An absent attribute denies either way where no permit could apply without it.
    f"permit {ALL} when {{ context.crowdstrike.assessment.overall > 50 }};",
    f'permit {ALL} when {{ context.jamf has risk && context.jamf.risk != "HIGH" }};',
    f'permit {ALL} when {{ !(context.jamf.risk == "HIGH") }};',
    f'permit {ALL} when {{ context.jamf.risk == "LOW" || context.jamf.risk == "SECURE" }};',
    f'permit {ALL} when {{ !(context.jamf.risk == "HIGH" || context.jamf.risk == "MEDIUM") }};',
    f'permit {ALL} when {{ context.jamf.risk == "LOW" }}; permit {ALL} when {{ context.jamf.risk == "SECURE" }};',
    f'permit {ALL} when {{ context.jamf.risk == "LOW" }}; forbid {ALL} when {{ {SCORE} }};',
    f'permit {ALL} when {{ {RISK} }}; forbid {ALL} when {{ context.jamf.risk == "HIGH" }};',
    f"permit {ALL} when {{ context.jumpcloud.device.is_managed && context.crowdstrike.assessment.os >= 20 }};",
    f'permit {ALL} when {{ {RISK} && (if context.saml.x then context.jamf.risk else "LOW") == context.saml.y }};',
    f'permit {ALL} when {{ {SAML} && (if {RISK} then context.jamf.risk else context.saml.x) == "LOW" }};',
    f'permit {ALL} when {{ principal is Some::User && principal.name == "bob" && resource has tags }};',
    'permit (principal == Some::User::"bob", action == Some::Action::"connect", resource in Some::Vpn::"x");',
    f'permit {ALL} when {{ context == context || principal in [Some::Group::"a"] }};',
]  # fmt: skip


def found(text: str, *providers: native.TrustProviderType) -> list[str]:
    """Return the names of the checks that find something."""
    return [
        finding.rule for finding in native.check(Policies.from_string(text), providers or tuple(PROVIDERS))
    ]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name]])
def test_a_check_finds_what_it_is_named_for_and_no_other_does(name: str, text: str) -> None:
    """A check finds what it is named for, and no other does."""
    assert set(found(text)) == {name}


@pytest.mark.parametrize("text", SOUND)
def test_what_is_right_or_undocumented_is_no_error(text: str) -> None:
    """Correct code, and attributes that AWS does not document, are no errors."""
    assert found(text) == []


def test_size_is_of_the_document() -> None:
    """10,000 bytes are taken, in UTF-8 and with everything that lies between the policies, and one more is not."""
    text = f"permit {ALL} when {{ true }}; // "
    room = 10_000 - len(text) - 1  # the text ends with a line
    assert found(text + "x" * room) == []
    assert found(text + "x" * (room + 1)) == ["too-large"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_must_be_configured(provider: native.TrustProviderType) -> None:
    """To read a provider, or to test for it, is an error unless it is there, however it is written."""
    others = tuple(each for each in PROVIDERS if each != provider)
    text = f'permit {ALL} when {{ context has {provider} || context["{provider}"] == context }};'
    assert "provider-not-configured" in found(text, *others)
    assert "provider-not-configured" not in found(text, provider)
    assert found(f"permit {ALL} when {{ context has {provider} }};", *others) == ["provider-not-configured"]


def test_no_provider_at_all() -> None:
    """Without providers, the message says so."""
    (finding,) = native.check(Policies.from_string(f"permit {ALL} when {{ context has jamf }};"), ())
    assert "there are none" in finding.message


def test_all_at_once_and_in_place() -> None:
    """Every error is found in one go, where its policy begins."""
    text = f"permit {ALL}\nwhen {{ 1 < true }};\n\n  forbid {ALL} when {{ context.jamf.risk }};\noops;"
    findings = native.check(Policies.from_string(text, name="vpn.cedar"))
    assert [str(each).partition(" ")[0] for each in findings] == [
        "vpn.cedar:1:1:", *["vpn.cedar:4:3:"] * 2, "vpn.cedar:5:1:",
    ]  # fmt: skip
    with pytest.raises(InvalidPolicies, match="4 problems"):
        native.require_sound(Policies.from_string(text))


CHAINS = {
    "context.crowdstrike.assessment.overall < 50": (
        "context has crowdstrike && context.crowdstrike has assessment && context.crowdstrike.assessment has overall "
        "&& context.crowdstrike.assessment.overall < 50"
    ),
    "!context.jumpcloud.device.is_managed": (
        "context has jumpcloud && context.jumpcloud has device && context.jumpcloud.device has is_managed "
        "&& !context.jumpcloud.device.is_managed"
    ),
    'context has jamf && "3" == context.jamf["osv"]': (
        'context has jamf && context.jamf has osv && "3" == context.jamf.osv'
    ),
    "context.crowdstrike.jailbroken == true": (
        "context has crowdstrike && context.crowdstrike has jailbroken && context.crowdstrike.jailbroken == true"
    ),
    "context.jumpcloud has device": "context has jumpcloud && context.jumpcloud has device",
}


@pytest.mark.parametrize("condition", CHAINS)
def test_one_error_shows_the_whole_chain(condition: str) -> None:
    """However many levels are not tested, one error shows every test, of the provider that is read."""
    text = f"{PERMIT} forbid {ALL} when {{ %s }};"
    (finding,) = native.check(Policies.from_string(text % condition))
    assert finding.rule == "unguarded-attribute"
    assert finding.message.endswith(f"write {CHAINS[condition]}")
    assert found(text % CHAINS[condition]) == []


def test_a_wrong_type_names_the_condition_and_what_is_documented() -> None:
    """Of several conditions, the error shows the one that is wrong, and the type that AWS documents."""
    text = f'permit {ALL} when {{ {RISK} && context.jamf.risk == "LOW" && context.jamf.osv >= 15 }};'
    (finding,) = native.check(Policies.from_string(text))
    assert finding.message.startswith("context.jamf.osv >= 15: ")
    assert "AWS documents context.jamf.osv as a string" in finding.message
    assert "context.jamf.risk" not in finding.message


def test_replacing_survives_depth() -> None:
    """A condition at the limit, which what replaces it would exceed, is an error and no crash."""
    inner = "[context.jamf.risk == context.saml.x].contains(true)"
    texts = (
        f"permit {ALL} when {{ {'!(' * depth}{inner}{')' * depth} }}; {PERMIT}" for depth in range(80, 100)
    )
    outcomes = [names for names, _ in groupby(set(found(text)) for text in texts)]
    # First what replaces a condition is too deep, then the condition itself.
    assert outcomes == [{"unguarded-attribute"}, {"too-deep"}]


LEAVES = dict(leaves())


@pytest.mark.parametrize("path", LEAVES, ids=".".join)
def test_the_schema_is_the_table(path: tuple[str, ...]) -> None:
    """Every attribute is in the schema with its type, and optional at every level unless it is always there."""
    read: pst.Expr = pst.Var("context")
    tests: list[pst.Expr] = []
    for name in path:
        tests.append(pst.HasAttr(read, (name,)))
        read = pst.GetAttr(read, name)
    test = {
        "Long": pst.BinaryOp("less", read, pst.LongLit(1)),
        "String": pst.Like(read, (pst.Wildcard(),)),
        "Bool": pst.UnaryOp("not", read),
        "Set<String>": pst.BinaryOp("contains", read, pst.StringLit("x")),
        "Undocumented": pst.Is(read, pst.EntityType("Undocumented"), None),
    }[LEAVES[path].type]
    assert validates([*tests, test])
    for position in range(len(tests)):
        without = [*tests[:position], *tests[position + 1 :], test]
        assert validates(without) is LEAVES[path].is_always_there


def validates(conditions: list[pst.Expr]) -> bool:
    """Tell whether the validator takes a policy as it is."""
    anything = pst.ScopeAny()
    condition = reduce(lambda left, right: pst.BinaryOp("and", left, right), conditions)
    policy = pst.Template("x", "permit", anything, anything, anything, (pst.When(condition),), {})
    text = str(cedarpy.PolicySet.from_pst(pst.PolicySet({}, {"x": policy}, ())))
    return cedarpy.validate_policies(text, schema()).validation_passed


def test_the_schema_is_for_reading() -> None:
    """It is Cedar that says which values there are, and which names have dashes."""
    text = native.schema_text()
    assert "overall?: Long,  // 1 to 100" in text
    assert 'risk?: String,  // "HIGH", "MEDIUM", "LOW", "SECURE", "NOT_APPLICABLE"' in text
    assert "is_managed?: Bool," in text
    assert "groups?: Set<String>," in text
    assert set(re.findall(r'^ {4}"?([\w-]+)"?\??:', text, re.MULTILINE)) == {*PROVIDERS, *UNDOCUMENTED}


NAMES = sorted({name for path in LEAVES for name in path})
READS = st.lists(st.sampled_from([*NAMES, "other"]), min_size=1, max_size=4).map(tuple)


@given(READS)
def test_a_read_without_a_test_is_never_silent(path: tuple[str, ...]) -> None:
    """In a forbid, it is an error, or a warning where AWS documents nothing."""
    read = "context" + "".join(f'["{name}"]' for name in path)
    policies = Policies.from_string(f"{PERMIT} forbid {ALL} when {{ {read} == 1 }};")
    errors = {finding.rule for finding in native.check(policies)}
    warnings = {finding.rule for finding in native.lint(policies)}
    if path[0] in UNDOCUMENTED:
        assert errors == set()
        assert warnings == {"possibly-absent", "undocumented-attribute"} - (
            {"possibly-absent"} if path[0] == "connection" else set()
        )
    elif path[0] in PROVIDERS:
        assert errors & {"unguarded-attribute", "type"}
        assert ("undocumented-attribute" in warnings) is (attribute(path) is None and "type" not in errors)
    else:
        assert (errors, warnings) == (set(), {"undocumented-attribute"})
