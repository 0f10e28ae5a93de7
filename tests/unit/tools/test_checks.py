"""The findings in policies before they can lock anyone out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import Authorizer, ConnectionRequest, Decision, Facts
from client_connect_tools import InvalidPolicies, Policies, check, require_sound
from client_connect_tools.cedar.statements import statements
from client_connect_tools.inputs.default_event import DEFAULT_EVENT

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n'


def found(text: str) -> list[str]:
    """Return the findings of a text as they are printed."""
    return [str(finding) for finding in check(Policies.from_string(text, name="p.cedar"))]


# Annotations, conditions and whole policies that have nothing wrong with them.
SOUND = [
    *(
        f'@id("b") {annotations} forbid {ALL};'
        for annotations in [
            f'@message("{"m" * 255}") @status("{"s" * 255}")',
            '@shadow @owner("x") @description("ids, messages and statuses")',
            '@shadow("")',
        ]
    ),
    *(
        f'@id("b") forbid {ALL} when {{ {condition} }};'
        for condition in [
            "context has os && context.os.major < 10 && context.os has build && context.os.build < 19045",
            'context has username && context.username like "*@example.com"',
            'context has device && context.device.hasTag("a") && context.device.getTag("a") == ";"',
            "context has device.compliant && !context.device.compliant",
            'context.time.now > datetime("2026-11-23T00:00:00Z") && context.time.weekday == 1',
            'principal in [ClientVpn::Group::"x", ClientVpn::Group::"y"]',
        ]
    ),
    '@id("b") permit (principal is ClientVpn::User, action == ClientVpn::Action::"connect", resource);',
    '@id("b") forbid (principal, action, resource == ClientVpn::Endpoint::"e");',
]


@pytest.mark.parametrize("policy", SOUND)
def test_sound_policies_have_no_findings(policy: str) -> None:
    """The names of the schema and the annotations that the handler knows, up to their limits."""
    assert found(PERMIT + policy) == []
    require_sound(Policies.from_string(PERMIT + policy))


_FLAT = " || ".join(f"context has os && context.os.major == {number}" for number in range(45))
# Code that nests in the engine, which would not survive a few thousand of them, or a few dozen of a few dozen.
DEEP = {
    "brackets": f"{'(' * 1500}true{')' * 1500}",
    "operators": "true" + " && true" * 1500,
    "members": f"context{'.a' * 1500} == 1",
    "methods": f"context.publicIp{'.isLoopback()' * 1500}",
    "members by text": "context" + '["a"]' * 1500 + " == 1",
    "members on lines": f"context{f' // c{chr(10)} . a' * 1500} == 1",
    "a test for members": f"context has a{'.a' * 1500}",
    "members within brackets": f"{'(' * 30}context{('.a' * 60 + ')') * 30} == 1",
    "operators within brackets": f"{'(' * 30}true{(' && true' * 60 + ')') * 30}",
}


@pytest.mark.parametrize("condition", DEEP.values(), ids=DEEP)
def test_what_the_engine_does_not_survive_is_refused(condition: str) -> None:
    """It would end the process without a word, so it never reaches the engine."""
    (finding,) = found(f'{PERMIT}@id("b") forbid {ALL} when {{ {condition} }};')
    assert finding.startswith("p.cedar:2:1: [b] the policy nests deeper than 100 levels")
    assert finding.endswith("(too-deep)")


@pytest.mark.parametrize(
    "condition",
    [
        _FLAT,
        'context.publicIp.isLoopback() || context.time.now.toDate().offset(duration("1h")).toTime().toHours() > 2',
        "[" + '"win", ' * 2000 + '"mac"].contains(context.platform)',
        f'context.platform == "{"(." * 200}" // {"(." * 200}{chr(10)}',
    ],
    ids=["flat", "methods", "set", "text"],
)
def test_what_people_write_is_not_too_deep(condition: str) -> None:
    """Members of different attributes, members of a set, and what is in texts and comments nest nothing."""
    assert found(f'{PERMIT}@id("b") forbid {ALL} when {{ {condition} }};') == []


NO_ID = 'has no @id; add @id("...") before it, so logs and waivers can name it'
UNPARSED = "Cedar cannot parse this policy: "
UNGUARDED = "[b] unable to guarantee safety of access to optional attribute"
ANNOTATIONS = [
    ("", [f"the forbid {NO_ID}"]),
    ("@id", [f"the forbid {NO_ID}"]),
    ('@id("")', [f"the forbid {NO_ID}"]),
    (
        f'@id("b") @message("{"m" * 256}")',
        ["[b] @message has 256 characters; Client VPN takes at most 255, so shorten it"],
    ),
    (f'@id("b") @status("{"ü" * 300}")', ["[b] @status has 300 characters"]),
    ('@id("b") @message("") @status', ["[b] @message is empty; give it a text", "[b] @status is empty"]),
    (
        '@id("b") @shadow("x")',
        ['[b] @shadow("x") has a value; write @shadow, or leave it out to enforce the policy'],
    ),
    ('@id("b") @shadow("false")', ['[b] @shadow("false") has a value']),
    ('@id("b") @mesage("x")', ["[b] @mesage has no effect; write @message, or @note for a comment"]),
    (
        '@id("b") @statuses @State',
        [
            "[b] @statuses has no effect; write @status, ",
            "[b] @State has no effect; every policy in a file is enforced",
        ],
    ),
    ('@id("b") @SHADOW', ["[b] @SHADOW has no effect; write @shadow (unknown-annotation)"]),
    ('@ids("b")', [f"the forbid {NO_ID}", "@ids has no effect; write @id, or @note for a comment"]),
    (
        '@id("b") @expires("2027-01-01")',
        ["[b] @expires has no effect; a policy does not end by itself; write `when"],
    ),
    ('@id("b") @Until("x")', ["[b] @Until has no effect; a policy does not end by itself"]),
    (
        '@id("b") @valid_from("x")',
        ["[b] @valid_from has no effect; write `when { context.time.now >= datetime("],
    ),
    (
        '@id("b") @enabled("false")',
        ["[b] @enabled has no effect; every policy in a file is enforced; write @shadow"],
    ),
    ('@id("b") @severity("x")', ["[b] @severity has no effect; write @note for a comment (@comment, @descr"]),
    ('@id("b") @note("x") @owner("y") @ticket("SEC-1")', []),
    ('@id("b") @ignore("forbid-without-message, upper-case")', []),
    ('@id("b") @ignore("upercase")', ['[b] @ignore has "upercase", which is no lint; write "upper-case"']),
    (
        '@id("b") @ignore("no")',
        ['[b] @ignore has "no", which is no lint; there are forbid-without-message, '],
    ),
    ('@id("b") @ignore', ["[b] @ignore names no lint; give it the name of one, or leave it out"]),
    ('@id("b") @message("{username}, {{no}}: {connection-id}")', []),
    (
        '@id("b") @message("{user}")',
        ['[b] @message has {user}, which is no placeholder; write "{username}", or w'],
    ),
    (
        '@id("b") @message("{Connection-ID }")',
        ["[b] @message has {Connection-ID }, which is no placeholder; write "],
    ),
    ('@id("b") @message("a { b")', ['[b] @message has a single "{"; write "{{" for a brace']),
    ('@id("b") @message("{username}}")', ['[b] @message has a single "}"; write "}}" for a brace']),
    (
        '@id("b") @shadow @message("{}")',
        ["[b] @message has {}, which is no placeholder; there are {connection-id}, "],
    ),
    (
        '@id("b") @message("{custom.ticket}")',
        ["[b] @message has {custom.ticket}, which is no placeholder; declare it"],
    ),
    (f'@id("b") @message("{"x" * 231}{{username}}")', []),
    (
        f'@id("b") @message("{"x" * 232}{{username}}")',
        ["[b] @message has 256 characters, with 24 for its placehol"],
    ),
    (
        f'@id("b") @message("{"🦊" * 128}")',
        ["[b] @message has 256 characters, counted in UTF-16; Client VPN takes"],
    ),
    (f'@id("b") @status("{"🦊" * 128}")', ["[b] @status has 256 characters; Client VPN takes at most 255"]),
    ('@id("b") @id("c")', [f"[b] {UNPARSED}duplicate annotation: @id"]),
    ('@id("b") @status("x', [f"[b] {UNPARSED}"]),
]
CONDITIONS = [
    ('context.platfrom == "win"', ["[b] attribute `platfrom` in context for"]),
    ("context.b && context.a", ["[b] attribute `b` in context", "[b] attribute `a` in context"]),
    (
        "principal is ClientVpn::User && principal.compliant",
        ["[b] attribute `compliant` on entity type `ClientVpn::User` not found"],
    ),
    ("context has osVersion", ["[b] `has osVersion` is always false"]),
    ("context has os && context.os has biuld", ["[b] `has biuld` is always false"]),
    ("context has device.complaint", ["[b] `has complaint` is always false"]),
    (
        "context has device && context.device has os && context.device.os has bild",
        ["[b] `has bild` is always false"],
    ),
    ("context.time has hour", ["[b] `has hour` is always false"]),
    ("principal has complaint", ["[b] `has complaint` is always false"]),
    ("context.os.major < 10", [f"{UNGUARDED} `os`"]),
    ("context has os && context.os.build < 10", [f"{UNGUARDED} `os.build`"]),
    ('context.username == "x"', [f"{UNGUARDED} `username`"]),
    ("context.platform == 1", ["[b] the types Long and String are not compatible"]),
    ("context.platform < 1", ["[b] unexpected type: expected Long but saw String"]),
    (
        'context.publicIp.isInRange(ip("10.0.0.0/33"))',
        ["[b] error during extension function argument validation"],
    ),
    ('context.platform = "win"', [f"[b] {UNPARSED}"]),
    ('principal in Group::"x"', ["[b] unrecognized entity type `Group`"]),
]
OTHERS = [
    (f"permit {ALL};", [f"the permit {NO_ID}"]),
    (
        '@id("b") permit (principal == ?principal, action, resource);',
        ["[b] a template never applies; name an entity in place of ?principal or ?resource"],
    ),
    ('@id("b") forbid (principal, action, resource in ?resource);', ["[b] a template never applies"]),
    (
        '@id("b") forbid (principal is User, action, resource);',
        ["[b] unrecognized entity type `User`; write ClientVpn::User (type)"],
    ),
    (
        '@id("b") forbid (principal, action == ClientVpn::Action::"conect", resource);',
        ['[b] unrecognized action `ClientVpn::Action::"conect"`; there is one action'],
    ),
    (f'@id("b") forbid {ALL}', [f"[b] {UNPARSED}unexpected end of input"]),
    (";", [f"{UNPARSED}unexpected token `;`"]),
    ("deny everybody;", [UNPARSED]),
]


@pytest.mark.parametrize(
    ("policy", "findings"),
    [
        *((f"{annotations} forbid {ALL};".lstrip(), findings) for annotations, findings in ANNOTATIONS),
        *((f'@id("b") forbid {ALL} when {{ {each} }};', findings) for each, findings in CONDITIONS),
        *OTHERS,
    ],
)
def test_each_mistake_is_found_where_it_is(policy: str, findings: list[str]) -> None:
    """A finding has the file, the line, a column within the policy, and its id."""
    results = found(f'{PERMIT}\n// "A comment"; of two lines\n\t // and a half\n   {policy}\n')
    assert len(results) == len(findings)
    for result, finding in zip(results, findings, strict=True):
        column = int(result.split(":")[2])
        assert column >= 4
        assert result.startswith(f"p.cedar:5:{column}: {finding}")


def test_fails_with_all_findings_in_the_order_of_the_files() -> None:
    """No one has to repair one mistake to see the next."""
    one = f'permit {ALL};\n@id("x") forbid {ALL} when {{ context.a }}; @id("y") @mesage("") forbid {ALL};'
    two = f'\n@id("z") forbid {ALL} when {{ true;\n}};\n  @id("x") permit {ALL};'
    texts = {"z.cedar": one, "sound.cedar": PERMIT, "a.cedar": two}
    policies = Policies.merge(*(Policies.from_string(text, name=name) for name, text in texts.items()))
    with pytest.raises(InvalidPolicies) as failure:
        require_sound(policies)
    assert [(each.file, each.line, each.column, each.policy) for each in failure.value.findings] == [
        ("z.cedar", 1, 1, ""),
        ("z.cedar", 2, 54, "x"),
        ("z.cedar", 2, 76, "y"),
        ("a.cedar", 2, 58, "z"),
        ("a.cedar", 3, 1, ""),
        ("a.cedar", 4, 3, "x"),
    ]
    first, *lines = str(failure.value).split("\n")
    assert first == "the policies have 6 problems:"
    assert lines == [f"  {finding}" for finding in failure.value.findings]
    assert lines[-1] == (
        "  a.cedar:4:3: [x] @id is already used at z.cedar:2; give each policy its own (repeated-id)"
    )


def test_one_finding_is_one_problem() -> None:
    """The count reads as a sentence."""
    with pytest.raises(
        InvalidPolicies, match=r"^the policies have 1 problem:\n  <string>:1:1: the permit has"
    ):
        require_sound(Policies.from_string(f"permit {ALL};"))


def test_each_repetition_of_an_id_is_found() -> None:
    """Every use after the first names the first, within a file and across files."""
    merged = Policies.merge(
        *(Policies.from_string(PERMIT * count, name=f"{count}.cedar") for count in (2, 1))
    )
    problem = "[all] @id is already used at 2.cedar:1; give each policy its own (repeated-id)"
    assert [str(finding) for finding in check(merged)] == [
        f"2.cedar:2:1: {problem}",
        f"1.cedar:1:1: {problem}",
    ]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["// permit (principal, action, resource);\n"],
        [f'@id("a") forbid {ALL};', f'@id("b") forbid {ALL};'],
        [f'@id("a") @shadow permit {ALL};\n@id("b") forbid {ALL};'],
    ],
    ids=["no source", "empty", "only a comment", "only forbids", "the only permit in shadow"],
)
def test_a_set_that_permits_nothing_is_found(texts: list[str]) -> None:
    """It would lock everybody out, and it is a problem of the set, at the beginning of its first file."""
    sources = [Policies.from_string(text, name=f"{number}.cedar") for number, text in enumerate(texts)]
    (finding,) = check(Policies.merge(*sources) if sources else Policies(()))
    assert (finding.file, finding.line, finding.column, finding.policy) == (
        "0.cedar" if texts else "<none>",
        1,
        1,
        "",
    )
    assert finding.message.startswith(
        "no policy permits anything, so every connection would be denied; add a"
    )


def test_a_permit_that_cannot_be_parsed_is_not_missed_too() -> None:
    """One mistake is one finding."""
    (finding,) = check(Policies.from_string(f'@id("a") permit {ALL} when {{ context.platform = "win" }};'))
    assert finding.message.startswith("Cedar cannot parse")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_no_policy_hides_behind_a_comment(end: str) -> None:
    """Wherever Cedar ends a comment, so do the checks, or a policy would be enforced that none has seen."""
    text = f"{PERMIT.rstrip()} // a comment{end}permit {ALL};"
    assert len(cedarpy.PolicySet.from_str(text)) == 2
    assert len(list(statements(text))) == 2
    *hidden, permit = found(text)
    assert "the permit has no @id" in permit
    assert ("hidden-character" in "".join(hidden)) is (end == "\r")


@pytest.mark.parametrize("separator", ["\x1c", "\x1f", "\x00", "\u200b", "\ufeff"])
def test_what_cedar_does_not_take_for_space_is_found(separator: str) -> None:
    """Else the handler could not read what the checks let pass."""
    assert (
        "[b] Cedar cannot parse this policy: invalid token"
        in found(f'{PERMIT}{separator}@id("b") forbid {ALL};')[-1]
    )


# Statements with everything that could end them too early or too late, and what may stand between them.
texts = st.text(alphabet='ab;/ \n{}@()é\\"', max_size=8)
conditions = texts.map(
    lambda text: "context.platform == " + '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
comments = st.text(alphabet='ab;/" \\{}@()é', max_size=8).map("//{}\n".format)
spaces = st.sampled_from(["", " ", "\n", "\t", "\r\n", "\u00a0", "\u2028"])
gaps = st.lists(spaces | comments, max_size=3).map("".join)
policies = st.builds(
    '@id("{}"){}permit{}(principal, action, resource){}when {{ {} }}{};'.format,
    st.integers(0, 9),
    *(gaps, gaps, gaps),
    conditions,
    gaps,
)


@given(st.lists(st.tuples(gaps, policies), max_size=5), gaps.map("{}// the last; comment".format) | gaps)
def test_text_is_split_where_cedar_splits_it(parts: Sequence[tuple[str, str]], rest: str) -> None:
    """Each statement is found as it was written, with its line and column; semicolons elsewhere end none."""
    text, expected = "", []
    for gap, policy in parts:
        text += gap
        lines = text.split("\n")
        expected.append((policy, len(lines), len(lines[-1]) + 1))
        text += policy
    text += rest
    assert [(each.text, each.line, each.column) for each in statements(text)] == expected
    assert len(cedarpy.PolicySet.from_str(text)) == len(expected)


@pytest.mark.parametrize(
    "clause", ['when { context.platform == "win" }', "unless { false }", "when { true }"]
)
@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_fails_for_more_clauses_than_the_engine_evaluates(clause: str, effect: str) -> None:
    """The limit is far below where it gives up, which depends on the stack; up to it, a policy decides."""
    policy = f'@id("many") {effect} (principal, action, resource) ' + " ".join([clause] * 100)
    assert not check(Policies.from_string(f"{PERMIT} {policy};"))
    facts = Facts(ConnectionRequest.from_event({**DEFAULT_EVENT, "username": "bob"}))
    decided: list[Decision] = []
    size = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(
            target=lambda: decided.append(Authorizer(f"{PERMIT} {policy};").decide(facts))
        )
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert decided[0].errors == ()
    (finding,) = check(Policies.from_string(f"{PERMIT} {policy} {clause};"))
    assert (finding.rule, finding.policy) == ("too-deep", "many")
    assert finding.message.startswith("the policy has 101 clauses (when, unless)")


def test_a_negated_test_is_told_to_be_none() -> None:
    """Whoever wrote ``!(context has x) || ...`` did test for it; what is proposed instead is sound."""
    condition = "!(context has activeConnections) || context.activeConnections < 2"
    (finding,) = check(
        Policies.from_string(f'@id("x") permit (principal, action, resource) when {{ {condition} }};')
    )
    instead = "if context has activeConnections then ... else true"
    assert finding.message.endswith(f"!(context has activeConnections) || ... for a test, so write {instead}")
    sound = instead.replace("...", "context.activeConnections < 2")
    assert (
        check(Policies.from_string(f'@id("x") permit (principal, action, resource) when {{ {sound} }};'))
        == []
    )
