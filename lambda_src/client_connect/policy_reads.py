"""Which facts a policy reads: whatever the others are, it decides the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from cedarpy import pst

if TYPE_CHECKING:
    from collections.abc import Iterator

# Facts are named as the context's attributes are. Beside these there are the identity of the principal, its
# groups, and the context as a whole.
PRINCIPAL, GROUPS, DEVICE, CONTEXT = "principal", "groups", "device", "context"

_DEVICE = pst.EntityType("Device", ("ClientVpn",))


def reads(node: object) -> frozenset[str]:
    """Return the names of the facts that a policy, or a part of one, reads; too many rather than too few."""
    return frozenset(_reads(node))


def _reads(node: object) -> Iterator[str]:
    match node:
        case pst.Template():
            yield from _reads_of_scope(node.principal)
            for clause in node.clauses:
                yield from _reads(clause)
        case pst.GetAttr(pst.Var("context"), name) | pst.HasAttr(pst.Var("context"), (name, *_)):
            yield name
        case pst.Var("context"):
            yield CONTEXT
        case pst.Var("principal"):
            yield PRINCIPAL
        case pst.EntityLit(entity) if entity.type == _DEVICE:
            yield DEVICE  # it may be this connection's, and its attributes are read
        case pst.BinaryOp() | pst.Is() if _asks_for_membership(node):
            # Also of a user who is named, for it may be the principal.
            yield from (PRINCIPAL, GROUPS)
            yield from _reads_of_children(node)
        case _:
            yield from _reads_of_children(node)


def _reads_of_scope(constraint: pst.PrincipalOrResourceConstraint) -> tuple[str, ...]:
    match constraint:
        case pst.ScopeAny():
            return ()
        case pst.ScopeEq() | pst.ScopeIs():
            return (PRINCIPAL,)
        case _:
            return (PRINCIPAL, GROUPS)


def _reads_of_children(node: object) -> Iterator[str]:
    for child in _children(node):
        yield from _reads(child)


def _asks_for_membership(node: pst.BinaryOp | pst.Is) -> bool:
    return node.op == "in" if isinstance(node, pst.BinaryOp) else node.in_expr is not None


def _children(node: object) -> Iterator[object]:
    for field in fields(node) if is_dataclass(node) and not isinstance(node, type) else ():
        value = getattr(node, field.name)
        if isinstance(value, Mapping):
            yield from value.values()
        elif isinstance(value, tuple):
            yield from value
        else:
            yield value
