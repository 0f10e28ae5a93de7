"""The comparisons in policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cedarpy import pst

# The comparison, seen from its right side.
_MIRRORED: Final[dict[pst.BinaryOpName, pst.BinaryOpName]] = {
    "eq": "eq",
    "not_eq": "not_eq",
    "less": "greater",
    "less_eq": "greater_eq",
    "greater": "less",
    "greater_eq": "less_eq",
    "contains": "contains",
    "contains_any": "contains_any",
    "contains_all": "contains_all",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An attribute alone, by itself or as a set's only member, compared with something.

    Attributes:
        read: The attribute.
        op: The operator, as if the attribute stood on its left.
        others: What it is compared with: a value, or the members of a set.
    """

    read: pst.GetAttr
    op: pst.BinaryOpName
    others: tuple[pst.Expr, ...]

    @property
    def literals(self) -> tuple[str | int, ...]:
        """The texts and numbers among the others."""
        return tuple(each.value for each in self.others if isinstance(each, pst.StringLit | pst.LongLit))


def comparison(node: object) -> Comparison | None:
    """Return what a node compares; nothing when it compares no attribute, or several at once."""
    if not (isinstance(node, pst.BinaryOp) and node.op in _MIRRORED):
        return None
    for one, other, op in ((node.left, node.right, node.op), (node.right, node.left, _MIRRORED[node.op])):
        match members(one):
            case (pst.GetAttr() as read,) if not isinstance(other, pst.GetAttr):
                return Comparison(read=read, op=op, others=members(other))
    return None


def members(node: pst.Expr) -> tuple[pst.Expr, ...]:
    """Return the members of a set that is written out, and anything else as the only one."""
    return node.elements if isinstance(node, pst.Set) else (node,)
