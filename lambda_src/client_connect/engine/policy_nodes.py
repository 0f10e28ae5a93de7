"""Policies taken apart and put together as the engine's syntax nodes, which hold all that the engine accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from cedarpy import pst

from client_connect.engine import cedar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect.engine.statement import Shape, Statement


def split(text: str) -> tuple[list[Statement], bool]:
    """Return the static policies of a text, in its order, and whether there are templates in it.

    Raises:
        ValueError: When the engine cannot parse it.
    """
    parsed = cedar.PolicySet.from_str(text).to_pst()
    return [(node.effect, node.annotations, node) for node in parsed.static_policies.values()], bool(
        parsed.templates
    )


def build(contents: Mapping[str, Any]) -> cedar.PolicySet:
    """Return a policy set of what statements say, by the ids that they shall have in it."""
    nodes = {id_: replace(node, id=id_) for id_, node in contents.items()}
    return cedar.PolicySet.from_pst(pst.PolicySet({}, nodes, ()))


def look(node: object) -> Shape:  # noqa: C901, PLR0911 - one case per kind of node
    """Return what a policy or an expression is, and of what parts."""
    match node:
        case pst.Template():
            scopes = (_scope("principal", node.principal), _scope("resource", node.resource))
            return "all", *filter(None, scopes), *(clause.expr for clause in node.clauses)
        case pst.Var(name):
            return "variable", name
        case pst.EntityLit(entity):
            return "entity", str(entity.type), entity.id
        case pst.GetAttr(base, name):
            return "attribute", base, (name,)
        case pst.HasAttr(base, names):
            return "attribute", base, names
        case pst.BinaryOp("get_tag" | "has_tag", base, key):
            return "tag", base, key
        case pst.Is(base, kind, within) if within is not None:
            return "all", pst.Is(base, kind, None), pst.BinaryOp("in", base, within)
        case pst.Is(base):
            return "kind", base
        case pst.BinaryOp("in", left, right):
            return "within", left, right
        case pst.BinaryOp("eq" | "not_eq" | "contains" | "contains_all" | "contains_any", left, right):
            return "compared", left, right
        case pst.Set(elements):
            return "set", *elements
        case _:
            return "all", *children(node)


def _scope(variable: pst.VarName, scope: pst.PrincipalOrResourceConstraint) -> pst.Expr | None:
    """Return the condition that a scope is."""
    match scope:
        case pst.ScopeEq(pst.EntityUid() as entity):
            return pst.BinaryOp("eq", pst.Var(variable), pst.EntityLit(entity))
        case pst.ScopeIn(pst.EntityUid() as entity):
            return pst.BinaryOp("in", pst.Var(variable), pst.EntityLit(entity))
        case pst.ScopeIs(kind):
            return pst.Is(pst.Var(variable), kind, None)
        case pst.ScopeIsIn(kind, pst.EntityUid() as entity):
            return pst.Is(pst.Var(variable), kind, pst.EntityLit(entity))
    return None


def children(node: Any) -> Iterator[object]:  # noqa: ANN401 - any syntax node: they have no type in common
    """Yield the nodes right below a node."""
    for field in fields(node):
        value = getattr(node, field.name)
        parts = (
            value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,)
        )
        yield from filter(is_dataclass, parts)
