"""Questions about policies as typed syntax nodes."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

from client_connect.engine.policy_nodes import children

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cedar", "children", "device_fact", "guarded", "never_applies", "never_true", "path", "walk"]

# An expression that has no type. The validator looks at it only when what stands before it can be true.
_ILL_TYPED = pst.When(pst.BinaryOp("less", pst.LongLit(1), pst.StringLit("")))


def walk(node: object) -> Iterator[object]:
    """Yield a node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def path(node: object) -> tuple[str, ...] | None:
    """Return where below the context a node reads, or what it tests for; nothing when it does neither."""
    match node:
        case pst.Var("context"):
            return ()
        case pst.GetAttr(base, attr):
            return None if (above := path(base)) is None else (*above, attr)
        case pst.HasAttr(base, attrs):
            return None if (above := path(base)) is None else (*above, *attrs)
    return None


def read_of(names: tuple[str, ...]) -> pst.Expr:
    """Return the read of an attribute at a path below the context."""
    context: pst.Expr = pst.Var("context")
    return reduce(pst.GetAttr, names, context)


def device_fact(node: object) -> bool:
    """Tell whether a node reads, or tests for, what the inventory says of a device that is the principal."""
    match node:
        case pst.GetAttr(pst.Var("principal")) | pst.HasAttr(pst.Var("principal")):
            return True
        case pst.BinaryOp("get_tag" | "has_tag", pst.Var("principal")):
            return True
    return False


def guarded(test: pst.HasAttr) -> pst.Expr:
    """Return a test for an attribute, behind tests for everything that it goes through.

    By itself ``context.os has build`` reads ``os`` unguarded, which is another mistake.
    """
    path: pst.Expr = test.base
    names = list(test.attrs)
    while isinstance(path, pst.GetAttr):
        names.insert(0, path.attr)
        path = path.base
    tests: list[pst.Expr] = []
    for name in names:
        tests.append(pst.HasAttr(path, (name,)))
        path = pst.GetAttr(path, name)
    return reduce(lambda left, right: pst.BinaryOp("and", left, right), tests)


def never_true(expression: pst.Expr, against: cedarpy.Schema) -> bool:
    """Tell whether the validator knows that an expression is false in every valid request."""
    anything = pst.ScopeAny()
    return never_applies(
        pst.Template("x", "permit", anything, anything, anything, (pst.When(expression),), {}), against
    )


def never_applies(template: pst.Template, against: cedarpy.Schema) -> bool:
    """Tell whether the validator knows that a valid policy applies to no valid request.

    It stops at what is false by its types, and then does not see the mistake that is added behind it.
    """
    mistaken = replace(template, clauses=(*template.clauses, _ILL_TYPED))
    return cedarpy.validate_policies(cedar(mistaken), against).validation_passed


def cedar(template: pst.Template) -> str:
    """Return a policy as Cedar text.

    Raises:
        ValueError: When it nests deeper than the engine survives.
    """
    return str(cedarpy.PolicySet.from_pst(pst.PolicySet({}, {template.id: template}, ())))
