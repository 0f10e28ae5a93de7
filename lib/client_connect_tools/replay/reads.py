"""Which facts a Cedar expression reads: its value depends on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools._nodes import children

if TYPE_CHECKING:
    from collections.abc import Iterator

# Facts are named as the context's attributes are. Beside these:
PRINCIPAL, GROUPS, RESOURCE, CONTEXT = "principal", "groups", "resource", "context"
TIMES = tuple(f"time.{name}" for name in ("now", "date", "month", "day", "weekday", "minuteOfDay"))

_ALL = frozenset({PRINCIPAL, GROUPS, "device"})
_VARIABLES: dict[pst.VarName, frozenset[str]] = {
    "principal": _ALL,
    "action": frozenset(),  # there is one
    "resource": frozenset({RESOURCE}),
    "context": frozenset({CONTEXT}),
}
_CAN_OVERFLOW = frozenset({"add", "sub", "mul", "neg", "offset", "duration_since"})
_GROUP = pst.EntityType("Group", ("ClientVpn",))


def reads(expression: pst.Expr) -> frozenset[str]:
    """Return the names of the facts that an expression reads."""
    match expression:
        case pst.GetAttr(pst.Var("context"), name) | pst.HasAttr(pst.Var("context"), (name, *_)):
            return frozenset(TIMES if name == "time" else (name,))
        case pst.GetAttr(pst.GetAttr(pst.Var("context"), "time"), name):
            return frozenset({f"time.{name}"})
        case pst.Var(name):
            return _VARIABLES[name]
    known = _reads_of_principal(expression)
    return _reads_of_children(expression) if known is None else known


def can_overflow(expression: pst.Expr) -> bool:
    """Tell whether an expression that the validator accepted could still err."""
    if isinstance(expression, pst.BinaryOp | pst.UnaryOp) and expression.op in _CAN_OVERFLOW:
        return True
    return any(can_overflow(child) for child in _children(expression))


def rises_or_falls_with_time(expression: pst.Expr) -> bool:
    """Tell whether an expression compares the time of the connection with a constant.

    Then its value changes at most once as time goes on: what it is at both ends of an hour, it is within.
    """
    match expression:
        case pst.BinaryOp("less" | "less_eq" | "greater" | "greater_eq", left, right):
            sides = sorted((left, right), key=lambda side: not _is_now(side))
            return _is_now(sides[0]) and not reads(sides[1])
        case _:
            return False


def _reads_of_principal(expression: pst.Expr) -> frozenset[str] | None:
    """Return what a question about the principal reads, when it is less than everything about it."""
    match expression:
        case pst.Is(pst.Var("principal"), _, None):
            return frozenset({PRINCIPAL})
        case pst.Is(pst.Var("principal"), _, pst.EntityLit() as within):
            return frozenset({PRINCIPAL}) | _reads_of_membership(within)
        case pst.BinaryOp("in", pst.Var("principal"), within):
            return _reads_of_membership(within)
        case pst.BinaryOp("eq" | "not_eq", pst.Var("principal"), other):
            return frozenset({PRINCIPAL}) | reads(other)
        case pst.BinaryOp("eq" | "not_eq", other, pst.Var("principal")):
            return frozenset({PRINCIPAL}) | reads(other)
        case _:
            return None


def _reads_of_membership(within: pst.Expr) -> frozenset[str]:
    """Of ``principal in ...``: whether somebody is in a group does not depend on who it is."""
    match within:
        case pst.EntityLit(entity):
            return frozenset({GROUPS if entity.type == _GROUP else PRINCIPAL})
        case pst.Set(elements):
            return frozenset[str]().union(*(_reads_of_membership(element) for element in elements))
        case _:
            return _ALL | reads(within)


def _reads_of_children(expression: pst.Expr) -> frozenset[str]:
    return frozenset[str]().union(*(reads(child) for child in _children(expression)))


def _is_now(expression: pst.Expr) -> bool:
    return expression == pst.GetAttr(pst.GetAttr(pst.Var("context"), "time"), "now")


def _children(node: pst.Expr) -> Iterator[pst.Expr]:
    """Yield the expressions right below a node."""
    return (child for child in children(node) if isinstance(child, pst.Expr))
