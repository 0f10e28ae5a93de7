"""Guardrails as forbids: policies that must allow, too, so no permit of another set goes beyond them.

A connection is allowed only if both sets allow it. The other set together with the guardrails' forbids decides
the same, and one more forbid, for whatever none of the guardrails' permits is for. So there is one set of policies for
everything that decides, tests, proves or replays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect_tools.cedar.parsing import parse
from client_connect_tools.cedar.text import expression_text
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.files.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_connect_tools.cedar.parsing import ParsedStatement

ID = "guardrails"
"""The ``@id`` of the forbid for what no permit of the guardrails is for."""
SOURCE = "<guardrails>"
"""The name of the source with that forbid."""
MARK = "guardrail"
"""The annotation of every policy of the guardrails, which marks them in records."""
_MESSAGE = "This connection is outside of what the security policies of this VPN permit."
# A condition may nest 100 levels, and each || next to another is one.
_MOST_TOGETHER = 20


def as_forbids(sources: Sequence[Source], *, shadow: bool = False) -> tuple[Source, ...]:
    """Return guardrails as forbids, each in its file and its line.

    Args:
        sources: Sound policies.
        shadow: Whether all of them are in shadow mode.

    Raises:
        InvalidPolicies: When none of them permits anything, so everyone would be denied.
    """
    marks = f"@{MARK} @shadow " if shadow else f"@{MARK} "
    found = [Source(each.name, _forbids(each, marks)) for each in sources]
    permits = [each for each in parse(sources) if _is_enforced_permit(each)]
    if not permits:
        raise InvalidPolicies(
            "the guardrails permit nothing, so every connection would be denied; add a permit, such as "
            '@id("within") permit (principal, action, resource);'
        )
    conditions = [_condition(each.template) for each in permits if each.template is not None]
    if "true" not in conditions:
        outside = (
            f'@id("{ID}") {marks}@message("{_MESSAGE}") @status("{ID}") forbid (principal, action, resource)'
        )
        found.append(Source(SOURCE, f"{outside}\nunless {{ {_any_of(conditions)} }};\n"))
    return tuple(found)


def _is_enforced_permit(parsed: ParsedStatement) -> bool:
    template = parsed.template
    return template is not None and template.effect == "permit" and "shadow" not in template.annotations


def _forbids(source: Source, marks: str) -> str:
    """Return a source without its permits, and with every forbid marked; all else stays in its line."""
    text, found, end = source.text, [], 0
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    for parsed in parse([source]):
        statement = parsed.statement.text
        # Not where the text is found first: a comment may have it, too.
        begin = lines[parsed.statement.line - 1] + parsed.statement.column - 1
        found.append(text[end:begin])
        end = begin + len(statement)
        if parsed.template is None or parsed.template.effect == "forbid":
            own = (
                marks
                if parsed.template is None or "shadow" not in parsed.template.annotations
                else f"@{MARK} "
            )
            found.append(own + statement)
        else:
            found.append("\n" * statement.count("\n"))
    return "".join((*found, text[end:]))


def _condition(permit: pst.Template) -> str:
    """Return when a permit applies."""
    parts = [
        *_scope("principal", permit.principal),
        *_scope("resource", permit.resource),
        *(_clause(each) for each in permit.clauses),
    ]
    return " && ".join(parts) or "true"


def _scope(variable: pst.VarName, scope: pst.PrincipalOrResourceConstraint) -> Iterator[str]:
    match scope:
        case pst.ScopeEq(pst.EntityUid() as entity):
            yield expression_text(pst.BinaryOp("eq", pst.Var(variable), pst.EntityLit(entity)))
        case pst.ScopeIn(pst.EntityUid() as entity):
            yield expression_text(pst.BinaryOp("in", pst.Var(variable), pst.EntityLit(entity)))
        case pst.ScopeIs(kind):
            yield expression_text(pst.Is(pst.Var(variable), kind, None))
        case pst.ScopeIsIn(kind, pst.EntityUid() as entity):
            yield expression_text(pst.Is(pst.Var(variable), kind, pst.EntityLit(entity)))


def _clause(clause: pst.When | pst.Unless) -> str:
    text = f"({expression_text(clause.expr)})"
    return text if isinstance(clause, pst.When) else f"!{text}"


def _any_of(conditions: Sequence[str]) -> str:
    """Return that one of some conditions holds, in brackets that keep it from nesting deep."""
    parts = [f"({each})" for each in conditions]
    while len(parts) > _MOST_TOGETHER:
        parts = [
            f"({' || '.join(parts[first : first + _MOST_TOGETHER])})"
            for first in range(0, len(parts), _MOST_TOGETHER)
        ]
    return " || ".join(parts)
