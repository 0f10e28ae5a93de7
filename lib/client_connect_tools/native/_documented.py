"""A native policy as far as AWS documents what it reads, so Cedar's validator can check that much.

The validator knows no "any": where AWS documents a name without a type, or no name at all, it would refuse what may
well be right. So the smallest condition that depends on such a thing is replaced by one that may be true or false,
and everything documented in it is still checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.nodes import path
from client_connect_tools.native.trust_data import UNDOCUMENTED, Attribute, attribute, documented

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTEXT: pst.Expr = pst.Var("context")
# A policy's own conditions on the principal are never left in it, so this is not mistaken for any.
_TRUE_OR_FALSE = pst.GetAttr(pst.Var("principal"), "undocumented")


def documented_part(template: pst.Template, *, root: str = "") -> pst.Template:
    """Return a policy without anything that AWS does not document.

    Args:
        template: The policy.
        root: Which of the undocumented parts of the context must be read where the policy reads it, so the
            validator notices when it is not tested first.
    """
    anything = pst.ScopeAny()
    clauses = tuple(
        replace(clause, expr=_view(clause.expr, root=root, is_condition=True)) for clause in template.clauses
    )
    return replace(template, principal=anything, action=anything, resource=anything, clauses=clauses)


def parts(node: object) -> Iterator[object]:
    """Yield a node and everything below it, with what is read of the context in one piece."""
    yield node
    if not (isinstance(node, pst.GetAttr | pst.HasAttr) and path(node)):
        for child in nodes.children(node):
            yield from parts(child)


def _view(node: pst.Expr, *, root: str, is_condition: bool) -> pst.Expr:
    """Return a condition that has the right types if and only if the documented parts of a node have."""

    def condition(part: pst.Expr) -> pst.Expr:
        return _view(part, root=root, is_condition=True)

    def same(part: pst.Expr) -> pst.Expr:
        return _view(part, root=root, is_condition=is_condition)

    match node:
        case pst.BinaryOp("and" | "or" as op, left, right):
            return pst.BinaryOp(op, condition(left), condition(right))
        case pst.UnaryOp("not", argument):
            return pst.UnaryOp("not", condition(argument))
        case pst.IfThenElse(test, then, otherwise):
            return pst.IfThenElse(condition(test), same(then), same(otherwise))
    if not any(map(_is_open, parts(node))):
        # A value of any type is checked by being compared with itself.
        return node if is_condition else pst.BinaryOp("eq", node, node)
    if names := path(node):
        return _all(*_documented_read(node, names, root), _TRUE_OR_FALSE)
    operands = (child for child in nodes.children(node) if isinstance(child, pst.Expr))
    return _all(*(_view(each, root=root, is_condition=False) for each in operands), _TRUE_OR_FALSE)


def _is_open(node: object) -> bool:
    """Return whether AWS documents too little of a node to know its type."""
    if isinstance(node, pst.Var | pst.EntityLit | pst.Is):
        return True
    names = path(node)
    if not names:
        return False
    known = documented(names)
    found = attribute(known)
    if isinstance(found, Attribute) and found.type == "Undocumented":
        return isinstance(node, pst.GetAttr) or len(known) < len(names)
    # Not in any table of AWS, which contradicts itself about what there is: anything may be there.
    return isinstance(found, Mapping) and len(known) < len(names)


def _documented_read(node: pst.Expr, names: tuple[str, ...], root: str) -> Iterator[pst.Expr]:
    """Yield the part of a read, or of a test, that is documented."""
    known = documented(names)
    if isinstance(node, pst.HasAttr) and (tested := len(known) - len(path(node.base) or ())) > 0:
        yield pst.HasAttr(node.base, node.attrs[:tested])
    elif known and (known[0] not in UNDOCUMENTED or known[0] == root):
        read = nodes.read_of(known)
        yield pst.BinaryOp("eq", read, read)


def _all(*conditions: pst.Expr) -> pst.Expr:
    return reduce(lambda left, right: pst.BinaryOp("and", left, right), conditions)
