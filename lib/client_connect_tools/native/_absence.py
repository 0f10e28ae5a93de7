"""Whether the absence of an attribute changes what a native authorization policy decides.

To read an absent attribute is an error, and an error denies. That changes nothing where no permit could apply without
the attribute anyway, as in AWS's own examples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar import nodes
from client_connect_tools.cedar.nodes import path

if TYPE_CHECKING:
    from collections.abc import Iterable


def changes_outcome(absent: tuple[str, ...], permits: Iterable[pst.Template]) -> bool:
    """Tell whether a connection might be permitted if the read of an absent attribute were no error.

    Args:
        absent: The path of the attribute below the context.
        permits: Every permit of the document.
    """
    return _some_permit_applies(permits, _Without(absent, is_guarded_inside=False))


def turns_around(absent: tuple[str, ...], permits: Iterable[pst.Template]) -> bool:
    """Tell whether a permit would apply without the attribute if it tested for it right where it reads it.

    So does ``!(context.jamf.risk == "HIGH")``: it is not clear whether its author means devices without a risk too.
    """
    return _some_permit_applies(permits, _Without(absent, is_guarded_inside=True))


def _some_permit_applies(permits: Iterable[pst.Template], without: _Without) -> bool:
    return any(
        all(without.may_be(clause.expr, value=isinstance(clause, pst.When)) for clause in permit.clauses)
        for permit in permits
    )


@dataclass(frozen=True, slots=True)
class _Without:
    """The possible values of conditions while an attribute is absent.

    Attributes:
        absent: The path of the attribute below the context.
        is_guarded_inside: Whether the test is thought within a negation, which is then true, or before it.
    """

    absent: tuple[str, ...]
    is_guarded_inside: bool

    def may_be(self, node: pst.Expr, *, value: bool) -> bool:
        """Tell whether a condition may have a value."""
        match node:
            case pst.UnaryOp("not", argument):
                return self.may_be(argument, value=not value)
            case pst.BinaryOp("and" | "or" as op, left, right):
                both = (op == "and") is value
                return (all if both else any)(self.may_be(each, value=value) for each in (left, right))
            case pst.IfThenElse():
                return self._choice_may_be(node, value=value)
        return self._smallest_may_be(node, value=value)

    def _choice_may_be(self, node: pst.IfThenElse, *, value: bool) -> bool:
        # The guard of the test may be in it or before it.
        inside = replace(self, is_guarded_inside=True)
        chooses_then = inside.may_be(node.cond, value=True)
        chooses_other = inside.may_be(node.cond, value=False) or not self.may_be(node.cond, value=True)
        return (chooses_then and self.may_be(node.then_expr, value=value)) or (
            chooses_other and self.may_be(node.else_expr, value=value)
        )

    def _smallest_may_be(self, node: pst.Expr, *, value: bool) -> bool:
        match node:
            case pst.BoolLit(literal):
                return literal is value
            case pst.HasAttr(base) if path(base) is not None and not self._is_in(path(base)):
                return value is False or not self._is_in(path(node))
        parts = [*nodes.walk(node.base if isinstance(node, pst.HasAttr) else node)]
        if any(map(_has_tests, parts)) or not any(self._is_in(path(part)) for part in parts):
            return True
        return self._read_may_be(value=value)

    def _read_may_be(self, *, value: bool) -> bool:
        return self.is_guarded_inside and not value

    def _is_in(self, names: tuple[str, ...] | None) -> bool:
        """Tell whether a path leads to the attribute, or through it."""
        return names is not None and names[: len(self.absent)] == self.absent


def _has_tests(node: object) -> bool:
    """Tell whether a comparison may itself test for the attribute before it reads it."""
    return isinstance(node, pst.HasAttr | pst.IfThenElse) or (
        isinstance(node, pst.BinaryOp) and node.op in ("and", "or")
    )
