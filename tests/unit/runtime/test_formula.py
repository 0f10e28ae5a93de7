"""Conditions as formulas: what they may be while a part of the facts is not known."""

from __future__ import annotations

import pytest
from cedarpy import PolicySet, pst

from client_connect.engine.formula import ERROR, FALSE, TRUE, atoms, evaluate, of_policy, possible

UNKNOWN = TRUE | FALSE


def policy(text: str) -> pst.Template:
    """Return the one policy of a text."""
    (node,) = PolicySet.from_str(text).to_pst().static_policies.values()
    return node


def conditional(condition: str) -> pst.Template:
    """Return a policy with one condition."""
    return policy(f"permit (principal, action, resource) when {{ {condition} }};")


def attribute(expression: pst.Expr) -> str:
    """Return the name of an attribute of the context."""
    assert isinstance(expression, pst.GetAttr)
    return expression.attr


@pytest.mark.parametrize(
    ("condition", "known", "outcome"),
    [
        ("!context.a", {"a": TRUE}, FALSE),
        ("!context.a", {"a": FALSE | ERROR}, TRUE | ERROR),
        ("!(context.a && context.b)", {"a": FALSE, "b": UNKNOWN}, TRUE),
        ("!(context.a && context.b)", {"a": UNKNOWN, "b": FALSE}, TRUE),
        ("context.a && context.b", {"a": TRUE | ERROR, "b": TRUE}, TRUE | ERROR),
        ("context.a && context.b", {"a": UNKNOWN, "b": ERROR}, FALSE | ERROR),
        ("context.a || context.b", {"a": TRUE, "b": ERROR}, TRUE),
        ("context.a || context.b", {"a": UNKNOWN, "b": TRUE}, TRUE),
        ("context.a || context.b", {"a": FALSE | ERROR, "b": UNKNOWN}, UNKNOWN | ERROR),
        ("if context.a then context.b else context.c", {"a": TRUE, "b": FALSE, "c": ERROR}, FALSE),
        ("if context.a then context.b else context.c", {"a": FALSE, "b": ERROR, "c": TRUE}, TRUE),
        ("if context.a then context.b else context.c", {"a": UNKNOWN, "b": TRUE, "c": ERROR}, TRUE | ERROR),
        ("if context.a then true else false", {"a": UNKNOWN}, UNKNOWN),
        ("if context.a then true else true", {"a": UNKNOWN}, TRUE),
    ],
)
def test_a_condition_may_be_what_its_parts_leave_open(
    condition: str, known: dict[str, int], outcome: int
) -> None:
    """No more than that, and an error only where the engine would come to it."""
    formula = of_policy(conditional(condition))
    assert evaluate(formula, lambda expression: known[attribute(expression)]) == outcome


@pytest.mark.parametrize(
    "condition",
    [
        'principal == ClientVpn::User::"bob"',
        'principal in ClientVpn::Group::"staff"',
        "principal is ClientVpn::User",
        'principal is ClientVpn::User in ClientVpn::Group::"staff"',
        'action == ClientVpn::Action::"connect"',
        'action in [ClientVpn::Action::"connect"]',
        'resource == ClientVpn::Endpoint::"e"',
        "resource is ClientVpn::Endpoint",
    ],
)
def test_a_scope_is_the_condition_that_reads_alike(condition: str) -> None:
    """The engine evaluates either."""
    variable = condition.partition(" ")[0]
    scope = "principal, action, resource".replace(variable, condition)
    assert of_policy(policy(f"permit ({scope});")) == of_policy(conditional(condition))


def test_a_scope_without_a_constraint_is_no_condition() -> None:
    """Nothing is asked of the engine then."""
    assert list(atoms(of_policy(policy("permit (principal, action, resource);")))) == []


def test_expressions_come_in_the_order_of_evaluation() -> None:
    """First the scope, then each clause; what comes twice is evaluated twice."""
    node = policy(
        'permit (principal == ClientVpn::User::"bob", action, resource) when { context.a || !context.b } '
        "unless { if context.c then context.d else context.a };"
    )
    scope, *others = atoms(of_policy(node))
    assert isinstance(scope, pst.BinaryOp)
    assert [attribute(each) for each in others] == ["a", "b", "c", "d", "a"]


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("context.a", UNKNOWN),
        ("context.n > 1", UNKNOWN),
        ("context.n + 1 > 1", UNKNOWN | ERROR),
        ("context.n - 1 > 1", UNKNOWN | ERROR),
        ("context.n * 2 > 1", UNKNOWN | ERROR),
        ("-context.n > 1", UNKNOWN | ERROR),
        ("[1, context.n + 1].contains(2)", UNKNOWN | ERROR),
    ],
)
def test_what_is_not_known_may_err_only_where_numbers_overflow(condition: str, outcome: int) -> None:
    """Everything else the validator has excluded."""
    (expression,) = atoms(of_policy(conditional(condition)))
    assert possible(expression) == outcome
