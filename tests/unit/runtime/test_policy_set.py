"""Policies as the authorizer uses them: what is read of each, and what is refused."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import InvalidPolicySet, Policy, PolicySet
from client_connect.engine import policy_json, policy_nodes

if TYPE_CHECKING:
    from types import ModuleType

SCOPE = "(principal, action, resource)"


def test_annotations_are_read_and_policies_are_split_by_what_they_do() -> None:
    """Shadow policies stand apart, so they cannot change a decision."""
    policies = PolicySet.parse(f"""
        @id("b") permit {SCOPE};
        @id("a") @message("m") @status("s") @note("n") forbid {SCOPE};
        @id("c") @shadow forbid {SCOPE};
        @id("d") @shadow("whatever") permit {SCOPE};
    """)
    assert list(policies.by_id.values()) == [
        Policy("b", "permit", "", "", shadow=False),
        Policy("a", "forbid", "m", "s", shadow=False),
        Policy("c", "forbid", "", "", shadow=True),
        Policy("d", "permit", "", "", shadow=True),
    ]
    assert [
        sorted(subset.to_pst().static_policies)
        for subset in (policies.enforced, policies.shadow_forbids, policies.shadow_permits)
    ] == [["a", "b"], ["c"], ["d"]]


def test_the_digest_tells_texts_apart() -> None:
    """It is that of the text, the same on every machine."""
    assert PolicySet.parse("").digest == "e3b0c44298fc"
    assert PolicySet.parse("// a comment").digest != PolicySet.parse("").digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"permit {SCOPE}", "^the policies cannot be parsed: "),
        ("nonsense", "^the policies cannot be parsed: "),
        ("\ud800", "^the policies cannot be parsed: "),
        (f'@id("a") @id("b") permit {SCOPE};', "^the policies cannot be parsed: "),
        (f"permit {SCOPE};", r'^a permit has no @id; add @id\("\.\.\."\) before it$'),
        (f'@id("") forbid {SCOPE};', "^a forbid has no @id"),
        (f"@id forbid {SCOPE};", "^a forbid has no @id"),
        (f'@ID("a") forbid {SCOPE};', "^a forbid has no @id"),
        (f'@id("a") permit {SCOPE}; @id("a") forbid {SCOPE};', r'^two policies have @id\("a"\)'),
        (
            f'@id("a") permit {SCOPE}; @id("\\u{{61}}") @shadow permit {SCOPE};',
            r'^two policies have @id\("a"\)',
        ),
        ('@id("a") permit (principal == ?principal, action, resource);', r"^a policy with \?principal"),
        ('@id("a") permit (principal, action, resource in ?resource);', r"^a policy with \?principal"),
    ],
)
def test_fails_for_policies_that_the_handler_cannot_tell_apart_or_apply(text: str, message: str) -> None:
    """Each is refused before it could decide anything."""
    with pytest.raises(InvalidPolicySet, match=message):
        PolicySet.parse(text)


@given(st.text())
def test_text_that_is_no_policy_gives_the_one_error(text: str) -> None:
    """Whatever is in the file, the caller has one exception to expect."""
    with contextlib.suppress(InvalidPolicySet):
        assert not PolicySet.parse(text).by_id


# Every operator, literal, extension type, scope and escape of the language.
WHOLE_LANGUAGE = r"""
@id("scopes-1") permit (principal == A::"x", action == Action::"a", resource is N::T);
@id("scopes-2") permit (principal in A::"x", action in [Action::"a", N::Action::"b"], resource is N::T in A::"y");
@id("logic") forbid (principal, action, resource) when { !(true && false) || -1 < 2 && 1 + 2 * 3 - 4 <= 5 }
unless { if context has a.b.c then context["odd \"name\""] != "\n\u{1f600}\\" else context.x >= 1 };
@id("sets") permit (principal, action, resource) when { [1, "a", A::"b", [true]].contains(1) &&
[].isEmpty() && context.s.containsAll([1]) && context.s.containsAny([2]) && {a: 1, "b c": {}}.a == 1 };
@id("entities") forbid (principal, action, resource) when { principal is N::T && principal is N::T in A::"x" &&
principal in [A::"x", resource] && resource.hasTag("k") && resource.getTag("k") == "v" && principal has name };
@id("text") forbid (principal, action, resource) when { context.t like "a*\*b\"*" };
@id("extensions") forbid (principal, action, resource) when { ip("10.0.0.1/8").isInRange(ip("::1")) &&
decimal("1.23").lessThan(decimal("4.5")) && datetime("2026-01-01T00:00:00Z").offset(duration("1d2h")) >
datetime("2026-01-01").toDate() && context.d.toTime().toHours() > 1 && ip("127.0.0.1").isLoopback() };
@id("numbers") permit (principal, action, resource) when { 9223372036854775807 > -9223372036854775808 };
"""
SHIPPED = [path.read_text("utf-8") for path in sorted(Path("examples").rglob("*.cedar"))]


def whole(text: str, syntax: ModuleType) -> object:
    """Return all that a text is made of, taken apart and put together again."""
    statements, _ = syntax.split(text)
    built = syntax.build({str(index): content for index, (*_, content) in enumerate(statements)})
    return [(effect, noted) for effect, noted, _ in statements], built.to_pst()


@pytest.mark.parametrize("text", [WHOLE_LANGUAGE, *SHIPPED])
def test_both_ways_to_take_policies_apart_keep_all_of_them(text: str) -> None:
    """It never matters which one a handler reads its policies with."""
    assert whole(text, policy_json) == whole(text, policy_nodes)


@given(st.text(), st.text(), st.integers(-(2**63), 2**63 - 1))
def test_both_ways_keep_every_text_and_number(text: str, annotation: str, number: int) -> None:
    """Quotes, controls and the ends of the range among them."""
    noted = "".join(f"\\u{{{ord(character):x}}}" for character in annotation)
    said = "".join(f"\\u{{{ord(character):x}}}" for character in text)
    policy = f'@id("a") @message("{noted}") permit {SCOPE} when {{ context.a == "{said}" || context.b == {number} }};'
    assert whole(policy, policy_json) == whole(policy, policy_nodes)
    assert PolicySet.parse(policy).by_id["a"].message == annotation


@pytest.mark.parametrize("length", [1, 40, 50, 60, 90])
def test_long_chains_decide(length: int) -> None:
    """The JSON is too deep for the engine from some length on; the policy set is not."""
    chain = " || ".join(f'context.platform == "{number}"' for number in range(length))
    policies = PolicySet.parse(f'@id("chain") permit {SCOPE} when {{ {chain} }};')
    request = {
        "principal": 'ClientVpn::User::"u"',
        "action": 'ClientVpn::Action::"connect"',
        "resource": 'ClientVpn::Endpoint::"e"',
    }
    answers = [
        cedarpy.is_authorized(request | {"context": {"platform": platform}}, policies.enforced, [])
        for platform in (str(length - 1), str(length))
    ]
    assert [answer.allowed for answer in answers] == [True, False]
    assert answers[0].diagnostics.reasons == ["chain"]


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (110, "exceeds the supported limit of 100 levels"),
        (600, "^the policies cannot be parsed: one is nested too deep$"),
    ],
)
def test_a_chain_that_the_engine_does_not_hold_is_refused(length: int, message: str) -> None:
    """Even if no check saw the policies before."""
    chain = " || ".join(f'context.platform == "{number}"' for number in range(length))
    with pytest.raises(InvalidPolicySet, match=message):
        PolicySet.parse(f'@id("chain") permit {SCOPE} when {{ {chain} }};')


@pytest.mark.parametrize(
    ("variables", "at_first"), [({"AWS_LAMBDA_RUNTIME_API": "x"}, "False"), ({}, "True")]
)
def test_a_decision_in_lambda_needs_nothing_of_the_engine_s_python_code(
    variables: dict[str, str], at_first: str
) -> None:
    """Importing it would take a good part of a cold start; whoever asks for it has it."""
    program = f"""
import sys
import client_connect, cedarpy
policies = client_connect.PolicySet.parse('@id("a") permit {SCOPE};')
print("is_authorized" in vars(cedarpy), "cedarpy.pst" in sys.modules)
print(cedarpy.is_authorized.__name__)
print(*policies.enforced_policies(), cedarpy.pst.Template.__name__, "Template" in vars(cedarpy.pst))
"""
    environment = {**os.environ, **variables}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [at_first, at_first, "is_authorized", "a", "Template", "True"]
