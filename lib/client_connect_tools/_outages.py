"""What becomes of a policy while an optional fact is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTEXT = pst.Var("context")


def weakened_without(policy: pst.Template, attribute: str) -> bool:
    """Tell whether a policy keeps out fewer while an attribute of the context is absent.

    So does a forbid with ``context has x`` among what makes it apply, and a permit with it among what keeps it
    from applying. Where both are in a policy, and in ``if context has x then ... else ...``, the policy says
    itself what is to be without it.
    """
    denies = policy.effect == "forbid"
    weakening = {
        positive is (denies is isinstance(clause, pst.When))
        for clause in policy.clauses
        for positive in _tests(clause.expr, attribute, positive=True)
    }
    return weakening == {True}


def _tests(expression: pst.Expr, attribute: str, *, positive: bool) -> Iterator[bool]:
    """Yield for each test for the attribute whether it makes the expression true, or false."""
    match expression:
        case pst.HasAttr(base=base, attrs=(name, *_)) if base == _CONTEXT and name == attribute:
            yield positive
        case pst.UnaryOp(op="not"):
            yield from _tests(expression.arg, attribute, positive=not positive)
        case pst.BinaryOp(op="and" | "or"):
            yield from _tests(expression.left, attribute, positive=positive)
            yield from _tests(expression.right, attribute, positive=positive)
        case pst.IfThenElse():
            yield from _tests(expression.then_expr, attribute, positive=positive)
            yield from _tests(expression.else_expr, attribute, positive=positive)
