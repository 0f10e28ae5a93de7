"""Code that is allowed in a native authorization policy, but not documented or seldom meant."""

from __future__ import annotations

import pytest

from client_connect_tools import Policies, native

ALL = "(principal, action, resource)"
TRUE = "when { true }"
PERMIT = f"permit {ALL} {TRUE};"
RISK = "context has jamf && context.jamf has risk && context.jamf.risk"
SCORE = "context has crowdstrike.assessment.overall && context.crowdstrike.assessment.overall"

# For each lint: policies with a finding, and policies without one.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "undocumented-form": (
        [
            f"permit {ALL};",
            f"permit {ALL} unless {{ false }};",
            f"permit {ALL} {TRUE} {TRUE};",
            f'@id("all") {PERMIT}',
            f"@shadow {PERMIT}",
            f'permit (principal == User::"bob", action, resource) {TRUE};',
            f"permit (principal, action, resource is Vpn) {TRUE};",
        ],
        [PERMIT, f"{PERMIT} forbid {ALL} when {{ context has jamf }};"],
    ),
    "undocumented-attribute": (
        [
            f"permit {ALL} when {{ context has connection && context.connection.port == 443 }};",
            f"permit {ALL} when {{ context has saml && context.saml has email }};",
            f"permit {ALL} when {{ context has saml.email }};",
            f"permit {ALL} when {{ context has saml && context.saml == context.saml }};",
            f'permit {ALL} when {{ context has saml && context.saml.groups.contains("staff") }};',
            f'permit {ALL} when {{ context has saml && context.saml.memberOf == ["staff"] }};',
            f'permit {ALL} when {{ context has saml && ["x"].contains(context.saml.memberOf) }};',
            f"permit {ALL} when {{ context has saml && context.saml.memberOf.contains(context.saml.x) }};",
            f'permit {ALL} when {{ context has "active-directory" && context["active-directory"].x }};',
            f"permit {ALL} when {{ context has jamf.disk && context.jamf.disk == 1 }};",
            f"permit {ALL} when {{ context has crowdstrike && context.crowdstrike has jailbroken }};",
            f"permit {ALL} when {{ context has crowdstryke.assessment }};",
            f"permit {ALL} when {{ context.jumpcloud.device.isManaged }};",
            f'permit {ALL} when {{ principal == User::"bob" }};',
            f"permit {ALL} when {{ [context].contains(context) }};",
        ],
        [
            PERMIT,
            f'permit {ALL} when {{ context.saml has memberOf && context.saml.memberOf.contains("x") }};',
            f'permit {ALL} when {{ context.saml.memberOf.contains("x") }};',
            f'permit {ALL} when {{ context has jamf.groups && context.jamf.groups.contains("x") }};',
            f"permit {ALL} when {{ context has connection }};",
        ],
    ),
    "possibly-absent": (
        [
            f'permit {ALL} when {{ context.saml.memberOf.contains("x") }};',
            f"permit {ALL} when {{ context has saml || context.saml.x }};",
            f"permit {ALL} when {{ !(context has saml) && context.saml.x }};",
            f'permit {ALL} when {{ context has saml && context["mutual-authentication"].x == context.saml.x }};',
            f"permit {ALL} when {{ context.connection.x && context.saml.y }};",
            # Where a test right before the read would permit.
            f'permit {ALL} when {{ !(context.jamf.risk == "HIGH") }};',
            f'permit {ALL} unless {{ context.jamf.risk == "HIGH" }};',
            f"permit {ALL} when {{ !context.jumpcloud.device.is_managed && context has saml }};",
        ],
        [
            f'permit {ALL} when {{ context has saml && context.saml.memberOf.contains("x") }};',
            f"permit {ALL} when {{ context has saml.a && context.saml.a }};",
            f"permit {ALL} when {{ if context has connection then context.connection.x else false }};",
            f'permit {ALL} when {{ context has "active-directory" && context["active-directory"].x == 1 }};',
            # AWS documents that it is always there.
            f'permit {ALL} when {{ context.connection["public-ip"] like "198.51.100.*" }};',
            f"permit {ALL} when {{ context.crowdstrike.assessment.overall > 50 }};",
            f'permit {ALL} when {{ context.jamf.risk != "HIGH" }};',
            f'permit {ALL} when {{ {RISK} == "LOW" && !(context.jamf.risk == "HIGH") }};',
        ],
    ),
    "impossible-value": (
        [
            f'permit {ALL} when {{ {RISK} == "low" }};',
            f'permit {ALL} when {{ {RISK} != "Secure" }};',
            f'permit {ALL} when {{ context has jamf.risk && ["LOW", "NONE"].contains(context.jamf.risk) }};',
            f"permit {ALL} when {{ {SCORE} > -1 }};",
            f"permit {ALL} when {{ {SCORE} >= 50 && 101 <= context.crowdstrike.assessment.overall }};",
            f"permit {ALL} when {{ {SCORE} > 100 }};",
            f"permit {ALL} when {{ {SCORE} == 0 }};",
            f'permit {ALL} when {{ context.crowdstrike.platform == "windows" }};',
            f'permit {ALL} when {{ ["Windows 11", "MacOS"].contains(context.crowdstrike.platform) }};',
            f'permit {ALL} when {{ context.crowdstrike.platform like "win*" }};',
            f'permit {ALL} when {{ context.jamf.risk like "*low*" }};',
        ],
        [
            f'permit {ALL} when {{ {RISK} == "LOW" }}; permit {ALL} when {{ {RISK} == "NOT_APPLICABLE" }};',
            f"permit {ALL} when {{ {SCORE} >= 1 && context.crowdstrike.assessment.overall < 100 }};",
            f'permit {ALL} when {{ context has jamf.osv && context.jamf.osv == "low" }};',
            f'permit {ALL} when {{ context.crowdstrike.platform like "Windows 1*" }};',
            f'permit {ALL} when {{ ["macOS"].contains(context.crowdstrike.platform) }};',
            f'permit {ALL} when {{ {RISK} != "LOW" && [context.jamf.risk, context.saml.x].contains("low") }};',
        ],
    ),
    "invisible-character": (
        [f'permit {ALL} when {{ context.saml.memberOf.contains("vpn-staff\\u{{200b}}") }};'],
        [f'permit {ALL} when {{ context.saml.memberOf.contains("vpn staff") }};'],
    ),
    "mixed-scripts": (
        [f'permit {ALL} when {{ context.saml.memberOf.contains("st\u0430ff") }};'],
        [f'permit {ALL} when {{ context.saml.memberOf.contains("\u0438\u0432\u0430\u043d") }};'],
    ),
    "unusual-spelling": (
        [f'permit {ALL} when {{ context.saml.memberOf.contains("vpn\u2011staff") }};'],
        [f'permit {ALL} when {{ context.saml.memberOf.contains("vpn-staff") }};'],
    ),
    "never-applies": (
        [
            f"{PERMIT} forbid {ALL} when {{ false }};",
            f"{PERMIT} forbid {ALL} when {{ context.saml.x && false }};",
        ],
        [
            f"{PERMIT} forbid {ALL} when {{ !(context has saml) }};",
            f"{PERMIT} forbid {ALL} when {{ context.saml.x && !context.saml.x }};",
            f'{PERMIT} forbid (principal == User::"bob", action, resource) when {{ principal == User::"eve" }};',
        ],
    ),
    "permit-without-conditions": (
        [f"{PERMIT} permit {ALL} when {{ context has jamf }};"],
        [PERMIT, f"{PERMIT} forbid {ALL} when {{ context has jamf }};"],
    ),
}  # fmt: skip


