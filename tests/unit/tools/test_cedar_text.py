"""Cedar text of syntax nodes: the engine reads it back as the same nodes."""

from __future__ import annotations

from typing import Any, get_args

import cedarpy
import pytest
from cedarpy import pst
from hypothesis import given
from hypothesis import strategies as st

from client_connect_tools.cedar.text import expression_text, value_text

# Whatever the engine has: one that it gets later must be printed too.
BINARY, UNARY = get_args(pst.BinaryOpName), get_args(pst.UnaryOpName)
NAMES = st.sampled_from(["a", "os", "if", "in", "a b", '"', "ü", "_x1", "__cedar", "\u202e"])
TEXTS = (
    st.sampled_from(["", "a", 'say "x"', "back\\slash", "*", "\n\t\0", "\U0001f600", "\u202e"]) | st.text()
)
TYPES = st.builds(
    pst.EntityType, st.sampled_from(["User", "Device"]), st.sampled_from([(), ("ClientVpn",), ("A", "B")])
)
UIDS = st.builds(pst.EntityUid, TYPES, TEXTS)
PATTERNS = st.lists(
    st.just(pst.Wildcard()) | st.sampled_from('*a"\\\n😀').map(pst.Char),
    max_size=4,
).map(tuple)
LEAVES = st.one_of(
    st.sampled_from(["principal", "action", "resource", "context"]).map(pst.Var),
    st.booleans().map(pst.BoolLit),
    st.integers(-(2**63), 2**63 - 1).map(pst.LongLit),
    TEXTS.map(pst.StringLit),
    UIDS.map(pst.EntityLit),
)


def composed(parts: st.SearchStrategy[pst.Expr]) -> st.SearchStrategy[pst.Expr]:
    """Generate expressions of parts."""
    return st.one_of(
        st.builds(pst.BinaryOp, st.sampled_from(["and", "or"]), parts, parts),
        st.builds(pst.BinaryOp, st.sampled_from(BINARY), parts, parts),
        st.builds(pst.UnaryOp, st.sampled_from(UNARY), parts),
        st.builds(pst.GetAttr, parts, NAMES),
        st.builds(pst.HasAttr, parts, NAMES.map(lambda name: (name,))),
        st.builds(pst.Like, parts, PATTERNS),
        st.builds(pst.Is, parts, TYPES, st.none() | parts),
        st.builds(pst.IfThenElse, parts, parts, parts),
        st.lists(parts, max_size=3).map(tuple).map(pst.Set),
        st.dictionaries(NAMES, parts, max_size=3).map(pst.FrozenMap).map(pst.Record),
    )


def parsed(expression: str) -> pst.Expr:
    """Return an expression as the engine reads it."""
    text = f"permit (principal, action, resource) when {{ {expression} }};"
    (policy,) = cedarpy.PolicySet.from_str(text).to_pst().static_policies.values()
    (clause,) = policy.clauses
    return clause.expr


@given(st.recursive(LEAVES, composed, max_leaves=12))
def test_the_engine_reads_the_same_nodes(expression: pst.Expr) -> None:
    """Whatever an expression is made of, nothing is lost or bound otherwise."""
    assert parsed(expression_text(expression)) == expression


@pytest.mark.parametrize(
    "text",
    [
        "context.os.build < 19045",
        'context.platform == "win" && context has os && !(context.os.major > 10 || context.os.minor > 0)',
        "1 + 2 * 3 - (4 - 5) == -1 || (true && false) || context.waivers.isEmpty()",
        '(if context has device then context.device has lastSeen else false) && principal like "a*"',
    ],
)
def test_there_are_no_more_parentheses_than_a_person_writes(text: str) -> None:
    """Text in this form is printed in this form."""
    assert expression_text(parsed(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (-7, "-7"),
        ('a "b"\u202e', r'"a \"b\"\u{202e}"'),
        (["a", 1], '["a", 1]'),
        ({"major": 10, "a b": False}, '{major: 10, "a b": false}'),
        ({"__extn": {"fn": "ip", "arg": "192.0.2.1"}}, 'ip("192.0.2.1")'),
        ({"__entity": {"type": "ClientVpn::User", "id": 'b"'}}, r'ClientVpn::User::"b\""'),
    ],
)
def test_a_value_is_spelled_as_a_policy_spells_it(value: Any, text: str) -> None:
    """A value is spelt as a policy would spell it."""
    assert value_text(value) == text
