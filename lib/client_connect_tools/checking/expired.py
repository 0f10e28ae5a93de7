"""Policies whose time is over: they apply to no one any more, or their exceptions do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison, members
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.parsing import in_order, parse
from client_connect_tools.checking.annotations import ignored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.finding import Finding
    from client_connect_tools.policies import Policies

EXPIRED = "expired"

# A day ends at the latest so long after it began in UTC.
_DAY_ANYWHERE = timedelta(hours=24 + 12)


def expired(policies: Policies, now: datetime) -> list[Finding]:
    """Return the policies that apply only before a time that is over, and those with an exception that is over.

    Args:
        policies: The policies; those that cannot be parsed are passed over.
        now: The time, with its zone.
    """
    findings = [
        each.finding(EXPIRED, problem, "warning")
        for each in parse(policies.sources)
        if each.template is not None and EXPIRED not in ignored(each.template)
        for problem in _problems(each.template, now)
    ]
    return in_order(policies.sources, findings)


def _problems(policy: pst.Template, now: datetime) -> Iterator[str]:
    for part, wanted in _parts(policy):
        if (end := _end(part)) is None or end > now:
            continue
        if wanted:
            yield f"it applied until {end.isoformat()}, and to no one since; remove it"
        elif not _is_only_an_end(part):
            yield (
                f"an exception in it applied until {end.isoformat()}, and to no one since; remove the exception, or "
                "give a later time"
            )


def _parts(policy: pst.Template) -> Iterator[tuple[pst.Expr, bool]]:
    """Yield the conditions that all of a policy depends on, each with whether it must be true or false."""
    for clause in policy.clauses:
        if isinstance(clause, pst.When):
            for part in _operands(clause.expr, "and"):
                yield (
                    (part.arg, False) if isinstance(part, pst.UnaryOp) and part.op == "not" else (part, True)
                )
        else:
            yield from ((part, False) for part in _operands(clause.expr, "or"))


def _operands(node: pst.Expr, op: str) -> Iterator[pst.Expr]:
    if isinstance(node, pst.BinaryOp) and node.op == op:
        yield from _operands(node.left, op)
        yield from _operands(node.right, op)
    else:
        yield node


def _end(node: pst.Expr) -> datetime | None:
    """Return the time since when a condition is false; nothing if never."""
    match node:
        case pst.BinaryOp(op="and"):
            ends = [end for each in _operands(node, "and") if (end := _end(each)) is not None]
            return min(ends, default=None)
        case pst.BinaryOp(op="or"):
            # Periods: the last of them counts.
            either = [_end(each) for each in _operands(node, "or")]
            return None if None in either else max(end for end in either if end is not None)
    return _end_of_time(node) or _end_of_dates(node)


def _end_of_time(node: pst.Expr) -> datetime | None:
    compared = comparison(node)
    if compared is None or path(compared.read) != ("time", "now") or compared.op not in ("less", "less_eq"):
        return None
    match compared.others:
        case (pst.UnaryOp("datetime", pst.StringLit(text)),):
            return _time(text)
    return None


def _end_of_dates(node: pst.Expr) -> datetime | None:
    """Return when the last of the dates is over in every time zone."""
    match node:
        case pst.BinaryOp(op="eq", left=read, right=pst.StringLit() as days):
            pass
        case pst.BinaryOp(op="contains", left=pst.Set() as days, right=read):
            pass
        case _:
            return None
    texts = [each.value for each in members(days) if isinstance(each, pst.StringLit)]
    times = [_time(text) for text in texts]
    if path(read) != ("time", "date") or not times or None in times:
        return None
    return max(time for time in times if time is not None) + _DAY_ANYWHERE


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)) if time.year < date.max.year else None
    except ValueError:  # an invalid time is another error
        return None


def _is_only_an_end(node: pst.Expr) -> bool:
    """Tell whether a condition is nothing but the end of something: what is not before it begins with it."""
    return _end_of_time(node) is not None
