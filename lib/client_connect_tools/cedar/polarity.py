"""Whether a condition within a policy denies where it is true, or where it is false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

if TYPE_CHECKING:
    from collections.abc import Iterator


def conditions(policy: pst.Template) -> Iterator[tuple[pst.Expr, bool]]:
    """Yield the smallest conditions of a policy, each with whether the policy keeps out more where it is true.

    So it does where the condition makes a forbid apply, or keeps a permit from applying. What stands between
    ``if`` and ``then`` may do either, and is passed over.
    """
    forbids = policy.effect == "forbid"
    for clause in policy.clauses:
        yield from _conditions(clause.expr, denies=forbids is isinstance(clause, pst.When))


def _conditions(expression: pst.Expr, *, denies: bool) -> Iterator[tuple[pst.Expr, bool]]:
    match expression:
        case pst.UnaryOp("not", negated):
            yield from _conditions(negated, denies=not denies)
        case pst.BinaryOp("and" | "or", left, right):
            yield from _conditions(left, denies=denies)
            yield from _conditions(right, denies=denies)
        case pst.IfThenElse(_, then, otherwise):
            yield from _conditions(then, denies=denies)
            yield from _conditions(otherwise, denies=denies)
        case _:
            yield expression, denies