def found(text: str) -> set[str]:
    """Return the names of the lints that find something in policies without errors."""
    policies = Policies.from_string(text)
    assert native.check(policies) == []
    return {finding.rule for finding in native.lint(policies)}


def test_every_lint_has_cases() -> None:
    """The names are stable: users switch lints off by them."""
    assert set(CASES) == set(native.LINTS)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name][0]])
def test_a_lint_finds_what_it_is_named_for(name: str, text: str) -> None:
    """A lint finds what it is named for."""
    assert name in found(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in CASES for text in CASES[name][1]])
def test_a_lint_is_silent_about_what_is_meant(name: str, text: str) -> None:
    """A lint is silent about what is meant."""
    assert name not in found(text)


def test_each_thing_is_named_once() -> None:
    """An attribute that is read twice is one warning, and each root that is not tested is named."""
    text = f'permit {ALL} when {{ context.saml.x == 1 || context.saml.x == 2 || context["active-directory"].y }};'
    findings = native.lint(Policies.from_string(text))
    assert [finding.message.partition(",")[0] for finding in findings] == [
        "AWS does not document context.saml.x",
        "context.saml is read without a test",
        'AWS does not document context["active-directory"].y',
        'context["active-directory"] is read without a test',
    ]
    assert {finding.severity for finding in findings} == {"warning"}


MEANT = {
    "context.jamf.diskencryption": "context.jamf.diskencryption, so it",
    "context.crowdstrike.assesment.os": (
        "context.crowdstrike.assesment (did you mean context.crowdstrike.assessment.os?)"
    ),
    "context has crowdstirke": "context.crowdstirke (did you mean context.crowdstrike?)",
    "context.crowdstrike.overall": "context.crowdstrike.overall (did you mean context.crowdstrike.assessment.overall?)",
    "context.jumpcloud.is_managed": "context.jumpcloud.is_managed (did you mean context.jumpcloud.device.is_managed?)",
    "context.Jamf.Risk": "context.Jamf (did you mean context.jamf.risk?)",
    "context.crowdstrike has jailbroken": "context.crowdstrike.jailbroken, so it",
}


@pytest.mark.parametrize("condition", MEANT)
def test_says_what_was_probably_meant(condition: str) -> None:
    """An attribute that is near to a documented one, or at another level, is answered by that."""
    (finding,) = native.lint(Policies.from_string(f"permit {ALL} when {{ {condition} }};"))
    assert finding.message.startswith(f"AWS does not document {MEANT[condition]}")


def test_lints_can_be_switched_off() -> None:
    """By their names, and only by those."""
    policies = Policies.from_string(f"permit {ALL};")
    assert native.lint(policies, ignore=["undocumented-form"]) == []
    with pytest.raises(ValueError, match='there is no lint "upper-case"; there are undocumented-form'):
        native.lint(policies, ignore=["upper-case"])
