"""Policies as the authorizer uses them: what is read of each, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_connect import InvalidPolicySet, Policy, PolicySet
from tests.unit.runtime.conftest import unhurried

SCOPE = "(principal, action, resource)"


def test_annotations_are_read_and_policies_are_split_by_what_they_do() -> None:
    """Shadow policies stand apart, so that they cannot change a decision."""
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


@unhurried
@given(st.text())
def test_text_that_is_no_policy_gives_the_one_error(text: str) -> None:
    """Whatever is in the file, the caller has one exception to expect."""
    with contextlib.suppress(InvalidPolicySet):
        assert not PolicySet.parse(text).by_id
