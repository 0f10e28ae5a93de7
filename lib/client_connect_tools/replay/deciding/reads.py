"""Which facts a Cedar expression reads, as finely as a replay distinguishes them: its value depends on nothing else."""

from __future__ import annotations

from cedarpy import pst

from client_connect.engine import policy_reads
from client_connect.engine.policy_reads import CONTEXT, DEVICE, GROUPS, PRINCIPAL, RESOURCE

__all__ = [
    "CONTEXT",
    "DEVICE",
    "GROUPS",
    "PRINCIPAL",
    "RESOURCE",
    "TIMES",
    "reads",
    "rises_or_falls_with_time",
]

# Besides the names of the analysis, each attribute of the record with the time, which advances at its own pace.
_TIME = "time"
TIMES = tuple(f"time.{name}" for name in ("now", "date", "month", "day", "weekday", "minuteOfDay"))


def reads(expression: pst.Expr) -> frozenset[str]:
    """Return the names of the facts that an expression reads, of the time those of its parts."""
    found = policy_reads.reads(expression, split=(_TIME,))
    return found.difference((_TIME,)).union(TIMES) if _TIME in found else found


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


def _is_now(expression: pst.Expr) -> bool:
    return expression == pst.GetAttr(pst.GetAttr(pst.Var("context"), "time"), "now")
