"""How policies on the last check-in of a device treat a time in the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.polarity import conditions

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORDER = {"less": False, "less_eq": False, "greater": True, "greater_eq": True}
_KEEPING = ("to_date", "to_milliseconds", "to_seconds", "to_minutes", "to_hours", "to_days")


def admits_future(policy: pst.Template) -> bool:
    """Tell whether a policy keeps out devices by when they were seen, but none that was seen in the far future."""
    outcomes = set(_denies_future(policy))
    return outcomes == {False}


def denies_future(policy: pst.Template) -> bool:
    """Tell whether a forbid has a bound that keeps out a device that was seen in the far future.

    That of a permit keeps no one from another one.
    """
    return policy.effect == "forbid" and True in _denies_future(policy)


def bounds_age(policy: pst.Template) -> bool:
    """Tell whether a policy has a bound that keeps out a device that was not seen for long."""
    return False in _denies_future(policy)


def _denies_future(policy: pst.Template) -> Iterator[bool]:
    """Yield for each comparison with that time whether the policy keeps out more where it lies far ahead."""
    for condition, denies in conditions(policy):
        if isinstance(condition, pst.BinaryOp) and condition.op in _ORDER:
            grows = _growth(condition.left) - _growth(condition.right)
            if grows:
                yield (_ORDER[condition.op] is (grows > 0)) is denies


def _growth(node: pst.Expr) -> int:
    """Return 1 for what grows with the time when a device was last seen, -1 for what shrinks, and 0 for the rest."""
    match node:
        case pst.GetAttr(base, "lastSeen") if path(node) == ("device", "lastSeen") or base == pst.Var(
            "principal"
        ):
            return 1
        case pst.BinaryOp("duration_since" | "sub", left, right):
            return _growth(left) - _growth(right)
        case pst.BinaryOp("offset" | "add", left, right):
            return _growth(left) + _growth(right)
        case pst.UnaryOp("neg", arg):
            return -_growth(arg)
        case pst.UnaryOp(op, arg) if op in _KEEPING:
            return _growth(arg)
    return 0
