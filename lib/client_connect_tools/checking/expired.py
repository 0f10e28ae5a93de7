"""Policies whose time is over: they apply to nobody any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.comparisons import comparison
from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.parsing import in_order, parse
from client_connect_tools.checking.annotations import ignored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.finding import Finding
    from client_connect_tools.policies import Policies

EXPIRED = "expired"


def expired(policies: Policies, now: datetime) -> list[Finding]:
    """Return the policies that apply only before a time that is over.

    Args:
        policies: The policies; those that cannot be parsed are passed over.
        now: The time, with its zone.
    """
    findings = [
        each.finding(
            EXPIRED, f"it applied until {end.isoformat()}, and to nobody since; remove it", "warning"
        )
        for each in parse(policies.sources)
        if each.template is not None and EXPIRED not in ignored(each.template)
        for end in _ends(each.template)
        if end <= now
    ]
    return in_order(policies.sources, findings)


def _ends(policy: pst.Template) -> Iterator[datetime]:
    """Yield the times before which a policy applies only: those that all of it depends on."""
    for clause in policy.clauses:
        if isinstance(clause, pst.When):
            for part in _parts(clause.expr):
                yield from _end(part)


def _parts(node: pst.Expr) -> Iterator[pst.Expr]:
    if isinstance(node, pst.BinaryOp) and node.op == "and":
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


def _end(node: pst.Expr) -> Iterator[datetime]:
    compared = comparison(node)
    if compared is None or path(compared.read) != ("time", "now") or compared.op not in ("less", "less_eq"):
        return
    match compared.others:
        case (pst.UnaryOp("datetime", pst.StringLit(text)),):
            with suppress(ValueError):  # what is no time is an error of its own
                time = datetime.fromisoformat(text)
                yield time if time.tzinfo else time.replace(tzinfo=UTC)
