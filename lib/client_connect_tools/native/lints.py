"""What is allowed in a native authorization policy, but is not documented by AWS or seldom meant."""

from __future__ import annotations

from contextlib import suppress
from functools import reduce
from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

from client_connect_tools import _nodes, lints
from client_connect_tools._cedar_text import expression_text
from client_connect_tools._comparisons import comparison
from client_connect_tools._nodes import path
from client_connect_tools._validation import UNGUARDED
from client_connect_tools.native._documented import documented_part
from client_connect_tools.native.trust_data import UNDOCUMENTED, Attribute, attribute, documented, schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect_tools.finding import Finding
    from client_connect_tools.lints import Lint
    from client_connect_tools.policies import Policies

_CONTEXT: pst.Expr = pst.Var("context")
# All that AWS's pages show of context.saml, and that only as context.saml.memberOf.contains(...).
_MEMBER_OF = ("saml", "memberOf")


def lint(policies: Policies, *, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what is doubtful in a native authorization policy, as warnings.

    Args:
        policies: Policies without errors; those with errors are passed over.
        ignore: Names of lints that are switched off.

    Raises:
        ValueError: When a name in ``ignore`` is not that of a lint.
    """
    return lints.find(policies, LINTS, ignore)


def _undocumented_form(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    form = f"AWS documents {template.effect} (principal, action, resource) when {{ ... }}; alone"
    if template.annotations:
        names = ", ".join(f"@{name}" for name in sorted(template.annotations))
        yield f"{names} may be refused and changes nothing that is documented; {form}"
    if any(
        not isinstance(scope, pst.ScopeAny)
        for scope in (template.principal, template.action, template.resource)
    ):
        yield f"the types and names of the principal, the action and the resource are not documented; {form}"
    if [type(clause) for clause in template.clauses] != [pst.When]:
        yield f"the policy has not exactly one condition, a `when`; {form}, and others may be refused"


def _undocumented_attribute(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for name in dict.fromkeys(_undocumented_reads(template)):
        yield (
            f"AWS does not document {name}, so it is passed on as it is, unchecked; look for it in the connection log "
            "with the evaluation context before you enforce the policy"
        )


def _possibly_absent(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for root in UNDOCUMENTED:
        read, test = (
            expression_text(pst.GetAttr(_CONTEXT, root)),
            expression_text(pst.HasAttr(_CONTEXT, (root,))),
        )
        if _is_unguarded(template, root):
            yield (
                f"{read} is read without a test, but AWS does not document whether it is always there, and what is "
                f"absent denies everybody; test it first, as in `{test} && ...`"
            )


def _impossible_value(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    for compared in filter(None, map(comparison, _nodes.walk(template))):
        names = path(compared.read) or ()
        found = attribute(names)
        values = found.values if isinstance(found, Attribute) else ()
        for value in compared.literals if values else ():
            if value not in values:
                yield f"context.{'.'.join(names)} is never {_shown(value)}; AWS documents {_all_of(values)}"


def _never_applies(template: pst.Template, _all: list[pst.Template]) -> Iterator[str]:
    with suppress(ValueError):  # too deep, which is an error
        if _nodes.never_applies(documented_part(template), schema()):
            yield "the policy can never apply; look for a condition that excludes another"


LINTS: dict[str, Lint] = {
    "undocumented-form": _undocumented_form,
    "undocumented-attribute": _undocumented_attribute,
    "possibly-absent": _possibly_absent,
    "impossible-value": _impossible_value,
    "invisible-character": lints.LINTS["invisible-character"],
    "never-applies": _never_applies,
    "permit-without-conditions": lints.LINTS["permit-without-conditions"],
}
"""The lints, by the name that switches each of them off."""


def _undocumented_reads(node: object) -> Iterator[str]:
    """Yield everything that a policy reads or tests for and AWS does not document, as it is written."""
    match node:
        case pst.BinaryOp("contains", left, right) if path(left) == _MEMBER_OF:
            yield from _undocumented_reads(right)
        case pst.Var(name):
            yield f"{name} as a value" if name == "context" else name
        case pst.GetAttr() | pst.HasAttr() if names := path(node):
            known = documented(names)
            found = attribute(known)
            is_open = isinstance(found, Attribute) and found.type == "Undocumented"
            is_value = isinstance(node, pst.GetAttr) and names[0] in UNDOCUMENTED
            is_member_of = isinstance(node, pst.HasAttr) and names == _MEMBER_OF
            if is_open and not is_member_of and (is_value or len(known) < len(names)):
                yield expression_text(reduce(pst.GetAttr, names, _CONTEXT))
        case _:
            for child in _nodes.children(node):
                yield from _undocumented_reads(child)


def _is_unguarded(template: pst.Template, root: str) -> bool:
    name = root if root.isidentifier() else f'["{root}"]'
    with suppress(ValueError):  # too deep, which is an error
        errors = cedarpy.validate_policies(
            _nodes.cedar(documented_part(template, root=root)), schema()
        ).errors
        return any(f"{UNGUARDED} `{name}` in context" in error.error for error in errors)
    return False


def _all_of(values: range | tuple[str, ...]) -> str:
    return f"{values[0]} to {values[-1]}" if isinstance(values, range) else ", ".join(map(_shown, values))


def _shown(value: int | str) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
