"""First attempts of newcomers to Cedar: the place of the error, and the correction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect_tools import Policies, check
from client_connect_tools.cedar import places
from client_connect_tools.checking.hints import names

SCOPE = "(principal, action, resource)"
GROUP = 'write principal in ClientVpn::Group::"staff"'
USER = 'write context has username && context.username == "bob"'
PATTERN = 'such as context.username like "acme-*"'

# Brackets of this kind mark the subject of the finding.
CONDITIONS = [
    ("⟦context.time.hour⟧ > 7", "for 07:00, write 7 * 60"),
    ("⟦context.time.dayOfWeek⟧ == 1", "1 (Monday) to 7 (Sunday)"),
    ('⟦context.platfrom⟧ == "win"', "write context.platform"),
    ("⟦context.minuteofday⟧ > 1", "write context.time.minuteOfDay"),
    ("⟦context.compliant⟧", "write context.device.compliant"),
    ('⟦context.groups⟧.contains("staff")', GROUP),
    ('"staff" in ⟦context.groups⟧', GROUP),
    ('principal.⟦groups⟧.contains("staff")', GROUP),
    ('principal in ⟦Group⟧::"staff"', "write ClientVpn::Group"),
    ('principal == ⟦User⟧::"bob"', "write ClientVpn::User"),
    ('⟦principal in "staff"⟧', GROUP),
    ('⟦principal == "bob"⟧', USER),
    ('⟦context.user⟧ == "bob"', USER),
    ('⟦context.username⟧ == "bob"', "test it first: `context has username && ...`"),
    (
        "context has device && context.device.⟦compliant⟧",
        "context has device && context.device has compliant && ...",
    ),
    ('principal.⟦department⟧ == "it"', 'context.device.getTag("owner") == "it"'),
    ('⟦context.publicIp == "10.0.0.1"⟧', 'write ip("10.0.0.1")'),
    ('⟦context.publicIp == "10.0.0.0/8"⟧', 'write context.publicIp.isInRange(ip("10.0.0.0/8"))'),
    ('⟦context.publicIp.isInRange("10.0.0.0/8")⟧', 'write isInRange(ip("10.0.0.0/8"))'),
    ('⟦context.publicIp in ip("10.0.0.0/8")⟧', 'write context.publicIp.isInRange(ip("10.0.0.0/8"))'),
    ('context.publicIp == ip(⟦"10.0.0.0-9"⟧)', 'a network ip("203.0.113.0/24")'),
    ('⟦context.platform in ["win", "mac"]⟧', 'write ["win", "mac"].contains(context.platform)'),
    ('⟦context.time.now < "2027-01-01"⟧', 'datetime("2027-01-01T00:00:00Z")'),
    ('context.time.now < datetime(⟦"2026-12-31T00:00:00+02:00"⟧)', "an offset as +0200, without a colon"),
    ('⟦context.time.minuteOfDay >= "07:30"⟧', "write 7 * 60 + 30"),
    ('⟦context.time.minuteOfDay >= "07:00"⟧', "write 7 * 60 (type)"),
    ('⟦context.time.weekday == "Sunday"⟧', "write 7"),
    ('⟦context.time.date < "2026-12-25"⟧', "compare context.time.now"),
    ("context has os && ⟦context.os >= 10⟧", "compare context.os.major"),
    ("⟦context.custom.risk⟧ < 3", "declared in custom.cedarschema"),
    ("⟦context has openVpnVersion⟧", "is context.openvpn"),
    ('context.platform == "win" ⟦and⟧ true', "write &&"),
    ("true ⟦or⟧ false", "write ||"),
    ("not ⟦true⟧", "write !"),
    ("context.platform == ⟦'⟧win'", "double quotation marks"),
    ('context.platform ⟦=⟧ "win"', "write =="),
    ("context.platform != ⟦null⟧", "tested by has"),
    ("⟦True⟧", "write true"),
    ('⟦group⟧ == "staff"', GROUP),
    ("⟦device.compliant⟧", "write context.device.compliant"),
    ('context.username.⟦startsWith⟧("acme-")', PATTERN),
    ("context.username like ⟦/⟧acme.*/", PATTERN),
    ('context.username.⟦toLowerCase⟧() == "b"', "in lower case already"),
    ('context.platform ⟦contains⟧ "win"', '.contains(...); in a text, look by like "*...*"'),
    ("context has openvpn && context.openvpn.major >= 2.⟦6⟧", "numbers are whole"),
    ("context.publicIp == 10.0.⟦0⟧.1", 'an address as ip("10.0.0.1")'),
    ("context.time.minuteOfDay >= 7⟦:⟧00", "for 07:30, write 7 * 60 + 30"),
    ("context has os⟦,⟧ true", "join conditions by &&"),
    ('context.platform == "win" ⟦?⟧ true : false', "write if ... then ... else ..."),
]
POLICIES = [
    (f'@id("b") permit {SCOPE} when {{ context.networks.contains("office" ⟦}}⟧;', "a ) is missing before it"),
    (f'@id("b") ⟦deny⟧ {SCOPE};', "write forbid"),
    (f'@id("b") ⟦Allow⟧ {SCOPE};', "write permit"),
    (f'@id("b") permit {SCOPE} ⟦if⟧ {{ true }};', "when { ... } or unless { ... }"),
    (f'@id("b") permit {SCOPE} when ⟦(⟧ true );', "write when { ... }"),
    (f'@id("b") permit {SCOPE} when {{ true }} ⟦and⟧ {{ true }};', "join conditions by &&"),
    (f'@id("b") permit {SCOPE} when {{ true ⟦;⟧', "a } is missing before it"),
    ('@id("b") permit ⟦when⟧ { true };', f"begins with permit {SCOPE}"),
    ('@id("b") permit (principal, action, resource ⟦when⟧ { true };', "a ) is missing before it"),
    ("@id⟦=⟧b permit (principal, action, resource);", '@id("...")'),
    ("@id(⟦b⟧) permit (principal, action, resource);", '@id("...")'),
    ("permit⟦:⟧ all", f"begins with permit {SCOPE}"),
    ('⟦{⟧"effect": "permit"}', f"begins with permit {SCOPE}"),
    ("⟦#⟧ Staff only\n", "comments begin with //"),
    (f'@id("b") permit {SCOPE}\n⟦@⟧id("c") permit {SCOPE};', "add a semicolon there"),
    ('@id("b") permit (principal, action == ⟦"connect"⟧, resource);', "write action"),
    ('@id("b") permit (principal, action == ⟦Action::"connect"⟧, resource);', "write action"),
    ('@id("b") permit (principal, action, resource == ⟦"cvpn-endpoint-0a"⟧);', "an endpoint is an entity"),
]
WHOLE = [
    (
        '@id("b") permit (principal == ClientVpn::Group::"a", action, resource);',
        "principal in ClientVpn::Group",
    ),
    (
        '@id("b") permit (principal in [ClientVpn::Group::"a"], action, resource);',
        "the scope takes one entity",
    ),
    (
        '@id("b") permit (principal in ClientVpn::Group::"a" || true, action, resource);',
        "the scope takes one entity",
    ),
    ('@id("b") permit (principal, action);', f"begins with permit {SCOPE}"),
]


@pytest.mark.parametrize(
    ("marked", "hint"),
    [*((f'@id("b") forbid {SCOPE}\nwhen {{ {each} }};', hint) for each, hint in CONDITIONS), *POLICIES],
)
def test_what_newcomers_write_is_shown_with_what_to_write(marked: str, hint: str) -> None:
    """One finding, about the very part that is wrong."""
    text = marked.replace("⟦", "").replace("⟧", "")
    findings = [
        each for each in check(Policies.from_string(text)) if each.rule not in ("no-permit", "missing-id")
    ]
    finding = findings[0]
    assert hint in str(finding)
    line = text.split("\n")[finding.line - 1]
    shown = line[finding.column - 1 : finding.column - 1 + finding.length]
    assert (finding.line, shown) == (
        marked[: marked.index("⟦")].count("\n") + 1,
        marked.partition("⟦")[2].partition("⟧")[0],
    )


@pytest.mark.parametrize(("text", "hint"), WHOLE)
def test_what_is_wrong_with_the_scope_is_shown_with_what_to_write(text: str, hint: str) -> None:
    """There is one finding, about the policy."""
    (finding, *_) = check(Policies.from_string(text))
    assert (hint in str(finding), finding.column) == (True, 1)


@pytest.mark.parametrize(
    "condition", ['"staff" in context.groups', 'principal == "bob"', 'context.publicIp in ip("::1")']
)
def test_one_mistake_is_one_finding(condition: str) -> None:
    """A message that the engine repeats is shown once, unless it is another mistake."""
    findings = check(Policies.from_string(f'@id("a") permit {SCOPE} when {{ {condition} }};'))
    assert len({(each.column, each.message) for each in findings}) == len(findings)
    assert len({each.message.partition("; ")[2] for each in findings}) == len(findings)


def test_every_attribute_of_the_schema_can_be_suggested() -> None:
    """Those of the connection, of the time, of a version and of a device."""
    known = names.attributes()
    assert known["platform"] == "context.platform"
    assert known["minuteOfDay"] == "context.time.minuteOfDay"
    assert known["compliant"] == "context.device.compliant"
    assert known["activeConnections"] == "context.activeConnections"
    for path in known.values():
        text = f'@id("a") permit {SCOPE} when {{ {path} == {path} }};'
        assert not [each for each in check(Policies.from_string(text)) if "not found" in each.message]


@given(st.text(alphabet="()[]{}\"'.,;:&|=<> ab1@/\n", max_size=60))
def test_a_place_is_within_the_text_whatever_it_is(condition: str) -> None:
    """Nothing that cannot be parsed ends the check."""
    text = f'@id("a") permit {SCOPE} when {{ {condition} }};'
    lines = text.split("\n")
    for finding in check(Policies.from_string(text)):
        assert 1 <= finding.line <= len(lines)
        assert finding.column - 1 + finding.length <= len(lines[finding.line - 1])


def test_a_part_is_found_however_it_is_written() -> None:
    """Spaces, comments and brackets do not matter; what stands in texts does."""
    text = '"context.os.major" == ((context . // c\n os).major)'
    place = places.find(text, "context.os.major")
    assert place is not None
    assert text[slice(*place)].startswith("context . //")
    assert places.find("a.bc", "a.b") is None
    assert places.find("anything", "") is None
